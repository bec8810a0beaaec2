import { uuid } from '../uuid.js';

/**
 * The spool: what the recorder delivered and the server has not yet confirmed. One take of it is one upload.
 * A slice is stored before any of it is sent and is dropped only once the server's durable offset has passed it.
 */

/** What is known of a take of the spool, kept beside its slices. */
export interface SpoolRecord {
  id: string;
  liveId: number;
  /** Address of the server the live belongs to; empty for the page's own. */
  base: string;
  /** The live's stream key, which stays good when a sign-in expires. */
  streamKey: string;
  title: string;
  mimeType: string;
  /** Wall clock at the recorder's start, ms since 1970. */
  startedAt: number;
  uploadUrl: string | null;
  /** What this upload begins with before the recording's bytes: its header again, when an earlier upload was lost. */
  prefix: Uint8Array | null;
  /** How much of `prefix` is durable on the server. */
  prefixSent: number;
  /** Place in the recording of the first byte of this upload after `prefix`. */
  origin: number;
  /** Bytes of the recording that are durable on the server. */
  acknowledged: number;
  /** Milliseconds of the recording that are durable on the server. */
  savedMs: number;
  /** True once the recorder has stopped and its last slice is stored. */
  ended: boolean;
  /** The server's sentence when it refused these bytes for good. */
  refusal: string | null;
  /** The recording up to its first cluster or fragment, at most `HEAD_LIMIT` bytes. */
  head: Uint8Array | null;
}

export interface StoredSlice {
  take: string;
  /** Place of the first byte in the recording. */
  offset: number;
  bytes: Uint8Array;
  /** Milliseconds from the recorder's start to the end of the slice. */
  endMs: number;
}

/** Where slices are kept. Every method has finished its writing when it resolves. */
export interface SliceStore {
  takes(): Promise<SpoolRecord[]>;
  slices(take: string, from: number, to: number): Promise<StoredSlice[]>;
  put(record: SpoolRecord, slice: StoredSlice | null, dropBelow: number | null): Promise<void>;
  remove(take: string): Promise<void>;
}

interface SliceMeta {
  offset: number;
  size: number;
  endMs: number;
}

/** How far into a recording its first cluster or fragment is looked for. */
const HEAD_LIMIT = 256 * 1024;
/** How far into what is left the next cluster or fragment is looked for. */
const RESTART_SEARCH = 8 * 1024 * 1024;

/** One take in the spool: an append-only run of bytes with a durable front that moves forward. */
export class SpoolTake {
  readonly record: SpoolRecord;
  readonly #store: SliceStore;
  readonly #metas: SliceMeta[] = [];
  #headBytes: Uint8Array | null = null;
  #writes: Promise<void> = Promise.resolve();
  /** Why a slice could not be stored: none after it is taken, so that there is never a hole. */
  #refused: unknown = null;

  constructor(record: SpoolRecord, store: SliceStore) {
    this.record = record;
    this.#store = store;
  }

  /** Loads what an earlier session left of a take. */
  static async reopen(record: SpoolRecord, store: SliceStore): Promise<SpoolTake> {
    const take = new SpoolTake(record, store);
    for (const slice of await store.slices(record.id, 0, Number.MAX_SAFE_INTEGER)) {
      take.#metas.push({ offset: slice.offset, size: slice.bytes.length, endMs: slice.endMs });
    }
    return take;
  }

  /** Length of the recording so far. */
  get recordedBytes(): number {
    const last = this.#metas.at(-1);
    return last ? Math.max(last.offset + last.size, this.record.acknowledged) : this.record.acknowledged;
  }

