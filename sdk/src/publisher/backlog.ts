import type { LiveClient } from '../client.js';
import { browserStorage, type KeyValueStore } from '../session.js';
import { Signal } from '../signal.js';
import type { StoppedLive } from '../types.js';
import { IndexedDbStore, MemoryStore, OverflowStore } from './slice-store.js';
import { newRecord, type SliceStore, type SpoolRecord, SpoolTake } from './spool.js';
import { TurnTaking } from './turns.js';
import { Uploader, type UploadState } from './uploader.js';

/** A live that this device was publishing, kept over reloads until it is stopped. */
export interface OpenLive {
  liveId: number;
  streamKey: string;
  title: string;
  watchUrl: string;
  /** True once its author asked for the stop, which the server may not have heard yet. */
  stopping: boolean;
}

/** One take that waits on this device. */
export interface Waiting {
  id: string;
  liveId: number;
  title: string;
  waitingBytes: number;
  waitingMs: number;
  recordedMs: number;
  savedMs: number;
  upload: UploadState;
}

const OPEN_KEY = 'communiconnect.open-live';
const PUBLISHING = 'communiconnect.publishing';

/**
 * Everything of this device that is on its way to the server: the take being recorded and whatever earlier sessions
 * left behind, after a reload, a killed tab or an empty battery.
 */
export class Backlog extends Signal<Waiting[]> {
  readonly #api: LiveClient;
  readonly #storage: KeyValueStore | null;
  readonly #turns = new TurnTaking();
  readonly #uploaders = new Map<string, Uploader>();
  #store: SliceStore | null = null;
  /** True when the device's own storage refused a slice: what is in memory dies with the tab. */
  readonly overflowing = new Signal(false);

  constructor(api: LiveClient, storage: KeyValueStore | null = browserStorage()) {
    super([]);
    this.#api = api;
    this.#storage = storage;
    globalThis.addEventListener?.('online', () => this.wake());
  }

