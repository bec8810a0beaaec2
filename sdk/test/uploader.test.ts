import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../src/publisher/slice-store.js';
import { newRecord, SpoolTake } from '../src/publisher/spool.js';
import { TurnTaking } from '../src/publisher/turns.js';
import { Uploader, type UploaderOptions } from '../src/publisher/uploader.js';
import { refusal, TusServer } from './tus-server.js';

function setUp(server: TusServer, options: Partial<UploaderOptions> = {}) {
  const take = new SpoolTake(
    newRecord({
      liveId: 7,
      base: 'http://server',
      streamKey: 'key',
      title: '',
      mimeType: 'video/webm',
      startedAt: 0,
    }),
    new MemoryStore(),
  );
  const pauses: number[] = [];
  const uploader = new Uploader(take, {
    tokens: async () => ['key'],
    renew: async () => false,
    turns: new TurnTaking(),
    priority: 0,
    fetch: server.fetch,
    now: () => 5_000,
    sleep: async (ms) => {
      pauses.push(ms);
    },
    random: () => 0.5,
    ...options,
  });
  return { take, uploader, pauses };
}

const DATA = Uint8Array.from({ length: 900 }, (_, index) => index % 256);

async function recorded(take: SpoolTake): Promise<void> {
  await take.append(DATA.subarray(0, 300), 500);
  await take.append(DATA.subarray(300, 650), 1000);
  await take.append(DATA.subarray(650), 1500);
  await take.end();
}

describe('an upload', () => {
  it('creates, sends in one request, says the length and leaves nothing behind', async () => {
    const server = new TusServer();
    const { take, uploader } = setUp(server);
    await recorded(take);
    expect(await uploader.run()).toEqual({ phase: 'done', sentence: null });
    expect(server.log).toEqual(['POST', 'PATCH']);
    const [upload] = server.uploads.values();
    expect(upload?.bytes).toEqual([...DATA]);
    expect(upload?.length).toBe(900);
    expect(atob(/age_ms (\S+)/.exec(server.metadata[0] ?? '')?.[1] ?? '')).toBe('5000');
  });

  it('asks for the offset after a cut and sends only what did not arrive', async () => {
    const server = new TusServer();
    server.faults.push(
      () => null,
      () => ({ keep: 333 }),
    );
    const { take, uploader } = setUp(server);
    await recorded(take);
    expect((await uploader.run()).phase).toBe('done');
    expect(server.log).toEqual(['POST', 'PATCH', 'HEAD', 'PATCH']);
    expect([...server.uploads.values()][0]?.bytes).toEqual([...DATA]);
  });

  it('doubles nothing when the answer to a request that arrived is lost', async () => {
    const server = new TusServer();
    server.faults.push(
      () => null,
      () => 'cut-after',
    );
    const { take, uploader } = setUp(server);
    await recorded(take);
    expect((await uploader.run()).phase).toBe('done');
    expect([...server.uploads.values()][0]?.bytes).toEqual([...DATA]);
  });

  it('backs off longer and longer while the network is away', async () => {
    const server = new TusServer();
    for (let i = 0; i < 6; i++) server.faults.push(() => 'cut-before');
    const { take, uploader, pauses } = setUp(server);
    await recorded(take);
    expect((await uploader.run()).phase).toBe('done');
    expect(pauses).toEqual([300, 600, 1200, 2400, 4800, 6000]);
  });

  it('begins again elsewhere when the server has lost the upload', async () => {
    const server = new TusServer();
    server.faults.push(
      () => null,
      () => {
        server.uploads.clear();
        return null;
      },
    );
    const { take, uploader } = setUp(server);
    await recorded(take);
    expect((await uploader.run()).phase).toBe('done');
    expect(server.log).toEqual(['POST', 'PATCH', 'POST', 'PATCH']);
    expect([...server.uploads.values()][0]?.bytes).toEqual([...DATA]);
  });

  it('keeps everything and says why while the disk of the server is full', async () => {
    const server = new TusServer();
    const seen: (string | null)[] = [];
    server.faults.push(
      () => null,
      () => refusal(507, 'Le disque est plein.'),
      () => null,
    );
    const { take, uploader } = setUp(server, { onChange: (state) => seen.push(state.sentence) });
    await recorded(take);
    expect((await uploader.run()).phase).toBe('done');
    expect(seen).toContain('Le disque est plein.');
    expect([...server.uploads.values()][0]?.bytes).toEqual([...DATA]);
  });

  it('waits as long as Retry-After says', async () => {
    const server = new TusServer();
    server.faults.push(() => refusal(503, 'Trop de monde.', { 'Retry-After': '3' }));
    const { take, uploader, pauses } = setUp(server);
    await recorded(take);
    await uploader.run();
    expect(pauses).toEqual([3000]);
  });

  it('goes on with a renewed sign-in when the key is refused', async () => {
    const server = new TusServer();
    server.good = ['fresh'];
    let tokens = ['key', 'stale'];
    const { take, uploader } = setUp(server, {
      tokens: async () => tokens,
      renew: async () => {
        tokens = ['key', 'fresh'];
        return true;
      },
    });
    await recorded(take);
    expect((await uploader.run()).phase).toBe('done');
  });

  it('ends with the sentence of the server when the bytes are refused, and keeps them', async () => {
    const server = new TusServer();
    server.faults.push(
      () => null,
      () => refusal(422, 'Octet 0 : ceci n’est pas une vidéo.'),
    );
    const { take, uploader } = setUp(server);
    await recorded(take);
    expect(await uploader.run()).toEqual({
      phase: 'refused',
      sentence: 'Octet 0 : ceci n’est pas une vidéo.',
    });
    expect(await take.read(0, 2000)).toEqual(DATA);
  });

  it('goes on when new slices come after it had caught up', async () => {
    const server = new TusServer();
    let caughtUp: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      caughtUp = resolve;
    });
    const { take, uploader } = setUp(server, { onChange: (state) => state.phase === 'idle' && caughtUp() });
    await take.append(DATA.subarray(0, 300), 500);
    const run = uploader.run();
    await waiting;
    await take.append(DATA.subarray(300), 1500);
    await take.end();
    uploader.wake();
    expect((await run).phase).toBe('done');
    expect([...server.uploads.values()][0]?.bytes).toEqual([...DATA]);
  });
});

it('lets the live go before spools of earlier sessions', async () => {
  const turns = new TurnTaking();
  const order: string[] = [];
  const first = await turns.take(1);
  const waiting = [
    turns.take(1).then((release) => {
      order.push('old');
      release();
    }),
    turns.take(0).then((release) => {
      order.push('live');
      release();
    }),
  ];
  first();
  await Promise.all(waiting);
  expect(order).toEqual(['live', 'old']);
});
