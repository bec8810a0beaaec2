import type { TrackKind } from '../types.js';

/** Seconds kept behind the playhead, for a quick look back. */
const KEEP_BEHIND_S = 30;
/** Seconds read ahead of the playhead; a response is not read further until it is used up. */
const READ_AHEAD_S = 30;
const QUOTA_PAUSE_MS = 500;

/** One SourceBuffer: appends in order, keeps within the browser's quota, starts over at a new place. */
export class TrackSink {
  readonly kind: TrackKind;
  readonly #media: MediaSource;
  readonly #buffer: SourceBuffer;
  readonly #playhead: () => number;
  #mime: string;
  #work: Promise<void> = Promise.resolve();
  #arrivedAt = performance.now();
  /** Seconds at which the response that is being read begins. */
  #start = 0;

  constructor(kind: TrackKind, media: MediaSource, mime: string, playhead: () => number) {
    this.kind = kind;
    this.#media = media;
    this.#mime = mime;
    this.#buffer = media.addSourceBuffer(mime);
    this.#playhead = playhead;
  }

  /** Seconds at which the last of what is buffered ends; null if nothing is. */
  get end(): number | null {
    const { buffered } = this.#buffer;
    return buffered.length ? buffered.end(buffered.length - 1) : null;
  }

  /** Seconds at which what is buffered around `time` ends; `time` itself if nothing is. */
  endAround(time: number): number {
    const { buffered } = this.#buffer;
    for (let i = 0; i < buffered.length; i++)
      if (buffered.start(i) - 0.1 <= time && time < buffered.end(i)) return buffered.end(i);
    return time;
  }

  /** Ready for the init of another response whose time 0 is at `offset` seconds of the play clock. */
  begin(mime: string, offset: number, signal: AbortSignal): Promise<void> {
    return this.#line(async () => {
      // A feed that was stopped meanwhile must not move the times of the one that came after it.
      if (signal.aborted) return;
      this.#buffer.abort();
      if (mime !== this.#mime) {
        this.#buffer.changeType(mime);
        this.#mime = mime;
      }
      this.#buffer.timestampOffset = offset;
      this.#start = offset;
    });
  }

  /** When bytes came last, in milliseconds as of `performance`. */
  get arrivedAt(): number {
    return this.#arrivedAt;
  }

  append(bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    this.#arrivedAt = performance.now();
    return this.#line(async () => {
      while (!signal.aborted && this.#open()) {
        try {
          this.#buffer.appendBuffer(bytes);
          await this.#updated();
          return;
        } catch (error) {
          if (!(error instanceof DOMException) || error.name !== 'QuotaExceededError') throw error;
          await this.#removeBehind(5);
          await new Promise((resolve) => setTimeout(resolve, QUOTA_PAUSE_MS));
        }
      }
    });
  }

  /** Resolves when there is room for more: not further than `READ_AHEAD_S` ahead. */
  async room(signal: AbortSignal): Promise<void> {
    // On its way to another place the playhead is still where it was.
    while (!signal.aborted && (this.end ?? 0) - Math.max(this.#playhead(), this.#start) > READ_AHEAD_S) {
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  /** Lets go of what was played a while ago. */
  tidy(): Promise<void> {
    return this.#line(() => this.#removeBehind(KEEP_BEHIND_S));
  }

  /** Empties the buffer. */
  clear(): Promise<void> {
    return this.#line(async () => {
      this.#buffer.abort();
      if (!this.#buffer.buffered.length) return;
      this.#buffer.remove(0, Number.POSITIVE_INFINITY);
      await this.#updated();
    });
  }

  async #removeBehind(keep: number): Promise<void> {
    const { buffered } = this.#buffer;
    const until = this.#playhead() - keep;
    if (!buffered.length || buffered.start(0) >= until - 5) return;
    this.#buffer.remove(0, until);
    await this.#updated();
  }

  #updated(): Promise<void> {
    if (!this.#buffer.updating) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => (): void => {
        this.#buffer.onupdateend = null;
        this.#buffer.onerror = null;
        finish();
      };
      this.#buffer.onupdateend = settle(resolve);
      this.#buffer.onerror = settle(() => reject(new Error(`${this.kind} refused by the decoder`)));
    });
  }

  #open(): boolean {
    return this.#media.readyState !== 'closed';
  }

  #line(work: () => Promise<void>): Promise<void> {
    const result = this.#work.then(() => (this.#open() ? work() : undefined));
    this.#work = result.catch(() => undefined);
    return result;
  }
}
