import { api } from '../../client';

/** A conversation that costs more than this, in bytes as they are sent, is not fetched for its curve. */
const MOST = 80_000;
const COLUMNS = 60;
const HEIGHT = 10;

let known: { id: number; places: Promise<number[]> } | null = null;

/**
 * How much was said when, as the path of an SVG 100 wide and 10 high; empty where nothing was, or where it is too much to fetch.
 * `cost`: bytes of the conversation; `endMs`: the length of the live.
 */
export async function curveOf(id: number, cost: number | null, endMs: number): Promise<string> {
  if (!cost || cost > MOST) return '';
  if (known?.id !== id) known = { id, places: placesOf(id) };
  const columns = countsOf(await known.places.catch(() => []), endMs);
  return columns.some((count) => count > 0) ? pathOf(columns) : '';
}

/** Where each message stands, in milliseconds of the play clock. */
async function placesOf(id: number): Promise<number[]> {
  const key = new URLSearchParams(location.search).get('key');
  const messages = await api.messages(id, {}, key);
  return messages.filter(({ deleted }) => !deleted).map((message) => message.position_ms ?? 0);
}

function countsOf(places: number[], endMs: number): number[] {
  const counts = new Array<number>(COLUMNS).fill(0);
  for (const place of places) {
    const column = Math.min(COLUMNS - 1, Math.floor((place / endMs) * COLUMNS));
    counts[column] = (counts[column] ?? 0) + 1;
  }
  // Neighbours share: a curve, not a fence.
  return counts.map((count, index) => (count * 2 + (counts[index - 1] ?? 0) + (counts[index + 1] ?? 0)) / 4);
}

function pathOf(columns: number[]): string {
  const most = Math.max(...columns);
  const points = columns.map((count, index) => {
    const x = (index / (COLUMNS - 1)) * 100;
    return `L${x.toFixed(1)} ${(HEIGHT - (count / most) * HEIGHT).toFixed(1)}`;
  });
  return `M0 ${HEIGHT}${points.join('')}L100 ${HEIGHT}z`;
}
