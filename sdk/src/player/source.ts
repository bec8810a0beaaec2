import type { Take } from '../types.js';
import { mimeOf } from './clock.js';
import type { FeedEnd } from './feed.js';
import { mediaSourceClass, Pipeline, type PipelineOptions } from './pipeline.js';
import type { TrackStanding } from './stuck.js';

/** Called when the element cannot go on with what it has. */
export interface SourceOwner {
  /** What is buffered was played out; from `fromMs` on the live has other tracks. */
  onOtherTracks(fromMs: number): void;
  /** The tails may not be read any longer. */
  onAborted(): void;
  /** This browser cannot play the file whole. */
  onFileRefused(): void;
}

/** What the element plays: a pipeline of tails, the file of the replay, or the live as the browser takes it by itself. */
export class Source {
  readonly #video: HTMLVideoElement;
  readonly #options: PipelineOptions;
  readonly #owner: SourceOwner;
  #pipeline: Pipeline | null = null;

  constructor(video: HTMLVideoElement, options: PipelineOptions, owner: SourceOwner) {
    this.#video = video;
    this.#options = options;
    this.#owner = owner;
  }

  get isPiped(): boolean {
    return this.#pipeline !== null;
  }

  /** True if a pipeline of the take's tracks plays in this browser. */
  canPipe({ tracks }: Take): boolean {
    const Media = mediaSourceClass();
    return Media !== null && tracks.every((track) => Media.isTypeSupported(mimeOf(track)));
  }

  /** Puts a fresh pipeline of the take's tracks into the element, from `fromMs` or from the edge if null. */
  async pipe(take: Take, fromMs: number | null): Promise<void> {
    this.#pipeline?.close();
    const pipeline = new Pipeline(this.#video, take, this.#options, (end) => this.#onEnd(pipeline, end));
    this.#pipeline = pipeline;
    await pipeline.open(fromMs);
  }

  /** Without a usable MediaSource: the element plays the live by itself, HLS where it can, else a bare tail. */
  playBare(hlsUrl: string | null): void {
    const { api, liveId, key } = this.#options;
    const hls = hlsUrl && this.#video.canPlayType('application/vnd.apple.mpegurl') ? hlsUrl : null;
    this.#video.src = hls ?? api.url(`/api/posts/live/${liveId}/tail.mp4`, { key });
  }

  /** Puts the file of the replay into the element; `onReady` once it can be moved in. */
  openFile(url: string, onReady: () => void): void {
    this.#pipeline?.close();
    this.#pipeline = null;
    const video = this.#video;
    video.src = url;
    video.preload = 'metadata';
    video.addEventListener('loadedmetadata', onReady, { once: true });
    video.addEventListener('error', () => this.#onFileError(url), { once: true });
  }

  /** Goes on with the tails from another place, or from the edge if null. */
  restart(fromMs: number | null): void {
    void this.#pipeline?.restart(fromMs);
  }

  /** Tells the element how far the live reaches. */
  reach(edgeMs: number): void {
    this.#pipeline?.reach(edgeMs);
  }

  /** What each track has around `time`, in seconds of the play clock; `now` as of `performance`. */
  standing(time: number, now: number): TrackStanding[] {
    return this.#pipeline?.standing(time, now) ?? [];
  }

  close(): void {
    this.#pipeline?.close();
    this.#pipeline = null;
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  #onEnd(pipeline: Pipeline, end: FeedEnd): void {
    if (pipeline !== this.#pipeline) return;
    if (end.reason === 'other-tracks') {
      const go = (): void => {
        if (pipeline === this.#pipeline) this.#owner.onOtherTracks(end.fromMs);
      };
      this.#video.addEventListener('ended', go, { once: true });
    } else if (end.reason === 'aborted') this.#owner.onAborted();
  }

  #onFileError(url: string): void {
    const isOurs = this.#video.src.includes(url.split('?')[0] ?? url);
    if (!this.#pipeline && isOurs) this.#owner.onFileRefused();
  }
}
