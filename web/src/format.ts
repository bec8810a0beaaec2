/** 3725000 -> "1:02:05". */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  const s = String(seconds % 60).padStart(2, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

/** 42300000 -> "42 Mo", "42 MB". What is less than a tenth of that is a tenth. */
export function megabytes(bytes: number, locale: string): string {
  const value = Math.max(0.1, bytes / 1e6);
  const maximumFractionDigits = value < 10 ? 1 : 0;
  return value.toLocaleString(locale, { style: 'unit', unit: 'megabyte', maximumFractionDigits });
}

/** Milliseconds of "754", "12m34s" or "1h2m"; null for anything else. */
export function momentOf(text: string | null): number | null {
  const at = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/.exec(text ?? '');
  if (!at || !text) return null;
  const [hours, minutes, seconds] = at.slice(1).map((part) => Number(part ?? 0)) as [number, number, number];
  return Math.round((hours * 3600 + minutes * 60 + seconds) * 1000);
}

export function fullName(person: { first_name: string; last_name: string }): string {
  return `${person.first_name} ${person.last_name}`.trim() || '—';
}

export function initials(person: { first_name: string; last_name: string }): string {
  const first = (name: string): string => [...name.trim()][0] ?? '';
  return (first(person.first_name) + first(person.last_name)).toLocaleUpperCase() || '?';
}

/** A piece of a message: plain text, a link with its address, or somebody's name with their id. */
export type Segment = { text: string; href: string | null; person?: number };

/** How somebody is named in a message. */
export function mentionOf(person: { first_name: string; last_name: string }): string {
  return `@${fullName(person)}`;
}

const LINK = /\bhttps?:\/\/[^\s<>"'`]+/gi;

/**
 * Splits what somebody wrote into text, links and the names of `mentions`. Only http and https become links; nothing
 * becomes markup.
 */
export function segments(content: string, mentions: readonly Mentioned[] = []): Segment[] {
  const found: Segment[] = [];
  let at = 0;
  for (const match of content.matchAll(LINK)) {
    // A full stop or bracket behind an address belongs to the sentence.
    const text = match[0].replace(/[.,;:!?)\]}»]+$/u, '');
    const href = safeHref(text);
    if (!href) continue;
    if (match.index > at) found.push(...named(content.slice(at, match.index), mentions));
    found.push({ text, href });
    at = match.index + text.length;
  }
  if (at < content.length) found.push(...named(content.slice(at), mentions));
  return found;
}

type Mentioned = { id: number; first_name: string; last_name: string };

/** Splits text at the names that are mentioned in it; of two that begin alike the longer one counts. */
function named(text: string, mentions: readonly Mentioned[]): Segment[] {
  const found: Segment[] = [];
  const names = mentions.map((person) => ({ id: person.id, name: mentionOf(person) }));
  names.sort((a, b) => b.name.length - a.name.length);
  let begin = 0;
  let at = text.indexOf('@');
  while (at >= 0) {
    const here = names.find(({ name }) => text.startsWith(name, at));
    if (here) {
      if (at > begin) found.push({ text: text.slice(begin, at), href: null });
      found.push({ text: here.name, href: null, person: here.id });
      begin = at + here.name.length;
    }
    at = text.indexOf('@', here ? begin : at + 1);
  }
  if (begin < text.length) found.push({ text: text.slice(begin), href: null });
  return found;
}

function safeHref(text: string): string | null {
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}
