import type { Quality } from './quality.js';

export interface TakeRecorderEvents {
  /** A slice and the milliseconds of recording up to its end. In order; may be empty. */
  slice: (bytes: Uint8Array, endMs: number) => void;
  /** The recorder has delivered its last slice. `asked` is false when it stopped by itself. */
  stopped: (asked: boolean) => void;
  /** Nothing was delivered for a while: a track gives no frames, and the recorder holds back the other's. */
  silent: () => void;
}

/** No slice for so long: see `silent`. Told once. */
const SILENT_MS = 4_000;

/** No slice for so long while the page is visible: the recorder is stuck and a new take is due. */
const STUCK_MS = 12_000;

/** One MediaRecorder from start to stop: one take. */
export class TakeRecorder {
  readonly startedAt = Date.now();
  readonly #recorder: MediaRecorder;
  readonly #events: TakeRecorderEvents;
  readonly #begun = performance.now();
  readonly #watchdog: ReturnType<typeof setInterval>;
  #lastSlice = performance.now();
  #asked = false;
  #toldSilent = false;
  #ended: Promise<void>;
  #slices: Promise<void> = Promise.resolve();

  constructor(
    stream: MediaStream,
    mimeType: string,
    quality: Quality,
    sliceMs: number,
    events: TakeRecorderEvents,
  ) {
    this.#events = events;
    const options: MediaRecorderOptions & { videoKeyFrameIntervalDuration?: number } = {
      mimeType,
      videoBitsPerSecond: quality.videoBitsPerSecond,
      audioBitsPerSecond: quality.audioBitsPerSecond,
      // Viewers join at keyframes. Firefox ignores it and sets one every 8 s.
      videoKeyFrameIntervalDuration: 1000,
    };
    this.#recorder = new MediaRecorder(stream, options);
    this.#recorder.ondataavailable = (event) => this.#onData(event.data);
    this.#ended = new Promise((resolve) => {
      this.#recorder.onstop = () => {
        clearInterval(this.#watchdog);
        void this.#slices.then(() => {
          resolve();
          events.stopped(this.#asked);
        });
      };
    });
    this.#recorder.start(sliceMs);
    this.#watchdog = setInterval(() => this.#watch(), 2_000);
  }

  /** Milliseconds since the recorder started. */
  get elapsedMs(): number {
    return performance.now() - this.#begun;
  }

  /** Resolves after the last slice was handed over. */
  async stop(): Promise<void> {
    this.#asked = true;
    if (this.#recorder.state !== 'inactive') this.#recorder.stop();
    await this.#ended;
  }

  #onData(blob: Blob): void {
    this.#lastSlice = performance.now();
    const endMs = Math.round(this.elapsedMs);
    this.#slices = this.#slices.then(async () => {
      this.#events.slice(new Uint8Array(await blob.arrayBuffer()), endMs);
    });
  }

  #watch(): void {
    if (!this.#toldSilent && !this.#asked && performance.now() - this.#lastSlice > SILENT_MS) {
      this.#toldSilent = true;
      this.#events.silent();
    }
    if (document.visibilityState === 'hidden') this.#lastSlice = performance.now();
    const silent = performance.now() - this.#lastSlice;
    if (silent > STUCK_MS && this.#recorder.state === 'recording') this.#recorder.stop();
  }
}
