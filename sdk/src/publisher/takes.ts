import type { Signal } from '../signal.js';
import type { Backlog } from './backlog.js';
import type { Capture } from './capture.js';
import { pickMimeType, QUALITIES } from './quality.js';
import { TakeRecorder } from './recorder.js';
import type { SpoolTake } from './spool.js';
import type { PublisherState } from './state.js';

/** Nothing more fitted on this device: recording goes on once so much of what waited has been sent, or nearly all. */
const ROOM_AGAIN_BYTES = 8 * 1024 * 1024;
const NEARLY_ALL_SENT_BYTES = 1024 * 1024;
/** A recorder that fails this often in a row is not started again. */
const RESTARTS_IN_A_ROW = 5;

export interface TakesOptions {
  capture: Capture;
  backlog: Backlog;
  sliceMs: number;
}

/** The takes of the live that this device records: one after the other, whoever asks for their ends and beginnings. */
export class Takes {
  readonly #state: Signal<PublisherState>;
  readonly #o: TakesOptions;
  #recorder: TakeRecorder | null = null;
  #take: SpoolTake | null = null;
  /** The tracks that the present take records. */
  #tracks = '';
  /** Length of the takes before the present one. */
  #earlierMs = 0;
  #restarts = 0;
  #refusedTake: string | null = null;
  /** How much waited when nothing more fitted on this device; null while there is room. */
  #fullAt: number | null = null;
  #closed = false;
  /** One change of takes at a time. */
  #turn: Promise<void> = Promise.resolve();

  constructor(state: Signal<PublisherState>, options: TakesOptions) {
    this.#state = state;
    this.#o = options;
  }

  get isRecording(): boolean {
    return this.#recorder !== null;
  }

  /** The present take's name in the backlog. */
  get presentId(): string | null {
    return this.#take?.record.id ?? null;
  }

  /** Length of the live to this moment; null while nothing records. */
  get elapsedMs(): number | null {
    return this.#recorder && this.#earlierMs + this.#recorder.elapsedMs;
  }

  /** Length of the live as far as the recorder has handed it over. */
  get recordedMs(): number {
    return this.#earlierMs + (this.#take?.recordedMs ?? 0);
  }

