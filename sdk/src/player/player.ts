import type { LiveClient } from '../client.js';
import { Problem } from '../problem.js';
import { Signal } from '../signal.js';
import type { Live, LiveUpdate, Position, Timeline } from '../types.js';
import { bufferEnd } from './buffered.js';
import { positionOf } from './clock.js';
import type { TimelineSource } from './feeding.js';
import type { Keeper } from './keeper.js';
import { LiveNews } from './news.js';
import { Playhead } from './playhead.js';
import { AT_END_MS, Showing } from './showing.js';
import { NOTHING_YET, type PlayerState, type Way } from './state.js';
import { WaitingTeller } from './waiting.js';

export type { PlayerMode, PlayerState, Waiting, Way } from './state.js';

export interface PlayerOptions {
  api: LiveClient;
  liveId: number;
  /** The key of an unlisted live's address. */
  key?: string | null;
  /** How it is followed at first; `video` if left out. */
  way?: Way;
  /** A replay loads nothing of its media until it is asked to play, or to go somewhere. */
  waits?: boolean;
  /** True where the network is slow: a replay then begins with its first picture, not with the index of its file. */
  isSlow?: () => boolean;
  /** What is known of the live before it was asked for. */
  live?: Live | null;
}

const TICK_MS = 200;
const REOPEN_MS = 1_500;
/** A place nearer to the edge of a live than this is the edge. */
const EDGE_MS = 1_500;
/** How far before the end of the buffer a viewer is who goes back to the edge. */
const BACK_LEAD_S = 0.6;

/** What is said of a live before it was asked for. */
function begunWith(live: Live | null | undefined): Partial<PlayerState> {
  if (!live) return {};
  const isReplay = live.state === 'ended' && live.duration_ms > 0;
  return { live, edgeMs: live.duration_ms, ...(isReplay && { mode: 'replay', waiting: null }) };
}

/**
 * Watches one live, in the page's `<video>`: during the live from its tails through MediaSource, rewindable to its
 * first moment; after it from the replay file. Times are milliseconds of the play clock throughout.
 */
export class Player extends Signal<PlayerState> implements TimelineSource {
  readonly video: HTMLVideoElement;
  readonly #news: LiveNews;
  readonly #playhead: Playhead;
  readonly #waits: WaitingTeller;
  readonly #showing: Showing;
  /** Null until tails are played. */
  #keeper: Keeper | null = null;
  #carriedBytes = 0;
  readonly #ticker: ReturnType<typeof setInterval>;
  #destroyed = false;

