import { Problem, problemOf } from '../problem.js';
import type { Take, Timeline } from '../types.js';
import { containerOf, mimeOf, takeAfter, takeAt, trackOf } from './clock.js';
import { type FeedEnd, type FeedOptions, MISSED_MS, RETRY_MS } from './feeding.js';
import type { TrackSink } from './sink.js';

/** The live has no such track yet: nothing is wrong with the network. */
class NotThereYet extends Error {}

/** Silence after which the timeline is asked whether the live has gone on elsewhere. */
const SILENT_MS = 2_500;

/** Carries all tracks by an endless request for each, where no WebSocket can be had. */
export function feedByRequests(options: FeedOptions, fromMs: number | null): Promise<FeedEnd> {
  const ends = options.sinks.map((sink) => new TrackFeed({ ...options, sink }).run(fromMs));
  return Promise.all(ends).then(([first]) => first ?? { reason: 'aborted' });
}

interface TrackOptions extends FeedOptions {
  sink: TrackSink;
}

/** Carries one track from the server to its sink: a tail, then the next take's, to the end of the live. */
class TrackFeed {
  readonly #o: TrackOptions;

  constructor(options: TrackOptions) {
    this.#o = options;
  }

  /** From `fromMs` of the play clock on, or from the live edge if null. */
  async run(fromMs: number | null): Promise<FeedEnd> {
    let from = fromMs;
    let take = from === null ? null : takeAt(await this.#timeline(), from);
    while (!this.#o.signal.aborted) {
      try {
        const played = await this.#playTake(take, from);
        const next = await this.#next(played);
        if (!next) return { reason: 'ended' };
        if (!this.#sameKinds(next)) return { reason: 'other-tracks', fromMs: next.offset_ms };
        take = next;
        from = next.offset_ms;
      } catch (error) {
        if (this.#o.signal.aborted) break;
        if (error instanceof Problem && (error.status === 401 || error.status === 403)) throw error;
        if (!(error instanceof Problem || error instanceof NotThereYet)) this.#o.onReach?.(false);
        await this.#pause(RETRY_MS);
        const timeline = await this.#timeline(true).catch(() => null);
        const end = this.#o.sink.end;
        // Go on where the buffer ends; a viewer at the edge who missed much starts at the edge again.
        if (end !== null && (from === null || end * 1000 > from)) from = Math.floor(end * 1000);
        if (fromMs === null && from !== null && (timeline?.saved_ms ?? 0) - from > MISSED_MS) from = null;
        take = from === null || !timeline ? null : takeAt(timeline, from);
      }
    }
    return { reason: 'aborted' };
  }

  /** Reads one tail to its end; resolves with the number of its take. */
  async #playTake(take: Take | null, fromMs: number | null): Promise<number> {
    const { api, sink, liveId, key } = this.#o;
    const timeline = await this.#timeline();
    const wished = take ?? timeline.takes.at(-1) ?? null;
    const guess = trackOf(wished, sink.kind);
    if (!guess) throw new NotThereYet(sink.kind);
    const request = new AbortController();
    const url = api.url(`/api/posts/live/${liveId}/tail.${containerOf(guess)}`, {
      track: sink.kind,
      take: take?.take,
      from_ms: fromMs === null ? null : Math.round(fromMs),
      key,
      video: sink.kind === 'video' && this.#o.slides?.() ? 'slides' : null,
    });
    const response = await api.fetchSigned(url, {
      signal: AbortSignal.any([this.#o.signal, request.signal]),
    });
    if (!response.ok || !response.body) throw await problemOf(response);
    const number = Number(response.headers.get('Live-Take') ?? wished?.take);
    const base = Number(response.headers.get('Live-Position-Ms') ?? fromMs ?? 0);
    const track = trackOf(await this.#takeOf(number), sink.kind) ?? guess;
    await sink.begin(mimeOf(track), base / 1000, this.#o.signal);
    await this.#pump(response.body.getReader(), request, number);
    return number;
  }

  async #pump(
    reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
    request: AbortController,
    take: number,
  ): Promise<void> {
    const { sink } = this.#o;
    const { signal } = this.#o;
    let watch: ReturnType<typeof setTimeout> | undefined;
    let superseded = false;
    const arm = (): void => {
      clearTimeout(watch);
      watch = setTimeout(async () => {
        const timeline = await this.#timeline(true).catch(() => null);
        superseded = timeline !== null && takeAfter(timeline, take) !== null;
        if (superseded) request.abort();
        else if (!signal.aborted) arm();
      }, SILENT_MS);
    };
    try {
      for (;;) {
        await sink.room(signal);
        while (this.#o.wanted?.() === false && !signal.aborted) await this.#pause(100);
        arm();
        const { value, done } = await reader.read();
        clearTimeout(watch);
        if (done || signal.aborted) return;
        this.#o.onReach?.(true);
        this.#o.onArrival?.(value.length);
        await sink.append(value, signal);
      }
    } catch (error) {
      if (!superseded) throw error;
    } finally {
      clearTimeout(watch);
      await reader.cancel().catch(() => undefined);
    }
  }

  /** The take after this one, waiting for it while the live is on; null when the live has ended. */
  async #next(take: number): Promise<Take | null> {
    while (!this.#o.signal.aborted) {
      const timeline = await this.#timeline(true).catch(() => null);
      const next = timeline && takeAfter(timeline, take);
      if (next) return next;
      if (timeline?.state === 'ended') return null;
      await this.#pause(RETRY_MS);
    }
    return null;
  }

  async #takeOf(number: number): Promise<Take | null> {
    const known = (timeline: Timeline): Take | null =>
      timeline.takes.find((take) => take.take === number) ?? null;
    return known(await this.#timeline()) ?? known(await this.#timeline(true));
  }

  async #timeline(fresh = false): Promise<Timeline> {
    const { timelines } = this.#o;
    return !fresh && timelines.timeline ? timelines.timeline : timelines.refresh();
  }

  #sameKinds(take: Take): boolean {
    const { sinks } = this.#o;
    return sinks.length === take.tracks.length && sinks.every(({ kind }) => trackOf(take, kind));
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}
