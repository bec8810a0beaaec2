import type { SliceStore, SpoolRecord, StoredSlice } from './spool.js';

const NAME = 'communiconnect-spool';
const TAKES = 'takes';
const SLICES = 'slices';

/**
 * Slices in IndexedDB, one record each. A slice is kept strictly, for about a millisecond more: it outlives a battery
 * that dies, not only the tab. What was acknowledged may be forgotten late: it would only be sent again.
 */
export class IndexedDbStore implements SliceStore {
  readonly #db: IDBDatabase;

  private constructor(db: IDBDatabase) {
    this.#db = db;
  }

  /** Rejects where the browser has no usable IndexedDB. */
  static async open(factory: IDBFactory = indexedDB): Promise<IndexedDbStore> {
    const request = factory.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(TAKES, { keyPath: 'id' });
      request.result.createObjectStore(SLICES, { keyPath: ['take', 'offset'] });
    };
    const db = await done(request);
    db.onversionchange = () => db.close();
    return new IndexedDbStore(db);
  }

  takes(): Promise<SpoolRecord[]> {
    return done(this.#db.transaction(TAKES).objectStore(TAKES).getAll());
  }

  slices(take: string, from: number, to: number): Promise<StoredSlice[]> {
    const range = IDBKeyRange.bound([take, from], [take, to], false, true);
    return done(this.#db.transaction(SLICES).objectStore(SLICES).getAll(range));
  }

  put(record: SpoolRecord, slice: StoredSlice | null, dropBelow: number | null): Promise<void> {
    const transaction = this.#write(slice ? 'strict' : 'relaxed');
    transaction.objectStore(TAKES).put(record);
    const slices = transaction.objectStore(SLICES);
    if (slice) slices.put(slice);
    if (dropBelow !== null)
      slices.delete(IDBKeyRange.bound([record.id, 0], [record.id, dropBelow], false, true));
    return committed(transaction);
  }

  remove(take: string): Promise<void> {
    const transaction = this.#write('relaxed');
    transaction.objectStore(TAKES).delete(take);
    transaction.objectStore(SLICES).delete(IDBKeyRange.bound([take, 0], [take, Number.MAX_SAFE_INTEGER]));
    return committed(transaction);
  }

  #write(durability: IDBTransactionDurability): IDBTransaction {
    return this.#db.transaction([TAKES, SLICES], 'readwrite', { durability });
  }
}

/** Slices in memory: where there is no IndexedDB, and behind one that is full. */
export class MemoryStore implements SliceStore {
  readonly #records = new Map<string, SpoolRecord>();
  readonly #slices = new Map<string, StoredSlice[]>();

  /** Bytes held now. */
  get size(): number {
    let sum = 0;
    for (const slices of this.#slices.values()) for (const slice of slices) sum += slice.bytes.length;
    return sum;
  }

  async takes(): Promise<SpoolRecord[]> {
    return [...this.#records.values()].map((record) => ({ ...record }));
  }

  async slices(take: string, from: number, to: number): Promise<StoredSlice[]> {
    return (this.#slices.get(take) ?? []).filter((slice) => slice.offset >= from && slice.offset < to);
  }

  async put(record: SpoolRecord, slice: StoredSlice | null, dropBelow: number | null): Promise<void> {
    this.#records.set(record.id, { ...record });
    const kept = (this.#slices.get(record.id) ?? []).filter(
      (held) => dropBelow === null || held.offset >= dropBelow,
    );
    if (slice) kept.push(slice);
    this.#slices.set(record.id, kept);
  }

  async remove(take: string): Promise<void> {
    this.#records.delete(take);
    this.#slices.delete(take);
  }
}

/** Most that waits in memory once the device's storage refuses: some five minutes at normal quality. */
const OVERFLOW_LIMIT = 32 * 1024 * 1024;

/**
 * IndexedDB first; a slice that it refuses (storage full, storage taken away) waits in memory instead, so the recording
 * goes on. `onOverflow` is told, because what is in memory does not survive the tab.
 */
export class OverflowStore implements SliceStore {
  readonly #disk: SliceStore;
  readonly #memory = new MemoryStore();
  readonly #onOverflow: () => void;

  constructor(disk: SliceStore, onOverflow: () => void) {
    this.#disk = disk;
    this.#onOverflow = onOverflow;
  }

  takes(): Promise<SpoolRecord[]> {
    return this.#disk.takes();
  }

  async slices(take: string, from: number, to: number): Promise<StoredSlice[]> {
    const held = await this.#memory.slices(take, from, to);
    const stored = await this.#disk.slices(take, from, to).catch(() => [] as StoredSlice[]);
    return [...stored, ...held].sort((a, b) => a.offset - b.offset);
  }

  async put(record: SpoolRecord, slice: StoredSlice | null, dropBelow: number | null): Promise<void> {
    if (dropBelow !== null) await this.#memory.put(record, null, dropBelow);
    try {
      await this.#disk.put(record, slice, dropBelow);
    } catch {
      if (!slice) return;
      this.#onOverflow();
      if (this.#memory.size > OVERFLOW_LIMIT) throw new SpoolFull();
      await this.#memory.put(record, slice, null);
    }
  }

  async remove(take: string): Promise<void> {
    await this.#memory.remove(take);
    await this.#disk.remove(take);
  }
}

/** Neither the device's storage nor the memory set aside holds more. */
export class SpoolFull extends Error {
  override readonly name = 'SpoolFull';
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}
