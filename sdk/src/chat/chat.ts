import type { Api } from '../api.js';
import { Problem } from '../problem.js';
import { browserStorage, type KeyValueStore } from '../session.js';
import { Signal, type Unsubscribe } from '../signal.js';
import type { LiveUpdate, Message, MessageKind, Position } from '../types.js';
import { uuid } from '../uuid.js';
import { ChatLog } from './log.js';
import { Outbox, type OutboxEntry } from './outbox.js';
import { ReconnectingSocket, type ServerFrame } from './socket.js';

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
  api: Api;
  liveId: number;
  key?: string | null;
  storage?: KeyValueStore | null;
}

const PAGE = 60;
/** Stretch of the timeline asked for at once, back from and ahead of a position. */
const STRETCH_BACK_MS = 120_000;
const STRETCH_AHEAD_MS = 120_000;
const STRETCH_LEAST_MS = 3_000;
/** Messages asked for at once of a stretch. */
const WINDOW = 1_000;
/** Lines wanted before a position, however quiet the live. */
const LINES_BEFORE = 20;
const ACK_PATIENCE_MS = 8_000;
const POLL_MS = 3_000;
const FAILURES_BEFORE_POLLING = 2;
/** Silence after which the connection is tested. */
const SILENCE_MS = 30_000;
const NOTIFY_MS = 60;

/** One live's conversation: reads it, keeps it in order, and sends what is written exactly once. */
export class Chat extends Signal<ChatState> {
  readonly log = new ChatLog();
  readonly #api: Api;
  readonly #liveId: number;
  #key: string | null;
  readonly #storage: KeyValueStore | null;
  readonly #events: ChatEvents;
  #socket: ReconnectingSocket | null = null;
  #outbox: Outbox | null = null;
  #authenticated = false;
  /** The newest deletion heard of; null before anything was heard. */
  #change: number | null = null;
  #version = 0;
  #notifying: ReturnType<typeof setTimeout> | undefined;
  #clock: ReturnType<typeof setInterval> | undefined;
  #lastPoll = 0;
  #polling = false;
  readonly #sentAt = new Map<string, number>();
  readonly #ownReactions = new Map<string, number>();
  #placing: Promise<void> | null = null;
  readonly #unsubscribe: Unsubscribe[] = [];

  constructor(options: ChatOptions) {
    super({
      connection: 'connecting',
      version: 0,
      outgoing: [],
      sentence: null,
      ready: false,
      hasOlder: true,
    });
    this.#api = options.api;
    this.#liveId = options.liveId;
    this.#key = options.key ?? null;
    this.#storage = options.storage === undefined ? browserStorage() : options.storage;
    this.#events = options;
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
        if (id !== person || !this.#outbox) {
          person = id;
          this.#outbox = new Outbox(this.#storage, this.#liveId, id ?? 'nobody');
          this.#notify();
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

  close(): void {
    clearInterval(this.#clock);
    clearTimeout(this.#notifying);
    this.#socket?.close();
    for (const off of this.#unsubscribe) off();
  }

  /** Writes a message. False when too much waits already. */
  send(content: string, options: { replyTo?: number | null; position?: Position | null } = {}): boolean {
    const kind: MessageKind = isEmoji(content) ? 'emoji' : 'text';
    const entry = this.#outbox?.add({
      content,
      kind,
      reply_to: options.replyTo ?? null,
      position: options.position ?? null,
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
    this.#outbox?.markWaiting(clientId);
    this.#flush();
    this.#notify();
  }

  /** Gives up a message that did not go out. */
  forget(clientId: string): void {
    this.#outbox?.remove(clientId);
    this.#notify();
  }

  /** Messages with these words, newest first. Accents do not matter. */
  search(words: string): Promise<Message[]> {
    return this.#api.messages(this.#liveId, { q: words }, this.#key);
  }

  async delete(message: Message): Promise<void> {
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

  /** Makes sure that the conversation around `ms` of the play clock is there. Cheap when it is. */
  placeAt(ms: number): Promise<void> {
    const held = this.log.stretch;
    const inside = held && ms >= held.from && ms + STRETCH_AHEAD_MS / 4 <= held.to;
    if (inside) return Promise.resolve();
    this.#placing ??= this.#place(ms).finally(() => {
      this.#placing = null;
    });
    return this.#placing;
  }

  /** The stretch before the one held by place. */
  async placeOlder(): Promise<void> {
    const held = this.log.stretch;
    if (!held || held.from <= 0) return;
    const from = Math.max(0, held.from - STRETCH_BACK_MS * 2);
    const found = await this.#window(from, held.from);
    if (found.to >= held.from) this.log.place(found.messages, from, held.from);
    this.#tell();
  }

  /** Positions moved (a new revision): ask for places anew. */
  forgetPlaces(): void {
    this.log.forgetPlaces();
    this.#notify();
  }

  async #place(ms: number): Promise<void> {
    const held = this.log.stretch;
    const adjoining = held !== null && ms >= held.from && ms <= held.to + 5_000;
    try {
      let back = STRETCH_BACK_MS;
      let from = adjoining ? held.to : Math.max(0, ms - back);
      let found = await this.#window(from, Math.max(ms, from) + STRETCH_AHEAD_MS);
      // In a crowd a window is cut off before its end: look nearer, so that the position is in it.
      while (found.to < ms && back > STRETCH_LEAST_MS) {
        back /= 6;
        from = Math.max(0, ms - back);
        found = await this.#window(from, ms + STRETCH_AHEAD_MS);
      }
      this.log.place(found.messages, from, found.to);
      // In a quiet live look further back, so that there are lines before the position.
      let count = found.messages.length;
      while (!adjoining && from > 0 && count < LINES_BEFORE) {
        const earlier = Math.max(0, from - (found.to - from) * 2);
        const before = await this.#window(earlier, from);
        if (before.to < from) break;
        this.log.place(before.messages, earlier, from);
        count += before.messages.length;
        from = earlier;
      }
      this.#notify();
    } catch {
      // Asked again at the next position.
    }
  }

  /** What is placed from `from` on, to `to` or to where a full window was cut off. */
  async #window(from: number, to: number): Promise<{ messages: Message[]; to: number }> {
    const stretch = { from_ms: Math.round(from), to_ms: Math.round(to), limit: WINDOW };
    const messages = await this.#api.messages(this.#liveId, stretch, this.#key);
    if (messages.length < WINDOW) return { messages, to };
    return { messages, to: Math.max(...messages.map((message) => message.position_ms ?? 0)) };
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
        this.#outbox?.markAllWaiting();
        this.#flush();
        break;
      case 'messages':
        this.#change = frame.change ?? this.#change;
        this.#take(frame.messages);
        break;
      case 'ack':
        this.#sentAt.delete(frame.client_id);
        this.#outbox?.remove(frame.client_id);
        // The broadcast carries it too; whichever is first shows it. A gap before it is filled by the broadcast.
        if (frame.message.seq !== null) {
          if (frame.message.seq === this.log.high + 1) this.log.append([frame.message]);
          else this.log.insert([frame.message]);
        }
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
      case 'live':
        this.#events.onLive?.(frame.live);
        break;
    }
    this.#notify();
  }

  #take(messages: Message[]): void {
    const me = this.#api.session.value?.user.id;
    for (const message of this.log.append(messages)) {
      if (message.author.id === me) this.#outbox?.recognise(message);
    }
  }

