import type { StoppedLive } from '../types.js';
import type { OpenLive } from './backlog.js';
import type { DeviceTrouble } from './devices.js';
import type { QualityName } from './quality.js';

export type PublisherPhase = 'idle' | 'previewing' | 'starting' | 'live' | 'stopping' | 'stopped';

/** How the recording gets to the server. `held`: the server has a reason, in `sentence`. */
export type Connection = 'ok' | 'offline' | 'catching-up' | 'held';

/** Something the person should know. The page has the words. */
export type Notice =
  | 'camera-lost'
  | 'camera-hidden'
  | 'microphone-taken'
  | 'recorder-restarted'
  | 'not-recording'
  | 'sound-only'
  | 'memory-only'
  | 'storage-low'
  | 'storage-full'
  | 'network-slow'
  | 'refused'
  | 'unsupported';

export interface PublisherState {
  phase: PublisherPhase;
  stream: MediaStream | null;
  trouble: DeviceTrouble | null;
  live: OpenLive | null;
  connection: Connection;
  sentence: string | null;
  notice: Notice | null;
  /** Length of the live as this device recorded it, over all takes. */
  recordedMs: number;
  /** How much of it is durable on the server. */
  savedMs: number;
  waitingBytes: number;
  waitingMs: number;
  /** For how long the device's storage takes the recording without any network; null if unknown. */
  storageMs: number | null;
  muted: boolean;
  cameraOff: boolean;
  hasVideo: boolean;
  quality: QualityName;
  facing: 'user' | 'environment';
  /** The devices that were chosen, by their `deviceId`; null: whichever the browser takes. */
  camera: string | null;
  microphone: string | null;
  /** True while the screen is shown instead of the camera. */
  screen: boolean;
  receipt: StoppedLive | null;
}

export const IDLE: PublisherState = {
  phase: 'idle',
  stream: null,
  trouble: null,
  live: null,
  connection: 'ok',
  sentence: null,
  notice: null,
  recordedMs: 0,
  savedMs: 0,
  waitingBytes: 0,
  waitingMs: 0,
  storageMs: null,
  muted: false,
  cameraOff: false,
  hasVideo: true,
  quality: 'normal',
  facing: 'user',
  camera: null,
  microphone: null,
  screen: false,
  receipt: null,
};
