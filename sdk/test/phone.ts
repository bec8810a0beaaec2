import { vi } from 'vitest';

export class Track {
  static #count = 0;
  readonly id = `track ${++Track.#count}`;
  enabled = true;
  muted = false;
  readyState: 'live' | 'ended' = 'live';
  onended: (() => void) | null = null;
  onmute: (() => void) | null = null;
  onunmute: (() => void) | null = null;

  constructor(readonly kind: 'audio' | 'video') {}

  stop(): void {
    this.readyState = 'ended';
  }

  /** The phone takes the device away. */
  end(): void {
    this.readyState = 'ended';
    this.onended?.();
  }

  /** The phone silences the device, or gives it back. */
  mute(muted: boolean): void {
    this.muted = muted;
    if (muted) this.onmute?.();
    else this.onunmute?.();
  }
}

class Stream {
  constructor(readonly tracks: Track[]) {}
  getTracks = (): Track[] => [...this.tracks];
  getAudioTracks = (): Track[] => this.tracks.filter(({ kind }) => kind === 'audio');
  getVideoTracks = (): Track[] => this.tracks.filter(({ kind }) => kind === 'video');
}

/** Records nothing: what it delivers is what a test says. */
class Recorder {
  static isTypeSupported: (type: string) => boolean = () => true;
  static readonly all: Recorder[] = [];
  state: 'inactive' | 'recording' = 'inactive';
  ondataavailable: ((event: { data: Blob }) => void) | null = null;
  onstop: (() => void) | null = null;

  constructor(readonly stream: Stream) {
    Recorder.all.push(this);
  }

  start(): void {
    this.state = 'recording';
  }

  stop(): void {
    this.state = 'inactive';
    queueMicrotask(() => this.onstop?.());
  }

  deliver(bytes: Uint8Array<ArrayBuffer>): void {
    this.ondataavailable?.({ data: new Blob([bytes]) });
  }
}

/** What the publisher uses of a phone's browser, and what can happen to it. */
export class Phone {
  /** Every camera and microphone that was ever opened. */
  readonly tracks: Track[] = [];
  readonly recorders = Recorder.all;
  hasCamera = true;
  wakeLocks = 0;
  readonly #devices = new EventTarget();
  #slow: Promise<void> = Promise.resolve();

  constructor() {
    Recorder.all.length = 0;
    Recorder.isTypeSupported = () => true;
    vi.stubGlobal('MediaStream', Stream);
    vi.stubGlobal('MediaRecorder', Recorder);
    vi.stubGlobal(
      'document',
      Object.assign(new EventTarget(), { visibilityState: 'visible', createElement: () => ({}) }),
    );
    vi.stubGlobal('navigator', {
      mediaDevices: Object.assign(this.#devices, { getUserMedia: this.#open }),
      wakeLock: { request: this.#awake },
    });
  }

  get openTracks(): Track[] {
    return this.tracks.filter(({ readyState }) => readyState === 'live');
  }

  /** From now on devices open when the result is called, and not before. */
  holdDevices(): () => void {
    let open = (): void => undefined;
    this.#slow = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  }

  recordsNothing(): void {
    Recorder.isTypeSupported = () => false;
  }

  takeCamera(): void {
    this.hasCamera = false;
    this.openTracks.find(({ kind }) => kind === 'video')?.end();
  }

  giveCamera(): void {
    this.hasCamera = true;
    this.#devices.dispatchEvent(new Event('devicechange'));
  }

  readonly #open = async ({ video }: { video: unknown }): Promise<Stream> => {
    await this.#slow;
    if (video && !this.hasCamera) throw new DOMException('taken away', 'NotAllowedError');
    const tracks = [new Track('audio'), ...(video ? [new Track('video')] : [])];
    this.tracks.push(...tracks);
    return new Stream(tracks);
  };

  readonly #awake = async (): Promise<{ release: () => Promise<void> }> => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    this.wakeLocks += 1;
    const release = async (): Promise<void> => {
      this.wakeLocks -= 1;
    };
    return { release };
  };
}
