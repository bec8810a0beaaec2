import { Chat } from '../chat/chat.js';
import type { LiveClient } from '../client.js';
import type { LiveElement } from './live-element.js';

const SHOWN = 200;
const STYLE = `
:host { display: flex; flex-direction: column; min-height: 240px; font: 15px/1.45 system-ui, sans-serif; }
ol { flex: 1; margin: 0; padding: 8px 12px; overflow-y: auto; list-style: none; }
li { padding: 4px 0; overflow-wrap: anywhere; white-space: pre-wrap; }
b { margin-inline-end: 8px; }
.waiting { opacity: 0.6; }
form { display: flex; gap: 8px; padding: 8px; border-top: 1px solid; border-color: color-mix(in srgb, currentcolor 20%, transparent); }
input { flex: 1; min-width: 0; min-height: 44px; padding: 0 12px; font: inherit; }
button { min-width: 44px; min-height: 44px; font: inherit; }
form[hidden] { display: none; }
`;

/**
 * `<communiconnect-chat live-id="7" src-base="https://live.example" for="player-id">`: a live's conversation. With `for`,
 * the id of a `<communiconnect-live>`, messages are placed at what that player shows.
 */
export class ChatElement extends HTMLElement {
  static api: (base: string) => LiveClient;
  static readonly observedAttributes = ['live-id', 'src-base', 'key'];
  #chat: Chat | null = null;
  #off: (() => void)[] = [];

  connectedCallback(): void {
    this.#open();
  }

  disconnectedCallback(): void {
    for (const off of this.#off) off();
    this.#off = [];
    this.#chat?.close();
    this.#chat = null;
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#open();
  }

  #open(): void {
    this.disconnectedCallback();
    const liveId = Number(this.getAttribute('live-id'));
    if (!Number.isInteger(liveId) || liveId <= 0) return;
    const english = document.documentElement.lang.startsWith('en');
    const api = ChatElement.api(this.getAttribute('src-base') ?? '');
    const chat = new Chat({ api, liveId, key: this.getAttribute('key') });
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const list = document.createElement('ol');
    list.setAttribute('role', 'log');
    list.tabIndex = 0;
    list.setAttribute('aria-label', 'Conversation');
    const form = document.createElement('form');
    const input = document.createElement('input');
    input.setAttribute('aria-label', english ? 'Your message' : 'Votre message');
    input.maxLength = 2000;
    const send = document.createElement('button');
    send.textContent = english ? 'Send' : 'Envoyer';
    form.append(input, send);
    root.replaceChildren(list, form);
    form.onsubmit = (event) => {
      event.preventDefault();
      const content = input.value.trim();
      if (content && chat.send(content, { position: this.#position() })) input.value = '';
    };
    this.#chat = chat;
    this.#off = [
      api.session.subscribe((session) => {
        form.hidden = session === null;
      }),
      chat.subscribe(() => this.#draw(list, chat)),
    ];
    void chat.open();
  }

  #position(): ReturnType<NonNullable<LiveElement['player']>['position']> | null {
    const id = this.getAttribute('for');
    const element = id ? (document.getElementById(id) as LiveElement | null) : null;
    return element?.player?.position() ?? null;
  }

  #draw(list: HTMLElement, chat: Chat): void {
    const follow = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    const lines = chat.log
      .newest()
      .slice(-SHOWN)
      .filter((message) => !message.deleted)
      .map((message) =>
        line(`${message.author.first_name} ${message.author.last_name}`, message.content, false),
      );
    const waiting = chat.value.outgoing
      .filter((entry) => entry.state !== 'seen')
      .map((entry) => line('…', entry.content, true));
    list.replaceChildren(...lines, ...waiting);
    if (follow) list.scrollTop = list.scrollHeight;
  }
}

function line(name: string, content: string, waiting: boolean): HTMLElement {
  const item = document.createElement('li');
  item.classList.toggle('waiting', waiting);
  const author = document.createElement('b');
  author.textContent = name.trim();
  const text = document.createElement('bdi');
  text.textContent = content;
  item.append(author, text);
  return item;
}
