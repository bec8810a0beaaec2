import type { Live, Timeline, TrackKind } from '../types.js';

export type PlayerMode = 'loading' | 'live' | 'replay' | 'gone' | 'unplayable';

/** How a live is followed: its picture and sound, still pictures with the whole sound, the sound, or the conversation alone. */
export type Way = 'video' | 'slides' | 'audio' | 'chat';

/** Why the picture stands still although it should move. */
export type Waiting = 'buffering' | 'publisher' | 'network' | 'server';

export interface PlayerState {
  mode: PlayerMode;
  live: Live | null;
  timeline: Timeline | null;
  positionMs: number;
  /** The end of what can be watched now. */
  edgeMs: number;
  /** How far ahead of the playhead the browser has the media. */
  bufferedMs: number;
  atLive: boolean;
  playing: boolean;
  way: Way;
  /** False while a replay waits for somebody to ask for its first byte. */
  asked: boolean;
  waiting: Waiting | null;
  /** The track that playing goes on without, because nothing comes of it. */
  missing: TrackKind | null;
  rate: number;
  /** True when the browser let it start only without sound. */
  soundBlocked: boolean;
  /** The server's sentence when the live may not be watched. */
  sentence: string | null;
}

export const NOTHING_YET: PlayerState = {
  mode: 'loading',
  live: null,
  timeline: null,
  positionMs: 0,
  edgeMs: 0,
  bufferedMs: 0,
  atLive: false,
  playing: false,
  way: 'video',
  asked: true,
  waiting: 'buffering',
  missing: null,
  rate: 1,
  soundBlocked: false,
  sentence: null,
};