  get recordedMs(): number {
    return Math.max(this.#metas.at(-1)?.endMs ?? 0, this.record.savedMs);
  }

  get waitingBytes(): number {
    return this.recordedBytes - this.record.acknowledged;
  }

  get waitingMs(): number {
    return Math.max(0, this.recordedMs - this.record.savedMs);
  }

  /** Bytes of the present upload that are durable: what `Upload-Offset` counts. */
  get uploadOffset(): number {
    return this.record.prefixSent + this.record.acknowledged - this.record.origin;
  }

  /** Length of the present upload once everything recorded is in it. */
  get uploadLength(): number {
    return (this.record.prefix?.length ?? 0) + this.recordedBytes - this.record.origin;
  }

  /** Stores the next slice. In order, whatever the pace of the calls; once one is refused, so are all that follow. */
  append(bytes: Uint8Array, endMs: number): Promise<void> {
    return this.#line(async () => {
      if (bytes.length === 0) return;
      if (this.#refused !== null) throw this.#refused;
      const offset = this.recordedBytes;
      this.#keepHead(bytes, offset);
      const slice = { take: this.record.id, offset, bytes, endMs };
      await this.#store.put(this.record, slice, null).catch((reason: unknown) => {
        this.#refused = reason;
        throw reason;
      });
      this.#metas.push({ offset, size: bytes.length, endMs });
    });
  }

  /** Marks the recording as complete, after every slice appended before. */
  end(): Promise<void> {
    return this.#line(async () => {
      this.record.ended = true;
      await this.#store.put(this.record, null, null);
    });
  }

  /** Stores changes made to `record`. */
  save(): Promise<void> {
    return this.#line(() => this.#store.put(this.record, null, null));
  }

  /** Up to `limit` bytes of the recording from `from` on. */
  async read(from: number, limit: number): Promise<Uint8Array<ArrayBuffer>> {
    const to = Math.min(from + limit, this.recordedBytes);
    const joined = new Uint8Array(Math.max(0, to - from));
    if (to <= from) return joined;
    // The slice that holds `from` starts before it.
    const first = this.#metas.findLast((meta) => meta.offset <= from)?.offset ?? from;
    for (const slice of await this.#store.slices(this.record.id, first, to)) {
      const begin = Math.max(from, slice.offset);
      const end = Math.min(to, slice.offset + slice.bytes.length);
      if (end > begin) {
        joined.set(slice.bytes.subarray(begin - slice.offset, end - slice.offset), begin - from);
      }
    }
    return joined;
  }

  /**
   * The server's durable offset in the present upload: whole slices below it are let go. False if the server wants
   * bytes that are not here: fewer than it once confirmed, or more than were recorded.
   */
  async acknowledge(uploadOffset: number): Promise<boolean> {
    let held = false;
    await this.#line(async () => {
      const { record } = this;
      const prefix = record.prefix?.length ?? 0;
      const place = record.origin + Math.max(0, uploadOffset - prefix);
      const first = this.#metas[0]?.offset ?? this.recordedBytes;
      held = place >= first && place <= this.recordedBytes;
      if (!held) return;
      record.prefixSent = Math.min(uploadOffset, prefix);
      record.acknowledged = place;
      let dropBelow: number | null = null;
      while (this.#metas[0] && this.#metas[0].offset + this.#metas[0].size <= place) {
        const meta = this.#metas.shift() as SliceMeta;
        record.savedMs = meta.endMs;
        dropBelow = meta.offset + meta.size;
      }
      await this.#store.put(record, null, dropBelow);
    });
    return held;
  }

  /**
   * Prepares a new upload for what is left, after the server lost or closed the one before. The bytes that are
   * gone from here are durable there as an earlier take; a new upload has to begin with a header, so it gets the
   * recording's own and goes on at the next cluster or fragment. False if nothing that can be played is left.
   */
  async startOver(): Promise<boolean> {
    const record = this.record;
    record.uploadUrl = null;
    const first = this.#metas[0]?.offset ?? this.recordedBytes;
    if (first === 0) {
      record.prefix = null;
      record.prefixSent = 0;
      record.origin = 0;
      record.acknowledged = 0;
      record.savedMs = 0;
    } else {
      const rest = await this.read(first, RESTART_SEARCH);
      const start = record.head ? findMediaStart(rest) : -1;
      if (start < 0 || !record.head) return false;
      record.prefix = record.head;
      record.prefixSent = 0;
      record.origin = first + start;
      record.acknowledged = record.origin;
    }
    await this.save();
    return true;
  }

  /** Forgets the take and all its slices. */
  remove(): Promise<void> {
    return this.#line(() => this.#store.remove(this.record.id));
  }

  #keepHead(bytes: Uint8Array, offset: number): void {
    if (this.record.head || offset > HEAD_LIMIT) return;
    const before = this.#headBytes ?? new Uint8Array();
    const joined = new Uint8Array(before.length + bytes.length);
    joined.set(before);
    joined.set(bytes, before.length);
    const start = findMediaStart(joined);
    if (start > 0) {
      this.record.head = joined.slice(0, start);
      this.#headBytes = null;
    } else {
      this.#headBytes = joined;
    }
  }

  #line(write: () => Promise<void>): Promise<void> {
    const result = this.#writes.then(write);
    this.#writes = result.catch(() => undefined);
    return result;
  }
}

/** Where the first WebM cluster or MP4 fragment starts in `bytes`, or -1. */
export function findMediaStart(bytes: Uint8Array): number {
  for (let i = 0; i + 8 <= bytes.length; i++) {
    if (bytes[i] === 0x1f && bytes[i + 1] === 0x43 && bytes[i + 2] === 0xb6 && bytes[i + 3] === 0x75)
      return i;
    const moof =
      bytes[i + 4] === 0x6d && bytes[i + 5] === 0x6f && bytes[i + 6] === 0x6f && bytes[i + 7] === 0x66;
    if (moof && bytes[i] === 0) return i;
  }
  return -1;
}

/** A new take's record. */
export function newRecord(fields: {
  liveId: number;
  base: string;
  streamKey: string;
  title: string;
  mimeType: string;
  startedAt: number;
}): SpoolRecord {
  return {
    ...fields,
    id: uuid(),
    uploadUrl: null,
    prefix: null,
    prefixSent: 0,
    origin: 0,
    acknowledged: 0,
    savedMs: 0,
    ended: false,
    refusal: null,
    head: null,
  };
}
