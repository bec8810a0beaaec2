import type { KeyValueStore } from '../session.js';
import type { Message, MessageKind, Position } from '../types.js';
import { uuid } from '../uuid.js';

/** What somebody wrote, before it is on its way. */
export interface Written {
  content: string;
  kind: MessageKind;
  reply_to: number | null;
  position: Position | null;
  /** Ids of the people it names. */
  mentions?: number[];
}

/**
 * How far a message of this device has come. `seen`: it came back in the conversation before its confirmation did.
 * `held`: it waits for a moderator. `declined`: a moderator did not take it.
 */
export type OutboxState = 'waiting' | 'sent' | 'seen' | 'held' | 'refused' | 'declined';

/** A message of this device that the server has not confirmed. */
export interface OutboxEntry extends Written {
  client_id: string;
  created_at: string;
  state: OutboxState;
  error: string | null;
  /** Not to be sent before, in milliseconds since 1970 UTC: its author wrote too fast. */
  retry_at?: number;
}

/** Most that waits: somebody writing through a long night without network. */
const LIMIT = 200;
/** States in which a message does not go out again by itself. */
const RESTING: readonly OutboxState[] = ['held', 'refused', 'declined'];

/** Messages on their way, in order of writing, kept over reloads until confirmed. */
export class Outbox {
  readonly #store: KeyValueStore | null;
  readonly #key: string;
  #entries: OutboxEntry[];

  constructor(store: KeyValueStore | null, liveId: number, personId: number | string) {
    this.#store = store;
    this.#key = `communiconnect.outbox.${liveId}.${personId}`;
    this.#entries = this.#load();
  }

  get entries(): readonly OutboxEntry[] {
    return this.#entries;
  }

  /** What should go out (again), oldest first. */
  get unsent(): OutboxEntry[] {
    return this.#entries.filter((entry) => entry.state === 'waiting');
  }

  add(message: Written): OutboxEntry | null {
    if (this.#entries.length >= LIMIT) return null;
    const entry: OutboxEntry = {
      ...message,
      client_id: uuid(),
      created_at: new Date().toISOString(),
      state: 'waiting',
      error: null,
    };
    this.#change([...this.#entries, entry]);
    return entry;
  }

  markSent(clientId: string): void {
    this.#set(clientId, { state: 'sent' });
  }

  /** After a broken connection nobody knows what arrived: all of it goes out again, which is harmless. */
  markAllWaiting(): void {
    this.#change(
      this.#entries.map((entry) =>
        RESTING.includes(entry.state) ? entry : { ...entry, state: 'waiting' as const },
      ),
    );
  }

  /** To be sent again, not before `retryAt` (milliseconds since 1970 UTC). */
  markWaiting(clientId: string, retryAt = 0): void {
    this.#set(clientId, { state: 'waiting', error: null, retry_at: retryAt });
  }

  refuse(clientId: string, error: string): void {
    this.#set(clientId, { state: 'refused', error });
  }

  /** It arrived, and is not in the conversation. */
  rest(clientId: string, state: 'held' | 'declined'): void {
    this.#set(clientId, { state });
  }

  /** Confirmed, or given up by its author. */
  remove(clientId: string): void {
    this.#change(this.#entries.filter((entry) => entry.client_id !== clientId));
  }

  /** Hides the entry whose message came back before its confirmation, or was approved, so it is not shown twice. */
  recognise(message: Message): void {
    const content = message.content.trim();
    const entry = this.#entries.find(
      (held) => (held.state === 'sent' || held.state === 'held') && held.content.trim() === content,
    );
    if (entry?.state === 'held') this.remove(entry.client_id);
    else if (entry) this.#set(entry.client_id, { state: 'seen' });
  }

  #set(clientId: string, fields: Partial<OutboxEntry>): void {
    this.#change(
      this.#entries.map((entry) => (entry.client_id === clientId ? { ...entry, ...fields } : entry)),
    );
  }

  #change(entries: OutboxEntry[]): void {
    this.#entries = entries;
    try {
      if (entries.length) this.#store?.setItem(this.#key, JSON.stringify(entries));
      else this.#store?.removeItem(this.#key);
    } catch {
      // A full storage: what waits lasts as long as the page.
    }
  }

  /** What waited for a moderator goes out again: the answer tells what became of it. */
  #load(): OutboxEntry[] {
    try {
      const entries = JSON.parse(this.#store?.getItem(this.#key) ?? '[]') as OutboxEntry[];
      return entries.map((entry) =>
        entry.state === 'refused' || entry.state === 'declined' ? entry : { ...entry, state: 'waiting' },
      );
    } catch {
      return [];
    }
  }
}
