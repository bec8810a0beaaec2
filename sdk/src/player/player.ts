import type { Api } from '../api.js';
import { Problem } from '../problem.js';
import { Signal } from '../signal.js';
import type { Live, LiveUpdate, Position, Timeline, TrackKind } from '../types.js';
import { mimeOf, oneFile, playClock, positionOf, takeAt, trackOf } from './clock.js';
import { EdgeChaser } from './edge.js';
import type { FeedEnd, TimelineSource } from './feed.js';
import { mediaSourceClass, Pipeline } from './pipeline.js';
import { StuckWatch } from './stuck.js';

export type PlayerMode = 'loading' | 'live' | 'replay' | 'gone' | 'unplayable';

/** Why the picture stands still although it should move. */
export type Waiting = 'buffering' | 'publisher' | 'network';

export interface PlayerState {
  mode: PlayerMode;
  live: Live | null;
  timeline: Timeline | null;
  positionMs: number;
  /** The end of what can be watched now. */
  edgeMs: number;
  /** How far ahead of the playhead the browser has the media. */
  bufferedMs: number;
  atLive: boolean;
  playing: boolean;
  waiting: Waiting | null;
  /** The track that playing goes on without, because nothing comes of it. */
  missing: TrackKind | null;
  rate: number;
  /** True when the browser let it start only without sound. */
  soundBlocked: boolean;
  /** The server's sentence when the live may not be watched. */
  sentence: string | null;
}

export interface PlayerOptions {
  api: Api;
  liveId: number;
  /** The key of an unlisted live's address. */
  key?: string | null;
}

const TICK_MS = 200;
/** How often the live is asked after when nobody tells: the conversation's connection does, several times as often. */
const POLL_MS = 10_000;
/** How far before the end of the buffer to begin at the edge: a slice of a second, and a little. */
const FIRST_LEAD_S = 1.2;
/** Nearer to the edge than this counts as live. */
const AT_LIVE_MS = 4_000;
/** No new bytes for so long at the edge: it is the publisher who is away. */
const PUBLISHER_AWAY_MS = 4_000;
const SHORT_STALL_MS = 1_500;
/** How often a track that is gone is looked for again. */
const MISSING_POLL_MS = 2_000;

/** Of what counts as buffered when none of it lasts. */
const NOTHING = { buffered: { length: 0, start: () => 0, end: () => 0 } };

/** A track that playing goes on without, and how many frames it had when it was last looked for. */
interface Missing {
  kind: TrackKind;
  take: number;
  frames: number;
  lookedAt: number;
  grew: boolean;
}

/**
 * Watches one live, in the page's `<video>`: during the live from its tails through MediaSource, rewindable to its
 * first moment; after it from the replay file. Times are milliseconds of the play clock throughout.
 */
export class Player extends Signal<PlayerState> implements TimelineSource {
  readonly video: HTMLVideoElement;
  readonly #api: Api;
  readonly #liveId: number;
  readonly #key: string | null;
  readonly #chaser = new EdgeChaser();
  readonly #stuck = new StuckWatch();
  readonly #ticker: ReturnType<typeof setInterval>;
  #pipeline: Pipeline | null = null;
  #refreshing: Promise<Timeline> | null = null;
  /** Where to begin once there is something to play; null: at the edge. */
  #target: { ms: number | null } | null = null;
  #wantsToPlay = true;
  #rate = 1;
  #lastPoll = 0;
  #lastGrowth = performance.now();
  #lastBufferEnd = 0;
  #missing: Missing | null = null;
  #stalledAt = Number.NEGATIVE_INFINITY;
  #reached = true;
  #destroyed = false;
  #pausedAt = 0;

