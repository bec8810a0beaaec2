import type { Live, Take, TrackKind } from '../types.js';
import { mimeOf, wholeMimeOf } from './clock.js';
import type { FeedEnd } from './feeding.js';
import { mediaSourceClass } from './media-source.js';
import type { MissingTrack } from './missing.js';
import type { Pipeline, PipelineOptions } from './pipeline.js';
import type { TrackStanding } from './stuck.js';

/** Called when the element cannot go on with what it has. */
export interface SourceOwner {
  /** What plays tails is here, and about to. */
  onPiped(piping: Piping): void;
  /** The tails may not be read any longer. */
  onAborted(): void;
  /** The file does not play: the connection broke in the middle of it, or this browser cannot play it whole. */
  onFileFailed(isCut: boolean): void;
}

/** What plays tails. The file of a replay needs nothing of it, so it is fetched when tails are to be played. */
export type Piping = typeof import('./piping.js');

const fetchStart = (): Promise<typeof import('./start.js')> => import('./start.js');
const fetchPiping = (): Promise<Piping> => import('./piping.js');

/** What the element plays: a pipeline of tails, the file of the replay, or the live as the browser takes it by itself. */
export class Source {
  readonly #video: HTMLVideoElement;
  readonly #options: PipelineOptions;
  readonly #owner: SourceOwner;
  #pipeline: Pipeline | null = null;
  #piping: Piping | null = null;
  /** True while what plays tails is being fetched. */
  #isComing = false;
  /** Counts what was put into the element. */
  #turn = 0;
  /** Aborted when the element's file gives way to something else. */
  #file = new AbortController();
  /** Where the live goes on with other tracks than the pipeline's, once this one is played out. */
  #goesOnAt: number | null = null;

  constructor(video: HTMLVideoElement, options: PipelineOptions, owner: SourceOwner) {
    this.#video = video;
    this.#options = options;
    this.#owner = owner;
  }

  get isPiped(): boolean {
    return this.#pipeline !== null || this.#isComing;
  }

  /** True when the element was given nothing yet. */
  get isEmpty(): boolean {
    return !this.#video.hasAttribute('src');
  }

  /** Milliseconds of the play clock at which other tracks go on after what is being played; null if none do. */
  get goesOnAt(): number | null {
    return this.#goesOnAt;
  }

  /** True if the pipeline has the tracks of this take, no more and no less. */
  fits(take: Take): boolean {
    return this.#pipeline?.fits(take) ?? false;
  }

  /** True if all of the take comes in one stream that plays in this browser. */
  canStream(take: Take): boolean {
    return Boolean(globalThis.MediaSource?.isTypeSupported(wholeMimeOf(take)));
  }

  /** True if a pipeline of the take's tracks plays in this browser. */
  canPipe({ tracks }: Take): boolean {
    const Media = mediaSourceClass();
    return Media !== null && tracks.every((track) => Media.isTypeSupported(mimeOf(track)));
  }

  /** A track of the take that is gone, to be looked for; null before tails were played. `now` as of `performance`. */
  missing(kind: TrackKind, take: Take, now: number): MissingTrack | null {
    return this.#piping && new this.#piping.MissingTrack(kind, take, now);
  }

  /** Fetches what plays tails, while the page asks for the rest of what it needs for them. */
  prepare(): void {
    // Whoever needs it asks again, and is told.
    fetchPiping().catch(() => undefined);
  }

  /** Puts a fresh pipeline of the take's tracks into the element, from `fromMs` or from the edge if null. */
  async pipe(take: Take, fromMs: number | null): Promise<void> {
    this.#drop();
    const turn = this.#turn;
    this.#isComing = true;
    const piping = await fetchPiping();
    if (turn !== this.#turn) return;
    this.#isComing = false;
    this.#piping = piping;
    this.#owner.onPiped(piping);
    const pipeline = new piping.Pipeline(this.#video, take, this.#options, (end) =>
      this.#onEnd(pipeline, end),
    );
    this.#pipeline = pipeline;
    await pipeline.open(fromMs);
  }

  /** Without a usable MediaSource the element plays the live by itself, from `fromMs`, or from the edge if null. */
  async playBare(fromMs: number | null, ask: () => Promise<Live>): Promise<void> {
    this.#drop();
    const { signal } = this.#file;
    const bare = await import('./bare.js');
    await bare.play(this.#video, this.#options, fromMs, ask, signal);
  }

  /** Puts the file of the replay into the element; `onReady` once it can be moved in. Not `asked`: nothing of it is loaded yet. */
  openFile(url: string, asked: boolean, onReady: () => void): void {
    this.#drop();
    const video = this.#video;
    video.preload = asked ? 'metadata' : 'none';
    // Whoever made the element may have put the file there, and somebody begun to play it.
    if (video.src !== new URL(url, location.href).href) video.src = url;
    const { signal } = this.#file;
    if (video.readyState > 0) onReady();
    else video.addEventListener('loadedmetadata', onReady, { once: true, signal });
    video.addEventListener('error', () => this.#onFileError(), { once: true, signal });
  }

  /** Fetches what begins a replay where the network is slow. */
  prepareStart(): void {
    fetchStart().catch(() => undefined);
  }

  /** Plays the take from `atMs` of the play clock as a stream; `onLeave` when its file is to go on. */
  async stream(take: Take, atMs: number, lengthMs: number, onLeave: () => void): Promise<void> {
    this.#drop();
    const { signal } = this.#file;
    const { api, liveId, key, onArrival } = this.#options;
    const mime = wholeMimeOf(take);
    const path = `/api/posts/live/${liveId}/tail.${mime.slice(6, mime.indexOf(';'))}`;
    const url = api.url(path, { take: take.take, from_ms: Math.round(atMs), key });
    const ask = (signal: AbortSignal): Promise<Response> => api.fetchSigned(url, { signal });
    const { start } = await fetchStart();
    if (signal.aborted) return;
    void start(this.#video, { ask, mime, atMs, lengthMs, signal, onArrival, onLeave });
  }

  /** Goes on with the tails from another place, or from the edge if null. */
  restart(fromMs: number | null): void {
    this.#goesOnAt = null;
    void this.#pipeline?.restart(fromMs);
  }

  /** True while nothing is carried although more could be. */
  get isResting(): boolean {
    return this.#pipeline?.isResting ?? false;
  }

  /** Lets go of the connection; what is buffered stays. */
  rest(): void {
    this.#pipeline?.rest();
  }

  /** Goes on where what is buffered ends. */
  goOn(): void {
    this.#pipeline?.goOn();
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
    this.#drop();
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  #drop(): void {
    this.#turn += 1;
    this.#isComing = false;
    this.#pipeline?.close();
    this.#pipeline = null;
    this.#file.abort();
    this.#file = new AbortController();
    this.#goesOnAt = null;
  }

  #onEnd(pipeline: Pipeline, end: FeedEnd): void {
    if (pipeline !== this.#pipeline) return;
    if (end.reason === 'other-tracks') this.#goesOnAt = end.fromMs;
    else if (end.reason === 'aborted') this.#owner.onAborted();
  }

  #onFileError(): void {
    this.#owner.onFileFailed(this.#video.error?.code === MediaError.MEDIA_ERR_NETWORK);
  }
}
