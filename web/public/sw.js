// What is kept on this device answers without a network: the application, and the lives of `/kept` (`web/src/packs.ts` keeps them).

/** What every address of this site begins with, without a final slash: the server may stand under a path of another one. */
const TOP = new URL('.', location.href).pathname.slice(0, -1);
const APP = 'app';
const KEPT = 'kept';
/** Bytes of a part of a file, as `packs.ts` cuts it. */
const PART = 1 << 20;
/** Most bytes of an answer to a range: a player asks for the next ones. */
const MOST = 4 << 20;

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  const answer = answerTo(request, url);
  if (answer) event.respondWith(answer);
});

/** The answer, or null for what is the network's. */
function answerTo(request, url) {
  if (!url.pathname.startsWith(`${TOP}/`)) return null;
  const path = url.pathname.slice(TOP.length);
  if (request.mode === 'navigate') return page(request, path);
  if (/^\/(assets\/|icon\.svg|manifest\.webmanifest)/.test(path)) return fromApp(request);
  const [, id, rest] = /^\/api\/posts\/live\/(\d+)\/(.*?)\/?$/.exec(path) ?? [];
  if (id && ['', 'timeline', 'chat/messages', 'poster.jpg', 'kept'].includes(rest))
    return ofLive(request, url, id, rest);
  return null;
}

async function fromApp(request) {
  return (await (await caches.open(APP)).match(request.url)) ?? fetch(request);
}

/** A live that is kept opens from here, any other page only without a network. */
async function page(request, path) {
  const id = /^\/live\/(\d+)\/?$/.exec(path)?.[1];
  const shell = await (await caches.open(APP)).match(`${TOP}/kept`);
  if (shell && id && (await whole(id))) return shell;
  try {
    return await fetch(request);
  } catch (error) {
    if (shell) return shell;
    throw error;
  }
}

/** What is known of a live that is kept whole, else null. */
async function whole(id) {
  const known = await (await caches.open(KEPT)).match(`${TOP}/kept-pack/${id}/about`);
  const about = await known?.json();
  return about && about.got === about.bytes ? about : null;
}

async function ofLive(request, url, id, rest) {
  const about = await whole(id);
  if (!about) return fetch(request);
  const kept = await caches.open(KEPT);
  const at = (name) => kept.match(`${TOP}/kept-pack/${id}/${name}`);
  if (rest === '') return Response.json(about.live);
  if (rest === 'kept') return media(request, about, at);
  if (rest === 'timeline' || rest === 'poster.jpg') return (await at(rest)) ?? fetch(request);
  const messages = await (await at('messages')).json();
  return Response.json(windowOf(messages, url.searchParams));
}

/** A window of the conversation, as the server gives it. */
function windowOf(messages, query) {
  const number = (name) => (query.has(name) ? Number(query.get(name)) : null);
  const limit = number('limit') ?? Number.POSITIVE_INFINITY;
  const words = query.get('q')?.toLocaleLowerCase();
  const after = number('after') ?? Number.NEGATIVE_INFINITY;
  const before = number('before') ?? Number.POSITIVE_INFINITY;
  const from = number('from_ms') ?? Number.NEGATIVE_INFINITY;
  const to = number('to_ms') ?? Number.POSITIVE_INFINITY;
  const found = messages.filter(
    ({ seq, position_ms: ms, content }) =>
      seq > after &&
      seq < before &&
      (ms ?? 0) >= from &&
      (ms ?? 0) < to &&
      (!words || content.toLocaleLowerCase().includes(words)),
  );
  if (words) return found.reverse().slice(0, 200);
  return query.has('before') ? found.slice(-limit) : found.slice(0, limit);
}

/** A range of the file, put together from its parts (RFC 9110, section 14). */
async function media(request, about, at) {
  const { bytes, type } = about;
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get('range') ?? '') ?? [];
  const start = first ? Number(first) : last ? Math.max(0, bytes - Number(last)) : 0;
  if (start >= bytes)
    return new Response(null, { status: 416, headers: { 'Content-Range': `bytes */${bytes}` } });
  const end = Math.min(first && last ? Number(last) + 1 : bytes, bytes, start + MOST);
  const parts = [];
  for (let part = Math.floor(start / PART); part * PART < end; part += 1) {
    const blob = await (await at(`part/${part}`)).blob();
    parts.push(blob.slice(Math.max(0, start - part * PART), end - part * PART));
  }
  return new Response(new Blob(parts, { type }), {
    status: 206,
    headers: {
      'Accept-Ranges': 'bytes',
      'Content-Range': `bytes ${start}-${end - 1}/${bytes}`,
      'Content-Length': `${end - start}`,
      'Content-Type': type,
    },
  });
}