  async #onRefused(frame: { client_id?: string; status: number; error: string }): Promise<void> {
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
    this.#sentAt.delete(id);
    if (frame.status === 429 || frame.status >= 500) this.#outbox?.markWaiting(id);
    else this.#outbox?.refuse(id, frame.error);
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
    this.#sentAt.clear();
    this.#outbox?.markAllWaiting();
    this.#polling = failures >= FAILURES_BEFORE_POLLING;
    this.patch({ connection: 'offline' });
    this.#notify();
  }

  /** Sends what waits: by the socket once it knows who writes, else by plain requests. */
  #flush(): void {
    const outbox = this.#outbox;
    if (!outbox || !this.#authenticated || !this.#socket?.open) return;
    for (const entry of outbox.unsent) {
      const sent = this.#socket.send({
        type: 'send',
        client_id: entry.client_id,
        content: entry.content,
        kind: entry.kind,
        ...(entry.reply_to !== null && { reply_to: entry.reply_to }),
        ...(entry.position && { position: entry.position }),
      });
      if (!sent) return;
      outbox.markSent(entry.client_id);
      this.#sentAt.set(entry.client_id, performance.now());
    }
  }

  #tick(): void {
    const now = performance.now();
    const socket = this.#socket;
    if (socket?.open) {
      const overdue = [...this.#sentAt.values()].some((at) => now - at > ACK_PATIENCE_MS);
      const silent = now - socket.lastFrame;
      if (overdue || silent > SILENCE_MS * 2) socket.reconnect();
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
      for (const entry of this.#outbox?.unsent ?? []) await this.#postEntry(entry);
    } catch {
      this.patch({ connection: 'offline' });
    }
    this.#notify();
  }

  async #postEntry(entry: OutboxEntry): Promise<void> {
    try {
      const message = await this.#api.post(
        this.#liveId,
        {
          content: entry.content,
          type: entry.kind,
          client_id: entry.client_id,
          ...(entry.reply_to !== null && { reply_to: entry.reply_to }),
          ...(entry.position && { position: entry.position }),
        },
        this.#key,
      );
      this.#outbox?.remove(entry.client_id);
      this.log.insert([message]);
    } catch (error) {
      const forGood =
        error instanceof Problem && error.status < 500 && error.status !== 429 && error.status !== 401;
      if (!forGood) throw error;
      this.#outbox?.refuse(entry.client_id, error.sentence);
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
    this.patch({ version: this.#version, outgoing: this.#outbox?.entries ?? [] });
  }
}

/** One to three emoji and nothing else are shown large. */
export function isEmoji(content: string): boolean {
  return /^(?:\p{Extended_Pictographic}(?:\uFE0F|\u200D\p{Extended_Pictographic}|\p{Emoji_Modifier})*\s*){1,3}$/u.test(
    content.trim(),
  );
}
