import type { Take } from '../types.js';
import { mimeOf } from './clock.js';
import { Feed } from './feed.js';
import type { FeedEnd, FeedOptions } from './feeding.js';
import { mediaSourceClass } from './media-source.js';
import { TrackSink } from './sink.js';
import type { TrackStanding } from './stuck.js';

export interface PipelineOptions extends Omit<FeedOptions, 'sinks' | 'take' | 'signal' | 'wanted'> {
  /** Moves the playhead, in seconds of the play clock. */
  moveTo: (seconds: number) => void;
}

/** A MediaSource with one buffer for each track of a run of takes that have the same tracks, and the feed that fills them. */
export class Pipeline {
  readonly #video: HTMLVideoElement;
  readonly #options: PipelineOptions;
  readonly #take: Take;
  readonly #onEnd: (end: FeedEnd) => void;
  #media: MediaSource | null = null;
  #url: string | null = null;
  #streaming = true;
  #sinks: TrackSink[] = [];
  /** Stops the feed; null while there is none. */
  #feeding: AbortController | null = null;
  #isResting = false;
  /** Counts the places that were gone to. */
  #turn = 0;
  #tidier: ReturnType<typeof setInterval> | undefined;

  constructor(video: HTMLVideoElement, take: Take, options: PipelineOptions, onEnd: (end: FeedEnd) => void) {
    this.#video = video;
    this.#take = take;
    this.#options = options;
    this.#onEnd = onEnd;
  }

  /** Attaches to the element and starts at `fromMs`, or at the edge if null. */
  async open(fromMs: number | null): Promise<void> {
    const Source = mediaSourceClass();
    if (!Source) throw new Error('no MediaSource');
    const media = new Source();
    this.#media = media;
    if (!('MediaSource' in globalThis)) this.#manage(media);
    this.#url = URL.createObjectURL(media);
    this.#video.src = this.#url;
    await new Promise<void>((resolve) => {
      media.addEventListener('sourceopen', () => resolve(), { once: true });
    });
    if (this.#media !== media) return;
    const playhead = (): number => this.#video.currentTime;
    this.#sinks = this.#take.tracks.map((track) => new TrackSink(track.kind, media, mimeOf(track), playhead));
    this.#tidier = setInterval(() => {
      for (const sink of this.#sinks) void sink.tidy().catch(() => undefined);
    }, 10_000);
    this.#feed(fromMs);
  }

  /** True if it has the tracks of this take, no more and no less. */
  fits({ tracks }: Take): boolean {
    const kinds = this.#take.tracks.map(({ kind }) => kind);
    return kinds.length === tracks.length && tracks.every(({ kind }) => kinds.includes(kind));
  }

  /** Goes on from another place; what is buffered is dropped. */
  async restart(fromMs: number | null): Promise<void> {
    this.#stop();
    const turn = this.#turn;
    await Promise.all(this.#sinks.map((sink) => sink.clear()));
    // Somebody who drags along the bar asks for the next place before this one is cleared: the last one counts.
    if (turn !== this.#turn) return;
    // Earlier, Chromium seeks in what is about to be dropped, and goes on at the keyframe after the last frame that it found.
    if (fromMs !== null) this.#options.moveTo(fromMs / 1000);
    this.#feed(fromMs);
  }

  /** True while nothing is carried although more could be. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** Lets go of the connection; what is buffered stays. */
  rest(): void {
    if (!this.#feeding) return;
    this.#stop();
    this.#isResting = true;
  }

  /** Goes on where what is buffered around the playhead ends. */
  goOn(): void {
    const { currentTime } = this.#video;
    const end = Math.min(...this.#sinks.map((sink) => sink.endAround(currentTime)));
    this.#feed(Math.floor(end * 1000));
  }

  /** Tells the element how far the live reaches, so that it lets the viewer seek there. */
  reach(edgeMs: number): void {
    if (this.#media?.readyState !== 'open') return;
    this.#media.setLiveSeekableRange?.(0, Math.max(0.001, edgeMs / 1000));
  }

  /** What each track has around `time`, in seconds of the play clock; `now` as of `performance`. */
  standing(time: number, now: number): TrackStanding[] {
    if (this.#media?.readyState !== 'open') return [];
    return this.#sinks.map((sink) => ({
      kind: sink.kind,
      end: sink.endAround(time),
      silentMs: now - sink.arrivedAt,
    }));
  }

  close(): void {
    clearInterval(this.#tidier);
    this.#stop();
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = null;
    this.#media = null;
  }

  #stop(): void {
    this.#turn += 1;
    this.#feeding?.abort();
    this.#feeding = null;
  }

  #feed(fromMs: number | null): void {
    const feeding = new AbortController();
    this.#feeding = feeding;
    this.#isResting = false;
    const feed = new Feed({
      ...this.#options,
      sinks: this.#sinks,
      take: this.#take.take,
      signal: feeding.signal,
      wanted: () => this.#streaming,
    });
    const settle = (end: FeedEnd): void => {
      if (this.#feeding !== feeding) return;
      this.#feeding = null;
      if (end.reason !== 'aborted' && this.#media?.readyState === 'open') this.#media.endOfStream();
      this.#onEnd(end);
    };
    feed.run(fromMs).then(settle, () => settle({ reason: 'aborted' }));
  }

  #manage(media: MediaSource): void {
    // Without this an iPhone demands an AirPlay source beside the managed one.
    this.#video.disableRemotePlayback = true;
    this.#streaming = false;
    media.addEventListener('startstreaming', () => {
      this.#streaming = true;
    });
    media.addEventListener('endstreaming', () => {
      this.#streaming = false;
    });
  }
}
