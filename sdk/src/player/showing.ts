import type { Signal } from '../signal.js';
import type { Take, Timeline, TrackKind } from '../types.js';
import { oneFile, samePicture, takeAt } from './clock.js';
import type { MissingTrack } from './missing.js';
import type { LiveNews } from './news.js';
import type { PipelineOptions } from './pipeline.js';
import type { Playhead } from './playhead.js';
import { type Piping, Source } from './source.js';
import type { PlayerState } from './state.js';
import type { TrackStanding } from './stuck.js';
import type { WaitingTeller } from './waiting.js';

/** How often a live that has just begun is asked for its first take, and a take for its other track. */
const FIRST_TAKE_MS = 500;
/** A track may begin a little after the other: it is waited for until its take is this long, and for no longer than that takes. */
const LATE_TRACK_MS = 1_500;
const LATE_TRACK_PATIENCE_MS = 3_000;
/** A replay that is opened nearer to its end than this waits to be asked for, and then begins again. */
export const AT_END_MS = 500;
/** How often a file that was cut off is tried again. */
const RETRY_FILE_MS = 1_500;
/** A picture that a revision moved by less than this has not moved. */
const MOVED_MS = 50;

export interface ShowingOptions {
  news: LiveNews;
  playhead: Playhead;
  waits: WaitingTeller;
  /** How the tails are read. */
  tails: PipelineOptions;
  /** What plays tails is here, and about to. */
  onPiped: (piping: Piping) => void;
  /** The tails may not be read any longer: the live has to be found again. */
  onAborted: () => void;
  /** True where the network is slow: a replay then begins with its first picture, not with the index of its file. */
  isSlow: () => boolean;
}

/** What is shown: the takes of the live one after the other, with all their tracks or but one, or the file of the replay. */
export class Showing {
  readonly #video: HTMLVideoElement;
  readonly #state: Signal<PlayerState>;
  readonly #o: ShowingOptions;
  readonly #source: Source;
  #missing: MissingTrack | null = null;
  #closed = false;
  /** Where the file of the replay is to begin once it can be moved in. */
  #fileAtMs = 0;
  /** Counts what was put into the element. */
  #turn = 0;

