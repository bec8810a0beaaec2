import type { Signal } from '../signal.js';
import { bufferEnd } from './buffered.js';
import { EdgeChaser } from './edge.js';
import type { Playhead } from './playhead.js';
import type { PlayerState } from './state.js';

/** Nearer to the edge than this, whoever plays faster has caught up. */
const CAUGHT_UP_MS = 1_000;
const SHORT_STALL_MS = 1_500;

/** Keeps the element of a viewer who is at the edge there, by the advice of the chaser. Times as of `performance`. */
export class EdgeFollower {
  readonly #video: HTMLVideoElement;
  readonly #state: Signal<PlayerState>;
  readonly #playhead: Playhead;
  readonly #chaser = new EdgeChaser();
  #stalledAt = Number.NEGATIVE_INFINITY;

  constructor(video: HTMLVideoElement, state: Signal<PlayerState>, playhead: Playhead) {
    this.#video = video;
    this.#state = state;
    this.#playhead = playhead;
  }

  /** What was measured before a jump says nothing of what comes after it. */
  reset(): void {
    this.#chaser.reset();
  }

  /** Bytes are about to be added to the buffer: its low point, which the chase goes by. */
  arrived(): void {
    const end = bufferEnd(this.#video);
    if (this.#state.value.atLive && this.#isMoving() && end !== null)
      this.#chaser.arrived(performance.now() / 1000, end - this.#video.currentTime);
  }

  /** The element ran dry. */
  stalls(): void {
    const { mode, atLive } = this.#state.value;
    if (mode === 'live' && atLive && !this.#playhead.isOnItsWay) this.#stalledAt = performance.now();
  }

  /** It moves again. A short stall is unsteady arrival, which a wider margin cures; a long one is a publisher who was away. */
  movesAgain(): void {
    if (performance.now() - this.#stalledAt < SHORT_STALL_MS) this.#chaser.stalled();
    this.#stalledAt = Number.NEGATIVE_INFINITY;
  }

  /** `end`: seconds at which what is buffered around the playhead ends. */
  follow(now: number, end: number | null): void {
    const { mode, atLive, rate, edgeMs, positionMs } = this.#state.value;
    if (mode !== 'live' || !this.#isMoving() || end === null) return;
    if (!atLive) {
      if (rate > 1 && edgeMs - positionMs < CAUGHT_UP_MS) this.#state.patch({ atLive: true });
      return;
    }
    const advice = this.#chaser.step(now / 1000, end - this.#video.currentTime);
    if (advice.jumpToLead !== null) this.#playhead.moveTo(end - advice.jumpToLead);
    if (Math.abs(this.#video.playbackRate - advice.rate) > 0.005) this.#video.playbackRate = advice.rate;
  }

  #isMoving(): boolean {
    return !this.#video.paused && !this.#playhead.isOnItsWay;
  }
}
