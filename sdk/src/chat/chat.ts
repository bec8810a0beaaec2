import type { LiveClient } from '../client.js';
import { Problem } from '../problem.js';
import { browserStorage, type KeyValueStore } from '../session.js';
import { Signal, type Unsubscribe } from '../signal.js';
import type { ChatRules, LiveUpdate, Message, Position, Present, ServerFrame } from '../types.js';
import { uuid } from '../uuid.js';
import { ChatLog } from './log.js';
import type { Numbered } from './numbered.js';
import type { OutboxEntry } from './outbox.js';
import { Places } from './places.js';
import type { Sender } from './sender.js';
import { ReconnectingSocket } from './socket.js';

export type ChatConnection = 'connecting' | 'open' | 'polling' | 'offline';

export interface ChatState {
  connection: ChatConnection;
  /** Grows with every change of the log, so that views know to look again. */
  version: number;
  /** Written here, not yet in the conversation. */
  outgoing: readonly OutboxEntry[];
  /** The server's sentence when nothing may be read or written. */
  sentence: string | null;
  /** True once the newest messages are there. */
  ready: boolean;
  /** False when there is nothing older to load. */
  hasOlder: boolean;
  /** How the conversation is led; null until the server said so. */
  rules: ChatRules | null;
}

export interface ChatEvents {
  /** What the server says of the live itself. */
  onLive?: (live: LiveUpdate) => void;
  /** The live was deleted, or is not for this reader any more. */
  onGone?: () => void;
  /** Reactions since the last time, without this device's own. */
  onReactions?: (counts: Record<string, number>) => void;
}

export interface ChatOptions extends ChatEvents {
  api: LiveClient;
  liveId: number;
  key?: string | null;
  storage?: KeyValueStore | null;
}

const PAGE = 60;
/** Messages fetched at once on the way back to one far up. */
const FAR_PAGE = 500;
/** Messages fetched at most on that way. */
const FAR_MOST = 11_000;
const POLL_MS = 3_000;
const FAILURES_BEFORE_POLLING = 2;
/** Silence after which the connection is tested. */
const SILENCE_MS = 30_000;
/** How long before what could not be loaded is loaded again. */
const AGAIN_MS = 2_000;
const NOTIFY_MS = 60;

/** One live's conversation: reads it, keeps it in order, and sends what is written exactly once. */
export class Chat extends Signal<ChatState> {
  readonly log = new ChatLog();
  readonly #api: LiveClient;
  readonly #liveId: number;
  #key: string | null;
  readonly #storage: KeyValueStore | null;
  readonly #events: ChatEvents;
  #socket: ReconnectingSocket | null = null;
  #sender: Sender | null = null;
  readonly #places: Places;
  #authenticated = false;
  /** The newest deletion heard of; null before anything was heard. */
  #change: number | null = null;
  #version = 0;
  #notifying: ReturnType<typeof setTimeout> | undefined;
  #clock: ReturnType<typeof setInterval> | undefined;
  #lastPoll = 0;
  #polling = false;
  readonly #ownReactions = new Map<string, number>();
  readonly #unsubscribe: Unsubscribe[] = [];

