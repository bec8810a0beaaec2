import type { Signal } from '../signal.js';
import { DeviceError, type DeviceWish, moves, openDevices } from './devices.js';
import { QUALITIES, type QualityName } from './quality.js';
import type { PublisherState } from './state.js';

/** What the person chooses of the devices. */
export interface CaptureWish {
  quality?: QualityName;
  facing?: 'user' | 'environment';
}

/** Called when a live that runs has to follow its devices. */
export interface CaptureOwner {
  /** A device was taken away. */
  onLost(): void;
  /** Other tracks may give frames than before. */
  onTracks(): void;
}

/** Camera and microphone as they are now: opened, closed, and what they give. */
export class Capture {
  readonly #state: Signal<PublisherState>;
  readonly #owner: CaptureOwner;
  /** The camera gives no frames although nothing says so. */
  #frozen = false;
  /** The picture went in the middle of the live: it comes back when the camera does. */
  #pictureLost = false;

  constructor(state: Signal<PublisherState>, owner: CaptureOwner) {
    this.#state = state;
    this.#owner = owner;
  }

  get isPictureLost(): boolean {
    return this.#pictureLost;
  }

  /** True if there is no device, or one of them has ended. */
  get isDead(): boolean {
    return this.#state.value.stream?.getTracks().some((track) => track.readyState === 'ended') ?? true;
  }

  /** Opens camera and microphone; falls back to the microphone where there is no camera. */
  async open(wish: CaptureWish = {}): Promise<void> {
    const quality = wish.quality ?? this.#state.value.quality;
    const facing = wish.facing ?? this.#state.value.facing;
    this.close();
    try {
      this.#use(await openWhatIsThere({ quality: QUALITIES[quality], facing }));
      const { phase } = this.#state.value;
      this.#state.patch({ quality, facing, trouble: null, phase: phase === 'idle' ? 'previewing' : phase });
    } catch (error) {
      const trouble = error instanceof DeviceError ? error.trouble : 'failed';
      this.#state.patch({ trouble, stream: null, quality, facing });
    }
  }

  /** Opens the devices again, the microphone alone where the picture is gone or no longer allowed. */
  async reopen(): Promise<void> {
    const { hasVideo } = this.#state.value;
    await this.open();
    if (!this.#state.value.stream) {
      const sound = await openDevices({ ...this.#wish(), video: false }).catch(() => null);
      if (!sound) return;
      this.#use(sound);
      this.#state.patch({ trouble: null });
    }
    this.#pictureLost = hasVideo && !this.#state.value.hasVideo;
    if (this.#pictureLost) this.#state.patch({ notice: 'sound-only' });
  }

  /** The camera with the microphone, if the lost picture is back; for `replace`. */
  async findPicture(): Promise<MediaStream | null> {
    const stream = await openDevices(this.#wish()).catch(() => null);
    if (stream) this.#pictureLost = false;
    return stream;
  }

  /** Goes on with these devices instead of those that are open. */
  replace(stream: MediaStream): void {
    this.close();
    this.#use(stream);
    this.#state.patch({ notice: null });
  }

  close(): void {
    for (const track of this.#state.value.stream?.getTracks() ?? []) {
      track.onended = null;
      track.onmute = null;
      track.onunmute = null;
      track.stop();
    }
    this.#state.patch({ stream: null });
  }

  setMuted(muted: boolean): void {
    for (const track of this.#state.value.stream?.getAudioTracks() ?? []) track.enabled = !muted;
    this.#state.patch({ muted });
  }

  setCameraOff(cameraOff: boolean): void {
    for (const track of this.#state.value.stream?.getVideoTracks() ?? []) track.enabled = !cameraOff;
    this.#state.patch({ cameraOff });
  }

  /** What gives frames now. A recorder holds back the sound for as long as a track gives none. */
  recordable(): MediaStream | null {
    const tracks = this.#state.value.stream?.getTracks() ?? [];
    const given = tracks.filter(({ kind, muted }) => !muted && !(kind === 'video' && this.#frozen));
    return given.length ? new MediaStream(given) : null;
  }

  /** A camera that is there but stands still would hold back the sound too: it is left out until frames come. */
  freeze(recorded: MediaStream): void {
    const { stream } = this.#state.value;
    if (this.#frozen || !stream || !recorded.getVideoTracks().length || !recorded.getAudioTracks().length)
      return;
    this.#frozen = true;
    this.#state.patch({ notice: 'camera-hidden' });
    this.#owner.onTracks();
    void moves(stream).then(() => {
      if (this.#state.value.stream !== stream || !this.#frozen) return;
      this.#frozen = false;
      this.#cameraIsSeen();
      this.#owner.onTracks();
    });
  }

  #wish(): DeviceWish {
    const { quality, facing } = this.#state.value;
    return { quality: QUALITIES[quality], facing };
  }

  #use(stream: MediaStream): void {
    const { muted, cameraOff } = this.#state.value;
    this.#frozen = false;
    for (const track of stream.getAudioTracks()) track.enabled = !muted;
    for (const track of stream.getVideoTracks()) track.enabled = !cameraOff;
    for (const track of stream.getTracks()) this.#watch(track, stream);
    this.#state.patch({ stream, hasVideo: stream.getVideoTracks().length > 0 });
  }

  #watch(track: MediaStreamTrack, stream: MediaStream): void {
    const isPresent = (): boolean => this.#state.value.stream === stream;
    track.onended = () => {
      if (isPresent()) this.#owner.onLost();
    };
    // Phones mute the camera of a page that is not in front.
    track.onmute = () => {
      this.#state.patch({ notice: 'camera-hidden' });
      if (isPresent()) this.#owner.onTracks();
    };
    track.onunmute = () => {
      this.#cameraIsSeen();
      if (isPresent()) this.#owner.onTracks();
    };
  }

  #cameraIsSeen(): void {
    if (this.#state.value.notice === 'camera-hidden') this.#state.patch({ notice: null });
  }
}

function openWhatIsThere(wish: DeviceWish): Promise<MediaStream> {
  return openDevices(wish).catch((error: unknown) => {
    if (error instanceof DeviceError && error.trouble === 'missing')
      return openDevices({ ...wish, video: false });
    throw error;
  });
}
