import 'fake-indexeddb/auto';
import { afterEach, expect, it, vi } from 'vitest';
import { LiveClient } from '../src/client.js';
import { Backlog, type OpenLive, realAge } from '../src/publisher/backlog.js';
import { IndexedDbStore } from '../src/publisher/slice-store.js';
import { newRecord, SpoolTake } from '../src/publisher/spool.js';
import { Session } from '../src/session.js';
import { TusServer } from './tus-server.js';

const BASE = 'http://server';
const DATA = Uint8Array.from({ length: 500 }, (_, index) => index % 256);
const OPEN: OpenLive = { liveId: 7, streamKey: 'key', title: '', watchUrl: '/live/7', stopping: false };

class FakeStorage {
  readonly held = new Map<string, string>();
  getItem = (key: string): string | null => this.held.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.held.set(key, value);
  removeItem = (key: string): void => void this.held.delete(key);
}

function open(server: TusServer, storage = new FakeStorage(), api?: Partial<Response>): Backlog {
  vi.stubGlobal('fetch', server.fetch);
  const session = new Session(null);
  const answer = async (): Promise<Response> => new Response(JSON.stringify(api ?? {}), { status: 200 });
  return new Backlog(new LiveClient({ base: BASE, session, fetch: answer }), storage);
}

afterEach(() => vi.unstubAllGlobals());

it('sends what a killed session left, and says that it is complete', async () => {
  const store = await IndexedDbStore.open();
  const left = new SpoolTake(
    newRecord({
      liveId: 7,
      base: BASE,
      streamKey: 'key',
      title: 'Marché',
      mimeType: 'video/webm',
      startedAt: 0,
    }),
    store,
  );
  await left.append(DATA.subarray(0, 200), 500);
  await left.append(DATA.subarray(200), 1000);
  const server = new TusServer();
  const backlog = open(server);
  await backlog.recover();
  expect(await backlog.drained(7, 5_000)).toBe(true);
  const [upload] = server.uploads.values();
  expect(upload?.bytes).toEqual([...DATA]);
  expect(upload?.length).toBe(DATA.length);
  expect(await store.takes()).toEqual([]);
});

it('sends a take while it is recorded and leaves nothing when it has ended', async () => {
  const server = new TusServer();
  const backlog = open(server);
  const take = await backlog.begin(OPEN, 'video/webm', Date.now());
  await take.append(DATA.subarray(0, 300), 500);
  backlog.wake(take.record.id);
  await take.append(DATA.subarray(300), 1000);
  await take.end();
  backlog.wake(take.record.id);
  expect(await backlog.drained(7, 5_000)).toBe(true);
  expect([...server.uploads.values()][0]?.bytes).toEqual([...DATA]);
});

it('does not send what was recorded for another server', async () => {
  const store = await IndexedDbStore.open();
  const left = new SpoolTake(
    newRecord({ liveId: 9, base: 'http://other', streamKey: 'key', title: '', mimeType: '', startedAt: 0 }),
    store,
  );
  await left.append(DATA, 500);
  const server = new TusServer();
  await open(server).recover();
  expect(server.log).toEqual([]);
  await left.remove();
});

it('remembers the live over a reload until the server has heard of its stop', async () => {
  const storage = new FakeStorage();
  const server = new TusServer();
  open(server, storage).openLive = OPEN;
  const later = open(server, storage);
  expect(later.openLive).toEqual(OPEN);
  await later.stopLive(7);
  expect(open(server, storage).openLive).toBeNull();
});

it('tells the age of a recording by the wall clock while that can be believed', () => {
  const HOUR = 3_600_000;
  const [startedAt, begun] = [1_800_000_000_000, 5_000];
  const age = (wall: number, own: number): number => realAge(startedAt, begun, startedAt + wall, begun + own);
  expect(age(9_000, 9_000)).toBe(9_000);
  // The device slept for an hour, in which the page's own clock stood still.
  expect(age(HOUR + 9_000, 9_000)).toBe(HOUR + 9_000);
  // The clock was set back by a year, or forward by ten.
  expect(age(9_000 - 365 * 24 * HOUR, 9_000)).toBe(9_000);
  expect(age(9_000 + 3_650 * 24 * HOUR, 9_000)).toBe(9_000);
});
