import type { LiveClient } from '../client.js';
import type { Timeline } from '../types.js';
import type { TrackSink } from './sink.js';

/** The timeline as the server last told it. */
export interface TimelineSource {
  readonly timeline: Timeline | null;
  refresh(): Promise<Timeline>;
}

export interface FeedOptions {
  api: LiveClient;
  liveId: number;
  key: string | null;
  /** The address of the WebSocket that carries the tails, as the server last told it. */
  tailUrl: () => string | null;
  timelines: TimelineSource;
  /** One for each track that is carried. */
  sinks: TrackSink[];
  /** The take whose tracks those are. */
  take: number;
  signal: AbortSignal;
  /** False while the browser wants no more data (ManagedMediaSource). */
  wanted?: () => boolean;
  /** True while still pictures are wanted instead of a moving one. */
  slides?: () => boolean;
  /** Told with false when the connection breaks, with true when bytes come again; `isServers`: the server is in trouble. */
  onReach?: (reached: boolean, isServers?: boolean) => void;
  /** Told just before so many bytes are added to the buffer. */
  onArrival?: (bytes: number) => void;
}

/** How a feed came to its end. `other-tracks`: playing goes on at `fromMs` with another set of tracks. */
export type FeedEnd =
  | { reason: 'ended' }
  | { reason: 'other-tracks'; fromMs: number }
  | { reason: 'aborted' };

/** How long after a broken connection the next one is tried. */
export const RETRY_MS = 700;
/** A viewer at the edge who was cut off for longer does not fetch what was missed. */
export const MISSED_MS = 10_000;
