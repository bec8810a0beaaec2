import type { Message } from '../types.js';
import type { ChatLog } from './log.js';

/** Stretch of the timeline asked for at once, back from and ahead of a position. */
const STRETCH_BACK_MS = 120_000;
const STRETCH_AHEAD_MS = 120_000;
const STRETCH_LEAST_MS = 3_000;
/** Messages asked for at once of a stretch. */
const WINDOW = 1_000;
/** Lines wanted before a position, however quiet the live. */
const LINES_BEFORE = 20;

type Ask = (stretch: { from_ms: number; to_ms: number; limit: number }) => Promise<Message[]>;

/** Fetches the conversation by place on the timeline into the log. */
export class Places {
  readonly #log: ChatLog;
  readonly #ask: Ask;
  /** Told after anything was fetched. */
  readonly #changed: () => void;
  #placing: Promise<void> | null = null;

  constructor(log: ChatLog, ask: Ask, changed: () => void) {
    this.#log = log;
    this.#ask = ask;
    this.#changed = changed;
  }

  /** Makes sure that the conversation around `ms` of the play clock is there. Cheap when it is. */
  at(ms: number): Promise<void> {
    const held = this.#log.stretch;
    const inside = held && ms >= held.from && ms + STRETCH_AHEAD_MS / 4 <= held.to;
    if (inside) return Promise.resolve();
    this.#placing ??= this.#place(ms).finally(() => {
      this.#placing = null;
    });
    return this.#placing;
  }

  /** The stretch before the one held by place. */
  async older(): Promise<void> {
    const held = this.#log.stretch;
    if (!held || held.from <= 0) return;
    const from = Math.max(0, held.from - STRETCH_BACK_MS * 2);
    const found = await this.#window(from, held.from);
    if (found.to >= held.from) this.#log.place(found.messages, from, held.from);
  }

  async #place(ms: number): Promise<void> {
    const held = this.#log.stretch;
    const adjoining = held !== null && ms >= held.from && ms <= held.to + 5_000;
    try {
      let back = STRETCH_BACK_MS;
      let from = adjoining ? held.to : Math.max(0, ms - back);
      let found = await this.#window(from, Math.max(ms, from) + STRETCH_AHEAD_MS);
      // In a crowd a window is cut off before its end: look nearer, so that the position is in it.
      while (found.to < ms && back > STRETCH_LEAST_MS) {
        back /= 6;
        from = Math.max(0, ms - back);
        found = await this.#window(from, ms + STRETCH_AHEAD_MS);
      }
      this.#log.place(found.messages, from, found.to);
      // In a quiet live look further back, so that there are lines before the position.
      let count = found.messages.length;
      while (!adjoining && from > 0 && count < LINES_BEFORE) {
        const earlier = Math.max(0, from - (found.to - from) * 2);
        const before = await this.#window(earlier, from);
        if (before.to < from) break;
        this.#log.place(before.messages, earlier, from);
        count += before.messages.length;
        from = earlier;
      }
      this.#changed();
    } catch {
      // Asked again at the next position.
    }
  }

  /** What is placed from `from` on, to `to` or to where a full window was cut off. */
  async #window(from: number, to: number): Promise<{ messages: Message[]; to: number }> {
    const messages = await this.#ask({ from_ms: Math.round(from), to_ms: Math.round(to), limit: WINDOW });
    if (messages.length < WINDOW) return { messages, to };
    return { messages, to: Math.max(...messages.map((message) => message.position_ms ?? 0)) };
  }
}
