import type { Way } from '@communiconnect/live';

/** What this device remembers of how somebody watches. */
export interface Kept {
  volume: number;
  muted: boolean;
  rate: number;
  way: Way;
  /** True: replays begin by themselves. */
  begins: boolean;
  /** How wide the conversation is beside the picture, in pixels. */
  aside: number;
}

const KEY = 'communiconnect.watching';
const USUAL: Kept = { volume: 1, muted: false, rate: 1, way: 'video', begins: false, aside: 380 };

export function kept(): Kept {
  try {
    return { ...USUAL, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return USUAL;
  }
}

export function keep(change: Partial<Kept>): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...kept(), ...change }));
  } catch {
    // Without storage it lasts as long as the page.
  }
}

/** Where a live was left, in milliseconds, for a reload of its page in the same tab; null if it was not, or at the edge. */
export function place(id: number, ms?: number | null): number | null {
  const key = `communiconnect.place.${id}`;
  try {
    if (ms === null) sessionStorage.removeItem(key);
    else if (ms !== undefined) sessionStorage.setItem(key, String(ms));
    const found = sessionStorage.getItem(key);
    return found === null ? null : Number(found);
  } catch {
    return null;
  }
}

/** True where a replay may begin by itself: it was asked for once and for all, or the browser says that data costs nothing here. */
export function mayBegin(): boolean {
  const { connection } = navigator as Navigator & { connection?: { type?: string; saveData?: boolean } };
  return kept().begins || (connection?.type === 'wifi' && !connection.saveData);
}
