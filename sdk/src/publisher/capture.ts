import type { Signal } from '../signal.js';
import { closeDevices, DeviceError, type DeviceWish, moves, openDevices } from './devices.js';
import { QUALITIES, type QualityName } from './quality.js';
import type { Notice, PublisherState } from './state.js';

/** What the person chooses of the devices. */
export interface CaptureWish {
  quality?: QualityName;
  facing?: 'user' | 'environment';
  /** By their `deviceId`; null: whichever the browser takes. */
  camera?: string | null;
  microphone?: string | null;
  /** The screen instead of the camera. */
  screen?: boolean;
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
  /** Camera and microphone opened beside those in use, because the lost picture is back. */
  #found: MediaStream | null = null;
  /** Aborted when devices are opened or closed: what is still opening is then closed as soon as it comes. */
  #opening = new AbortController();

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
    this.#state.patch(wish);
    await this.#open(openWhatIsThere);
  }

  /** Opens the devices again, the microphone alone where the picture is gone or no longer allowed. */
  async reopen(): Promise<void> {
    const hadPicture = this.#state.value.hasVideo || this.#pictureLost;
    if (!(await this.#open(openWhatOpens))) return;
    this.#pictureLost = hadPicture && !this.#state.value.hasVideo;
    if (this.#pictureLost) this.#state.patch({ notice: 'sound-only' });
  }

  /** True if the lost picture is back: it waits, with its sound, for `useFound`. */
  findPicture(): Promise<boolean> {
    const opening = openDevices(this.#wish());
    return this.#whenOpen(opening, (stream) => {
      this.#found = stream;
    }).catch(() => false);
  }

  /** True if somebody chose what of the screen to show: it waits for `useFound`. What is open stays so until then. */
  findScreen(): Promise<boolean> {
    const opening = openDevices({ ...this.#wish(), screen: true });
    return this.#whenOpen(opening, (stream) => {
      this.#found = stream;
    }).catch(() => false);
  }

  /** Goes on with what was found instead of what is open. */
  useFound(): void {
    const found = this.#found;
    this.#found = null;
    if (!found) return;
    this.#release();
    this.#use(found);
  }

  /** Closes the devices, those that are still opening too. */
  close(): void {
    this.#release();
    this.#pictureLost = false;
  }

  /** Waits no longer for what is still opening. What is open stays open. */
  stopOpening(): void {
    this.#opening.abort();
    this.#opening = new AbortController();
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
    this.#saySilence();
    this.#owner.onTracks();
    void moves(stream).then(() => {
      if (this.#state.value.stream !== stream || !this.#frozen) return;
      this.#frozen = false;
      this.#saySilence();
      this.#owner.onTracks();
    });
  }

  #wish(): DeviceWish {
    const { quality, facing, camera, microphone } = this.#state.value;
    return { quality: QUALITIES[quality], facing, camera, microphone };
  }

  /** True once these devices are in use. */
  async #open(open: (wish: DeviceWish) => Promise<MediaStream>): Promise<boolean> {
    this.#release();
    try {
      return await this.#whenOpen(open(this.#wish()), (stream) => this.#use(stream));
    } catch (error) {
      this.#state.patch({ trouble: error instanceof DeviceError ? error.trouble : 'failed' });
      return false;
    }
  }

  /** Hands over what opens. False as soon as others are opened or these are closed: what comes is then closed again. */
  #whenOpen(opening: Promise<MediaStream>, use: (stream: MediaStream) => void): Promise<boolean> {
    const { signal } = this.#opening;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => resolve(false));
      opening
        .then((stream) => {
          if (signal.aborted) return closeDevices(stream);
          use(stream);
          resolve(true);
        })
        .catch(reject);
    });
  }

  #use(stream: MediaStream): void {
    const { muted, cameraOff, phase } = this.#state.value;
    this.#frozen = false;
    for (const track of stream.getAudioTracks()) track.enabled = !muted;
    for (const track of stream.getVideoTracks()) track.enabled = !cameraOff;
    for (const track of stream.getTracks()) this.#watch(track, stream);
    const hasVideo = stream.getVideoTracks().length > 0;
    this.#state.patch({
      stream,
      hasVideo,
      screen: false,
      trouble: null,
      phase: phase === 'idle' ? 'previewing' : phase,
    });
    if (hasVideo) this.#pictureIsBack();
    this.#saySilence();
  }

  #release(): void {
    this.stopOpening();
    const { stream } = this.#state.value;
    for (const track of stream?.getTracks() ?? []) {
      track.onended = null;
      track.onmute = null;
      track.onunmute = null;
    }
    for (const open of [stream, this.#found]) if (open) closeDevices(open);
    this.#found = null;
    this.#state.patch({ stream: null });
  }

  #watch(track: MediaStreamTrack, stream: MediaStream): void {
    const isPresent = (): boolean => this.#state.value.stream === stream;
    track.onended = () => {
      if (!isPresent()) return;
      // Whoever stops showing the screen is seen by the camera again.
      if (track.kind === 'video') this.#state.patch({ screen: false });
      this.#owner.onLost();
    };
    const onSilence = (): void => {
      if (!isPresent()) return;
      this.#saySilence();
      this.#owner.onTracks();
    };
    track.onmute = onSilence;
    track.onunmute = onSilence;
  }

  /** Phones mute the camera of a page that is not in front, and the microphone during a call. */
  #saySilence(): void {
    const tracks = this.#state.value.stream?.getTracks() ?? [];
    const isMuted = (wanted: string): boolean => tracks.some(({ kind, muted }) => kind === wanted && muted);
    if (this.#frozen || isMuted('video')) this.#state.patch({ notice: 'camera-hidden' });
    else if (isMuted('audio')) this.#state.patch({ notice: 'microphone-taken' });
    else this.#unsay('camera-hidden', 'microphone-taken');
  }

  #pictureIsBack(): void {
    this.#pictureLost = false;
    this.#unsay('sound-only');
  }

  #unsay(...notices: Notice[]): void {
    const { notice } = this.#state.value;
    if (notice && notices.includes(notice)) this.#state.patch({ notice: null });
  }
}

/** The microphone alone where there is no camera. */
function openWhatIsThere(wish: DeviceWish): Promise<MediaStream> {
  return openDevices(wish).catch((error: unknown) => {
    if (error instanceof DeviceError && error.trouble === 'missing')
      return openDevices({ ...wish, video: false });
    throw error;
  });
}

/** The microphone alone wherever the camera does not open. */
function openWhatOpens(wish: DeviceWish): Promise<MediaStream> {
  return openDevices(wish).catch((trouble: unknown) =>
    openDevices({ ...wish, video: false }).catch(() => {
      throw trouble;
    }),
  );
}
