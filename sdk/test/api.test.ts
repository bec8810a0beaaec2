import { describe, expect, it } from 'vitest';
import { Api } from '../src/api.js';
import { Problem } from '../src/problem.js';
import { pickMimeType } from '../src/publisher/quality.js';
import { Session } from '../src/session.js';

const PERSON = {
  id: 1,
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
    const api = new Api({
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
    const api = new Api({
      session: signedIn(),
      fetch: async () => json({ detail: 'Reconnectez-vous.' }, 401),
    });
    await expect(api.lives()).rejects.toMatchObject({ status: 401 });
    expect(api.session.value).toBeNull();
  });

  it('keeps the sign-in when the server cannot be reached', async () => {
    const api = new Api({
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
    const api = new Api({
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
    const api = new Api({
      session: new Session(null),
      fetch: async () => new Response('<html>', { status: 502, statusText: 'Bad Gateway' }),
    });
    await expect(api.live(1)).rejects.toMatchObject({ sentence: '502 Bad Gateway' });
  });
});

it('prefers H.264 in Matroska, then VP9, and takes MP4 where there is nothing else', () => {
  expect(pickMimeType(true, () => true)).toBe('video/x-matroska;codecs=avc1,opus');
  expect(pickMimeType(true, (type) => type.includes('webm'))).toBe('video/webm;codecs=vp9,opus');
  expect(pickMimeType(true, (type) => type === 'video/mp4')).toBe('video/mp4');
  expect(pickMimeType(false, () => true)).toBe('audio/webm;codecs=opus');
  expect(pickMimeType(true, () => false)).toBeNull();
});