  /** Finds what earlier sessions left and starts sending it. */
  async recover(): Promise<void> {
    const store = await this.#open();
    for (const record of await store.takes()) {
      if (this.#uploaders.has(record.id) || record.base !== this.#api.base) continue;
      // Its recorder is gone, or its tab holds the lock: what was stored is all there will be.
      const take = await SpoolTake.reopen({ ...record, ended: true, refusal: null }, store);
      await this.#claim(record.id, () => this.#upload(take, 1));
    }
    const open = this.openLive;
    if (open?.stopping) void this.stopLive(open.liveId).catch(() => undefined);
  }

  /** Opens the spool of a take that is being recorded now, and starts sending it. */
  async begin(open: OpenLive, mimeType: string, startedAt: number): Promise<SpoolTake> {
    const record = newRecord({
      liveId: open.liveId,
      base: this.#api.base,
      streamKey: open.streamKey,
      title: open.title,
      mimeType,
      startedAt,
    });
    const take = new SpoolTake(record, await this.#open());
    const begun = performance.now() - (Date.now() - startedAt);
    await this.#claim(record.id, () => this.#upload(take, 0, () => realAge(startedAt, begun)));
    return take;
  }

  /** Something new is in the spool of `take`, or of any. */
  wake(take?: string): void {
    for (const [id, uploader] of this.#uploaders) if (!take || id === take) uploader.wake();
    this.#publish();
  }

  uploadOf(take: string): UploadState | null {
    return this.#uploaders.get(take)?.state ?? null;
  }

  /** The recording as far as it is still here, to be kept as a file. */
  async rescue(take: string): Promise<Blob | null> {
    const held = this.#uploaders.get(take)?.take;
    if (!held) return null;
    const { head, acknowledged, mimeType } = held.record;
    const rest = await held.read(acknowledged, held.recordedBytes);
    return new Blob(head && acknowledged > 0 ? [head as Uint8Array<ArrayBuffer>, rest] : [rest], {
      type: mimeType,
    });
  }

  /** Throws away what waits of a take. Only on the person's word. */
  async discard(take: string): Promise<void> {
    const uploader = this.#uploaders.get(take);
    if (!uploader) return;
    uploader.abort();
    await uploader.take.remove();
    this.#uploaders.delete(take);
    this.#publish();
  }

  /** Resolves when nothing of the live waits here, or after `patienceMs`: then false. */
  drained(liveId: number, patienceMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      let off: () => void = () => undefined;
      const settle = (result: boolean): void => {
        clearTimeout(timer);
        queueMicrotask(() => off());
        resolve(result);
      };
      const timer = setTimeout(() => settle(false), patienceMs);
      off = this.subscribe((waiting) => {
        if (!waiting.some((take) => take.liveId === liveId)) settle(true);
      });
    });
  }

  /** The live this device was publishing when the page was last left. */
  get openLive(): OpenLive | null {
    try {
      return JSON.parse(this.#storage?.getItem(OPEN_KEY) ?? 'null') as OpenLive | null;
    } catch {
      return null;
    }
  }

  set openLive(open: OpenLive | null) {
    try {
      if (open) this.#storage?.setItem(OPEN_KEY, JSON.stringify(open));
      else this.#storage?.removeItem(OPEN_KEY);
    } catch {
      // Without storage the offer to go on after a reload is lost, nothing else.
    }
  }

  /** Stops the live on the server. Remembered until the server has heard it. */
  async stopLive(liveId: number): Promise<StoppedLive> {
    const open = this.openLive;
    if (open?.liveId === liveId) this.openLive = { ...open, stopping: true };
    const receipt = await this.#api.stopLive(liveId);
    if (this.openLive?.liveId === liveId) this.openLive = null;
    return receipt;
  }

  /** Holds this device's word that it is publishing, until the result is called. */
  async publishing(): Promise<() => void> {
    const locks = globalThis.navigator?.locks;
    if (!locks) return () => undefined;
    return new Promise((held) => {
      locks
        // Shared: another tab that publishes too is no reason to wait for its end.
        .request(PUBLISHING, { mode: 'shared' }, () => new Promise<void>((release) => held(release)))
        // Browsers that keep nothing for a page refuse it: the other tabs then do not know.
        .catch(() => held(() => undefined));
    });
  }

  /** True while another tab of this device publishes. */
  async publishedElsewhere(): Promise<boolean> {
    const locks = await globalThis.navigator?.locks?.query?.().catch(() => null);
    return locks?.held?.some((lock) => lock.name === PUBLISHING) ?? false;
  }

  async #open(): Promise<SliceStore> {
    if (this.#store) return this.#store;
    try {
      this.#store = new OverflowStore(await IndexedDbStore.open(), () => this.overflowing.set(true));
    } catch {
      this.overflowing.set(true);
      this.#store = new MemoryStore();
    }
    return this.#store;
  }

  /** Starts the work on a take, unless another tab holds it. Resolves when it has started; it goes on by itself. */
  #claim(id: string, work: () => Promise<void>): Promise<void> {
    const locks = globalThis.navigator?.locks;
    return new Promise((started) => {
      let isRunning = false;
      const run = (): Promise<void> => {
        isRunning = true;
        const running = work();
        started();
        return running;
      };
      if (!locks) {
        void run();
        return;
      }
      locks
        .request(`communiconnect.spool.${id}`, { ifAvailable: true }, (lock) => {
          if (lock) return run();
          started();
          return undefined;
        })
        // Browsers that keep nothing for a page refuse locks: nor do their tabs share a spool.
        .catch(() => (isRunning ? undefined : run()));
    });
  }

  async #upload(take: SpoolTake, priority: number, age?: () => number): Promise<void> {
    const { record } = take;
    const uploader = new Uploader(take, {
      turns: this.#turns,
      priority,
      ...(age && { age }),
      tokens: async () =>
        [record.streamKey, this.#api.accessToken].filter(
          (token) => token !== null && token !== '',
        ) as string[],
      renew: () => this.#api.refresh(),
      onChange: () => this.#publish(),
    });
    this.#uploaders.set(record.id, uploader);
    this.#publish();
    const { phase } = await uploader.run();
    if (phase === 'done') this.#uploaders.delete(record.id);
    this.#publish();
  }

  #publish(): void {
    this.set([...this.#uploaders.values()].map((uploader) => describe(uploader.take.record, uploader)));
  }
}

/** A device sleeps no longer than this in the middle of a live: more is a clock that was set anew. */
const LONGEST_SLEEP_MS = 24 * 3_600_000;

/**
 * How long ago something began, by the wall clock, which goes on while the device sleeps, unless that was set anew in
 * between: then by the page's own clock.
 */
export function realAge(
  startedAt: number,
  begun: number,
  wall = Date.now(),
  own = performance.now(),
): number {
  const asleep = wall - startedAt - (own - begun);
  return asleep >= 0 && asleep < LONGEST_SLEEP_MS ? wall - startedAt : own - begun;
}

function describe(record: SpoolRecord, { take, state }: Uploader): Waiting {
  return {
    id: record.id,
    liveId: record.liveId,
    title: record.title,
    waitingBytes: take.waitingBytes,
    waitingMs: take.waitingMs,
    recordedMs: take.recordedMs,
    savedMs: record.savedMs,
    upload: state,
  };
}
