import type { Signal } from '../signal.js';
import { bufferEnd, isBuffered, rangesOf } from './buffered.js';
import type { PlayerState } from './state.js';

/** How far before the end of the buffer to begin at the edge: a slice of a second, and a little. */
const FIRST_LEAD_S = 1.2;
/** So much in one piece is enough to begin at the edge; after a while whatever there is: a publisher who is away sends no more. */
const FIRST_PIECE_S = 0.2;
const FIRST_PIECE_MS = 1_500;
/** A browser may move by so much less or more than it was told. */
const OWN_MOVE_S = 0.3;
/** Whoever paused for longer has left the edge. */
const LEFT_EDGE_MS = 2_000;

/** Where playing is, where it is to begin once the buffer has the place, and whether it should move. */
export class Playhead {
  readonly #video: HTMLVideoElement;
  readonly #state: Signal<PlayerState>;
  /** Where to begin once there is something to play; null: at the edge. */
  #target: { ms: number | null } | null = null;
  #wantsToPlay = true;
  #pausedAt = 0;
  #movedTo = 0;
  #aimedAt = 0;

  constructor(video: HTMLVideoElement, state: Signal<PlayerState>) {
    this.#video = video;
    this.#state = state;
  }

  /** True while it is on its way somewhere; the element then still stands where it was. */
  get isOnItsWay(): boolean {
    return this.#target !== null;
  }

  /** Milliseconds of the play clock, to the picture. */
  get positionMs(): number {
    const isElsewhere = this.isOnItsWay || this.#isEmpty;
    return isElsewhere ? this.#state.value.positionMs : Math.round(this.#video.currentTime * 1000);
  }

  /** While nothing has come, where the element stands says nothing. */
  get #isEmpty(): boolean {
    return this.#video.readyState === HTMLMediaElement.HAVE_NOTHING;
  }

  /** Moves the element, in seconds of the play clock. */
  moveTo(seconds: number): void {
    this.#movedTo = seconds;
    this.#video.currentTime = seconds;
  }

  /** True if it was somebody else who moved the element: a viewer, by the browser's own controls. */
  get wasMoved(): boolean {
    return !this.isOnItsWay && Math.abs(this.#video.currentTime - this.#movedTo) > OWN_MOVE_S;
  }

  /** Begins at `ms` of the play clock, or at the edge if null, as soon as the buffer has it. */
  aim(ms: number | null): void {
    this.#target = { ms };
    this.#aimedAt = performance.now();
  }

  /** Goes to `ms` at once if it is buffered; if it is not, false, and it is on its way there. */
  goTo(ms: number): boolean {
    const at = ms / 1000;
    // While it is on its way to another place, what is buffered is about to be dropped.
    const isThere = !this.isOnItsWay && isBuffered(this.#video, at);
    if (isThere) this.moveTo(at);
    else this.aim(ms);
    return isThere;
  }

  /** Moves to where playing should begin, as soon as the buffer has it. */
  settle(): void {
    const target = this.#target;
    const last = rangesOf(this.#video).at(-1);
    if (!target || !last) return;
    const [start, end] = last;
    if (target.ms === null) {
      if (end - start < FIRST_PIECE_S && performance.now() - this.#aimedAt < FIRST_PIECE_MS) return;
      this.moveTo(Math.max(start, end - FIRST_LEAD_S));
    } else {
      const at = target.ms / 1000;
      if (end < at) return;
      const to = Math.max(at, start);
      if (Math.abs(this.#video.currentTime - to) > 0.05) this.moveTo(to);
    }
    this.#target = null;
    this.applyRate();
    if (this.#wantsToPlay && this.#video.paused) void this.start();
  }

  /** Says where it is. `isFile`: the element has the whole replay, and knows itself how long that is. */
  tell(isFile: boolean): void {
    if (this.isOnItsWay || this.#isEmpty) return;
    const { currentTime, duration } = this.#video;
    const end = bufferEnd(this.#video);
    const edgeMs =
      isFile && Number.isFinite(duration)
        ? Math.round(duration * 1000)
        : Math.max(this.#state.value.edgeMs, Math.round((end ?? 0) * 1000));
    this.#state.patch({
      positionMs: Math.round(currentTime * 1000),
      edgeMs,
      bufferedMs: Math.round((end ?? currentTime) * 1000),
    });
  }

  async play(): Promise<void> {
    this.#wantsToPlay = true;
    if (this.#pausedAt && performance.now() - this.#pausedAt > LEFT_EDGE_MS)
      this.#state.patch({ atLive: false });
    this.#pausedAt = 0;
    await this.start();
  }

  /** Plays at the edge, however long it was paused. */
  playAtEdge(): Promise<void> {
    this.#pausedAt = 0;
    return this.play();
  }

  pause(): void {
    this.#video.pause();
    this.paused();
  }

  /** Somebody paused it, be it by the browser's own controls. */
  paused(): void {
    this.#wantsToPlay = false;
    this.#pausedAt = performance.now();
  }

  /** Somebody plays it, be it by the browser's own controls. */
  played(): void {
    this.#wantsToPlay = true;
  }

  /** The end has been reached: what is opened now does not play until it is asked to. */
  rest(): void {
    this.#wantsToPlay = false;
  }

  /** Plays unless somebody paused it. */
  async start(): Promise<void> {
    if (!this.#wantsToPlay) return;
    try {
      await this.#video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
      // No sound before the first touch: start silent and offer the sound.
      this.#video.muted = true;
      this.#state.patch({ soundBlocked: true });
      await this.#video.play().catch(() => this.#state.patch({ playing: false }));
    }
  }

  /** The viewer's rate, but at the edge: nothing is faster than what happens. */
  applyRate(): void {
    const { atLive, rate } = this.#state.value;
    this.#video.playbackRate = atLive ? 1 : rate;
  }

  /** Turns on the sound that the browser held back. */
  unblockSound(): void {
    this.#video.muted = false;
    this.#state.patch({ soundBlocked: false });
  }
}
