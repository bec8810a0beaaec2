import type { LiveClient } from '../client.js';
import { Problem, Unexpected, Unreachable } from '../problem.js';
import { API_VERSION } from '../version.js';
import type { ElementWords } from './words.js';

/** What went wrong, for the page: the status of the answer, 0 if there was none, and a sentence for people. */
export interface Trouble {
  status: number;
  sentence: string;
}

/** Says in words why a call failed: a refusal, another server, one of another age, a page that is not let in, no network. */
export async function troubleOf(error: unknown, client: LiveClient, words: ElementWords): Promise<Trouble> {
  const base = client.base || location.origin;
  if (error instanceof Problem && error.isOurs) return { status: error.status, sentence: error.sentence };
  if (error instanceof Unreachable) return { status: 0, sentence: await whyUnreachable(base, words) };
  const status = error instanceof Problem ? error.status : 0;
  if (!(error instanceof Problem || error instanceof Unexpected)) return { status, sentence: String(error) };
  const spoken = await spokenBy(base);
  if (spoken === null && status >= 500) return { status, sentence: words.unreachable(base) };
  if (spoken === null) return { status, sentence: words.elsewhere(base) };
  return { status, sentence: words.age(base, spoken, API_VERSION) };
}

/** No answer could be read. One that may not be read shows that the server is there, and does not let this page in. */
async function whyUnreachable(base: string, words: ElementWords): Promise<string> {
  if (navigator.onLine === false) return words.offline;
  try {
    await fetch(`${base}/healthz`, { mode: 'no-cors', cache: 'no-store' });
  } catch {
    return words.unreachable(base);
  }
  const isOther = new URL(base, location.href).origin !== location.origin;
  return isOther ? words.cors(base, location.origin) : words.unreachable(base);
}

/** The version of the API at an address; null if there is none. */
async function spokenBy(base: string): Promise<string | null> {
  try {
    const answer = await fetch(`${base}/api/schema/`);
    const { info } = (await answer.json()) as { info?: { title?: string; version?: string } };
    return info?.title?.startsWith('CommuniConnect') ? (info.version ?? null) : null;
  } catch {
    return null;
  }
}
