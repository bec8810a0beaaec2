import type { Live, Message, Timeline } from '@communiconnect/live';
import { api } from './client';
import { top } from './top';

/** How a live is kept: with its picture, with still pictures, or its sound alone; the conversation always. */
export type KeptWay = 'video' | 'slides' | 'audio';

/** A live that is kept on this device, or is being fetched. `public/sw.js` answers from it. */
export interface Pack {
  live: Live;
  way: KeptWay;
  /** Bytes of the file, and of those how many are here. */
  bytes: number;
  got: number;
  /** Its Content-Type. */
  type: string;
  /** Where the rest is fetched from. */
  from: string;
  /** Bytes of the conversation. */
  chat: number;
}

/** Bytes of a part; what was cut off begins again with one. */
const PART = 1 << 20;
const KEPT = 'kept';
const APP = 'app';
const path = (id: number, name: string): string => `${top}/kept-pack/${id}/${name}`;

/** Whether this browser can keep lives. */
export const canKeep = 'caches' in globalThis && 'serviceWorker' in navigator;

/** The file of a live in this way; null where there is none. */
export function fileOf({ replay, cost }: Live, way: KeptWay): string | null {
  const whole = replay?.mp4 ?? replay?.webm ?? null;
  if (typeof cost[way] !== 'number') return null;
  if (way === 'audio') return replay?.audio ?? null;
  return way === 'slides' && whole ? `${whole}&video=slides` : whole;
}

/** What is kept, the newest first. */
export async function packs(): Promise<Pack[]> {
  const kept = await caches.open(KEPT);
  const names = (await kept.keys()).filter(({ url }) => url.endsWith('/about'));
  const found = await Promise.all(
    names.map(async (name) => (await (await kept.match(name))?.json()) as Pack),
  );
  return found.reverse();
}

export async function pack(id: number): Promise<Pack | null> {
  const known = await (await caches.open(KEPT)).match(path(id, 'about'));
  return known ? known.json() : null;
}

/** Lets go of a live that is kept. */
export async function letGo(id: number): Promise<void> {
  const kept = await caches.open(KEPT);
  const own = (await kept.keys()).filter(({ url }) => new URL(url).pathname.startsWith(path(id, '')));
  await Promise.all(own.map((name) => kept.delete(name)));
}

/** Begins to keep a live: all but its file is here then. `key`: of an unlisted one. */
export async function begin(id: number, way: KeptWay, key: string | null): Promise<Pack> {
  await Promise.all([keepApp(), navigator.storage?.persist?.()]);
  const [live, timeline, messages] = await Promise.all([
    api.live(id, key),
    api.timeline(id, key),
    api.messages(id, {}, key),
  ]);
  const from = fileOf(live, way);
  if (!from) throw new Error('there is no such file');
  const head = await api.fetchSigned(from, { headers: { Range: 'bytes=0-0' } });
  const bytes = Number(/\/(\d+)$/.exec(head.headers.get('Content-Range') ?? '')?.[1]);
  if (head.status !== 206 || !bytes) throw new Error(`${head.status}`);
  await letGo(id);
  const type = head.headers.get('Content-Type') ?? 'video/mp4';
  const chat = JSON.stringify(messages).length;
  const one: Pack = { live: keptLive(live, way, bytes, type), way, bytes, got: 0, type, from, chat };
  await store(id, { timeline, messages });
  const poster = live.poster_url
    ? await api.fetchSigned(`${live.poster_url}&size=small`).catch(() => null)
    : null;
  if (poster?.ok) await (await caches.open(KEPT)).put(path(id, 'poster.jpg'), poster);
  await write(one);
  return one;
}

async function store(id: number, parts: { timeline: Timeline; messages: Message[] }): Promise<void> {
  const kept = await caches.open(KEPT);
  for (const [name, part] of Object.entries(parts)) await kept.put(path(id, name), Response.json(part));
}

/** The live as its page is told: there is one way to follow, and its file is here. */
function keptLive(live: Live, way: KeptWay, bytes: number, type: string): Live {
  const url = `${top}/api/posts/live/${live.id}/kept`;
  const isMp4 = /mp4|m4a/.test(type);
  return {
    ...live,
    poster_url: live.poster_url && `${top}/api/posts/live/${live.id}/poster.jpg?kept=1`,
    hls_url: null,
    replay: { mp4: isMp4 ? url : null, webm: isMp4 ? null : url, audio: null },
    cost: {
      video: bytes,
      slides: null,
      audio: null,
      chat: live.cost.chat,
      ...(way === 'audio' && { video: bytes }),
    },
  };
}

async function write(one: Pack): Promise<void> {
  await (await caches.open(KEPT)).put(path(one.live.id, 'about'), Response.json(one));
}

/** Fetches what is not here yet, part by part; tells of each. Rejects when it is cut off: another call goes on. */
export async function fetchRest(one: Pack, tell: (one: Pack) => void, signal: AbortSignal): Promise<void> {
  const kept = await caches.open(KEPT);
  let now = one;
  while (now.got < now.bytes && !signal.aborted) {
    const end = Math.min(now.got + PART, now.bytes);
    const answer = await api.fetchSigned(now.from, {
      headers: { Range: `bytes=${now.got}-${end - 1}` },
      signal,
    });
    if (answer.status !== 206) throw new Error(`${answer.status}`);
    const bytes = await answer.blob();
    if (bytes.size !== end - now.got) throw new Error('cut off');
    await kept.put(path(now.live.id, `part/${now.got / PART}`), new Response(bytes));
    now = { ...now, got: end };
    await write(now);
    tell(now);
  }
}

/** Keeps the application itself, as it is now, and has it answer without a network. */
export async function keepApp(): Promise<void> {
  const { trustedTypes } = globalThis as typeof globalThis & {
    trustedTypes?: {
      createPolicy(
        name: string,
        rules: { createScriptURL: () => string },
      ): { createScriptURL(url: string): string };
    };
  };
  worker ??=
    trustedTypes
      ?.createPolicy('service-worker', { createScriptURL: () => `${top}/sw.js` })
      .createScriptURL('') ?? `${top}/sw.js`;
  await navigator.serviceWorker.register(worker);
  const app = await caches.open(APP);
  const names: string[] = await (await fetch(`${top}/parts.json`)).json();
  const parts = names.map((name) => `${top}${name}`);
  const shell = `${top}/kept`;
  const known = new Set((await app.keys()).map(({ url }) => new URL(url).pathname));
  await app.addAll([shell, ...parts.filter((part) => !known.has(part))]);
  const stale = [...known].filter((part) => part !== shell && !parts.includes(part));
  await Promise.all(stale.map((part) => app.delete(part)));
}

let worker: string | undefined;
