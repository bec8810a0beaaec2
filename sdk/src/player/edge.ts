/** What to do now to stay near the live edge. */
export interface EdgeAdvice {
  rate: number;
  /** Seconds of buffer to leave when jumping forward; null to go on playing. */
  jumpToLead: number | null;
}

/** Seconds over which the smallest lead is looked for: several slices, of which one may have been late. */
const WINDOW_S = 8;
/** The same for a jump, which is for who has come to lie far behind: longer than the longest slice. */
const JUMP_WINDOW_S = 2.5;
const SAFETY_FIRST_S = 0.25;
const SAFETY_MOST_S = 2;
/** The margin that a stall added is given back at this rate, in seconds for each second: one stall is worth 50 s of care. */
const MARGIN_FADES = 0.005;
const FASTEST = 1.1;
/** Slower than this, speech sounds tired. */
const SLOWEST = 0.92;
/** Further behind than this, a jump disturbs less than a minute of faster speech. */
const JUMP_BEYOND_S = 3;

/**
 * Keeps a viewer as near to the edge as the arrivals allow. Bytes arrive in slices, so the lead is a saw-tooth whose
 * low points count: playing faster is right while even they leave more than the safety margin, a little slower while they
 * leave less. Each stall widens it.
 */
export class EdgeChaser {
  #samples: { at: number; lead: number }[] = [];
  #safety = SAFETY_FIRST_S;
  #last: number | null = null;

  /**
   * Bytes are about to be added to `lead` seconds of buffer: a low point, seen as it is. `now` in seconds of any steady
   * clock.
   */
  arrived(now: number, lead: number): void {
    this.#samples.push({ at: now, lead });
  }

  /** `now` in seconds of the same clock; `lead` in seconds of buffer ahead of the playhead. */
  step(now: number, lead: number): EdgeAdvice {
    this.#safety = Math.max(SAFETY_FIRST_S, this.#safety - MARGIN_FADES * (now - (this.#last ?? now)));
    this.#last = now;
    this.#samples.push({ at: now, lead });
    this.#samples = this.#samples.filter((sample) => sample.at > now - WINDOW_S);
    if (this.#low(now - JUMP_WINDOW_S) > JUMP_BEYOND_S) {
      this.#samples = [];
      return { rate: 1, jumpToLead: this.#safety + 0.5 };
    }
    const spare = this.#low(now - WINDOW_S) - this.#safety;
    if (Math.abs(spare) <= 0.05) return { rate: 1, jumpToLead: null };
    return { rate: Math.min(FASTEST, Math.max(SLOWEST, 1 + spare * 0.2)), jumpToLead: null };
  }

  stalled(): void {
    this.#safety = Math.min(SAFETY_MOST_S, this.#safety + 0.25);
    this.#samples = [];
  }

  reset(): void {
    this.#samples = [];
  }

  #low(since: number): number {
    return this.#samples.reduce(
      (low, { at, lead }) => (at > since ? Math.min(low, lead) : low),
      Number.POSITIVE_INFINITY,
    );
  }
}
