import { describe, expect, it } from 'vitest';
import { LiveClient } from '../src/client.js';
import { Problem, Unexpected } from '../src/problem.js';
import { pickMimeType } from '../src/publisher/quality.js';
import { Session } from '../src/session.js';

const PERSON = {
  id: 1,
  external_id: null,
  first_name: 'Aïcha',
  last_name: 'Diallo',
  profile_picture: null,
  email: null,
  roles: [],
};

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status });
}

function signedIn(): Session {
  const session = new Session(null);
  session.signIn({ user: PERSON, tokens: { access: 'old', refresh: 'r1' } });
  return session;
}

describe('the client', () => {
  it('exchanges a stale token once for many calls and repeats them', async () => {
    let exchanges = 0;
    const api = new LiveClient({
      base: 'http://server',
      session: signedIn(),
      fetch: async (input, init) => {
        if (String(input).includes('/refresh/')) {
          exchanges += 1;
          return json({ access: 'new', refresh: 'r2' });
        }
        const fresh = new Headers(init?.headers).get('Authorization') === 'Bearer new';
        return fresh
          ? json({ count: 0, next: null, previous: null, results: [] })
          : json({ detail: 'Non.' }, 401);
      },
    });
    await Promise.all([api.lives(), api.lives(), api.lives()]);
    expect(exchanges).toBe(1);
    expect(api.session.value?.tokens).toEqual({ access: 'new', refresh: 'r2' });
  });

  it('signs out when the refresh token is refused', async () => {
    const api = new LiveClient({
      session: signedIn(),
      fetch: async () => json({ detail: 'Reconnectez-vous.' }, 401),
    });
    await expect(api.lives()).rejects.toMatchObject({ status: 401 });
    expect(api.session.value).toBeNull();
  });

  it('keeps the sign-in when the server cannot be reached', async () => {
    const api = new LiveClient({
      session: signedIn(),
      fetch: async (input) => {
        if (String(input).includes('/refresh/')) throw new TypeError('network');
        return json({}, 401);
      },
    });
    await expect(api.lives()).rejects.toMatchObject({ name: 'Unreachable' });
    expect(api.session.value).not.toBeNull();
  });

  it('carries the sentence of a refusal and its Retry-After', async () => {
    const api = new LiveClient({
      session: new Session(null),
      fetch: async () =>
        new Response(JSON.stringify({ detail: 'Doucement.' }), {
          status: 429,
          headers: { 'Retry-After': '2' },
        }),
    });
    const refusal = await api.live(1).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Problem);
    expect(refusal).toMatchObject({ status: 429, sentence: 'Doucement.', retryAfterMs: 2000 });
  });

  it('says the status when the answer is no problem at all', async () => {
    const api = new LiveClient({
      session: new Session(null),
      fetch: async () => new Response('<html>', { status: 502, statusText: 'Bad Gateway' }),
    });
    await expect(api.live(1)).rejects.toMatchObject({ sentence: '502 Bad Gateway' });
  });

  it('asks any operation of the schema, with its variables and its query', async () => {
    const asked: string[] = [];
    const client = new LiveClient({
      base: 'http://server/',
      session: new Session(null),
      fetch: async (input, init) => {
        asked.push(`${init?.method} ${input}`);
        return init?.method === 'DELETE' ? new Response(null, { status: 204 }) : json({ id: 7 });
      },
    });
    const live = await client.request('get', '/api/posts/live/{id}/', {
      path: { id: 7 },
      query: { key: 'a b' },
    });
    const gone: undefined = await client.request('delete', '/api/posts/live/{id}/', { path: { id: 7 } });
    expect([live.id, gone]).toEqual([7, undefined]);
    expect(asked).toEqual([
      'GET http://server/api/posts/live/7/?key=a+b',
      'DELETE http://server/api/posts/live/7/',
    ]);
  });

  it('repeats what may be repeated, and nothing else', async () => {
    const asked: string[] = [];
    const client = new LiveClient({
      session: new Session(null),
      fetch: async (_, init) => {
        asked.push(`${init?.method}`);
        if (asked.length % 2) throw new TypeError('no network');
        return json({ detail: 'Plus tard.' }, 503);
      },
    });
    const outcome = (call: Promise<unknown>) => call.catch((error: Error) => error.name);
    expect(await outcome(client.lives())).toBe('Unreachable');
    expect(asked.splice(0)).toEqual(['GET', 'GET', 'GET']);
    expect(await outcome(client.post(7, { content: 'Bonjour', client_id: 'c' }))).toBe('Unreachable');
    expect(asked.splice(0)).toEqual(['POST', 'POST', 'POST']);
    expect(await outcome(client.post(7, { content: 'Bonjour' }))).toBe('Unreachable');
    expect(asked.splice(0)).toEqual(['POST']);
    expect(await outcome(client.deleteLive(7))).toBe('Unreachable');
    expect(asked).toEqual(['DELETE']);
  });

  it('stops at once when it is told to', async () => {
    const giveUp = new AbortController();
    const client = new LiveClient({
      session: new Session(null),
      fetch: async () => {
        giveUp.abort();
        return json({ detail: 'Plus tard.' }, 503);
      },
    });
    const call = client.request('get', '/api/posts/live/', { signal: giveUp.signal });
    await expect(call).rejects.toHaveProperty('name', 'AbortError');
  });

  it('signs in whom the app names, asks it once more when that is refused, then says so', async () => {
    const tokens = ['first', 'second', 'second'];
    let refusals = 0;
    const good = new Set(['first']);
    const client = new LiveClient({
      token: () => tokens.shift() ?? null,
      onTokenRefused: () => {
        refusals += 1;
      },
      fetch: async (input, init) => {
        const token = new Headers(init?.headers).get('Authorization')?.replace('Bearer ', '') ?? null;
        if (token !== null && !good.has(token)) return json({ detail: 'Non.' }, 401);
        return json(String(input).includes('my-profile') ? PERSON : { id: 7, token });
      },
    });
    const tokenSeen = async () => ((await client.live(7)) as unknown as { token: string | null }).token;
    expect(await tokenSeen()).toBe('first');
    expect(client.session.value?.user.first_name).toBe('Aïcha');
    good.delete('first');
    good.add('second');
    expect(await tokenSeen()).toBe('second');
    good.delete('second');
    await expect(client.live(7)).rejects.toHaveProperty('status', 401);
    expect([refusals, client.session.value]).toEqual([1, null]);
  });

  it('says when something else than this API answers', async () => {
    const page = new LiveClient({
      base: 'http://elsewhere',
      fetch: async () => new Response('<!doctype html><p>Bienvenue', { status: 200 }),
    });
    await expect(page.lives()).rejects.toBeInstanceOf(Unexpected);
    const other = new LiveClient({ fetch: async () => new Response('nothing here', { status: 404 }) });
    await expect(other.live(7)).rejects.toMatchObject({ status: 404, isOurs: false });
  });
});

it('prefers H.264 in Matroska, then VP9, and takes MP4 where there is nothing else', () => {
  expect(pickMimeType(true, () => true)).toBe('video/x-matroska;codecs=avc1,opus');
  expect(pickMimeType(true, (type) => type.includes('webm'))).toBe('video/webm;codecs=vp9,opus');
  expect(pickMimeType(true, (type) => type === 'video/mp4')).toBe('video/mp4');
  expect(pickMimeType(false, () => true)).toBe('audio/webm;codecs=opus');
  expect(pickMimeType(true, () => false)).toBeNull();
});