  constructor(video: HTMLVideoElement, options: PlayerOptions) {
    super({ ...NOTHING_YET, way: options.way ?? 'video', asked: !options.waits, ...begunWith(options.live) });
    this.video = video;
    const live = { api: options.api, liveId: options.liveId, key: options.key ?? null };
    this.#news = new LiveNews(live, this, {
      onTimeline: (timeline, before) => this.#onTimeline(timeline, before),
      onLive: (now, before) => this.#onLive(now, before),
    });
    this.#playhead = new Playhead(video, this);
    this.#waits = new WaitingTeller(video, this);
    this.#showing = new Showing(video, this, {
      news: this.#news,
      playhead: this.#playhead,
      waits: this.#waits,
      tails: {
        ...live,
        timelines: this.#news,
        tailUrl: () => this.value.live?.tail_url ?? null,
        slides: () => this.value.way === 'slides',
        onReach: (reached, isServers) => this.#waits.reached(reached, isServers),
        onArrival: (bytes) => {
          this.#carriedBytes += bytes;
          this.#keeper?.edge.arrived();
        },
        moveTo: (seconds) => this.#playhead.moveTo(seconds),
      },
      onPiped: ({ Keeper }) => {
        this.#keeper ??= new Keeper(video, this, this.#playhead, this.#showing);
      },
      isSlow: options.isSlow ?? (() => false),
      onAborted: () => void this.open(this.value.atLive ? null : this.value.positionMs),
    });
    this.#listen();
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  get timeline(): Timeline | null {
    return this.value.timeline;
  }

  /** Bytes of media that came as tails; those of files the browser counts. */
  get carriedBytes(): number {
    return this.#carriedBytes;
  }

  /** Follows it another way, from the same place. */
  setWay(way: Way): void {
    if (way === this.value.way) return;
    this.patch({ way });
    this.#showing.follow();
  }

  /** Finds the live and begins: at the edge, in the replay at its start, or at `fromMs`. */
  async open(fromMs: number | null = null): Promise<void> {
    while (!this.#destroyed) {
      try {
        const live = await this.#news.ask();
        this.patch({ live, sentence: null });
        if (live.state === 'live') {
          this.patch({ asked: true });
          this.#showing.prepareLive();
        }
        const timeline = await this.refresh();
        if (live.state === 'ended') await this.#showing.openReplay(fromMs ?? 0, timeline);
        else await this.#showing.openLive(timeline, fromMs);
        return;
      } catch (error) {
        if (error instanceof Problem && error.status < 500) {
          this.patch({ mode: 'gone', sentence: error.sentence, waiting: null });
          return;
        }
        this.patch({ waiting: error instanceof Problem ? 'server' : 'network' });
        await new Promise((resolve) => setTimeout(resolve, REOPEN_MS));
      }
    }
  }

  /** What the conversation's connection says of the live, which spares asking. */
  update(update: LiveUpdate): void {
    this.#news.hear(update);
  }

  play(): Promise<void> {
    const { mode, edgeMs, positionMs, way, asked } = this.value;
    if (way === 'chat') this.setWay('video');
    if (!asked) {
      this.patch({ asked: true });
      if (this.#showing.release()) return Promise.resolve();
    }
    // A live that was watched to its end leaves the playhead a moment before the end of its replay.
    if (mode === 'replay' && (this.video.ended || edgeMs - positionMs < AT_END_MS)) this.seek(0);
    return this.#playhead.play();
  }

  pause(): void {
    this.#playhead.pause();
  }

  toggle(): void {
    if (this.video.paused) void this.play();
    else this.pause();
  }

  /** Goes to `ms` of the play clock. Near the edge of a live this is the edge. */
  seek(ms: number): void {
    const { mode, edgeMs } = this.value;
    const to = Math.min(Math.max(0, ms), edgeMs);
    this.#keeper?.attention.stir(performance.now());
    if (mode === 'live' && edgeMs - to < EDGE_MS) {
      this.goLive();
      return;
    }
    this.patch({ atLive: false, positionMs: to });
    if (this.value.way === 'chat') return;
    if (this.#showing.isFile) {
      this.#showing.goTo(to);
      if (!this.value.asked) void this.play();
      return;
    }
    this.#playhead.applyRate();
    if (this.value.live?.state === 'ended' && mode === 'live') void this.#showing.openReplay(to);
    else this.#showing.goTo(to);
  }

  goLive(): void {
    if (this.value.mode !== 'live') return;
    this.patch({ atLive: true });
    if (this.value.way === 'chat') return;
    this.#keeper?.edge.reset();
    const end = bufferEnd(this.video);
    // What is buffered may be an old stretch that a rewind left: only its growing end is the edge.
    if (end !== null && this.value.edgeMs - end * 1000 < EDGE_MS)
      this.#playhead.moveTo(Math.max(0, end - BACK_LEAD_S));
    else this.#showing.goToEdge();
    void this.#playhead.playAtEdge();
  }

  setRate(rate: number): void {
    this.patch({ rate });
    this.#playhead.applyRate();
  }

  /** Turns on the sound that the browser held back. */
  unblockSound(): void {
    this.#playhead.unblockSound();
  }

  /** The place the viewer looks at, to the picture: for a message to be anchored to. */
  position(): Position | null {
    const { timeline, mode } = this.value;
    if (!timeline || mode === 'loading' || mode === 'gone') return null;
    return positionOf(timeline, this.#playhead.positionMs);
  }

  /** Asks for the timeline anew; callers at the same time share one request. */
  refresh(): Promise<Timeline> {
    return this.#news.refresh();
  }

  destroy(): void {
    this.#destroyed = true;
    clearInterval(this.#ticker);
    this.#showing.close();
  }

  #onTimeline(timeline: Timeline, before: Timeline | null): void {
    this.#showing.reach(this.value.edgeMs);
    if (before) this.#showing.retime(timeline, before);
  }

  #onLive(live: Live, before: Live | null): void {
    const { mode, edgeMs } = this.value;
    this.#showing.reach(edgeMs);
    if (before?.state === 'ended' && live.state === 'live' && mode === 'replay') void this.open();
    // Nothing ever came: there is no end of a tail to wait for.
    if (live.state === 'ended' && mode === 'live' && this.#showing.isEmpty) void this.#showing.openReplay(0);
    else this.#leaveLive();
  }

  #listen(): void {
    const { video } = this;
    video.addEventListener('playing', () => {
      this.#keeper?.edge.movesAgain();
      this.patch({ playing: true, waiting: null });
    });
    video.addEventListener('play', () => {
      this.patch({ asked: true });
      this.#playhead.played();
    });
    video.addEventListener('pause', () => {
      this.patch({ playing: false });
      // Where the source changes it pauses by itself, with nothing in it.
      if (!video.ended && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.#playhead.paused();
    });
    video.addEventListener('seeking', () => {
      if (this.#showing.isPiped && this.#playhead.wasMoved) this.seek(video.currentTime * 1000);
    });
    video.addEventListener('waiting', () => this.#keeper?.edge.stalls());
    video.addEventListener('ended', () => this.#onPlayedOut());
    video.addEventListener('timeupdate', () => this.#playhead.tell(this.#showing.isFile));
    video.addEventListener('seeked', () => this.#playhead.tell(this.#showing.isFile));
  }

  #onPlayedOut(): void {
    if (this.#showing.goesOn()) return;
    this.patch({ playing: false });
    // The tails are told of the end before the page is.
    if (this.value.mode === 'live') void this.#news.pollNow().then(() => this.#leaveLive());
  }

  /** A live that has ended, and was watched to its end, is its replay. */
  #leaveLive(): void {
    const { mode, live } = this.value;
    if (mode !== 'live' || live?.state !== 'ended' || !this.video.ended) return;
    this.#playhead.rest();
    void this.#showing.openReplay(this.value.positionMs);
  }

  #tick(): void {
    const now = performance.now();
    if (this.value.mode === 'live') void this.#news.poll(now);
    if (this.#showing.isFile && this.value.asked) {
      this.#waits.tell(now);
      void this.#waits.lookWhy(now, this.#news);
    }
    if (!this.#showing.isPiped) return;
    this.#playhead.settle();
    this.#playhead.tell(false);
    const end = bufferEnd(this.video);
    this.#waits.bufferEndsAt(end, now);
    this.#keeper?.step(now, end);
    void this.#showing.lookForMissing(now);
    this.#waits.tell(now);
  }
}
