import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveClient } from '../src/client.js';
import { Backlog } from '../src/publisher/backlog.js';
import { Publisher } from '../src/publisher/publisher.js';
import { Session } from '../src/session.js';
import { Phone } from './phone.js';
import { TusServer } from './tus-server.js';

const FORM = { title: 'Marché', description: '', visibility: 'public' as const };
const MIB = 1024 * 1024;

let phone: Phone;
let uploads: TusServer;
let publisher: Publisher;
/** What the server was asked of lives. */
let asked: string[];

async function answer(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const path = new URL(String(input)).pathname.replace('/api/posts/live/', '');
  asked.push(`${init.method} ${path}`);
  const lives = asked.filter((one) => one === 'POST start/').length;
  const body =
    path === 'start/' ? { live_id: lives, stream_key: 'key', watch_url: `/live/${lives}` } : { id: lives };
  return new Response(JSON.stringify(body), { status: 200 });
}

beforeEach(() => {
  phone = new Phone();
  uploads = new TusServer();
  asked = [];
  vi.stubGlobal('fetch', uploads.fetch);
  const held = new Map<string, string>();
  const storage = {
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => void held.set(key, value),
    removeItem: (key: string) => void held.delete(key),
  };
  const api = new LiveClient({ base: 'http://server', session: new Session(null), fetch: answer });
  publisher = new Publisher(api, {}, new Backlog(api, storage));
});

afterEach(async () => {
  vi.useRealTimers();
  await publisher.destroy();
  vi.unstubAllGlobals();
});

/** Everything that is under way without waiting for anything has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

async function goLive(): Promise<void> {
  await publisher.preview();
  await publisher.start(FORM);
}

describe('the devices', () => {
  it('are closed when they open only after the studio was left', async () => {
    const open = phone.holdDevices();
    void publisher.preview();
    await publisher.destroy();
    open();
    await settled();
    expect(phone.tracks).toHaveLength(2);
    expect(phone.openTracks).toEqual([]);
  });

  it('are not opened for a studio that was left', async () => {
    await publisher.destroy();
    await publisher.preview();
    expect(phone.tracks).toEqual([]);
  });

  it('are those that were asked for last', async () => {
    const open = phone.holdDevices();
    const first = publisher.preview();
    const second = publisher.change({ quality: 'low' });
    open();
    await Promise.all([first, second]);
    await settled();
    expect(phone.openTracks).toEqual(publisher.value.stream?.getTracks());
    expect(publisher.value).toMatchObject({ quality: 'low', phase: 'previewing' });
  });

  it('are closed when the live is stopped while its lost picture comes back', async () => {
    await goLive();
    phone.takeCamera();
    await vi.waitFor(() => expect(publisher.value.notice).toBe('sound-only'));
    await vi.waitFor(() => expect(phone.recorders).toHaveLength(2));
    const open = phone.holdDevices();
    phone.giveCamera();
    await settled();
    const stopping = publisher.stop();
    open();
    await stopping;
    await settled();
    expect(phone.tracks).toHaveLength(5);
    expect(phone.openTracks).toEqual([]);
  });

  it('do not keep a live from being stopped while nobody allows them', async () => {
    await goLive();
    phone.takeCamera();
    await vi.waitFor(() => expect(publisher.value.notice).toBe('sound-only'));
    phone.holdDevices();
    phone.giveCamera();
    await settled();
    await publisher.stop();
    expect(publisher.value.phase).toBe('stopped');
  });

  it('give the lost picture back after the microphone was lost too', async () => {
    await goLive();
    phone.takeCamera();
    await vi.waitFor(() => expect(phone.recorders).toHaveLength(2));
    phone.openTracks[0]?.end();
    await vi.waitFor(() => expect(phone.recorders).toHaveLength(3));
    phone.giveCamera();
    await vi.waitFor(() => expect(phone.recorders).toHaveLength(4));
    expect(publisher.value).toMatchObject({ hasVideo: true, notice: null });
  });

  it('are each told when the phone silences them', async () => {
    await goLive();
    const [microphone, camera] = phone.tracks;
    microphone?.mute(true);
    expect(publisher.value.notice).toBe('microphone-taken');
    camera?.mute(true);
    expect(publisher.value.notice).toBe('camera-hidden');
    camera?.mute(false);
    expect(publisher.value.notice).toBe('microphone-taken');
    microphone?.mute(false);
    expect(publisher.value.notice).toBeNull();
  });
});

describe('a live that cannot begin', () => {
  /** The spool of a take cannot be opened. */
  function breakSpool(): void {
    const refuse = (): never => {
      throw new Error('no randomness');
    };
    vi.stubGlobal('crypto', { randomUUID: refuse });
  }

  /** As before it was tried: previewing, and nothing records or stays awake. */
  function expectPreview(): void {
    expect(publisher.value).toMatchObject({ phase: 'previewing', live: null });
    expect(phone.recorders.map(({ state }) => state)).not.toContain('recording');
    expect(phone.wakeLocks).toBe(0);
  }

  it('is not left open on the server, and records nothing', async () => {
    await publisher.preview();
    breakSpool();
    await expect(publisher.start(FORM)).rejects.toThrow('no randomness');
    expectPreview();
    expect(asked).toEqual(['POST start/', 'POST 1/stop/']);
    expect(publisher.backlog.openLive).toBeNull();
    expect(phone.openTracks).toHaveLength(2);
  });

  it('is not begun where the browser records nothing', async () => {
    await publisher.preview();
    phone.recordsNothing();
    await publisher.start(FORM);
    await settled();
    expectPreview();
    expect(publisher.value.notice).toBe('unsupported');
    expect(asked).toEqual([]);
  });

  it('stays open where it went on from an earlier session, and can be tried again', async () => {
    const open = { liveId: 7, streamKey: 'key', title: '', watchUrl: '/live/7', stopping: false };
    await publisher.preview();
    breakSpool();
    await expect(publisher.resume(open)).rejects.toThrow('no randomness');
    expectPreview();
    expect(asked).toEqual(['GET 7/']);
    vi.stubGlobal('crypto', { randomUUID: () => 'one' });
    await publisher.resume(open);
    expect(publisher.value).toMatchObject({ phase: 'live', live: open });
  });

  it('is stopped when the studio is left before it has begun', async () => {
    await publisher.preview();
    const starting = publisher.start(FORM).catch(() => undefined);
    await publisher.destroy();
    await starting;
    await settled();
    expect(asked).toEqual(['POST start/', 'POST 1/stop/']);
    expect(phone.wakeLocks).toBe(0);
    expect(phone.openTracks).toEqual([]);
  });

  it('begins all the same where the browser refuses locks', async () => {
    const refused = (): Promise<never> => Promise.reject(new DOMException('', 'SecurityError'));
    Object.assign(navigator, { locks: { request: refused } });
    await goLive();
    expect(publisher.value.phase).toBe('live');
    expect(phone.recorders).toHaveLength(1);
  });
});

