import type { Signal } from '../signal.js';
import type { PlayerState, Waiting } from './state.js';

/** No new bytes for so long at the edge: it is the publisher who is away. */
const PUBLISHER_AWAY_MS = 4_000;

/** Tells whether the picture moves, and why it does not although it should. Times as of `performance`. */
export class WaitingTeller {
  readonly #video: HTMLVideoElement;
  readonly #state: Signal<PlayerState>;
  #reached = true;
  #bufferEnd = 0;
  #grewAt = performance.now();

  constructor(video: HTMLVideoElement, state: Signal<PlayerState>) {
    this.#video = video;
    this.#state = state;
  }

  /** The server answers, or does not. */
  reached(reached: boolean): void {
    this.#reached = reached;
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
    if (waiting !== told.waiting || playing !== told.playing) this.#state.patch({ waiting, playing });
  }

  #why(now: number): Waiting | null {
    const { mode, live } = this.#state.value;
    if (this.#video.readyState >= 3 || this.#video.paused) return null;
    if (!this.#reached) return 'network';
    const isOn = mode === 'live' && live?.state === 'live';
    return isOn && now - this.#grewAt > PUBLISHER_AWAY_MS ? 'publisher' : 'buffering';
  }
}
