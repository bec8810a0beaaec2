import type { Live } from '@communiconnect/live';

/** Bytes of a whole replay in each way of following it; null where there is no such way. */
export interface Cost {
  video: number | null;
  slides: number | null;
  audio: number | null;
  chat: number | null;
}

/** What servers tell of a live since they know what it costs. */
type Told = Live & { cost?: Cost | null; viewers_total?: number };

export const costOf = (live: Live): Cost | null => (live as Told).cost ?? null;

/** Who watched 10 seconds or more; null where that is not told. */
export const viewersOf = (live: Live): number | null => (live as Told).viewers_total ?? null;
