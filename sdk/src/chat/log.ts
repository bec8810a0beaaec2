import type { Message } from '../types.js';

/** A message with its number: everything but a reaction. */
export type Numbered = Message & { seq: number };

/** Most messages held; the oldest by number go first. */
const LIMIT = 12_000;
/** How far apart on the play clock people in one conversation may be. */
const TOGETHER_MS = 15_000;

/**
 * The conversation as far as it is known here, under two views: the newest by number, for whoever is at the live
 * edge, and a stretch of the timeline, for whoever looks at an earlier moment.
 */
export class ChatLog {
  readonly #bySeq = new Map<number, Numbered>();
  readonly #byId = new Map<number, Numbered>();
  /** All numbers from `#low` to `#high` are held. */
  #low: number | null = null;
  #high = 0;
  /** All messages placed in this stretch of the play clock are held. */
  #stretch: { from: number; to: number } | null = null;

  /** The newest number seen: where a reconnection resumes. */
  get high(): number {
    return this.#high;
  }

  get low(): number | null {
    return this.#low;
  }

  get stretch(): { from: number; to: number } | null {
    return this.#stretch;
  }

  get(id: number): Message | null {
    return this.#byId.get(id) ?? null;
  }

  /** Messages that continue the newest run, as the connection brings them. Returns those not seen before. */
  append(messages: Message[]): Numbered[] {
    const fresh = this.insert(messages);
    for (const message of messages) {
      if (message.seq === null) continue;
      this.#low ??= message.seq;
      if (message.seq > this.#high) this.#high = message.seq;
    }
    this.#trim();
    return fresh;
  }

  /** A window that ends just before `low`. */
  prepend(messages: Message[]): void {
    this.insert(messages);
    const first = messages.find((message) => message.seq !== null);
    if (first?.seq && this.#low !== null && first.seq < this.#low) this.#low = first.seq;
    if (messages.length === 0) this.#low = 1;
  }

  /** Messages from anywhere, without a claim that their neighbours are known. */
  insert(messages: Message[]): Numbered[] {
    const fresh: Numbered[] = [];
    for (const message of messages) {
      if (message.seq === null) continue;
      const numbered = message as Numbered;
      if (!this.#bySeq.has(numbered.seq)) fresh.push(numbered);
      this.#bySeq.set(numbered.seq, numbered);
      this.#byId.set(numbered.id, numbered);
    }
    return fresh;
  }

  /** All messages of a stretch of the timeline. Joined with the present one where they touch, else in its place. */
  place(messages: Message[], from: number, to: number): void {
    this.insert(messages);
    const held = this.#stretch;
    this.#stretch =
      held && from <= held.to && to >= held.from
        ? { from: Math.min(from, held.from), to: Math.max(to, held.to) }
        : { from, to };
  }

  /** Positions changed their place: what was known by position is not known any more. */
  forgetPlaces(): void {
    this.#stretch = null;
  }

  delete(seqs: number[]): void {
    for (const seq of seqs) {
      const message = this.#bySeq.get(seq);
      if (!message) continue;
      const blank = { ...message, deleted: true, content: '' };
      this.#bySeq.set(seq, blank);
      this.#byId.set(blank.id, blank);
    }
  }

  /** The newest run, in order of number. */
  newest(): Numbered[] {
    const found: Numbered[] = [];
    if (this.#low === null) return found;
    for (let seq = this.#low; seq <= this.#high; seq++) {
      const message = this.#bySeq.get(seq);
      if (message) found.push(message);
    }
    return found;
  }

  /** What stands beside the picture at `ms`: the held stretch up to there. */
  until(ms: number): Numbered[] {
    const stretch = this.#stretch;
    if (!stretch) return [];
    const found: Numbered[] = [];
    for (const message of this.#bySeq.values()) {
      const at = message.position_ms ?? 0;
      if (at >= stretch.from && at <= ms) found.push(message);
    }
    return inPlace(found);
  }

  #trim(): void {
    if (this.#bySeq.size <= LIMIT || this.#low === null) return;
    const keepFrom = this.#high - LIMIT / 2;
    for (const [seq, message] of this.#bySeq) {
      if (seq >= keepFrom) continue;
      this.#bySeq.delete(seq);
      this.#byId.delete(message.id);
    }
    this.#low = Math.max(this.#low, keepFrom);
    this.#stretch = null;
  }
}

/**
 * By place; but people who talk with one another look at moments some seconds apart, and their lines stay in the order
 * they were said. Only a line that goes back further was written about an earlier moment, and stands there.
 */
function inPlace(messages: Numbered[]): Numbered[] {
  let latest = Number.NEGATIVE_INFINITY;
  return messages
    .sort((a, b) => a.seq - b.seq)
    .map((message) => {
      const at = message.position_ms ?? 0;
      const together = latest - at < TOGETHER_MS;
      if (together) latest = Math.max(latest, at);
      return { message, place: together ? latest : at };
    })
    .sort((a, b) => a.place - b.place || a.message.seq - b.message.seq)
    .map(({ message }) => message);
}
