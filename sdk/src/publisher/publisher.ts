import type { Api } from '../api.js';
import { Signal, type Unsubscribe } from '../signal.js';
import type { StoppedLive, Visibility } from '../types.js';
import { Backlog, type OpenLive } from './backlog.js';
import { AwakeScreen, DeviceError, type DeviceTrouble, moves, openDevices } from './devices.js';
import { stillOf } from './poster.js';
import { pickMimeType, QUALITIES, type QualityName } from './quality.js';
import { TakeRecorder } from './recorder.js';
import type { SpoolTake } from './spool.js';

export type PublisherPhase = 'idle' | 'previewing' | 'starting' | 'live' | 'stopping' | 'stopped';

/** How the recording gets to the server. `held`: the server has a reason, in `sentence`. */
export type Connection = 'ok' | 'offline' | 'catching-up' | 'held';

/** Something the person should know. The page has the words. */
export type Notice =
  | 'camera-lost'
  | 'camera-hidden'
  | 'recorder-restarted'
  | 'sound-only'
  | 'memory-only'
  | 'storage-low'
  | 'storage-full'
  | 'network-slow'
  | 'refused'
  | 'unsupported';

export interface PublisherState {
  phase: PublisherPhase;
  stream: MediaStream | null;
  trouble: DeviceTrouble | null;
  live: OpenLive | null;
  connection: Connection;
  sentence: string | null;
  notice: Notice | null;
  /** Length of the live as this device recorded it, over all takes. */
  recordedMs: number;
  /** How much of it is durable on the server. */
  savedMs: number;
  waitingBytes: number;
  waitingMs: number;
  /** For how long the device's storage takes the recording without any network; null if unknown. */
  storageMs: number | null;
  muted: boolean;
  cameraOff: boolean;
  hasVideo: boolean;
  quality: QualityName;
  facing: 'user' | 'environment';
  receipt: StoppedLive | null;
}

export interface PublisherOptions {
  /** Milliseconds asked of the recorder for each slice, 250 to 1000. Shorter: less behind, more requests. */
  sliceMs?: number;
}

/** More than this waiting counts as catching up: three slices of a second. */
const CATCHING_UP_MS = 3_000;
/** How long the stop waits for the last bytes before it tells the server all the same. */
const DRAIN_PATIENCE_MS = 6_000;
/** Behind for so long although there is a network: the quality is too high for it. */
const SLOW_NETWORK_MS = 20_000;
const STOP_RETRY_MS = 5_000;
const STORAGE_LOW_MS = 5 * 60_000;
/** Nothing more fitted on this device: recording goes on once so much of what waited has been sent, or nearly all. */
const ROOM_AGAIN_BYTES = 8 * 1024 * 1024;
const NEARLY_ALL_SENT_BYTES = 1024 * 1024;
/** Cameras start dark: the poster is taken this long after the start. */
const POSTER_AFTER_MS = 2_000;
/** A recorder that fails this often in a row is not started again. */
const RESTARTS_IN_A_ROW = 5;

/** Camera to server: preview, record, spool, send, stop; survives everything short of losing the phone. */
export class Publisher extends Signal<PublisherState> {
  readonly backlog: Backlog;
  readonly #api: Api;
  readonly #sliceMs: number;
  readonly #awake = new AwakeScreen();
  #recorder: TakeRecorder | null = null;
  #take: SpoolTake | null = null;
  /** Length of the takes before the present one. */
  #earlierMs = 0;
  #restarts = 0;
  /** The picture went in the middle of the live: it comes back when the camera does. */
  #pictureLost = false;
  /** How much waited when nothing more fitted on this device; null while there is room. */
  #fullAt: number | null = null;
  #behindSince: number | null = null;
  #notPublishing: () => void = () => undefined;
  #destroyed = false;
  /** The camera gives no frames although nothing says so. */
  #frozen = false;
  /** The tracks that the present take records. */
  #recorded = '';
  #refusedTake: string | null = null;
  /** One change of takes at a time. */
  #turn: Promise<void> = Promise.resolve();
  #ticker: ReturnType<typeof setInterval> | null = null;
  readonly #unsubscribe: Unsubscribe[] = [];

