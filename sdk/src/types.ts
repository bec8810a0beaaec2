/** What goes over the wire, named as the server names it. Durations and positions are whole milliseconds. */

export interface Person {
  id: number;
  first_name: string;
  last_name: string;
  profile_picture: string | null;
  email?: string;
  roles?: string[];
}

export interface Tokens {
  access: string;
  refresh: string;
}

export interface SignedIn {
  user: Person;
  tokens: Tokens;
}

export type Visibility = 'public' | 'unlisted' | 'members';
export type LiveState = 'live' | 'ended';

export interface Live {
  id: number;
  title: string;
  description: string;
  content: string;
  author: Person;
  visibility: Visibility;
  state: LiveState;
  started_at: string;
  ended_at: string | null;
  revision: number;
  saved_ms: number;
  duration_ms: number;
  viewers: number;
  messages: number;
  poster_url: string | null;
  watch_url: string | null;
  /** Where one WebSocket carries the tails. */
  tail_url: string;
  hls_url: string | null;
  replay: { mp4: string | null; webm: string | null; audio: string | null } | null;
}

export interface StartedLive {
  live_id: number;
  post_id: number;
  stream_key: string;
  upload_url: string;
  rtmp_url: string | null;
  whip_url: string | null;
  hls_url: string | null;
  watch_url: string;
  message: string;
}

export interface Gap {
  position_ms: number;
  lost_ms: number;
  since: string;
  until: string;
}

export interface StoppedLive {
  message: string;
  video_saved: boolean;
  video_id: number | null;
  duration_ms: number;
  messages: number;
  gaps: Gap[];
  replay_url: string | null;
}

export type TrackKind = 'video' | 'audio';

export interface TakeTrack {
  kind: TrackKind;
  /** RFC 6381 string, as `MediaSource.isTypeSupported` takes it. */
  codec: string;
  width?: number | null;
  height?: number | null;
  sample_rate?: number | null;
  channels?: number | null;
  frames: number;
  bytes: number;
}

export interface Take {
  take: number;
  offset_ms: number;
  duration_ms: number;
  started_at: string;
  tracks: TakeTrack[];
}

export interface Timeline {
  state: LiveState;
  revision: number;
  saved_ms: number;
  duration_ms: number;
  takes: Take[];
  gaps: Gap[];
}

export interface Position {
  take: number;
  ms: number;
}

export type MessageKind = 'text' | 'emoji' | 'reaction';

export interface Message {
  id: number;
  /** Null for a reaction, which is counted and not numbered. */
  seq: number | null;
  content: string;
  timestamp: string;
  type: MessageKind;
  reply_to: number | null;
  position: Position | null;
  position_ms: number | null;
  author: Person;
  deleted: boolean;
  /** True if it was written about the replay, after the live. */
  on_replay?: boolean;
  /** True if it waits for a moderator: it has no number and nobody else sees it. */
  held?: boolean;
  /** Whom it names. */
  mentions?: Named[];
}

/** Somebody by their name alone. */
export interface Named {
  id: number;
  first_name: string;
  last_name: string;
}

/** How a conversation is led. */
export interface ChatRules {
  /** Shortest time between two messages of one person; 0 without slow mode. */
  slow_ms: number;
  /** Whether messages wait for approval. */
  hold: boolean;
  /** The message that stands on top. */
  pinned: Message | null;
  /** Whether members see by name who is here. */
  show_members?: boolean;
  /** Words that are not wanted; only those who lead see them. */
  words?: string[];
}

/** Who watches. Names only if the live shows them. */
export interface Here {
  count: number;
  shown: boolean;
  members: Named[];
}

export interface HeldMessage {
  held_id: number;
  message: Message;
}

/** Somebody who may not write; for good without `until`. */
export interface Sanction {
  person_id: number;
  until: string | null;
}

/** One act of somebody who leads a conversation. */
export interface LeadingAct {
  id: number;
  timestamp: string;
  by_id: number;
  act: string;
  subject: number | null;
  detail: string;
}

export interface LiveUpdate {
  state: LiveState;
  revision: number;
  saved_ms: number;
  viewers: number;
}

export interface Page<T> {
  count: number;
  next: string | null;
  previous: string | null;
  results: T[];
}
