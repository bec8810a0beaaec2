import type { LiveClient } from '../client.js';
import { Signal, type Unsubscribe } from '../signal.js';
import type { StoppedLive, Visibility } from '../types.js';
import { Backlog, type OpenLive } from './backlog.js';
import { Capture, type CaptureWish } from './capture.js';
import { AwakeScreen } from './devices.js';
import { stillOf } from './poster.js';
import { Progress } from './progress.js';
import { IDLE, type PublisherState } from './state.js';
import { Takes } from './takes.js';

export type { Connection, Notice, PublisherPhase, PublisherState } from './state.js';

export interface PublisherOptions {
  /** Milliseconds asked of the recorder for each slice, 250 to 1000. Shorter: less behind, more requests. */
  sliceMs?: number;
}

const TICK_MS = 500;
/** How long the stop waits for the last bytes before it tells the server all the same. */
const DRAIN_PATIENCE_MS = 6_000;
const STOP_RETRY_MS = 5_000;
/** Cameras start dark: the poster is taken this long after the start. */
const POSTER_AFTER_MS = 2_000;

/** Camera to server: preview, record, spool, send, stop; survives everything short of losing the phone. */
export class Publisher extends Signal<PublisherState> {
  readonly backlog: Backlog;
  readonly #api: LiveClient;
  readonly #capture: Capture;
  readonly #takes: Takes;
  readonly #progress: Progress;
  readonly #awake = new AwakeScreen();
  #notPublishing: () => void = () => undefined;
  #destroyed = false;
  #ticker: ReturnType<typeof setInterval> | null = null;
  readonly #unsubscribe: Unsubscribe[] = [];