  /** False where this browser does not record what the devices give, which the person is told. */
  checkSupport(): boolean {
    const isSupported = typeOf(this.#o.capture.recordable()) !== null;
    if (!isSupported) this.#state.patch({ notice: 'unsupported' });
    return isSupported;
  }

  /** Another live: what is recorded now goes on behind so much of it, and nothing of the one before counts. */
  forLive(earlierMs: number): void {
    this.#earlierMs = earlierMs;
    this.#restarts = 0;
    this.#refusedTake = null;
    this.#fullAt = null;
  }

  begin(): Promise<void> {
    return this.#inTurn(() => this.#begin());
  }

  /** Somebody asks to record again after that failed. */
  beginAgain(): Promise<void> {
    return this.#inTurn(async () => {
      this.#restarts = 0;
      await this.#goOn();
    });
  }

  end(): Promise<void> {
    return this.#inTurn(() => this.#end());
  }

  /** Ends the present take; no other begins. */
  close(): Promise<void> {
    this.#closed = true;
    return this.end();
  }

  /** Goes on in a new take with what gives frames after `between`, unless the live is being stopped. */
  retake(between?: () => Promise<void>): Promise<void> {
    return this.#inTurn(() => this.#retake(between));
  }

  /** A new take when other tracks give frames than those that the present one records. */
  followTracks(): void {
    void this.#inTurn(async () => {
      const isOn = this.#state.value.phase === 'live';
      if (isOn && this.#tracks !== idsOf(this.#o.capture.recordable())) await this.#retake();
    });
  }

  /** Recording stopped by itself: a camera taken away, an encoder that failed. */
  restart(): void {
    const failed = this.#recorder;
    void this.#inTurn(async () => {
      if (this.#recorder !== failed) return;
      this.#restarts += 1;
      const lost = this.#o.capture.isDead;
      const givesUp = this.#restarts > RESTARTS_IN_A_ROW;
      const goesOn = lost ? 'camera-lost' : 'recorder-restarted';
      this.#state.patch({ notice: givesUp ? 'not-recording' : goesOn });
      if (givesUp) await this.#end();
      else await this.#retake(() => (lost ? this.#o.capture.reopen() : Promise.resolve()));
    });
  }

  /** The camera may be back: if it is, the live goes on with its picture, in a new take. */
  takePicture(): Promise<void> {
    const { capture } = this.#o;
    return this.#inTurn(async () => {
      if (!capture.isPictureLost || this.#state.value.phase !== 'live') return;
      if (await capture.findPicture()) await this.#retake(async () => capture.useFound());
    });
  }

  /** The server takes no more of this upload: the live goes on in a new take, with a fresh header. */
  refused(take: string, sentence: string | null): void {
    if (take === this.#refusedTake || this.#restarts >= RESTARTS_IN_A_ROW) return;
    this.#refusedTake = take;
    this.#restarts += 1;
    this.#state.patch({ notice: 'refused', sentence });
    void this.retake();
  }

  /** Recording that found no room goes on in a new take once there is room again. */
  useRoom(): void {
    const { waitingBytes } = this.#state.value;
    if (this.#fullAt === null) return;
    if (waitingBytes > NEARLY_ALL_SENT_BYTES && waitingBytes > this.#fullAt - ROOM_AGAIN_BYTES) return;
    this.#fullAt = null;
    void this.retake();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #begin(): Promise<void> {
    const { live, quality } = this.#state.value;
    const stream = this.#o.capture.recordable();
    this.#tracks = idsOf(stream);
    if (!stream || !live || this.#closed) return;
    const mimeType = typeOf(stream);
    if (!mimeType) {
      this.#state.patch({ notice: 'unsupported' });
      return;
    }
    const early: [Uint8Array, number][] = [];
    let take: SpoolTake | null = null;
    const recorder = new TakeRecorder(stream, mimeType, QUALITIES[quality], this.#o.sliceMs, {
      slice: (bytes, endMs) => {
        if (take) this.#spool(take, bytes, endMs);
        else early.push([bytes, endMs]);
      },
      stopped: (asked) => {
        if (!asked && this.#recorder === recorder) this.restart();
      },
      silent: () => {
        if (this.#recorder === recorder) this.#o.capture.freeze(stream);
      },
    });
    this.#recorder = recorder;
    take = await this.#o.backlog.begin(live, mimeType, recorder.startedAt).catch(async (reason: unknown) => {
      this.#recorder = null;
      await recorder.stop();
      throw reason;
    });
    this.#take = take;
    for (const [bytes, endMs] of early) this.#spool(take, bytes, endMs);
  }

  async #end(): Promise<void> {
    const recorder = this.#recorder;
    const take = this.#take;
    this.#recorder = null;
    this.#take = null;
    if (!recorder || !take) return;
    await recorder.stop();
    await take.end();
    this.#earlierMs += take.recordedMs;
    this.#o.backlog.wake(take.record.id);
  }

  async #retake(between: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const goesOn = (): boolean => this.#state.value.phase === 'live' && !this.#closed;
    await this.#end();
    if (goesOn()) await between();
    if (goesOn()) await this.#goOn();
  }

  /** The next take of a live that is on: where none can begin, the person is told that nothing is recorded. */
  async #goOn(): Promise<void> {
    await this.#begin().catch(() => this.#state.patch({ notice: 'not-recording' }));
  }

  #spool(take: SpoolTake, bytes: Uint8Array, endMs: number): void {
    this.#restarts = 0;
    take.append(bytes, endMs).then(
      () => this.#o.backlog.wake(take.record.id),
      () => void this.#inTurn(() => this.#noRoom(take)),
    );
  }

  /** Neither storage nor memory takes more: a hole would spoil what follows, so the take ends here. */
  async #noRoom(take: SpoolTake): Promise<void> {
    if (this.#take !== take) return;
    await this.#end();
    this.#fullAt = this.#state.value.waitingBytes;
    this.#state.patch({ notice: 'storage-full' });
  }
}

/** How a stream is recorded here; null where it cannot be. Of nothing, as of a picture. */
function typeOf(stream: MediaStream | null): string | null {
  return pickMimeType(stream === null || stream.getVideoTracks().length > 0);
}

function idsOf(stream: MediaStream | null): string {
  return (stream?.getTracks() ?? [])
    .map(({ id }) => id)
    .sort()
    .join();
}
