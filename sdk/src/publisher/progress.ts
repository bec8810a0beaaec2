import type { Signal } from '../signal.js';
import type { Backlog } from './backlog.js';
import { QUALITIES } from './quality.js';
import type { Connection, PublisherState } from './state.js';
import type { Takes } from './takes.js';

/** More than this waiting counts as catching up: three slices of a second. */
const CATCHING_UP_MS = 3_000;
/** Behind for so long although there is a network: the quality is too high for it. */
const SLOW_NETWORK_MS = 20_000;
const STORAGE_LOW_MS = 5 * 60_000;

/** How much of the live is recorded, on its way and durable, and whether network and storage will do. */
export class Progress {
  readonly #state: Signal<PublisherState>;
  readonly #backlog: Backlog;
  readonly #takes: Takes;
  #behindSince: number | null = null;

  constructor(state: Signal<PublisherState>, backlog: Backlog, takes: Takes) {
    this.#state = state;
    this.#backlog = backlog;
    this.#takes = takes;
  }

  /** Says how far the live is saved. */
  measure(): void {
    const { live } = this.#state.value;
    if (!live) return;
    const mine = this.#backlog.value.filter((take) => take.liveId === live.liveId);
    const waitingMs = mine.reduce((sum, take) => sum + take.waitingMs, 0);
    const waitingBytes = mine.reduce((sum, take) => sum + take.waitingBytes, 0);
    const present = mine.find((take) => take.id === this.#takes.presentId);
    const { recordedMs } = this.#takes;
    const upload = (present ?? mine[0])?.upload;
    this.#watchPace(upload?.phase, waitingMs);
    if (present?.upload.phase === 'refused' && this.#takes.isRecording)
      this.#takes.refused(present.id, present.upload.sentence);
    this.#state.patch({
      waitingMs,
      waitingBytes,
      savedMs: Math.max(0, recordedMs - waitingMs),
      connection: connectionOf(upload?.phase, waitingMs),
      sentence: upload?.sentence ?? null,
    });
  }

  /** Says for how long the device's storage takes the recording. */
  async measureStorage(): Promise<void> {
    const estimate = await navigator.storage?.estimate?.().catch(() => null);
    if (!estimate?.quota) return;
    const quality = QUALITIES[this.#state.value.quality];
    const bytesPerMs = (quality.videoBitsPerSecond + quality.audioBitsPerSecond) / 8000;
    const storageMs = (estimate.quota - (estimate.usage ?? 0)) / bytesPerMs;
    this.#state.patch({ storageMs });
    if (storageMs < STORAGE_LOW_MS) this.#state.patch({ notice: 'storage-low' });
  }

  /** Says when the network is there but too thin for the quality chosen. */
  #watchPace(phase: string | undefined, waitingMs: number): void {
    const behind =
      this.#takes.isRecording && waitingMs > CATCHING_UP_MS * 2 && phase !== 'offline' && phase !== 'held';
    if (!behind) this.#behindSince = null;
    else this.#behindSince ??= performance.now();
    if (this.#behindSince === null || performance.now() - this.#behindSince < SLOW_NETWORK_MS) return;
    this.#behindSince = null;
    if (this.#state.value.quality !== 'low') this.#state.patch({ notice: 'network-slow' });
  }
}

function connectionOf(phase: string | undefined, waitingMs: number): Connection {
  if (phase === 'offline') return 'offline';
  if (phase === 'held' || phase === 'refused') return 'held';
  return waitingMs > CATCHING_UP_MS ? 'catching-up' : 'ok';
}