  constructor(video: HTMLVideoElement, options: PlayerOptions) {
    super({
      mode: 'loading',
      live: null,
      timeline: null,
      positionMs: 0,
      edgeMs: 0,
      bufferedMs: 0,
      atLive: false,
      playing: false,
      waiting: 'buffering',
      missing: null,
      rate: 1,
      soundBlocked: false,
      sentence: null,
    });
    this.video = video;
    this.#api = options.api;
    this.#liveId = options.liveId;
    this.#key = options.key ?? null;
    this.#listen();
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  get timeline(): Timeline | null {
    return this.value.timeline;
  }

  /** Finds the live and begins: at the edge, in the replay at its start, or at `fromMs`. */
  async open(fromMs: number | null = null): Promise<void> {
    while (!this.#destroyed) {
      try {
        const live = await this.#api.live(this.#liveId, this.#key);
        this.patch({ live, sentence: null });
        const timeline = await this.refresh();
        if (live.state === 'ended') await this.#openReplay(fromMs ?? 0);
        else await this.#openLive(timeline, fromMs);
        return;
      } catch (error) {
        if (error instanceof Problem && error.status < 500) {
          this.patch({ mode: 'gone', sentence: error.sentence, waiting: null });
          return;
        }
        this.patch({ waiting: 'network' });
        await new Promise((resolve) => setTimeout(resolve, 1_500));
      }
    }
  }

  /** What the conversation's connection says of the live, which spares asking. */
  update(update: LiveUpdate): void {
    const { live } = this.value;
    if (!live) return;
    this.#lastPoll = performance.now();
    this.#apply({ ...live, ...update });
  }

  async play(): Promise<void> {
    this.#wantsToPlay = true;
    if (this.value.mode === 'replay' && this.video.ended) this.video.currentTime = 0;
    if (this.#pausedAt && performance.now() - this.#pausedAt > 2_000) this.patch({ atLive: false });
    this.#pausedAt = 0;
    await this.#tryPlay();
  }

  pause(): void {
    this.#wantsToPlay = false;
    this.#pausedAt = performance.now();
    this.video.pause();
  }

  toggle(): void {
    if (this.video.paused) void this.play();
    else this.pause();
  }

  /** Goes to `ms` of the play clock. Near the edge of a live this is the edge. */
  seek(ms: number): void {
    const { mode, edgeMs } = this.value;
    const to = Math.min(Math.max(0, ms), edgeMs);
    if (mode === 'live' && edgeMs - to < 1_500) {
      this.goLive();
      return;
    }
    this.patch({ atLive: false, positionMs: to });
    if (mode === 'replay' && !this.#pipeline) {
      this.video.currentTime = to / 1000;
      return;
    }
    this.#setRate();
    if (this.value.live?.state === 'ended' && mode === 'live') void this.#openReplay(to);
    else this.#seekBuffered(to);
  }

  goLive(): void {
    if (this.value.mode !== 'live') return;
    this.patch({ atLive: true });
    this.#chaser.reset();
    const end = this.#bufferEnd();
    // What is buffered may be an old stretch that a rewind left: only its growing end is the edge.
    if (end !== null && this.value.edgeMs / 1000 - end < 1.5) this.video.currentTime = Math.max(0, end - 0.6);
    else {
      this.#target = { ms: null };
      void this.#pipeline?.restart(null);
    }
    void this.play();
  }

  setRate(rate: number): void {
    this.#rate = rate;
    this.patch({ rate });
    this.#setRate();
  }

  /** The place the viewer looks at, to the picture: for a message to be anchored to. */
  position(): Position | null {
    const { timeline, positionMs, mode } = this.value;
    if (!timeline || mode === 'loading' || mode === 'gone') return null;
    // While it is on its way somewhere, the element still stands where it was.
    const ms = this.#target === null ? Math.round(this.video.currentTime * 1000) : positionMs;
    return positionOf(timeline, ms);
  }

  /** Asks for the timeline anew; callers at the same time share one request. */
  refresh(): Promise<Timeline> {
    this.#refreshing ??= this.#api
      .timeline(this.#liveId, this.#key)
      .then((timeline) => {
        this.#retime(timeline);
        return timeline;
      })
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  destroy(): void {
    this.#destroyed = true;
    clearInterval(this.#ticker);
    this.#pipeline?.close();
    this.#pipeline = null;
    this.video.removeAttribute('src');
    this.video.load();
  }

  async #openLive(timeline: Timeline, fromMs: number | null): Promise<void> {
    this.patch({ mode: 'live', atLive: fromMs === null });
    let current = timeline;
    // Just started: nothing durable yet.
    while (!this.#destroyed && !current.takes.some((take) => take.tracks.length > 0)) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      current = await this.refresh().catch(() => current);
      if (current.state === 'ended') break;
    }
    if (!this.#destroyed) await this.#attach(current, fromMs);
  }

  /** Puts a fresh pipeline into the element, for all tracks or but one. */
  async #attach(timeline: Timeline, fromMs: number | null, missing: Missing | null = null): Promise<void> {
    const whole = takeAt(timeline, fromMs ?? Number.MAX_SAFE_INTEGER);
    if (!whole) return;
    const take = { ...whole, tracks: whole.tracks.filter(({ kind }) => kind !== missing?.kind) };
    this.#missing = missing;
    this.patch({ missing: missing?.kind ?? null });
    const Source = mediaSourceClass();
    if (!Source || !take.tracks.every((track) => Source.isTypeSupported(mimeOf(track))))
      return this.#attachBare();
    this.#pipeline?.close();
    this.#target = { ms: fromMs };
    this.#lastGrowth = performance.now();
    const pipeline = new Pipeline(
      this.video,
      take,
      {
        api: this.#api,
        liveId: this.#liveId,
        key: this.#key,
        timelines: this,
        onReach: (reached) => {
          this.#reached = reached;
        },
        onArrival: () => this.#arrive(),
      },
      (end) => this.#onFeedEnd(pipeline, end),
    );
    this.#pipeline = pipeline;
    await pipeline.open(fromMs);
    pipeline.reach(this.value.edgeMs);
    await this.#tryPlay();
  }

  /** Without a usable MediaSource: the element plays the live by itself, HLS where it can, else a bare tail. */
  #attachBare(): void {
    const { live } = this.value;
    const hls =
      live?.hls_url && this.video.canPlayType('application/vnd.apple.mpegurl') ? live.hls_url : null;
    this.video.src = hls ?? this.#api.url(`/api/posts/live/${this.#liveId}/tail.mp4`, { key: this.#key });
    void this.#tryPlay();
  }

  async #openReplay(atMs: number): Promise<void> {
    const live = await this.#api.live(this.#liveId, this.#key).catch(() => this.value.live);
    const timeline = await this.refresh().catch(() => this.value.timeline);
    const url = live?.replay?.mp4 ?? live?.replay?.webm;
    this.patch({ mode: 'replay', atLive: false, live, waiting: null });
    if (!timeline?.takes.some((take) => take.tracks.length > 0)) {
      this.patch({ mode: 'unplayable' });
      return;
    }
    if (!url || !oneFile(timeline)) {
      // Take by take, which is what the live did: it may simply go on.
      if (this.#pipeline) this.#seekBuffered(atMs);
      else await this.#attach(timeline, atMs);
      return;
    }
    this.#pipeline?.close();
    this.#pipeline = null;
    this.#missing = null;
    this.patch({ missing: null });
    const { video } = this;
    video.src = url;
    video.preload = 'metadata';
    video.addEventListener(
      'loadedmetadata',
      () => {
        if (atMs > 0) video.currentTime = atMs / 1000;
        this.#setRate();
      },
      { once: true },
    );
    video.addEventListener('error', () => this.#onReplayError(url), { once: true });
    if (this.#wantsToPlay && atMs < this.value.edgeMs - 500) await this.#tryPlay();
  }

  /** A replay file that this browser cannot play whole may still play take by take. */
  #onReplayError(url: string): void {
    if (this.#pipeline || !this.value.timeline || !this.video.src.includes(url.split('?')[0] ?? url)) return;
    void this.#attach(this.value.timeline, this.value.positionMs);
  }

  #onFeedEnd(pipeline: Pipeline, end: FeedEnd): void {
    if (pipeline !== this.#pipeline || this.#destroyed) return;
    if (end.reason === 'other-tracks') {
      // Play out what is buffered, then go on with the next take's own tracks.
      const go = (): void => {
        if (pipeline === this.#pipeline && this.value.timeline)
          void this.#attach(this.value.timeline, end.fromMs);
      };
      this.video.addEventListener('ended', go, { once: true });
      return;
    }
    if (end.reason === 'aborted') void this.open(this.value.atLive ? null : this.value.positionMs);
  }

  #seekBuffered(ms: number): void {
    const at = ms / 1000;
    // On its way to another place, what is buffered is about to be dropped.
    const { buffered } = this.#target === null ? this.video : NOTHING;
    for (let i = 0; i < buffered.length; i++) {
      if (at >= buffered.start(i) && at < buffered.end(i) - 0.2) {
        this.video.currentTime = at;
        return;
      }
    }
    const { timeline } = this.value;
    const here = timeline && takeAt(timeline, ms);
    this.#target = { ms };
    if (!this.#pipeline || !here) return;
    if (this.#missing) void this.#attach(timeline, ms);
    else void this.#pipeline.restart(ms);
  }

  /** A revision moved earlier moments: stay with the picture, not with the number. */
  #retime(timeline: Timeline): void {
    const before = this.value.timeline;
    this.patch({ timeline, edgeMs: Math.max(timeline.duration_ms, timeline.saved_ms) });
    this.#pipeline?.reach(this.value.edgeMs);
    if (!before || before.revision === timeline.revision || !this.#pipeline) return;
    const position = positionOf(before, this.value.positionMs);
    const moved = position && playClock(timeline, position);
    if (moved === null || Math.abs(moved - this.value.positionMs) < 50) return;
    this.#target = { ms: this.value.atLive ? null : moved };
    void this.#pipeline.restart(this.value.atLive ? null : moved);
  }

  #apply(live: Live): void {
    const before = this.value.live;
    this.patch({ live, edgeMs: Math.max(live.saved_ms, live.duration_ms, this.value.edgeMs) });
    this.#pipeline?.reach(this.value.edgeMs);
    if (before && before.revision !== live.revision) void this.refresh().catch(() => undefined);
    if (before?.state === 'live' && live.state === 'ended') void this.refresh().catch(() => undefined);
    if (before?.state === 'ended' && live.state === 'live' && this.value.mode === 'replay') void this.open();
    // Nothing ever came: there is no end of a tail to wait for.
    if (live.state === 'ended' && this.value.mode === 'live' && !this.#pipeline) void this.#openReplay(0);
    else this.#leaveLive();
  }

  /** A live that has ended, and was watched to its end, is its replay. */
  #leaveLive(): void {
    const { mode, live } = this.value;
    if (mode !== 'live' || live?.state !== 'ended' || !this.video.ended) return;
    this.#wantsToPlay = false;
    void this.#openReplay(this.value.positionMs);
  }

  async #poll(): Promise<void> {
    this.#lastPoll = performance.now();
    const live = await this.#api.live(this.#liveId, this.#key).catch(() => null);
    if (live) this.#apply(live);
  }

  #listen(): void {
    const { video } = this;
    video.addEventListener('playing', () => {
      // A short stall is unsteady arrival, which a wider margin cures; a long one is a publisher who was away.
      if (performance.now() - this.#stalledAt < SHORT_STALL_MS) this.#chaser.stalled();
      this.#stalledAt = Number.NEGATIVE_INFINITY;
      this.patch({ playing: true, waiting: null });
    });
    video.addEventListener('pause', () => this.patch({ playing: false }));
    video.addEventListener('waiting', () => {
      if (this.value.mode === 'live' && this.value.atLive && this.#target === null)
        this.#stalledAt = performance.now();
    });
    video.addEventListener('ended', () => {
      this.patch({ playing: false });
      // The tails are told of the end before the page is.
      if (this.value.mode === 'live') void this.#poll().then(() => this.#leaveLive());
    });
    video.addEventListener('timeupdate', () => this.#observe());
    video.addEventListener('seeked', () => this.#observe());
  }

  #observe(): void {
    if (this.#target !== null) return;
    const positionMs = Math.round(this.video.currentTime * 1000);
    const end = this.#bufferEnd();
    const edgeMs =
      this.value.mode === 'replay' && !this.#pipeline && Number.isFinite(this.video.duration)
        ? Math.round(this.video.duration * 1000)
        : Math.max(this.value.edgeMs, Math.round((end ?? 0) * 1000));
    this.patch({ positionMs, edgeMs, bufferedMs: Math.round((end ?? this.video.currentTime) * 1000) });
  }

  #tick(): void {
    const { mode } = this.value;
    const now = performance.now();
    if (mode === 'live' && now - this.#lastPoll > POLL_MS) void this.#poll();
    if (!this.#pipeline) return;
    this.#settle();
    this.#observe();
    const end = this.#bufferEnd();
    if (end !== null && end !== this.#lastBufferEnd) {
      this.#lastBufferEnd = end;
      this.#lastGrowth = now;
    }
    this.#unstick(now, this.#pipeline);
    void this.#lookForMissing(now);
    this.#chase(now, end);
    this.#tellWaiting(now);
  }

  /** Moves the playhead to where playing should begin, as soon as the buffer has it. */
  #settle(): void {
    const target = this.#target;
    const { buffered } = this.video;
    if (!target || !buffered.length) return;
    const start = buffered.start(buffered.length - 1);
    const end = buffered.end(buffered.length - 1);
    if (target.ms === null) {
      if (end - start < 0.2) return;
      this.video.currentTime = Math.max(start, end - FIRST_LEAD_S);
    } else {
      const at = target.ms / 1000;
      if (end < at) return;
      const to = Math.max(at, start);
      if (Math.abs(this.video.currentTime - to) > 0.05) this.video.currentTime = to;
    }
    this.#target = null;
    this.#setRate();
    if (this.#wantsToPlay && this.video.paused) void this.#tryPlay();
  }

  /** Where nothing moves although it should, does what makes it move. */
  #unstick(now: number, pipeline: Pipeline): void {
    const { currentTime: time, paused, seeking, readyState, buffered } = this.video;
    const ranges = Array.from({ length: buffered.length }, (_, i): [number, number] => [
      buffered.start(i),
      buffered.end(i),
    ]);
    const remedy = this.#stuck.step(now, {
      time,
      paused,
      seeking,
      readyState,
      ranges,
      tracks: pipeline.standing(time, now),
    });
    if (!remedy || this.#target) return;
    if ('seekTo' in remedy) this.video.currentTime = remedy.seekTo;
    else this.#goOnWithout(remedy.without, now);
  }

  #goOnWithout(kind: TrackKind, now: number): void {
    const { timeline, positionMs } = this.value;
    const take = timeline && takeAt(timeline, positionMs);
    if (!take) return;
    const frames = trackOf(take, kind)?.frames ?? 0;
    void this.#attach(timeline, positionMs, { kind, take: take.take, frames, lookedAt: now, grew: false });
  }

  /** A track that is gone is back when its frames have grown twice in a row. */
  async #lookForMissing(now: number): Promise<void> {
    const missing = this.#missing;
    if (!missing || now - missing.lookedAt < MISSING_POLL_MS) return;
    missing.lookedAt = now;
    const timeline = await this.refresh().catch(() => null);
    // Not having been told is no sign of frames that stopped: what comes next would look like growth.
    if (!timeline) return;
    const take = timeline.takes.find((candidate) => candidate.take === missing.take) ?? null;
    const frames = trackOf(take, missing.kind)?.frames ?? 0;
    const grows = frames > missing.frames;
    const isBack = grows && missing.grew;
    missing.grew = grows;
    missing.frames = frames;
    if (isBack && missing === this.#missing) await this.#attach(timeline, this.value.positionMs);
  }

  /** The low point of the buffer, which the chase of the edge goes by. */
  #arrive(): void {
    const end = this.#bufferEnd();
    if (this.value.atLive && !this.video.paused && !this.#target && end !== null)
      this.#chaser.arrived(performance.now() / 1000, end - this.video.currentTime);
  }

  #chase(now: number, end: number | null): void {
    const { mode, atLive } = this.value;
    if (mode !== 'live' || this.video.paused || this.#target || end === null) return;
    const lead = end - this.video.currentTime;
    if (!atLive) {
      const behind = this.value.edgeMs - this.value.positionMs;
      if (this.#rate > 1 && behind < AT_LIVE_MS / 4) this.patch({ atLive: true });
      return;
    }
    const advice = this.#chaser.step(now / 1000, lead);
    if (advice.jumpToLead !== null) this.video.currentTime = end - advice.jumpToLead;
    if (Math.abs(this.video.playbackRate - advice.rate) > 0.005) this.video.playbackRate = advice.rate;
  }

  #tellWaiting(now: number): void {
    const { mode, live } = this.value;
    let waiting: Waiting | null = null;
    if (this.video.readyState < 3 && !this.video.paused) {
      waiting = 'buffering';
      if (!this.#reached) waiting = 'network';
      else if (mode === 'live' && live?.state === 'live' && now - this.#lastGrowth > PUBLISHER_AWAY_MS)
        waiting = 'publisher';
    }
    const playing = !this.video.paused && !this.video.ended;
    if (waiting !== this.value.waiting || playing !== this.value.playing) this.patch({ waiting, playing });
  }

  #setRate(): void {
    this.video.playbackRate = this.value.atLive ? 1 : this.#rate;
  }

  #bufferEnd(): number | null {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (currentTime >= buffered.start(i) - 0.1 && currentTime <= buffered.end(i)) return buffered.end(i);
    }
    return buffered.length ? buffered.end(buffered.length - 1) : null;
  }

  async #tryPlay(): Promise<void> {
    if (!this.#wantsToPlay) return;
    try {
      await this.video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
      // No sound before the first touch: start silent and offer the sound.
      this.video.muted = true;
      this.patch({ soundBlocked: true });
      await this.video.play().catch(() => this.patch({ playing: false }));
    }
  }

  /** Turns on the sound that the browser held back. */
  unblockSound(): void {
    this.video.muted = false;
    this.patch({ soundBlocked: false });
  }
}
