import type { Numbered } from './numbered.js';

/** How far apart on the play clock people in one conversation may be. */
const TOGETHER_MS = 15_000;

/**
 * Messages by place; but people who talk with one another look at moments some seconds apart, and their lines stay in
 * the order they were said. Only a line that goes back further was written about an earlier moment, and stands there.
 */
export class Placed {
  readonly #from: number;
  readonly #messages: Numbered[];
  readonly #places: number[];
  /** The latest moment that the conversation looked at, in order of number. */
  #latest = Number.NEGATIVE_INFINITY;
  #highest = 0;
  #shown: Numbered[] | null = null;

  /** `messages` in any order; those before `from` are left out. */
  constructor(from: number, messages: Numbered[]) {
    this.#from = from;
    const placed = messages
      .filter((message) => at(message) >= from)
      .sort((a, b) => a.seq - b.seq)
      .map((message) => ({ message, place: this.#next(message) }))
      .sort((a, b) => a.place - b.place || a.message.seq - b.message.seq);
    this.#messages = placed.map(({ message }) => message);
    this.#places = placed.map(({ place }) => place);
  }

  /** Takes one more behind all others. False if it does not belong there: the order has to be found anew. */
  add(message: Numbered): boolean {
    if (at(message) < this.#from) return true;
    if (message.seq < this.#highest) return false;
    const place = this.#next(message);
    if (place < (this.#places.at(-1) ?? Number.NEGATIVE_INFINITY)) return false;
    this.#messages.push(message);
    this.#places.push(place);
    return true;
  }

  replace(before: Numbered, after: Numbered): void {
    const index = this.#messages.indexOf(before);
    if (index < 0) return;
    this.#messages[index] = after;
    this.#shown = null;
  }

  /** Those at or before `ms`. The same array as last time if it would hold the same. */
  until(ms: number): readonly Numbered[] {
    const found = this.#messages.filter((message) => at(message) <= ms);
    const known = this.#shown;
    if (known?.length === found.length && known.at(-1) === found.at(-1) && known[0] === found[0])
      return known;
    this.#shown = found;
    return found;
  }

  /** The place of the message with the next number. */
  #next(message: Numbered): number {
    const moment = at(message);
    const together = this.#latest - moment < TOGETHER_MS;
    if (together) this.#latest = Math.max(this.#latest, moment);
    this.#highest = message.seq;
    return together ? this.#latest : moment;
  }
}

function at(message: Numbered): number {
  return message.position_ms ?? 0;
}
