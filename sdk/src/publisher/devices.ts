import type { Quality } from './quality.js';

/** Why there is no picture or sound, for the page to say in its own words. */
export type DeviceTrouble = 'denied' | 'missing' | 'busy' | 'insecure' | 'failed';

export class DeviceError extends Error {
  override readonly name = 'DeviceError';

  constructor(
    readonly trouble: DeviceTrouble,
    cause: unknown,
  ) {
    super(trouble, { cause });
  }
}

export interface DeviceWish {
  quality: Quality;
  /** Front or back camera; a phone has both. */
  facing?: 'user' | 'environment';
  /** The one that is preferred of several, by its `deviceId`; another where it is not there. */
  camera?: string | null;
  microphone?: string | null;
  /** What the screen shows instead of the camera. The browser asks which part of it, and only as somebody presses something. */
  screen?: boolean;
  /** False for a live of sound alone. */
  video?: boolean;
}

/** Opens camera and microphone, or the microphone alone. Rejects with a `DeviceError`. */
export async function openDevices(wish: DeviceWish): Promise<MediaStream> {
  if (typeof navigator === 'undefined' || !navigator.mediaDevices) throw new DeviceError('insecure', null);
  const { quality } = wish;
  const video: MediaTrackConstraints = {
    width: { ideal: quality.width },
    height: { ideal: quality.height },
    frameRate: { ideal: quality.frameRate, max: 30 },
    ...(wish.camera
      ? { deviceId: { exact: wish.camera } }
      : { facingMode: { ideal: wish.facing ?? 'user' } }),
  };
  const audio: MediaTrackConstraints = {
    ...(wish.microphone && { deviceId: { exact: wish.microphone } }),
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
  };
  try {
    if (wish.screen) return await openScreen(quality, audio);
    return await navigator.mediaDevices.getUserMedia({ audio, video: wish.video === false ? false : video });
  } catch (error) {
    const trouble = troubleOf(error);
    // What was chosen is not there any more.
    if (trouble === 'missing' && (wish.camera || wish.microphone))
      return openDevices({ ...wish, camera: null, microphone: null });
    throw new DeviceError(trouble, error);
  }
}

/** The screen's picture with the microphone's sound, where there is one. */
async function openScreen(quality: Quality, audio: MediaTrackConstraints): Promise<MediaStream> {
  const { frameRate } = quality;
  // Letters on a screen are small: its picture is taken as it is.
  const screen = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: frameRate } } });
  const sound = await navigator.mediaDevices.getUserMedia({ audio }).catch(() => null);
  return new MediaStream([...screen.getVideoTracks(), ...(sound?.getAudioTracks() ?? [])]);
}

/** Turns off the camera and the microphone of a stream. */
export function closeDevices(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function troubleOf(error: unknown): DeviceTrouble {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'failed';
  }
}

/** Frames that show that a camera moves: a lone one may be its last, shown again. */
const MOVING_FRAMES = 3;

/** Resolves when the camera of a stream gives frames; in a page that is not in front, not before it is. */
export async function moves(stream: MediaStream): Promise<void> {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream(stream.getVideoTracks());
  void video.play().catch(() => undefined);
  for (let frame = 0; frame < MOVING_FRAMES; frame += 1)
    await new Promise<void>((resolve) => video.requestVideoFrameCallback(() => resolve()));
  video.srcObject = null;
}

/** Keeps the screen on while wanted; the browser drops the lock whenever the page is hidden, so it is taken again. */
export class AwakeScreen {
  #lock: WakeLockSentinel | null = null;
  #wanted = false;
  readonly #again = (): void => {
    if (this.#wanted && document.visibilityState === 'visible') void this.#take();
  };

  async hold(): Promise<void> {
    this.#wanted = true;
    document.addEventListener('visibilitychange', this.#again);
    await this.#take();
  }

  async release(): Promise<void> {
    this.#wanted = false;
    document.removeEventListener('visibilitychange', this.#again);
    await this.#lock?.release().catch(() => undefined);
    this.#lock = null;
  }

  async #take(): Promise<void> {
    try {
      this.#lock = (await navigator.wakeLock?.request('screen')) ?? null;
    } catch {
      // Refused in battery saver: the live goes on, the screen may go dark.
    }
    // It may be granted after it was given up.
    if (!this.#wanted) await this.release();
  }
}
