/**
 * Lets one upload request go at a time, the live being recorded before spools of earlier sessions: viewers wait for
 * the first, nobody for the others, and a thin uplink is not shared.
 */
export class TurnTaking {
  #busy = false;
  readonly #waiting: { priority: number; go: () => void }[] = [];

  /** Resolves with what gives the turn back. */
  async take(priority: number): Promise<() => void> {
    if (this.#busy) {
      await new Promise<void>((go) => {
        this.#waiting.push({ priority, go });
        this.#waiting.sort((a, b) => a.priority - b.priority);
      });
    }
    this.#busy = true;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#busy = false;
      this.#waiting.shift()?.go();
    };
  }
}
