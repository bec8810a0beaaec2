/** So long after nobody sees or hears a live it is carried no more. */
const LET_GO_MS = 20_000;

/** Whether somebody sees or hears what plays: a page in the background with its sound on is heard. */
export class Attention {
  #lostAt: number | null = null;

  /** Somebody does something with it. `now` in milliseconds of any steady clock. */
  stir(now: number): void {
    if (this.#lostAt !== null) this.#lostAt = now;
  }

  /** True while somebody sees or hears it, and for a while after. `now` of the same clock. */
  step(now: number, video: { paused: boolean; muted: boolean; volume: number }, isHidden: boolean): boolean {
    const isHeard = !video.muted && video.volume > 0;
    if (!video.paused && (!isHidden || isHeard)) this.#lostAt = null;
    else this.#lostAt ??= now;
    return this.#lostAt === null || now - this.#lostAt < LET_GO_MS;
  }
}
