/** What to do now to stay near the live edge. */
export interface EdgeAdvice {
  rate: number;
  /** Seconds of buffer to leave when jumping forward; null to go on playing. */
  jumpToLead: number | null;
}

/** Seconds over which the smallest lead is looked for: longer than the longest slice. */
const WINDOW_S = 2.5;
const SAFETY_FIRST_S = 0.25;
const SAFETY_MOST_S = 2;
/** The margin that a stall added is given back at this rate, in seconds for each second. */
const MARGIN_FADES = 0.02;
const FASTEST = 1.1;
/** Further behind than this, a jump disturbs less than a minute of faster speech. */
const JUMP_BEYOND_S = 3;

/**
 * Keeps a viewer as near to the edge as the arrivals allow. Bytes arrive in slices, so the lead is a saw-tooth whose
 * low points count: playing faster is right while even they leave more than the safety margin. Each stall widens it.
 */
export class EdgeChaser {
  #samples: { at: number; lead: number }[] = [];
  #safety = SAFETY_FIRST_S;
  #last: number | null = null;

  /** `now` in seconds of any steady clock; `lead` in seconds of buffer ahead of the playhead. */
  step(now: number, lead: number): EdgeAdvice {
    this.#safety = Math.max(SAFETY_FIRST_S, this.#safety - MARGIN_FADES * (now - (this.#last ?? now)));
    this.#last = now;
    this.#samples.push({ at: now, lead });
    this.#samples = this.#samples.filter((sample) => sample.at > now - WINDOW_S);
    const low = Math.min(...this.#samples.map((sample) => sample.lead));
    if (low > JUMP_BEYOND_S) {
      this.#samples = [];
      return { rate: 1, jumpToLead: this.#safety + 0.5 };
    }
    const spare = low - this.#safety;
    if (spare <= 0.05) return { rate: 1, jumpToLead: null };
    return { rate: Math.min(FASTEST, 1 + spare * 0.2), jumpToLead: null };
  }

  stalled(): void {
    this.#safety = Math.min(SAFETY_MOST_S, this.#safety + 0.25);
    this.#samples = [];
  }

  reset(): void {
    this.#samples = [];
  }
}
