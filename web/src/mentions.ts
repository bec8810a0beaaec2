import { fullName } from './format';

/** What is being written behind an `@` before the caret, and where the `@` stands; null without one. */
export function mentionAt(text: string, caret: number): { from: number; query: string } | null {
  const match = /(?:^|[\s(«"'’])@([\p{L}\p{M}\p{N}.'’-]{0,30}(?: [\p{L}\p{M}\p{N}.'’-]{0,30})?)$/u.exec(
    text.slice(0, caret),
  );
  if (match?.[1] === undefined) return null;
  return { from: caret - match[1].length - 1, query: match[1] };
}

/** Those whose name, or one of its words, begins with `query`; accents and capitals do not matter. */
export function matching<T extends { first_name: string; last_name: string }>(
  people: Iterable<T>,
  query: string,
  most: number,
): T[] {
  const wanted = plain(query);
  const found: T[] = [];
  for (const person of people) {
    const name = plain(fullName(person));
    if (name.startsWith(wanted) || name.includes(` ${wanted}`)) found.push(person);
    if (found.length === most) break;
  }
  return found;
}

function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