  constructor(options: ChatOptions) {
    super({
      connection: 'connecting',
      version: 0,
      outgoing: [],
      sentence: null,
      ready: false,
      hasOlder: true,
      rules: null,
    });
    this.#api = options.api;
    this.#liveId = options.liveId;
    this.#key = options.key ?? null;
    this.#storage = options.storage === undefined ? browserStorage() : options.storage;
    this.#events = options;
    this.#places = new Places(
      this.log,
      (stretch) => this.#api.messages(this.#liveId, stretch, this.#key),
      () => this.#notify(),
    );
  }

  get liveId(): number {
    return this.#liveId;
  }

  get key(): string | null {
    return this.#key;
  }

  get api(): LiveClient {
    return this.#api;
  }

  /** The key of an unlisted live, for its author who came without one: the connection cannot carry a sign-in. */
  useKey(key: string): void {
    if (key === this.#key) return;
    this.#key = key;
    if (this.#socket && !this.#socket.open) this.#socket.reconnect();
  }

  /** Loads the newest messages and connects. */
  async open(): Promise<void> {
    let person: number | null = null;
    this.#unsubscribe.push(
      this.#api.session.subscribe((session) => {
        const id = session?.user.id ?? null;
        if (id !== person) {
          person = id;
          this.#sender = null;
          this.#notify();
          if (id !== null) void this.#write(id, () => person === id);
        }
        this.#authenticate();
      }),
    );
    await this.#loadNewest();
    this.#socket = new ReconnectingSocket(() => this.#address(), {
      open: () => this.#authenticate(),
      frame: (frame) => this.#onFrame(frame),
      down: (failures) => this.#onDown(failures),
      closed: () => {
        this.patch({ connection: 'offline' });
        this.#events.onGone?.();
      },
    });
    this.#clock = setInterval(() => this.#tick(), 1_000);
  }

  /** Gets ready to send what somebody writes, and what they wrote before: most people read, and need nothing of it. */
  async #write(id: number, isStill: () => boolean): Promise<void> {
    for (;;) {
      const writing = await import('./sender.js').catch(() => null);
      if (!isStill()) return;
      if (writing) {
        this.#sender = new writing.Sender(this.#storage, this.#liveId, id);
        this.#flush();
        this.#notify();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  close(): void {
    clearInterval(this.#clock);
    clearTimeout(this.#notifying);
    this.#socket?.close();
    for (const off of this.#unsubscribe) off();
  }

  /** Writes a message. False when too much waits already. */
  send(
    content: string,
    options: { replyTo?: number | null; position?: Position | null; mentions?: number[] } = {},
  ): boolean {
    const entry = this.#sender?.add({
      content,
      kind: isEmoji(content) ? 'emoji' : 'text',
      reply_to: options.replyTo ?? null,
      position: options.position ?? null,
      ...(options.mentions?.length && { mentions: options.mentions }),
    });
    this.#flush();
    // Without a connection the next poll carries it: now.
    this.#lastPoll = 0;
    this.#notify();
    return Boolean(entry);
  }

  /** Counted, not numbered; one that does not arrive is no loss. */
  react(emoji: string, position: Position | null): void {
    const sent = this.#socket?.send({
      type: 'send',
      client_id: uuid(),
      content: emoji,
      kind: 'reaction',
      ...(position && { position }),
    });
    if (sent && this.#authenticated) this.#ownReactions.set(emoji, (this.#ownReactions.get(emoji) ?? 0) + 1);
  }

  /** Tries a refused message again. */
  retry(clientId: string): void {
    this.#sender?.retry(clientId);
    this.#flush();
    this.#notify();
  }

  /** Gives up a message that did not go out. */
  forget(clientId: string): void {
    this.#sender?.remove(clientId);
    this.#notify();
  }

  /** Messages with these words, newest first. Accents do not matter. */
  search(words: string): Promise<Message[]> {
    return this.#api.messages(this.#liveId, { q: words }, this.#key);
  }

  async delete(message: Message): Promise<void> {
    if (message.id === null) return;
    await this.#api.deleteMessage(this.#liveId, message.id, this.#key);
    if (message.seq !== null) this.log.delete([message.seq]);
    this.#notify();
  }

  /** The messages before the oldest of the newest run. */
  async loadOlder(): Promise<void> {
    const low = this.log.low;
    if (low === null || low <= 1) {
      this.patch({ hasOlder: false });
      return;
    }
    const older = await this.#api.messages(this.#liveId, { before: low, limit: PAGE }, this.#key);
    this.log.prepend(older);
    this.patch({ hasOlder: (this.log.low ?? 1) > 1 && older.length > 0 });
    // At once: whoever asked holds the line that is being read in its place.
    this.#tell();
  }

  /** The message with this id, from the server if it is not here. */
  async find(id: number): Promise<Numbered | null> {
    const seq = this.log.get(id) ? null : this.log.seqOf(id);
    if (seq !== null) {
      this.log.insert(await this.#api.messages(this.#liveId, { after: seq - 1, limit: 1 }, this.#key));
      this.#notify();
    }
    return this.log.get(id);
  }

  /** Loads what is older until the message with this number is among the newest run. False if that is too far. */
  async loadBackTo(seq: number): Promise<boolean> {
    const low = this.log.low;
    if (low === null || low - seq > FAR_MOST) return false;
    while ((this.log.low ?? 0) > seq) {
      const before = this.log.low ?? 0;
      this.log.prepend(await this.#api.messages(this.#liveId, { before, limit: FAR_PAGE }, this.#key));
      if (this.log.low === before) break;
    }
    this.patch({ hasOlder: (this.log.low ?? 1) > 1 });
    this.#tell();
    return (this.log.low ?? 0) <= seq;
  }

  /** Who watches now. */
  here(): Promise<Present> {
    return this.#api.here(this.#liveId, this.#key);
  }

  /** Asks how the conversation is led. With the words only for those who lead. */
  async askRules(): Promise<ChatRules> {
    const rules = await this.#api.chatRules(this.#liveId, this.#key);
    this.patch({ rules });
    return rules;
  }

  /** Makes sure that the conversation around `ms` of the play clock is there. Cheap when it is. */
  placeAt(ms: number): Promise<void> {
    return this.#places.at(ms);
  }

  /** The stretch before the one held by place. */
  async placeOlder(): Promise<void> {
    await this.#places.older();
    this.#tell();
  }

  /** Positions moved (a new revision): ask for places anew. */
  forgetPlaces(): void {
    this.log.forgetPlaces();
    this.#notify();
  }

  async #loadNewest(): Promise<void> {
    try {
      const newest = await this.#api.newestMessages(this.#liveId, PAGE, this.#key);
      this.#change = newest.change;
      this.log.append(newest.messages);
      this.patch({ ready: true, sentence: null, hasOlder: (this.log.low ?? 1) > 1 });
    } catch (error) {
      if (error instanceof Problem) this.patch({ sentence: error.sentence, ready: true });
    }
    this.#notify();
  }

  #address(): string {
    const path = this.#api.url(`/api/posts/live/${this.#liveId}/chat/ws/`, {
      after: this.log.high,
      since: this.#change,
      key: this.#key,
    });
    const url = new URL(path, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    return url.href;
  }

  #authenticate(): void {
    this.#authenticated = false;
    const token = this.#api.accessToken;
    if (token) this.#socket?.send({ type: 'auth', token });
    if (this.#socket?.open) this.patch({ connection: 'open' });
  }

  #onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'authenticated':
        this.#authenticated = true;
        this.#sender?.lost();
        this.#flush();
        break;
      case 'messages':
        this.#change = frame.change ?? this.#change;
        this.#take(frame.messages);
        break;
      case 'ack':
        // The broadcast carries it too; whichever is first shows it. A gap before it is filled by the broadcast.
        if (frame.client_id !== null && this.#sender?.confirmed(frame.client_id, frame.message)) {
          if (frame.message.seq === this.log.high + 1) this.log.append([frame.message]);
          else this.log.insert([frame.message]);
        }
        this.#flush();
        break;
      case 'refused':
        void this.#onRefused(frame);
        break;
      case 'deleted':
        this.#change = frame.change ?? this.#change;
        this.log.delete(frame.seqs);
        break;
      case 'reactions':
        this.#onReactions(frame.counts);
        break;
      case 'rules':
        this.patch({ rules: { ...this.value.rules, ...frame.rules } });
        break;
      case 'live':
        this.#events.onLive?.(frame.live);
        break;
    }
    this.#notify();
  }

  #take(messages: Message[]): void {
    const me = this.#api.session.value?.user.id;
    for (const message of this.log.append(messages)) {
      if (message.author.id === me) this.#sender?.recognise(message);
    }
  }

  async #onRefused(frame: Extract<ServerFrame, { type: 'refused' }>): Promise<void> {
    const id = frame.client_id;
    if (frame.status === 401) {
      // A stale token: a fresh one authenticates and sends everything again.
      if (!(await this.#api.refresh().catch(() => false))) this.patch({ sentence: frame.error });
      return;
    }
    if (!id) {
      this.patch({ sentence: frame.error });
      return;
    }
    const wait = frame.retry_after_s === undefined ? null : frame.retry_after_s * 1_000;
    this.#sender?.refused(id, frame.status, frame.error, wait);
    this.#notify();
  }

  #onReactions(counts: Record<string, number>): void {
    const others: Record<string, number> = {};
    for (const [emoji, count] of Object.entries(counts)) {
      const own = Math.min(count, this.#ownReactions.get(emoji) ?? 0);
      this.#ownReactions.set(emoji, (this.#ownReactions.get(emoji) ?? 0) - own);
      if (count > own) others[emoji] = count - own;
    }
    if (Object.keys(others).length) this.#events.onReactions?.(others);
  }

  #onDown(failures: number): void {
    this.#authenticated = false;
    this.#sender?.lost();
    this.#polling = failures >= FAILURES_BEFORE_POLLING;
    this.patch({ connection: 'offline' });
    this.#notify();
  }

  /** Sends what waits: by the socket once it knows who writes, else by plain requests. */
  #flush(): void {
    const socket = this.#socket;
    if (this.#authenticated && socket?.open) this.#sender?.flush((frame) => socket.send(frame));
  }

  #tick(): void {
    const now = performance.now();
    const socket = this.#socket;
    if (socket?.open) {
      const silent = now - socket.lastFrame;
      if (this.#sender?.overdue || silent > SILENCE_MS * 2) socket.reconnect();
      // Signing in again is a question that the server answers.
      else if (silent > SILENCE_MS && this.#api.accessToken && this.#authenticated) {
        socket.send({ type: 'auth', token: this.#api.accessToken });
      }
      this.#flush();
    } else if (this.#polling && now - this.#lastPoll > POLL_MS) {
      this.#lastPoll = now;
      void this.#poll();
    }
  }

  /** Where WebSockets do not get through: the same by plain requests. */
  async #poll(): Promise<void> {
    try {
      this.#take(await this.#api.messages(this.#liveId, { after: this.log.high, limit: 200 }, this.#key));
      this.patch({ connection: 'polling', ready: true });
      for (const entry of this.#sender?.due ?? []) await this.#post(entry);
    } catch {
      this.patch({ connection: 'offline' });
    }
    this.#notify();
  }

  async #post(entry: OutboxEntry): Promise<void> {
    try {
      const { wire } = await import('./sender.js');
      const outgoing = { ...wire(entry), type: entry.kind, client_id: entry.client_id };
      const message = await this.#api.post(this.#liveId, outgoing, this.#key);
      if (this.#sender?.confirmed(entry.client_id, message)) this.log.insert([message]);
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500 || error.status === 401) throw error;
      this.#sender?.refused(entry.client_id, error.status, error.sentence, error.retryAfterMs);
    }
  }

  /** At most one notice in `NOTIFY_MS`, however many messages a second come. */
  #notify(): void {
    this.#notifying ??= setTimeout(() => this.#tell(), NOTIFY_MS);
  }

  #tell(): void {
    clearTimeout(this.#notifying);
    this.#notifying = undefined;
    this.#version += 1;
    this.patch({ version: this.#version, outgoing: this.#sender?.entries ?? [] });
  }
}

/** One to three emoji and nothing else are shown large. */
export function isEmoji(content: string): boolean {
  return /^(?:\p{Extended_Pictographic}(?:\uFE0F|\u200D\p{Extended_Pictographic}|\p{Emoji_Modifier})*\s*){1,3}$/u.test(
    content.trim(),
  );
}
