import type { KeyValueStore } from '../session.js';
import type { ClientFrame, Message } from '../types.js';
import { Outbox, type OutboxEntry, type Written } from './outbox.js';

/** How long an answer to a message may take before the connection counts as lost. */
const ACK_PATIENCE_MS = 8_000;
/** Wait after a refusal that names no time. */
const USUAL_WAIT_MS = 2_000;

/** What one person writes on this device: kept, sent in order, told how far it has come. */
export class Sender {
  readonly #outbox: Outbox;
  readonly #sentAt = new Map<string, number>();
  /** After somebody wrote too fast, one message goes at a time. */
  #oneByOne = false;

  constructor(storage: KeyValueStore | null, liveId: number, personId: number | string) {
    this.#outbox = new Outbox(storage, liveId, personId);
  }

  get entries(): readonly OutboxEntry[] {
    return this.#outbox.entries;
  }

  /** What may go out now, oldest first. */
  get due(): OutboxEntry[] {
    const now = Date.now();
    const { unsent } = this.#outbox;
    if (unsent.some((entry) => (entry.retry_at ?? 0) > now)) return [];
    if (!this.#oneByOne) return unsent;
    return this.#sentAt.size > 0 ? [] : unsent.slice(0, 1);
  }

  /** True when an answer has been due for too long. */
  get overdue(): boolean {
    const now = performance.now();
    return [...this.#sentAt.values()].some((at) => now - at > ACK_PATIENCE_MS);
  }

  /** Null when too much waits already. */
  add(message: Written): OutboxEntry | null {
    return this.#outbox.add(message);
  }

  /** Sends what is due, as far as `send` takes it. */
  flush(send: (frame: ClientFrame) => boolean): void {
    for (const entry of this.due) {
      if (!send({ type: 'send', client_id: entry.client_id, kind: entry.kind, ...wire(entry) })) return;
      this.#outbox.markSent(entry.client_id);
      this.#sentAt.set(entry.client_id, performance.now());
    }
  }

  /** The server answered with the message as it keeps it. True if that one belongs into the conversation. */
  confirmed(clientId: string, message: Message): boolean {
    this.#sentAt.delete(clientId);
    if (message.seq !== null || message.type === 'reaction') this.#outbox.remove(clientId);
    else this.#outbox.rest(clientId, message.held ? 'held' : 'declined');
    if (this.#outbox.unsent.length === 0) this.#oneByOne = false;
    return message.seq !== null;
  }

  /** The server refused. What may succeed later waits, the rest stays for its author to change. */
  refused(clientId: string, status: number, sentence: string, retryAfterMs: number | null): void {
    this.#sentAt.delete(clientId);
    if (status === 429) {
      this.#oneByOne = true;
      this.#outbox.markWaiting(clientId, Date.now() + (retryAfterMs ?? USUAL_WAIT_MS));
    } else if (status >= 500) this.#outbox.markWaiting(clientId);
    else this.#outbox.refuse(clientId, sentence);
  }

  /** One of this person's messages came in the conversation. */
  recognise(message: Message): void {
    this.#outbox.recognise(message);
  }

  /** Nobody knows what arrived: all of it is to go out again. */
  lost(): void {
    this.#sentAt.clear();
    this.#outbox.markAllWaiting();
  }

  retry(clientId: string): void {
    this.#outbox.markWaiting(clientId);
  }

  remove(clientId: string): void {
    this.#outbox.remove(clientId);
  }
}

/** The fields that go over the wire, those without a value left out. */
export function wire({
  content,
  reply_to,
  position,
  mentions,
}: Written): Partial<Written> & { content: string } {
  return {
    content,
    ...(reply_to !== null && { reply_to }),
    ...(position && { position }),
    ...(mentions?.length && { mentions }),
  };
}
