import type { Message } from '../types.js';
import type { Numbered } from './numbered.js';
import { Placed } from './placed.js';

/** Most messages held; the oldest by number go first. */
const LIMIT = 12_000;

/**
 * The conversation as far as it is known here, under two views: the newest by number, for whoever is at the live
 * edge, and a stretch of the timeline, for whoever looks at an earlier moment. Both views are read many times a second,
 * so they are kept in order and not made anew.
 */
export class ChatLog {
  readonly #bySeq = new Map<number, Numbered>();
  readonly #byId = new Map<number, Numbered>();
  /** All messages from the first to the last number in it. */
  #run: Numbered[] = [];
  #low: number | null = null;
  #high = 0;
  /** All messages placed in this stretch of the play clock are held. */
  #stretch: { from: number; to: number } | null = null;
  /** The held stretch in order of place; null when that has to be found anew. */
  #placed: Placed | null = null;

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

  get(id: number): Numbered | null {
    return this.#byId.get(id) ?? null;
  }

  /** The number of the message with this id. Ids of a live count up with the numbers. */
  seqOf(id: number): number | null {
    const [any] = this.#bySeq.values();
    const seq = any ? id - any.id + any.seq : 0;
    return seq > 0 ? seq : null;
  }

  /** Messages that continue the newest run, as the connection brings them. Returns those not seen before. */
  append(messages: Message[]): Numbered[] {
    const fresh = this.insert(messages);
    for (const { seq } of messages) {
      const message = seq === null ? undefined : this.#bySeq.get(seq);
      if (!message || message.seq <= this.#high) continue;
      this.#low ??= message.seq;
      this.#high = message.seq;
      this.#run.push(message);
    }
    this.#trim();
    return fresh;
  }

  /** A window that ends just before `low`. */
  prepend(messages: Message[]): void {
    this.insert(messages);
    const low = this.#low;
    if (messages.length === 0) this.#low = 1;
    if (low === null) return;
    const before = messages.filter(
      (message): message is Numbered => message.seq !== null && message.seq < low,
    );
    if (!before[0]) return;
    this.#run = [...before, ...this.#run];
    this.#low = before[0].seq;
  }

  /** Messages from anywhere, without a claim that their neighbours are known. */
  insert(messages: Message[]): Numbered[] {
    const fresh: Numbered[] = [];
    for (const message of messages) {
      if (message.seq === null) continue;
      const numbered = message as Numbered;
      const held = this.#bySeq.get(numbered.seq);
      if (!held) fresh.push(numbered);
      // What was deleted here may come once more from a page that was on its way.
      else if (held.deleted && !numbered.deleted) continue;
      this.#hold(numbered);
      if (held) this.#replace(held, numbered);
      else if (this.#placed?.add(numbered) === false) this.#placed = null;
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
    if (this.#stretch.from !== held?.from) this.#placed = null;
  }

  /** Positions changed their place: what was known by position is not known any more. */
  forgetPlaces(): void {
    this.#stretch = null;
    this.#placed = null;
  }

  delete(seqs: number[]): void {
    for (const seq of seqs) {
      const message = this.#bySeq.get(seq);
      if (!message || message.deleted) continue;
      const blank = { ...message, deleted: true, content: '', mentions: [] };
      this.#hold(blank);
      this.#replace(message, blank);
    }
  }

  /** The newest run, in order of number. The same array grows, so look again after a change. */
  newest(): readonly Numbered[] {
    return this.#run;
  }

  /** What stands beside the picture at `ms`: the held stretch up to there. The same array while nothing is new. */
  until(ms: number): readonly Numbered[] {
    if (!this.#stretch) return [];
    this.#placed ??= new Placed(this.#stretch.from, [...this.#bySeq.values()]);
    return this.#placed.until(ms);
  }

  /** Who wrote, the latest first, as far as it is known here. */
  *authors(): Generator<Numbered['author']> {
    const seen = new Set<number>();
    for (let index = this.#run.length - 1; index >= 0; index--) {
      const author = this.#run[index]?.author;
      if (!author || seen.has(author.id)) continue;
      seen.add(author.id);
      yield author;
    }
    for (const { author } of this.#bySeq.values()) {
      if (seen.has(author.id)) continue;
      seen.add(author.id);
      yield author;
    }
  }

  #hold(message: Numbered): void {
    this.#bySeq.set(message.seq, message);
    this.#byId.set(message.id, message);
  }

  #replace(before: Numbered, after: Numbered): void {
    const first = this.#run[0]?.seq ?? 0;
    const index = after.seq - first;
    if (this.#run[index]?.seq === after.seq) this.#run[index] = after;
    this.#placed?.replace(before, after);
  }

  #trim(): void {
    if (this.#bySeq.size <= LIMIT || this.#low === null) return;
    const keepFrom = this.#high - LIMIT / 2;
    for (const [seq, message] of this.#bySeq) {
      if (seq >= keepFrom) continue;
      this.#bySeq.delete(seq);
      this.#byId.delete(message.id);
    }
    this.#run = this.#run.filter((message) => message.seq >= keepFrom);
    this.#low = Math.max(this.#low, keepFrom);
    this.#stretch = null;
    this.#placed = null;
  }
}
