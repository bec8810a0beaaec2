import 'fake-indexeddb/auto';
import { describe, expect, it } from 'vitest';
import { IndexedDbStore, MemoryStore, OverflowStore } from '../src/publisher/slice-store.js';
import { findMediaStart, newRecord, type SliceStore, SpoolTake } from '../src/publisher/spool.js';

const CLUSTER = [0x1f, 0x43, 0xb6, 0x75, 0x01, 0xff, 0xff, 0xff];

function record() {
  return newRecord({
    liveId: 7,
    base: '',
    streamKey: 'key',
    title: 'Marché',
    mimeType: 'video/webm;codecs=vp9,opus',
    startedAt: 1_000,
  });
}

function bytes(from: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (from + index) % 251);
}

describe.each<[string, () => Promise<SliceStore>]>([
  ['IndexedDB', () => IndexedDbStore.open()],
  ['memory', async () => new MemoryStore()],
])('a take in %s', (_name, open) => {
  it('gives back across slices what was appended, from any place', async () => {
    const take = new SpoolTake(record(), await open());
    await Promise.all([
      take.append(bytes(0, 10), 500),
      take.append(bytes(10, 5), 1000),
      take.append(bytes(15, 20), 1500),
    ]);
    expect(take.recordedBytes).toBe(35);
    expect(await take.read(0, 100)).toEqual(bytes(0, 35));
    expect(await take.read(8, 9)).toEqual(bytes(8, 9));
    expect(await take.read(35, 10)).toHaveLength(0);
  });

  it('lets go of whole slices below the acknowledged offset only', async () => {
    const store = await open();
    const take = new SpoolTake(record(), store);
    await take.append(bytes(0, 10), 500);
    await take.append(bytes(10, 10), 1000);
    expect(await take.acknowledge(15)).toBe(true);
    expect(await store.slices(take.record.id, 0, 100)).toHaveLength(1);
    expect(take.waitingBytes).toBe(5);
    expect(take.record.savedMs).toBe(500);
    expect(await take.read(15, 100)).toEqual(bytes(15, 5));
    expect(await take.acknowledge(20)).toBe(true);
    expect(await store.slices(take.record.id, 0, 100)).toHaveLength(0);
    expect(take.waitingMs).toBe(0);
  });

  it('is found again by a later session with what was not acknowledged', async () => {
    const store = await open();
    const first = new SpoolTake(record(), store);
    await first.append(bytes(0, 10), 500);
    await first.append(bytes(10, 10), 1000);
    await first.acknowledge(10);
    const found = (await store.takes()).find((candidate) => candidate.id === first.record.id);
    if (!found) throw new Error('the take is not there');
    const second = await SpoolTake.reopen(found, store);
    expect(second.uploadOffset).toBe(10);
    expect(second.recordedBytes).toBe(20);
    expect(second.recordedMs).toBe(1000);
    expect(await second.read(10, 100)).toEqual(bytes(10, 10));
  });

  it('says no to an offset that needs bytes which are gone or were never recorded', async () => {
    const take = new SpoolTake(record(), await open());
    await take.append(bytes(0, 10), 500);
    await take.append(bytes(10, 10), 1000);
    await take.acknowledge(10);
    expect(await take.acknowledge(4)).toBe(false);
    expect(await take.acknowledge(21)).toBe(false);
    expect(take.uploadOffset).toBe(10);
  });

  it('goes back to a lower offset while those bytes are still here', async () => {
    const take = new SpoolTake(record(), await open());
    await take.append(bytes(0, 20), 500);
    await take.acknowledge(15);
    expect(await take.acknowledge(6)).toBe(true);
    expect(take.uploadOffset).toBe(6);
  });

  it('starts a new upload with its header and the next cluster when the old upload is gone', async () => {
    const take = new SpoolTake(record(), await open());
    const header = bytes(100, 30);
    await take.append(Uint8Array.from([...header, ...CLUSTER, 1, 2]), 500);
    await take.append(Uint8Array.from([3, 4, 5, ...CLUSTER, 6, 7]), 1000);
    await take.acknowledge(40);
    expect(await take.startOver()).toBe(true);
    expect(take.record.prefix).toEqual(header);
    expect(take.uploadOffset).toBe(0);
    expect(take.uploadLength).toBe(30 + CLUSTER.length + 2);
    expect(await take.read(take.record.acknowledged, 100)).toEqual(Uint8Array.from([...CLUSTER, 6, 7]));
    // The server took part of the header, then all of it and some media.
    expect(await take.acknowledge(12)).toBe(true);
    expect(take.uploadOffset).toBe(12);
    expect(await take.acknowledge(34)).toBe(true);
    expect(take.record.acknowledged).toBe(40 + 3 + 4);
  });

  it('sends everything again in a new upload when nothing was acknowledged', async () => {
    const take = new SpoolTake(record(), await open());
    await take.append(bytes(0, 10), 500);
    expect(await take.startOver()).toBe(true);
    expect(take.record.prefix).toBeNull();
    expect(take.uploadOffset).toBe(0);
    expect(take.uploadLength).toBe(10);
  });

  it('forgets everything of a take that is done', async () => {
    const store = await open();
    const take = new SpoolTake(record(), store);
    await take.append(bytes(0, 10), 500);
    await take.remove();
    expect((await store.takes()).some((candidate) => candidate.id === take.record.id)).toBe(false);
    expect(await store.slices(take.record.id, 0, 100)).toEqual([]);
  });
});

/** A disk that takes no slice while it is full, but still lets go of some. */
function refusingWhen(disk: SliceStore, isFull: () => boolean): SliceStore {
  return {
    takes: () => disk.takes(),
    slices: (take, from, to) => disk.slices(take, from, to),
    put: (held, slice, drop) =>
      isFull() && slice ? Promise.reject(new Error('full')) : disk.put(held, slice, drop),
    remove: (take) => disk.remove(take),
  };
}

it('keeps recording in memory when the disk refuses, and joins both when read', async () => {
  const disk = new MemoryStore();
  let full = false;
  const refusing = refusingWhen(disk, () => full);
  let told = 0;
  const take = new SpoolTake(
    record(),
    new OverflowStore(refusing, () => {
      told += 1;
    }),
  );
  await take.append(bytes(0, 10), 500);
  full = true;
  await take.append(bytes(10, 10), 1000);
  full = false;
  await take.append(bytes(20, 10), 1500);
  expect(told).toBe(1);
  expect(await take.read(0, 100)).toEqual(bytes(0, 30));
});

it('takes no slice after one that nobody had room for: there is never a hole', async () => {
  const disk = new MemoryStore();
  let full = false;
  const refusing = refusingWhen(disk, () => full);
  const take = new SpoolTake(record(), refusing);
  await take.append(bytes(0, 10), 500);
  full = true;
  await expect(take.append(bytes(10, 10), 1000)).rejects.toThrow('full');
  full = false;
  await expect(take.append(bytes(20, 10), 1500)).rejects.toThrow('full');
  await take.end();
  expect(await take.read(0, 100)).toEqual(bytes(0, 10));
  expect(take.uploadLength).toBe(10);
});

it('finds clusters and fragments, and no start in what has none', () => {
  expect(findMediaStart(Uint8Array.from([0x1a, 0x45, ...CLUSTER]))).toBe(2);
  expect(findMediaStart(Uint8Array.from([9, 0, 0, 0, 80, 0x6d, 0x6f, 0x6f, 0x66]))).toBe(1);
  expect(findMediaStart(bytes(0, 200))).toBe(-1);
});
