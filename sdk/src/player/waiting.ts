import { Problem } from '../problem.js';
import type { Signal } from '../signal.js';
import type { Live } from '../types.js';
import type { PlayerState, Waiting } from './state.js';

/** No new bytes for so long at the edge: it is the publisher who is away. */
const PUBLISHER_AWAY_MS = 4_000;

/** How often it is asked whose fault it is that a file stands still. */
const ASK_EVERY_MS = 4_000;

/** Tells whether the picture moves, and why it does not although it should. Times as of `performance`. */
export class WaitingTeller {
  readonly #video: HTMLVideoElement;
  readonly #state: Signal<PlayerState>;
  #reached = true;
  /** The server answers, but not as it should. */
  #isServers = false;
  /** When it was last asked whose fault it is that a file stands still, or when it last moved. */
  #askedAt = 0;
  #bufferEnd = 0;
  #grewAt = performance.now();

  constructor(video: HTMLVideoElement, state: Signal<PlayerState>) {
    this.#video = video;
    this.#state = state;
  }

  /** What was asked for comes, or does not; `isServers`: because the server is in trouble. */
  reached(reached: boolean, isServers = false): void {
    this.#reached = reached;
    this.#isServers = isServers;
  }

  /** Asks after the live, and notes whose fault it is when that brings no answer: then false. */
  async asks(news: { ask(): Promise<Live> }): Promise<boolean> {
    try {
      await news.ask();
      this.reached(true);
      return true;
    } catch (error) {
      this.reached(false, error instanceof Problem);
      return false;
    }
  }

  /** Asks so now and then while a file stands still. */
  async lookWhy(now: number, news: { ask(): Promise<Live> }): Promise<void> {
    if (!this.#state.value.waiting || now - this.#askedAt < ASK_EVERY_MS) return;
    this.#askedAt = now;
    await this.asks(news);
  }

  /** Another buffer begins: the publisher is given time again. */
  beginsAnew(): void {
    this.#grewAt = performance.now();
  }

  /** The buffer ends at `end` seconds now. */
  bufferEndsAt(end: number | null, now: number): void {
    if (end === null || end === this.#bufferEnd) return;
    this.#bufferEnd = end;
    this.#grewAt = now;
  }

  tell(now: number): void {
    const { paused, ended } = this.#video;
    const waiting = this.#why(now);
    const playing = !paused && !ended;
    const told = this.#state.value;
    if (waiting && !told.waiting) this.#askedAt = now;
    if (waiting !== told.waiting || playing !== told.playing) this.#state.patch({ waiting, playing });
  }

  #why(now: number): Waiting | null {
    const { mode, live } = this.#state.value;
    // A file that failed is tried again, whatever the element makes of it.
    if (!this.#video.error && (this.#video.readyState >= 3 || this.#video.paused)) return null;
    if (!this.#reached) return this.#isServers ? 'server' : 'network';
    const isOn = mode === 'live' && live?.state === 'live';
    return isOn && now - this.#grewAt > PUBLISHER_AWAY_MS ? 'publisher' : 'buffering';
  }
}