  constructor(api: Api, options: PublisherOptions = {}, backlog: Backlog = new Backlog(api)) {
    super({
      phase: 'idle',
      stream: null,
      trouble: null,
      live: null,
      connection: 'ok',
      sentence: null,
      notice: null,
      recordedMs: 0,
      savedMs: 0,
      waitingBytes: 0,
      waitingMs: 0,
      storageMs: null,
      muted: false,
      cameraOff: false,
      hasVideo: true,
      quality: 'normal',
      facing: 'user',
      receipt: null,
    });
    this.#api = api;
    this.#sliceMs = Math.min(1000, Math.max(250, options.sliceMs ?? 500));
    this.backlog = backlog;
    this.#unsubscribe.push(backlog.subscribe(() => this.#measure()));
    this.#unsubscribe.push(
      backlog.overflowing.subscribe((over) => {
        if (over) this.patch({ notice: 'memory-only' });
      }),
    );
    document.addEventListener('visibilitychange', this.#onVisible);
    navigator.mediaDevices?.addEventListener('devicechange', this.#onDevices);
  }

  /** Opens camera and microphone for the preview; falls back to the microphone where there is no camera. */
  async preview(wish: { quality?: QualityName; facing?: 'user' | 'environment' } = {}): Promise<void> {
    const quality = wish.quality ?? this.value.quality;
    const facing = wish.facing ?? this.value.facing;
    this.#closeStream();
    try {
      const devices = { quality: QUALITIES[quality], facing };
      const stream = await openDevices(devices).catch((error: unknown) => {
        if (error instanceof DeviceError && error.trouble === 'missing')
          return openDevices({ ...devices, video: false });
        throw error;
      });
      this.#useStream(stream);
      this.patch({
        quality,
        facing,
        trouble: null,
        phase: this.value.phase === 'idle' ? 'previewing' : this.value.phase,
      });
    } catch (error) {
      this.patch({
        trouble: error instanceof DeviceError ? error.trouble : 'failed',
        stream: null,
        quality,
        facing,
      });
    }
  }

  /** Another quality or camera. During the live this begins a new take of it. */
  async change(wish: { quality?: QualityName; facing?: 'user' | 'environment' }): Promise<void> {
    if (!this.#recorder) return this.preview(wish);
    await this.#inTurn(() => this.#retake(() => this.preview(wish)));
  }

  /** Starts a new live. Rejects with the server's `Problem`. */
  async start(form: { title: string; description: string; visibility: Visibility }): Promise<void> {
    if (!this.value.stream) return;
    this.patch({ phase: 'starting' });
    try {
      const started = await this.#api.startLive(form);
      this.#earlierMs = 0;
      await this.#goLive({
        liveId: started.live_id,
        streamKey: started.stream_key,
        title: form.title,
        watchUrl: started.watch_url,
        stopping: false,
      });
    } catch (error) {
      this.patch({ phase: 'previewing' });
      throw error;
    }
  }

  /** Goes on with a live of an earlier session, as a new take. */
  async resume(open: OpenLive): Promise<void> {
    if (!this.value.stream) return;
    this.patch({ phase: 'starting' });
    const live = await this.#api.live(open.liveId).catch(() => null);
    this.#earlierMs = live?.duration_ms ?? 0;
    await this.#goLive({ ...open, stopping: false });
  }

  setMuted(muted: boolean): void {
    for (const track of this.value.stream?.getAudioTracks() ?? []) track.enabled = !muted;
    this.patch({ muted });
  }

  /** The picture goes black, the recording goes on. */
  setCameraOff(cameraOff: boolean): void {
    for (const track of this.value.stream?.getVideoTracks() ?? []) track.enabled = !cameraOff;
    this.patch({ cameraOff });
  }

  /**
   * Ends the recording, sends what is left as far as that is quick, and stops the live. What still waits goes on being
   * sent. The receipt is null when the server could not be told: then it is told as soon as it can be.
   */
  async stop(): Promise<StoppedLive | null> {
    const { live } = this.value;
    if (!live) return null;
    this.patch({ phase: 'stopping' });
    this.backlog.openLive = { ...live, stopping: true };
    await this.#inTurn(() => this.#endTake());
    this.#closeStream();
    await this.#awake.release();
    const whole = await this.backlog.drained(live.liveId, DRAIN_PATIENCE_MS);
    const receipt = await this.backlog.stopLive(live.liveId).catch(() => null);
    this.patch({ phase: 'stopped', receipt });
    this.#notPublishing();
    if (!receipt || !whole) void this.#completeReceipt(live.liveId);
    return receipt;
  }

