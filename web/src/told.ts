import type { Live } from '@communiconnect/live';

interface Told {
  id: number;
  live?: Live | undefined;
  timeline?: unknown;
  messages?: unknown;
  /** The number of the newest deletion that the messages already show. */
  change?: number;
}

/** What the page was sent with (`crates/server/src/http/page_answers.rs`). */
const told: Told = JSON.parse(document.getElementById('told')?.textContent || '{"id":0}');

/** The question about this live that each answer is for: the rest of its path, and its query but for a key. */
const QUESTIONS = {
  '': 'live',
  timeline: 'timeline',
  'chat/messages?before=9007199254740991&limit=60': 'messages',
} as const;

/** The answer to a question that the server foresaw, once; else null. */
export function foreseen(url: string): Response | null {
  const [, id, rest = ''] = /^\/api\/posts\/live\/(\d+)\/(.*)$/.exec(url) ?? [];
  const question = rest.replace(/[?&]key=[^&]*$/, '').replace(/\/(?=\?|$)/, '');
  const name = QUESTIONS[question as keyof typeof QUESTIONS];
  const answer = name && Number(id) === told.id && told[name];
  if (!answer) return null;
  told[name] = undefined;
  return Response.json(
    answer,
    told.change === undefined ? {} : { headers: { 'Chat-Change': `${told.change}` } },
  );
}

/** The live that the page was sent with, if it is this one. */
export function toldLive(id: number): Live | null {
  return told.id === id ? (told.live ?? null) : null;
}

/** The element that the server already shows a replay in, perhaps playing it; null once it was taken, or where there is none. */
export function firstVideo(): HTMLVideoElement | null {
  return document.querySelector('#first video');
}