describe('a live whose recorder stops', () => {
  const stops = (): void => phone.recorders.at(-1)?.stop();

  it('tells that nothing is recorded where it cannot go on, and goes on when it is asked to', async () => {
    await goLive();
    vi.stubGlobal('crypto', {
      randomUUID: () => {
        throw new Error('no randomness');
      },
    });
    stops();
    await vi.waitFor(() => expect(publisher.value.notice).toBe('not-recording'));
    expect(publisher.value.phase).toBe('live');
    expect(phone.recorders.map(({ state }) => state)).not.toContain('recording');
    vi.stubGlobal('crypto', { randomUUID: () => 'again' });
    await publisher.retry();
    expect(publisher.value.notice).toBeNull();
    expect(phone.recorders.at(-1)?.state).toBe('recording');
  });

  it('is told the same after it stopped again and again', async () => {
    await goLive();
    for (let times = 1; times <= 6; times += 1) {
      stops();
      await settled();
    }
    expect(publisher.value.notice).toBe('not-recording');
    await publisher.retry();
    expect(phone.recorders.at(-1)?.state).toBe('recording');
  });
});

it('keeps the screen on for no longer than the live', async () => {
  await goLive();
  await vi.waitFor(() => expect(phone.wakeLocks).toBe(1));
  await publisher.stop();
  expect(phone.wakeLocks).toBe(0);
  await goLive();
  // The lock of this one is granted only after the stop.
  await publisher.stop();
  await settled();
  expect(phone.wakeLocks).toBe(0);
});

describe('the next live', () => {
  it('does not look for the picture that the one before had lost', async () => {
    await goLive();
    phone.takeCamera();
    await vi.waitFor(() => expect(phone.recorders).toHaveLength(2));
    await publisher.stop();
    phone.hasCamera = true;
    await goLive();
    phone.giveCamera();
    await settled();
    expect(phone.recorders).toHaveLength(3);
    expect(publisher.value.notice).toBeNull();
  });

  it('does not wait for the room that the one before had not found', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    const full = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new DOMException('', 'QuotaExceededError');
    });
    uploads.faults.push(...Array(1_000).fill(() => 'cut-before'));
    await goLive();
    phone.recorders[0]?.deliver(new Uint8Array(33 * MIB));
    phone.recorders[0]?.deliver(new Uint8Array(MIB));
    await vi.waitFor(() => expect(publisher.value.notice).toBe('storage-full'));
    const stopping = publisher.stop();
    await vi.advanceTimersByTimeAsync(7_000);
    await stopping;
    full.mockRestore();
    await goLive();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(phone.recorders).toHaveLength(2);
  });
});