  /** Tells the server of the stop once it can be reached, and asks again when the rest has arrived. */
  async #completeReceipt(liveId: number): Promise<void> {
    const wanted = (): boolean => !this.#destroyed && this.value.live?.liveId === liveId;
    while (wanted()) {
      const whole = await this.backlog.drained(liveId, STOP_RETRY_MS);
      if (!wanted() || (this.value.receipt && !whole)) continue;
      const receipt = await this.backlog.stopLive(liveId).catch(() => null);
      if (receipt && wanted()) this.patch({ receipt });
      if (receipt && whole) return;
      if (!receipt) await new Promise((resolve) => setTimeout(resolve, STOP_RETRY_MS));
    }
  }

  /** Opens the devices again after they failed; a live that was waiting for them, or for the picture, goes on with it. */
  async retry(): Promise<void> {
    if (this.#recorder && this.#pictureLost) return this.#pictureAgain();
    await this.preview();
    if (this.value.phase === 'live' && this.value.stream && !this.#recorder)
      await this.#inTurn(() => this.#beginTake());
  }

  dismissNotice(): void {
    this.patch({ notice: null });
  }

  /** Closes the devices. A live that is running stays open and can be resumed. */
  async destroy(): Promise<void> {
    this.#destroyed = true;
    document.removeEventListener('visibilitychange', this.#onVisible);
    navigator.mediaDevices?.removeEventListener('devicechange', this.#onDevices);
    for (const off of this.#unsubscribe) off();
    if (this.#ticker) clearInterval(this.#ticker);
    await this.#inTurn(() => this.#endTake());
    this.#closeStream();
    await this.#awake.release();
    this.#notPublishing();
  }

  async #goLive(open: OpenLive): Promise<void> {
    this.backlog.openLive = open;
    this.#notPublishing = await this.backlog.publishing();
    this.patch({ live: open, receipt: null });
    await this.#inTurn(() => this.#beginTake());
    if (this.value.phase === 'starting') this.patch({ phase: 'live' });
    void this.#awake.hold();
    void persistStorage();
    this.#ticker ??= setInterval(() => this.#tick(), 500);
    setTimeout(() => void this.#sendPoster(open), POSTER_AFTER_MS);
  }

  /** A poster is an adornment: without one the server has a neutral picture. */
  async #sendPoster(open: OpenLive): Promise<void> {
    const { stream, cameraOff, live } = this.value;
    if (!stream || cameraOff || live?.liveId !== open.liveId) return;
    const still = await stillOf(stream);
    if (still) await this.#api.sendPoster(open.liveId, still).catch(() => undefined);
  }

  async #beginTake(): Promise<void> {
    const { live, quality } = this.value;
    const stream = this.#recordable();
    this.#recorded = idsOf(stream);
    if (!stream || !live) return;
    const mimeType = pickMimeType(stream.getVideoTracks().length > 0);
    if (!mimeType) {
      this.patch({ notice: 'unsupported', phase: 'previewing' });
      return;
    }
    const early: [Uint8Array, number][] = [];
    let take: SpoolTake | null = null;
    const recorder = new TakeRecorder(stream, mimeType, QUALITIES[quality], this.#sliceMs, {
      slice: (bytes, endMs) => {
        if (take) this.#spool(take, bytes, endMs);
        else early.push([bytes, endMs]);
      },
      stopped: (asked) => {
        if (!asked && this.#recorder === recorder) this.#restart(recorder);
      },
      silent: () => {
        if (this.#recorder === recorder) this.#freeze(stream);
      },
    });
    this.#recorder = recorder;
    take = await this.backlog.begin(live, mimeType, recorder.startedAt);
    this.#take = take;
    for (const [bytes, endMs] of early) this.#spool(take, bytes, endMs);
  }

  /** Ends and beginnings of takes come one after the other, whoever asks for them. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Goes on in a new take with what gives frames now, unless the live is being stopped. */
  async #retake(between: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await this.#endTake();
    if (this.value.phase !== 'live' || this.#destroyed) return;
    await between();
    await this.#beginTake();
  }

  #spool(take: SpoolTake, bytes: Uint8Array, endMs: number): void {
    this.#restarts = 0;
    take.append(bytes, endMs).then(
      () => this.backlog.wake(take.record.id),
      () => void this.#inTurn(() => this.#noRoom(take)),
    );
  }

  /** Neither storage nor memory takes more: a hole would spoil what follows, so the take ends here. */
  async #noRoom(take: SpoolTake): Promise<void> {
    if (this.#take !== take) return;
    await this.#endTake();
    this.#fullAt = this.value.waitingBytes;
    this.patch({ notice: 'storage-full' });
  }

  /** Recording goes on in a new take once there is room again. */
  #roomAgain(): void {
    const { waitingBytes } = this.value;
    if (this.#fullAt === null) return;
    if (waitingBytes > NEARLY_ALL_SENT_BYTES && waitingBytes > this.#fullAt - ROOM_AGAIN_BYTES) return;
    this.#fullAt = null;
    void this.#inTurn(() => this.#retake());
  }

  async #endTake(): Promise<void> {
    const recorder = this.#recorder;
    const take = this.#take;
    this.#recorder = null;
    this.#take = null;
    if (!recorder || !take) return;
    await recorder.stop();
    await take.end();
    this.#earlierMs += take.recordedMs;
    this.backlog.wake(take.record.id);
  }

  /** The recorder stopped by itself: a camera taken away, an encoder that failed. */
  #restart(failed: TakeRecorder | null): void {
    void this.#inTurn(async () => {
      if (this.#recorder !== failed) return;
      this.#restarts += 1;
      const lost = this.value.stream?.getTracks().some((track) => track.readyState === 'ended') ?? true;
      this.patch({ notice: lost ? 'camera-lost' : 'recorder-restarted' });
      if (this.#restarts > RESTARTS_IN_A_ROW) await this.#endTake();
      else await this.#retake(() => (lost ? this.#reopen() : Promise.resolve()));
    });
  }

  /** Opens the devices again, the microphone alone where the picture is gone or no longer allowed. */
  async #reopen(): Promise<void> {
    const { hasVideo, quality, facing } = this.value;
    await this.preview();
    if (!this.value.stream) {
      const sound = { quality: QUALITIES[quality], facing, video: false };
      const stream = await openDevices(sound).catch(() => null);
      if (!stream) return;
      this.#useStream(stream);
      this.patch({ trouble: null });
    }
    this.#pictureLost = hasVideo && !this.value.hasVideo;
    if (this.#pictureLost) this.patch({ notice: 'sound-only' });
  }

  /** The camera may be back: if it is, the live goes on with its picture, in a new take. */
  #pictureAgain(): Promise<void> {
    return this.#inTurn(async () => {
      const { quality, facing, phase } = this.value;
      if (!this.#pictureLost || phase !== 'live') return;
      const stream = await openDevices({ quality: QUALITIES[quality], facing }).catch(() => null);
      if (!stream) return;
      this.#pictureLost = false;
      await this.#retake(async () => {
        this.#closeStream();
        this.#useStream(stream);
        this.patch({ notice: null });
      });
    });
  }

  /** What gives frames now. A recorder holds back the sound for as long as a track gives none. */
  #recordable(): MediaStream | null {
    const tracks = this.value.stream?.getTracks() ?? [];
    const given = tracks.filter(({ kind, muted }) => !muted && !(kind === 'video' && this.#frozen));
    return given.length ? new MediaStream(given) : null;
  }

  /** A camera that is there but stands still would hold back the sound too: it is left out until frames come. */
  #freeze(recorded: MediaStream): void {
    const { stream } = this.value;
    if (this.#frozen || !stream || !recorded.getVideoTracks().length || !recorded.getAudioTracks().length)
      return;
    this.#frozen = true;
    this.patch({ notice: 'camera-hidden' });
    this.#followTracks();
    void moves(stream).then(() => {
      if (this.value.stream !== stream || !this.#frozen) return;
      this.#frozen = false;
      if (this.value.notice === 'camera-hidden') this.patch({ notice: null });
      this.#followTracks();
    });
  }

  /** A new take when other tracks give frames than those that the present one records. */
  #followTracks(): void {
    void this.#inTurn(async () => {
      if (this.value.phase === 'live' && this.#recorded !== idsOf(this.#recordable())) await this.#retake();
    });
  }

  #useStream(stream: MediaStream): void {
    this.#frozen = false;
    for (const track of stream.getAudioTracks()) track.enabled = !this.value.muted;
    for (const track of stream.getVideoTracks()) track.enabled = !this.value.cameraOff;
    for (const track of stream.getTracks()) {
      track.onended = () => {
        if (this.value.stream === stream && this.#recorder) this.#restart(this.#recorder);
        else if (this.value.stream === stream) this.patch({ notice: 'camera-lost' });
      };
      // Phones mute the camera of a page that is not in front.
      track.onmute = () => {
        this.patch({ notice: 'camera-hidden' });
        if (this.value.stream === stream) this.#followTracks();
      };
      track.onunmute = () => {
        if (this.value.notice === 'camera-hidden') this.patch({ notice: null });
        if (this.value.stream === stream) this.#followTracks();
      };
    }
    this.patch({ stream, hasVideo: stream.getVideoTracks().length > 0 });
  }

  #closeStream(): void {
    for (const track of this.value.stream?.getTracks() ?? []) {
      track.onended = null;
      track.onmute = null;
      track.onunmute = null;
      track.stop();
    }
    this.patch({ stream: null });
  }

  readonly #onVisible = (): void => {
    if (document.visibilityState !== 'visible' || this.value.phase !== 'live') return;
    const dead = this.value.stream?.getTracks().some((track) => track.readyState === 'ended') ?? true;
    if (dead) this.#restart(this.#recorder);
    else this.#onDevices();
  };

  readonly #onDevices = (): void => {
    if (this.#pictureLost) void this.#pictureAgain();
  };

  #tick(): void {
    if (this.#recorder) this.patch({ recordedMs: this.#earlierMs + this.#recorder.elapsedMs });
    this.#measure();
    this.#roomAgain();
    if (Math.floor(this.value.recordedMs / 500) % 20 === 1) void this.#measureStorage();
  }

  #measure(): void {
    const { live } = this.value;
    if (!live) return;
    const mine = this.backlog.value.filter((take) => take.liveId === live.liveId);
    const waitingMs = mine.reduce((sum, take) => sum + take.waitingMs, 0);
    const waitingBytes = mine.reduce((sum, take) => sum + take.waitingBytes, 0);
    const present = mine.find((take) => take.id === this.#take?.record.id);
    const recorded = this.#earlierMs + (this.#take?.recordedMs ?? 0);
    const upload = (present ?? mine[0])?.upload;
    this.#watchPace(upload?.phase, waitingMs);
    if (present?.upload.phase === 'refused' && this.#recorder)
      this.#refused(present.id, present.upload.sentence);
    this.patch({
      waitingMs,
      waitingBytes,
      savedMs: Math.max(0, recorded - waitingMs),
      connection: connectionOf(upload?.phase, waitingMs),
      sentence: upload?.sentence ?? null,
    });
  }

  /** Says when the network is there but too thin for the quality chosen. */
  #watchPace(phase: string | undefined, waitingMs: number): void {
    const behind =
      this.#recorder !== null && waitingMs > CATCHING_UP_MS * 2 && phase !== 'offline' && phase !== 'held';
    if (!behind) this.#behindSince = null;
    else this.#behindSince ??= performance.now();
    if (this.#behindSince === null || performance.now() - this.#behindSince < SLOW_NETWORK_MS) return;
    this.#behindSince = null;
    if (this.value.quality !== 'low') this.patch({ notice: 'network-slow' });
  }

  /** The server takes no more of this upload: the live goes on in a new take, with a fresh header. */
  #refused(take: string, sentence: string | null): void {
    if (take === this.#refusedTake || this.#restarts >= RESTARTS_IN_A_ROW) return;
    this.#refusedTake = take;
    this.#restarts += 1;
    this.patch({ notice: 'refused', sentence });
    void this.#inTurn(() => this.#retake());
  }

  async #measureStorage(): Promise<void> {
    const estimate = await navigator.storage?.estimate?.().catch(() => null);
    if (!estimate?.quota) return;
    const quality = QUALITIES[this.value.quality];
    const bytesPerMs = (quality.videoBitsPerSecond + quality.audioBitsPerSecond) / 8000;
    const storageMs = (estimate.quota - (estimate.usage ?? 0)) / bytesPerMs;
    this.patch({ storageMs });
    if (storageMs < STORAGE_LOW_MS) this.patch({ notice: 'storage-low' });
  }
}

function idsOf(stream: MediaStream | null): string {
  return (stream?.getTracks() ?? [])
    .map(({ id }) => id)
    .sort()
    .join();
}

function connectionOf(phase: string | undefined, waitingMs: number): Connection {
  if (phase === 'offline') return 'offline';
  if (phase === 'held' || phase === 'refused') return 'held';
  return waitingMs > CATCHING_UP_MS ? 'catching-up' : 'ok';
}

/** Asks that the spool be kept when space is short. Some browsers never answer: nobody waits for it. */
async function persistStorage(): Promise<void> {
  await navigator.storage?.persist?.().catch(() => false);
}
