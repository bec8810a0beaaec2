import type { Take, Timeline, TrackKind } from '../types.js';
import { trackOf } from './clock.js';
import type { TimelineSource } from './feeding.js';

/** How often a track that is gone is looked for again. */
const LOOK_EVERY_MS = 2_000;

/** A track that playing goes on without, until it is back: when its frames have grown twice in a row. */
export class MissingTrack {
  readonly kind: TrackKind;
  readonly #take: number;
  /** How many frames it had when it was last looked for. */
  #frames: number;
  #lookedAt: number;
  #grew = false;

  /** `now` as of `performance`. */
  constructor(kind: TrackKind, take: Take, now: number) {
    this.kind = kind;
    this.#take = take.take;
    this.#frames = trackOf(take, kind)?.frames ?? 0;
    this.#lookedAt = now;
  }

  /** Looks for it now and then; the timeline in which it is back, else null. */
  async look(now: number, timelines: TimelineSource): Promise<Timeline | null> {
    if (now - this.#lookedAt < LOOK_EVERY_MS) return null;
    this.#lookedAt = now;
    const timeline = await timelines.refresh().catch(() => null);
    // Not having been told is no sign of frames that stopped: what comes next would look like growth.
    if (!timeline) return null;
    return this.#isBack(timeline) ? timeline : null;
  }

  #isBack(timeline: Timeline): boolean {
    const take = timeline.takes.find((candidate) => candidate.take === this.#take) ?? null;
    const frames = trackOf(take, this.kind)?.frames ?? 0;
    const grows = frames > this.#frames;
    const isBack = grows && this.#grew;
    this.#grew = grows;
    this.#frames = frames;
    return isBack;
  }
}
