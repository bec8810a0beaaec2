import type { TrackKind } from '../types.js';

/** What a `<video>` and its buffers look like at one moment. Times in seconds of the play clock. */
export interface Standing {
  time: number;
  paused: boolean;
  seeking: boolean;
  readyState: number;
  /** What every track has. */
  ranges: [start: number, end: number][];
  tracks: TrackStanding[];
}

export interface TrackStanding {
  kind: TrackKind;
  /** Where what it has around the playhead ends. */
  end: number;
  /** Milliseconds since the last bytes of it came. */
  silentMs: number;
}

/** What makes the picture move again. */
export type Remedy =
  | { seekTo: number }
  /** This track has come to an end, or to a long silence, while the other goes on. */
  | { without: TrackKind };

/** With so much buffered ahead a browser has no reason to stand still; */
const ENOUGH_S = 0.6;
/** how long it may all the same, and how long after having been woken in vain. */
const ASLEEP_MS = 400;
const ASLEEP_MOST_MS = 6_400;
/** A hole in the buffer up to this long is stepped over soon, a longer one when nothing else helps. */
const HOLE_S = 1.5;
const HOLE_MS = 400;
const LONG_HOLE_MS = 3_000;
/** A track that lies behind the other by so much, and of which nothing came for so long, is not waited for. */
const LAG_S = 2.5;
const SILENT_MS = 1_500;

/** Watches a playhead that should move, and says what to do when it does not. */
export class StuckWatch {
  #time = Number.NaN;
  #since = 0;
  #asleepSince: number | null = null;
  #patience = ASLEEP_MS;

  /** `now` in milliseconds of any steady clock; called several times a second. */
  step(now: number, standing: Standing): Remedy | null {
    if (standing.time !== this.#time || standing.paused) {
      this.#time = standing.time;
      this.#since = now;
    }
    if (standing.paused) return null;
    return this.#wake(now, standing) ?? this.#goWithout(now, standing) ?? this.#stepOverHole(now, standing);
  }

  /**
   * Chromium wants twice as much buffered after each time that it ran dry, up to seconds of it, and forgets that when
   * it seeks: a seek to where it stands lets it go on with what is there.
   */
  #wake(now: number, { time, seeking, readyState, ranges }: Standing): Remedy | null {
    const lead = Math.max(...ranges.map(([start, end]) => (start - 0.1 <= time ? end - time : 0)), 0);
    if (seeking || readyState > 2 || lead < ENOUGH_S) {
      this.#asleepSince = null;
      if (readyState > 2) this.#patience = ASLEEP_MS;
      return null;
    }
    this.#asleepSince ??= now;
    if (now - this.#asleepSince < this.#patience) return null;
    this.#asleepSince = null;
    this.#patience = Math.min(ASLEEP_MOST_MS, this.#patience * 2);
    return { seekTo: time + 0.01 };
  }

  /** A phone whose screen went off sends sound without a picture; a page that shows slides, no picture for minutes. */
  #goWithout(now: number, { time, readyState, tracks }: Standing): Remedy | null {
    if (readyState > 2 || now - this.#since < SILENT_MS) return null;
    const last = Math.max(...tracks.map(({ end }) => end));
    const behind = tracks.find(
      ({ end, silentMs }) => last - end > LAG_S && end - time < ENOUGH_S && silentMs > SILENT_MS,
    );
    return behind ? { without: behind.kind } : null;
  }

  /** Between takes, and where a track begins late, the buffer has small holes that no browser crosses alone. */
  #stepOverHole(now: number, { time, ranges }: Standing): Remedy | null {
    const stood = now - this.#since;
    if (stood < HOLE_MS) return null;
    const next = ranges.find(([start]) => start > time && (start - time < HOLE_S || stood > LONG_HOLE_MS));
    return next ? { seekTo: next[0] + 0.01 } : null;
  }
}