  constructor(video: HTMLVideoElement, state: Signal<PlayerState>, options: ShowingOptions) {
    this.#video = video;
    this.#state = state;
    this.#o = options;
    this.#source = new Source(video, options.tails, {
      onPiped: options.onPiped,
      onAborted: options.onAborted,
      onFileFailed: (isCut) => void this.#recover(isCut),
    });
  }

  /** True while takes come through MediaSource. */
  get isPiped(): boolean {
    return this.#source.isPiped;
  }

  /** True when there is nothing to show yet. */
  get isEmpty(): boolean {
    return this.#source.isEmpty;
  }

  /** True when the element has the whole replay in one file. */
  get isFile(): boolean {
    return this.#state.value.mode === 'replay' && !this.isPiped;
  }

  /** A live is about to be opened. */
  prepareLive(): void {
    this.#source.prepare();
  }

  /** Begins at `fromMs`, or at the edge if null. */
  async openLive(timeline: Timeline, fromMs: number | null): Promise<void> {
    this.#state.patch({ mode: 'live', atLive: fromMs === null });
    let current = timeline;
    // Just started: nothing durable yet.
    while (!this.#closed && !hasTracks(current) && current.state !== 'ended')
      current = await this.#later(current);
    await this.#show(current, fromMs);
  }

  /** Shows the replay from `atMs` on. `known`: the timeline, where it and the live were asked for just now. */
  async openReplay(atMs: number, known?: Timeline): Promise<void> {
    const { value } = this.#state;
    const live = known ? value.live : await this.#o.news.ask().catch(() => value.live);
    const timeline = known ?? (await this.#o.news.refresh().catch(() => value.timeline));
    if (this.#closed) return;
    this.#state.patch({ mode: 'replay', atLive: false, live, waiting: null });
    if (!timeline || !hasTracks(timeline)) this.#state.patch({ mode: 'unplayable' });
    else if (this.isPiped && !this.#fileUrl) this.goTo(atMs);
    else await this.#show(timeline, atMs);
  }

  /** Shows it in the way that is asked for now, from where it is. */
  follow(): void {
    const { mode, timeline, positionMs, atLive } = this.#state.value;
    if (timeline && (mode === 'live' || mode === 'replay'))
      void this.#show(timeline, atLive ? null : positionMs);
  }

  /** Begins what waited to be asked for, where it did not stand in the element. */
  release(): boolean {
    if (!this.isEmpty && !this.#begins) return false;
    this.follow();
    return true;
  }

  /** The only take of a replay, if it begins as a stream. */
  get #begins(): Take | null {
    const { mode, timeline, way } = this.#state.value;
    const [take, ...others] = timeline?.takes ?? [];
    const isWanted = mode === 'replay' && way === 'video' && others.length === 0 && this.#o.isSlow();
    return isWanted && take?.tracks.length && this.#source.canStream(take) ? take : null;
  }

  /** The file of the replay in the way that is asked for; null where there is none. */
  get #fileUrl(): string | null {
    const { live, timeline, way } = this.#state.value;
    const replay = live?.replay;
    const whole = replay?.mp4 ?? replay?.webm ?? null;
    if (!timeline || !oneFile(timeline)) return null;
    if (way === 'audio' && replay?.audio) return replay.audio;
    return way === 'slides' && whole ? `${whole}${whole.includes('?') ? '&' : '?'}video=slides` : whole;
  }

  async #show(timeline: Timeline, fromMs: number | null): Promise<void> {
    const { mode, way, asked } = this.#state.value;
    const url = mode === 'replay' ? this.#fileUrl : null;
    this.#state.patch({ positionMs: fromMs ?? this.#state.value.positionMs });
    if (way === 'chat') {
      this.#turn += 1;
      this.#source.close();
      this.#state.patch({ playing: false, waiting: null });
    } else if (url) await this.#openFile(url, fromMs ?? 0);
    // Take by take, which is what the live did: it may simply go on.
    else if (asked) await this.#attach(timeline, fromMs);
  }

  /** Goes to `ms` in what is buffered, else by tails from there. */
  goTo(ms: number): void {
    if (!this.isPiped) {
      this.#fileAtMs = ms;
      this.#o.playhead.moveTo(ms / 1000);
      return;
    }
    if (this.#o.playhead.goTo(ms)) return;
    const { timeline } = this.#state.value;
    const take = timeline && takeAt(timeline, ms);
    if (!take) return;
    if (this.#missing || !this.#source.fits(this.#wanted(take))) void this.#attach(timeline, ms);
    else this.#source.restart(ms);
  }

  /** Goes to the edge of what comes. */
  goToEdge(): void {
    const { seekable } = this.#video;
    if (this.isPiped) this.restart(null);
    else if (seekable.length) this.#o.playhead.moveTo(seekable.end(seekable.length - 1));
  }

  /** What is there was played out: false if nothing comes after it, else the next take with its own tracks goes on. */
  goesOn(): boolean {
    const { goesOnAt } = this.#source;
    if (goesOnAt === null) return false;
    void this.#attachKnown(goesOnAt);
    return true;
  }

  /** Drops what is buffered and begins again at `fromMs`, or at the edge if null. */
  restart(fromMs: number | null): void {
    const { timeline } = this.#state.value;
    const take = timeline && takeAt(timeline, fromMs ?? Number.MAX_SAFE_INTEGER);
    if (take && !this.#source.fits(without(this.#wanted(take), this.#missing))) {
      void this.#attach(timeline, fromMs);
      return;
    }
    this.#o.playhead.aim(fromMs);
    this.#source.restart(fromMs);
  }

  /** Lets go of the connection while nobody sees or hears it; then goes on where it was, or at the edge. */
  attend(isAttended: boolean): void {
    if (!isAttended) this.#source.rest();
    else if (this.#source.isResting && this.#state.value.atLive) this.restart(null);
    else if (this.#source.isResting) this.#source.goOn();
  }

  /** A revision moved earlier moments: stays with the picture, not with the number. */
  retime(timeline: Timeline, before: Timeline): void {
    if (before.revision === timeline.revision || !this.isPiped) return;
    const { positionMs, atLive } = this.#state.value;
    const moved = samePicture(before, timeline, positionMs);
    if (moved !== null && Math.abs(moved - positionMs) >= MOVED_MS) this.restart(atLive ? null : moved);
  }

  /** Goes on without a track of which nothing comes. `now` as of `performance`. */
  goOnWithout(kind: TrackKind, now: number): void {
    const { timeline, positionMs, way } = this.#state.value;
    // Of still pictures nothing comes for long.
    if (way === 'slides') return;
    const take = timeline && takeAt(timeline, positionMs);
    const missing = take && this.#source.missing(kind, take, now);
    if (missing) void this.#attach(timeline, positionMs, missing);
  }

  /** Takes the missing track in again once it is back. */
  async lookForMissing(now: number): Promise<void> {
    const missing = this.#missing;
    const timeline = await missing?.look(now, this.#o.news);
    if (timeline && missing === this.#missing) await this.#attach(timeline, this.#state.value.positionMs);
  }

  /** Tells the element how far the live reaches. */
  reach(edgeMs: number): void {
    this.#source.reach(edgeMs);
  }

  /** What each track has around the playhead; `now` as of `performance`. */
  standing(now: number): TrackStanding[] {
    return this.#source.standing(this.#video.currentTime, now);
  }

  close(): void {
    this.#closed = true;
    this.#source.close();
  }

  async #attachKnown(fromMs: number): Promise<void> {
    const { timeline } = this.#state.value;
    if (timeline) await this.#attach(timeline, fromMs);
  }

  /** Puts the tails of all tracks, or but one, into the element. */
  async #attach(timeline: Timeline, fromMs: number | null, missing?: MissingTrack): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const known = missing ? timeline : await this.#withLateTrack(timeline, fromMs);
    const whole = takeAt(known, fromMs ?? Number.MAX_SAFE_INTEGER);
    if (!whole || this.#closed || turn !== this.#turn) return;
    const take = without(this.#wanted(whole), missing ?? null);
    this.#miss(missing ?? null);
    if (!this.#source.canPipe(take)) {
      await this.#source.playBare(fromMs, () => this.#o.news.ask());
      await this.#o.playhead.start();
      return;
    }
    this.#o.playhead.aim(fromMs);
    this.#o.waits.beginsAnew();
    await this.#source.pipe(take, fromMs);
    this.#source.reach(this.#state.value.edgeMs);
    await this.#o.playhead.start();
  }

  /** The timeline as it is when both tracks of the take at `fromMs` have come, or the other one is long without it. */
  async #withLateTrack(timeline: Timeline, fromMs: number | null): Promise<Timeline> {
    const begun = performance.now();
    let current = timeline;
    while (
      !this.#closed &&
      isBeginning(current, fromMs) &&
      performance.now() - begun < LATE_TRACK_PATIENCE_MS
    )
      current = await this.#later(current);
    return current;
  }

  async #later(timeline: Timeline): Promise<Timeline> {
    await new Promise((resolve) => setTimeout(resolve, FIRST_TAKE_MS));
    return this.#o.news.refresh().catch(() => timeline);
  }

  async #openFile(url: string, atMs: number): Promise<void> {
    this.#turn += 1;
    this.#miss(null);
    const { asked, edgeMs } = this.#state.value;
    const isAtEnd = atMs >= edgeMs - AT_END_MS;
    const begins = isAtEnd ? null : this.#begins;
    if (begins && asked) {
      await this.#source.stream(begins, atMs, edgeMs, () => {
        this.#putFile(url, true, this.#video.currentTime * 1000);
        void this.#o.playhead.start();
      });
    } else this.#putFile(url, asked, atMs);
    if (begins) this.#source.prepareStart();
    if (asked && !isAtEnd) await this.#o.playhead.start();
  }

  #putFile(url: string, asked: boolean, atMs: number): void {
    this.#fileAtMs = atMs;
    this.#source.openFile(url, asked, () => {
      if (this.#fileAtMs > 0) this.#o.playhead.moveTo(this.#fileAtMs / 1000);
      this.#o.playhead.applyRate();
    });
  }

  /** The file failed. Cut off, it goes on from the same place once the server answers; else take by take. */
  async #recover(isCut: boolean): Promise<void> {
    const turn = this.#turn;
    const isStill = (): boolean => !this.#closed && turn === this.#turn;
    let wasCut = isCut;
    while (isStill() && !(await this.#o.waits.asks(this.#o.news))) {
      wasCut = true;
      await new Promise((resolve) => setTimeout(resolve, RETRY_FILE_MS));
    }
    if (!isStill()) return;
    const { positionMs } = this.#state.value;
    if (wasCut) return this.openReplay(positionMs);
    await this.#attachKnown(positionMs).catch(() => this.#state.patch({ mode: 'unplayable' }));
  }

  /** The tracks of a take that are asked for. */
  #wanted(take: Take): Take {
    const sound = take.tracks.filter(({ kind }) => kind === 'audio');
    return this.#state.value.way === 'audio' && sound.length ? { ...take, tracks: sound } : take;
  }

  #miss(missing: MissingTrack | null): void {
    this.#missing = missing;
    this.#state.patch({ missing: missing?.kind ?? null });
  }
}

function hasTracks(timeline: Timeline): boolean {
  return timeline.takes.some((take) => take.tracks.length > 0);
}

/** A take as it is played while one of its tracks is missing. */
function without(take: Take, missing: MissingTrack | null): Take {
  return { ...take, tracks: take.tracks.filter(({ kind }) => kind !== missing?.kind) };
}

/** True if the take at `fromMs` is the live's newest, and has just begun with one of its tracks. */
function isBeginning(timeline: Timeline, fromMs: number | null): boolean {
  const newest = takeAt(timeline, Number.MAX_SAFE_INTEGER);
  if (!newest || timeline.state !== 'live' || takeAt(timeline, fromMs ?? Number.MAX_SAFE_INTEGER) !== newest)
    return false;
  return newest.tracks.length === 1 && newest.duration_ms < LATE_TRACK_MS;
}
