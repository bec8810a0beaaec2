import type { Signal } from '../signal.js';
import type { TrackKind } from '../types.js';
import { Attention } from './attention.js';
import { rangesOf } from './buffered.js';
import { EdgeFollower } from './follower.js';
import type { Playhead } from './playhead.js';
import type { PlayerState } from './state.js';
import { StuckWatch, type TrackStanding } from './stuck.js';

/** What is shown, as far as it can be helped to go on. */
export interface Kept {
  /** What each track has around the playhead; `now` as of `performance`. */
  standing(now: number): TrackStanding[];
  /** Goes on without a track of which nothing comes. */
  goOnWithout(kind: TrackKind, now: number): void;
  /** Lets go of the connection while nobody sees or hears it. */
  attend(isAttended: boolean): void;
}

/** Keeps tails playing: at the edge, over what makes a browser stand still, and only while somebody attends. */
export class Keeper {
  readonly edge: EdgeFollower;
  readonly attention = new Attention();
  readonly #video: HTMLVideoElement;
  readonly #playhead: Playhead;
  readonly #kept: Kept;
  readonly #stuck = new StuckWatch();

  constructor(video: HTMLVideoElement, state: Signal<PlayerState>, playhead: Playhead, kept: Kept) {
    this.edge = new EdgeFollower(video, state, playhead);
    this.#video = video;
    this.#playhead = playhead;
    this.#kept = kept;
  }

  /** `now` as of `performance`; `end`: seconds at which what is buffered around the playhead ends. */
  step(now: number, end: number | null): void {
    this.#unstick(now);
    this.#kept.attend(this.attention.step(now, this.#video, document.hidden));
    this.edge.follow(now, end);
  }

  /** Where nothing moves although it should, does what makes it move. */
  #unstick(now: number): void {
    const { currentTime: time, paused, seeking, readyState } = this.#video;
    const tracks = this.#kept.standing(now);
    const ranges = rangesOf(this.#video);
    const remedy = this.#stuck.step(now, { time, paused, seeking, readyState, ranges, tracks });
    if (!remedy || this.#playhead.isOnItsWay) return;
    if ('seekTo' in remedy) this.#playhead.moveTo(remedy.seekTo);
    else this.#kept.goOnWithout(remedy.without, now);
  }
}
