/** 3725000 -> "1:02:05". */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  const s = String(seconds % 60).padStart(2, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

/** 38000 -> "38 s", 312000 -> "5 min 12 s", 7260000 -> "2 h 1 min". */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 60)} h`;
}

export function size(bytes: number, locale: string): string {
  const unit = locale === 'fr' ? ['o', 'ko', 'Mo', 'Go'] : ['B', 'kB', 'MB', 'GB'];
  const step = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  const digits = value < 10 && step > 0 ? 1 : 0;
  return `${value.toLocaleString(locale, { maximumFractionDigits: digits })} ${unit[step]}`;
}

/** "il y a 5 minutes", "3 days ago". */
export function ago(time: string, locale: string, now = Date.now()): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 31_536_000],
    ['month', 2_592_000],
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ];
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit);
  }
  return format.format(Math.round(seconds), 'second');
}

export function fullName(person: { first_name: string; last_name: string }): string {
  return `${person.first_name} ${person.last_name}`.trim() || '—';
}

export function initials(person: { first_name: string; last_name: string }): string {
  const first = (name: string): string => [...name.trim()][0] ?? '';
  return (first(person.first_name) + first(person.last_name)).toLocaleUpperCase() || '?';
}

export type Segment = { text: string; href: string | null };

const LINK = /\bhttps?:\/\/[^\s<>"'`]+/gi;

/** Splits what somebody wrote into text and links. Only http and https become links; nothing becomes markup. */
export function segments(content: string): Segment[] {
  const found: Segment[] = [];
  let at = 0;
  for (const match of content.matchAll(LINK)) {
    // A full stop or bracket behind an address belongs to the sentence.
    const text = match[0].replace(/[.,;:!?)\]}»]+$/u, '');
    const href = safeHref(text);
    if (!href) continue;
    if (match.index > at) found.push({ text: content.slice(at, match.index), href: null });
    found.push({ text, href });
    at = match.index + text.length;
  }
  if (at < content.length) found.push({ text: content.slice(at), href: null });
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