  constructor(api: LiveClient, options: PublisherOptions = {}, backlog: Backlog = new Backlog(api)) {
    super(IDLE);
    this.#api = api;
    this.backlog = backlog;
    this.#capture = new Capture(this, {
      onLost: () => this.#onLost(),
      onTracks: () => this.#takes.followTracks(),
    });
    const sliceMs = Math.min(1000, Math.max(250, options.sliceMs ?? 500));
    this.#takes = new Takes(this, { capture: this.#capture, backlog, sliceMs });
    this.#progress = new Progress(this, backlog, this.#takes);
    this.#unsubscribe.push(backlog.subscribe(() => this.#progress.measure()));
    this.#unsubscribe.push(
      backlog.overflowing.subscribe((over) => {
        if (over) this.patch({ notice: 'memory-only' });
      }),
    );
    document.addEventListener('visibilitychange', this.#onVisible);
    navigator.mediaDevices?.addEventListener('devicechange', this.#onDevices);
  }

  /** Opens camera and microphone for the preview; falls back to the microphone where there is no camera. */
  async preview(wish: CaptureWish = {}): Promise<void> {
    if (!this.#destroyed) await this.#capture.open(wish);
  }

  /** Another quality, camera or microphone, or the screen. During the live this begins a new take of it. */
  async change(wish: CaptureWish): Promise<void> {
    if (wish.screen ?? this.value.screen) {
      this.patch({ ...wish, screen: this.value.screen });
      return this.#showScreen();
    }
    if (!this.#takes.isRecording) return this.preview(wish);
    await this.#takes.retake(() => this.preview(wish));
  }

  /** Starts a new live. Rejects with the server's `Problem`, or with why nothing could be recorded: then there is no live. */
  async start(form: { title: string; description: string; visibility: Visibility }): Promise<void> {
    await this.#begin(async () => {
      const started = await this.#api.startLive(form);
      const open: OpenLive = {
        liveId: started.live_id,
        streamKey: started.stream_key,
        title: form.title,
        watchUrl: started.watch_url,
        stopping: false,
      };
      await this.#goLive(open, 0).catch(async (reason: unknown) => {
        await this.backlog.stopLive(open.liveId).catch(() => undefined);
        throw reason;
      });
    });
  }

  /** Goes on with a live of an earlier session, as a new take. Rejects as `start` does; the live then stays open. */
  async resume(open: OpenLive): Promise<void> {
    await this.#begin(async () => {
      const live = await this.#api.live(open.liveId).catch(() => null);
      await this.#goLive({ ...open, stopping: false }, live?.duration_ms ?? 0);
    });
  }

  setMuted(muted: boolean): void {
    this.#capture.setMuted(muted);
  }

  /** The picture goes black, the recording goes on. */
  setCameraOff(cameraOff: boolean): void {
    this.#capture.setCameraOff(cameraOff);
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
    this.#capture.stopOpening();
    await this.#takes.end();
    this.#capture.close();
    await this.#rest();
    const whole = await this.backlog.drained(live.liveId, DRAIN_PATIENCE_MS);
    const receipt = await this.backlog.stopLive(live.liveId).catch(() => null);
    this.patch({ phase: 'stopped', receipt, notice: null });
    this.#notPublishing();
    if (!receipt || !whole) void this.#completeReceipt(live.liveId);
    return receipt;
  }

  /** Opens the devices again after they failed; a live that was waiting for them, or for the picture, goes on with it. */
  async retry(): Promise<void> {
    if (this.#takes.isRecording && this.#capture.isPictureLost) return this.#takes.takePicture();
    await this.preview();
    if (this.value.phase === 'live' && this.value.stream && !this.#takes.isRecording) {
      this.patch({ notice: null });
      await this.#takes.beginAgain();
    }
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
    this.#capture.stopOpening();
    await this.#takes.close().finally(() => this.#capture.close());
    await this.#rest();
    this.#notPublishing();
  }

  /** Nothing is changed until somebody has chosen what to show, and nothing at all if they do not. */
  async #showScreen(): Promise<void> {
    if (!(await this.#capture.findScreen())) return;
    const show = async (): Promise<void> => {
      this.#capture.useFound();
      this.patch({ screen: true });
    };
    await (this.#takes.isRecording ? this.#takes.retake(show) : show());
  }

  /** From the preview to a live by `work`, and back if that fails. */
  async #begin(work: () => Promise<void>): Promise<void> {
    if (!this.value.stream || this.value.phase === 'starting' || !this.#takes.checkSupport()) return;
    this.patch({ phase: 'starting' });
    try {
      await work();
    } catch (error) {
      this.#notPublishing();
      this.patch({ phase: 'previewing', live: null });
      throw error;
    }
  }

  async #goLive(open: OpenLive, earlierMs: number): Promise<void> {
    this.backlog.openLive = open;
    this.#notPublishing = await this.backlog.publishing();
    this.#takes.forLive(earlierMs);
    this.patch({ live: open, receipt: null });
    await this.#takes.begin();
    if (this.#destroyed) throw new Error('left before the live began');
    this.patch({ phase: 'live' });
    void this.#awake.hold();
    void persistStorage();
    this.#ticker ??= setInterval(() => this.#tick(), TICK_MS);
    setTimeout(() => void this.#sendPoster(open), POSTER_AFTER_MS);
  }

  /** Nothing is recorded any more: no need to measure, nor to keep the screen on. */
  async #rest(): Promise<void> {
    if (this.#ticker) clearInterval(this.#ticker);
    this.#ticker = null;
    await this.#awake.release();
  }

  /** A poster is an adornment: without one the server has a neutral picture. */
  async #sendPoster(open: OpenLive): Promise<void> {
    const { stream, cameraOff, live } = this.value;
    if (!stream || cameraOff || live?.liveId !== open.liveId) return;
    const still = await stillOf(stream);
    if (still) await this.#api.sendPoster(open.liveId, still).catch(() => undefined);
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

  #onLost(): void {
    if (this.#takes.isRecording) this.#takes.restart();
    else if (this.value.stream?.getAudioTracks().some((track) => track.readyState === 'live'))
      void this.preview();
    else this.patch({ notice: 'camera-lost' });
  }

  readonly #onVisible = (): void => {
    if (document.visibilityState !== 'visible' || this.value.phase !== 'live') return;
    if (this.#capture.isDead) this.#takes.restart();
    else this.#onDevices();
  };

  readonly #onDevices = (): void => {
    if (this.#capture.isPictureLost) void this.#takes.takePicture();
  };

  #tick(): void {
    const recordedMs = this.#takes.elapsedMs;
    if (recordedMs !== null) this.patch({ recordedMs });
    this.#progress.measure();
    this.#takes.useRoom();
    if (Math.floor(this.value.recordedMs / 500) % 20 === 1) void this.#progress.measureStorage();
  }
}

/** Asks that the spool be kept when space is short. Some browsers never answer: nobody waits for it. */
async function persistStorage(): Promise<void> {
  await navigator.storage?.persist?.().catch(() => false);
}
