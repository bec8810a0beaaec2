import { Chat } from '../chat/chat.js';
import type { LiveClient } from '../client.js';
import { Problem } from '../problem.js';
import type { Message } from '../types.js';
import type { LiveElement } from './live-element.js';
import { dress, element, Part, type PartEvents } from './part.js';

const SHOWN = 200;
const STYLE = `
:host { display: flex; flex-direction: column; min-height: 240px; }
ol { flex: 1; margin: 0; padding: 8px 12px; overflow-y: auto; list-style: none; }
li { padding: 4px 0; overflow-wrap: anywhere; white-space: pre-wrap; }
b { margin-inline-end: 8px; }
.waiting { opacity: 0.6; }
form { display: flex; gap: 8px; padding: 8px; border-top: 1px solid color-mix(in srgb, currentcolor 20%, transparent); }
[part~=hint] { margin: 0; padding: 12px; }
`;

/** The events of `<communiconnect-chat>` beside those of every element. */
export interface ChatElementEvents extends PartEvents {
  /** A message that came since the element is there, whoever wrote it. */
  message: CustomEvent<Message>;
  'live-deleted': CustomEvent<{ liveId: number }>;
}

/**
 * `<communiconnect-chat live-id="7" src-base="https://live.example" for="player-id">`: a live's conversation. With `for`,
 * the id of a `<communiconnect-live>`, messages are placed at what that player shows.
 */
export class ChatElement extends Part {
  #chat: Chat | null = null;
  #off: (() => void)[] = [];
  /** The number of the newest message that was told of; null until the first ones are there. */
  #told: number | null = null;

  /** The conversation behind the element, once it is on the page. */
  get chat(): Chat | null {
    return this.#chat;
  }

  protected open(client: LiveClient, root: ShadowRoot): void {
    dress(root, STYLE);
    root.replaceChildren();
    const liveId = this.liveId();
    if (liveId === null) return;
    const { words } = this;
    const list = element('ol', 'log', { role: 'log', tabindex: '0', 'aria-label': words.conversation });
    const form = element('form', 'form');
    const input = element('input', 'input', { 'aria-label': words.message, maxlength: '2000' });
    const send = element('button', 'send');
    const hint = element('p', 'hint');
    send.textContent = words.send;
    hint.textContent = words.signIn;
    form.append(input, send);
    root.append(list, form, hint);
    const chat = new Chat({
      api: client,
      liveId,
      key: this.key(),
      onGone: () => void this.#onGone(client, liveId),
    });
    form.onsubmit = (event) => {
      event.preventDefault();
      const content = input.value.trim();
      if (content && chat.send(content, { position: this.#position() })) input.value = '';
    };
    this.#chat = chat;
    this.#told = null;
    this.#off = [
      client.session.subscribe((session) => {
        form.hidden = session === null;
        hint.hidden = session !== null;
      }),
      chat.subscribe(() => this.#draw(list, chat)),
    ];
    void this.#begin(chat, client, liveId);
  }

  protected close(): void {
    for (const off of this.#off) off();
    this.#off = [];
    this.#chat?.close();
    this.#chat = null;
  }

  async #begin(chat: Chat, client: LiveClient, liveId: number): Promise<void> {
    await chat.open();
    const { ready, sentence } = chat.value;
    if ((ready && sentence === null) || chat !== this.#chat) return;
    await this.#failAsAsked(client, liveId);
  }

  /** Asks again, to learn what is wrong. */
  async #failAsAsked(client: LiveClient, liveId: number): Promise<void> {
    const asked = client.newestMessages(liveId, 1, this.key());
    await asked.then(
      () => undefined,
      (error: unknown) => this.failOf(error),
    );
  }

  async #onGone(client: LiveClient, liveId: number): Promise<void> {
    try {
      await client.live(liveId, this.key());
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) return this.failOf(error);
      this.say(this.words.deleted);
      this.tell('live-deleted', { liveId });
    }
  }

  #position(): ReturnType<NonNullable<LiveElement['player']>['position']> | null {
    const id = this.getAttribute('for');
    const player = id ? (document.getElementById(id) as LiveElement | null)?.player : null;
    return player?.position() ?? null;
  }

  #draw(list: HTMLElement, chat: Chat): void {
    if (chat.value.ready) this.#tellOfNew(chat);
    const follow = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    const lines = chat.log
      .newest()
      .slice(-SHOWN)
      .filter((message) => !message.deleted)
      .map(({ author, content }) => line(`${author.first_name} ${author.last_name}`, content));
    const waiting = chat.value.outgoing
      .filter((entry) => entry.state !== 'seen')
      .map((entry) => {
        const item = line('…', entry.error ? `${entry.content} — ${entry.error}` : entry.content);
        item.classList.add('waiting');
        return item;
      });
    list.replaceChildren(...lines, ...waiting);
    if (follow) list.scrollTop = list.scrollHeight;
  }

  #tellOfNew(chat: Chat): void {
    const told = this.#told;
    this.#told = chat.log.high;
    if (told === null) return;
    for (const message of chat.log.newest()) {
      if (message.seq > told && !message.deleted) this.tell('message', message);
    }
  }
}

function line(name: string, content: string): HTMLElement {
  const item = element('li', 'message');
  const author = element('b', 'author');
  author.textContent = name.trim();
  const text = element('bdi', 'text');
  text.textContent = content;
  item.append(author, text);
  return item;
}
