import type { Take, TrackKind } from '../types.js';
import { mimeOf } from './clock.js';
import { type FeedEnd, type FeedOptions, TrackFeed } from './feed.js';
import { TrackSink } from './sink.js';
import type { TrackStanding } from './stuck.js';

type MediaSourceClass = typeof MediaSource;

/** The browser's MediaSource: the managed one on iPhones, which have no other. */
export function mediaSourceClass(): MediaSourceClass | null {
  const scope = globalThis as { MediaSource?: MediaSourceClass; ManagedMediaSource?: MediaSourceClass };
  return scope.MediaSource ?? scope.ManagedMediaSource ?? null;
}

export interface PipelineOptions extends Omit<FeedOptions, 'sink' | 'kinds' | 'wanted'> {
  /** Moves the playhead, in seconds of the play clock. */
  moveTo: (seconds: number) => void;
}

/** A MediaSource with one buffer and one feed for each track of a run of takes that have the same tracks. */
export class Pipeline {
  readonly #video: HTMLVideoElement;
  readonly #options: PipelineOptions;
  readonly #take: Take;
  readonly #onEnd: (end: FeedEnd) => void;
  #media: MediaSource | null = null;
  #url: string | null = null;
  #streaming = true;
  #sinks: TrackSink[] = [];
  #feeds: TrackFeed[] = [];
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
    for (const feed of this.#feeds) feed.stop();
    this.#feeds = [];
  }

  #feed(fromMs: number | null): void {
    const kinds: TrackKind[] = this.#sinks.map((sink) => sink.kind);
    const feeds = this.#sinks.map(
      (sink) => new TrackFeed({ ...this.#options, sink, kinds, wanted: () => this.#streaming }),
    );
    this.#feeds = feeds;
    const ends = feeds.map((feed) => feed.run(fromMs));
    Promise.all(ends).then(
      ([first]) => {
        if (this.#feeds !== feeds || !first || first.reason === 'aborted') return;
        if (this.#media?.readyState === 'open') this.#media.endOfStream();
        this.#onEnd(first);
      },
      () => {
        if (this.#feeds === feeds) this.#onEnd({ reason: 'aborted' });
      },
    );
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
