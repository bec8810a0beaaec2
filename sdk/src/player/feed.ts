import { Problem, Unreachable } from '../problem.js';
import type { Timeline, TrackKind } from '../types.js';
import { Carrier, type Piece, type TakeBegins } from './carrier.js';
import { type FeedEnd, type FeedOptions, MISSED_MS, RETRY_MS } from './feeding.js';

/** Silence after which the timeline is asked whether the live goes on without us. */
const SILENT_MS = 2_500;
/** So many WebSockets that did not open beside a server that answers: none can be had here. */
const REFUSALS = 2;

/** True once this page has found that no WebSocket can be had. */
let isRefused = false;

/**
 * Carries the tracks of a live from the server to their sinks, take after take, to its end. Over one WebSocket, which browsers
 * do not count among the six connections that all tabs together may have to a host; else by endless requests.
 */
export class Feed {
  readonly #o: FeedOptions;
  /** The take that is being carried, or that the sinks were made for. */
  #take: number;
  #refusals = 0;

  constructor(options: FeedOptions) {
    this.#o = options;
    this.#take = options.take;
  }

  /** From `fromMs` of the play clock on, or from the live edge if null. */
  async run(fromMs: number | null): Promise<FeedEnd> {
    const { signal, onReach, tailUrl } = this.#o;
    let from = fromMs;
    while (!signal.aborted) {
      try {
        if (isRefused || !tailUrl()) return await (await import('./tails.js')).feedByRequests(this.#o, from);
        return await this.#carry(from);
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof Problem) throw error;
        onReach?.(false);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        from = this.#resume(from, fromMs === null, await this.#askAgain());
      }
    }
    return { reason: 'aborted' };
  }

  async #carry(fromMs: number | null): Promise<FeedEnd> {
    const { signal, onReach } = this.#o;
    this.#refusals += 1;
    const carrier = new Carrier(this.#url(fromMs));
    const stop = (): void => carrier.close();
    signal.addEventListener('abort', stop);
    try {
      for (let piece = await this.#next(carrier); piece; piece = await this.#next(carrier)) {
        onReach?.(true);
        if (piece.type === 'ended') return { reason: 'ended' };
        if (piece.type === 'bytes') await this.#append(piece, carrier);
        else if (!this.#fits(piece)) return { reason: 'other-tracks', fromMs: piece.offset_ms };
        else await this.#begin(piece);
      }
      throw new Unreachable('the tail was cut');
    } finally {
      signal.removeEventListener('abort', stop);
      carrier.close();
      if (carrier.hasOpened) this.#refusals = 0;
    }
  }

  /** What comes next; null when the connection is gone, be it without a word. */
  async #next(carrier: Carrier): Promise<Piece | null> {
    let saved = Number.POSITIVE_INFINITY;
    for (;;) {
      const piece = await carrier.next(SILENT_MS);
      if (piece !== undefined) return piece;
      const timeline = await this.#o.timelines.refresh().catch(() => null);
      // The live grows: what grew is about to come, or the connection is gone.
      if (timeline && timeline.saved_ms > saved) return (await carrier.next(SILENT_MS)) ?? null;
      saved = timeline?.saved_ms ?? saved;
    }
  }

  async #append({ kind, bytes }: Piece & { type: 'bytes' }, carrier: Carrier): Promise<void> {
    const { sinks, signal, wanted, onArrival } = this.#o;
    const sink = sinks.find((candidate) => candidate.kind === kind);
    await sink?.room(signal);
    while (wanted?.() === false && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
    onArrival?.(bytes.length);
    await sink?.append(bytes, signal);
    carrier.used(bytes.length);
  }

  async #begin({ take, tracks }: TakeBegins): Promise<void> {
    const { sinks, signal, timelines } = this.#o;
    this.#take = take;
    if (!timelines.timeline?.takes.some((known) => known.take === take))
      void timelines.refresh().catch(() => undefined);
    for (const { kind, mime, position_ms } of tracks)
      await sinks.find((sink) => sink.kind === kind)?.begin(mime, (position_ms ?? 0) / 1000, signal);
  }

  /** True if the sinks are for the tracks of this take, or were made for it although they are not. */
  #fits({ take, tracks }: TakeBegins): boolean {
    const { sinks } = this.#o;
    const hasSink = ({ kind }: { kind: TrackKind }): boolean => sinks.some((sink) => sink.kind === kind);
    return take === this.#take || (tracks.length === sinks.length && tracks.every(hasSink));
  }

  /** The timeline; null if the server does not answer. */
  async #askAgain(): Promise<Timeline | null> {
    try {
      const timeline = await this.#o.timelines.refresh();
      isRefused ||= this.#refusals >= REFUSALS;
      return timeline;
    } catch (error) {
      if (error instanceof Problem && error.status < 500) throw error;
      if (error instanceof Problem) this.#o.onReach?.(false, true);
      this.#refusals = 0;
      return null;
    }
  }

  /** Where to go on: where the buffers end; a viewer at the edge who missed much starts at the edge again. */
  #resume(from: number | null, isAtEdge: boolean, timeline: Timeline | null): number | null {
    const ends = this.#o.sinks.map((sink) => sink.end ?? 0);
    const end = Math.floor(Math.min(...ends) * 1000);
    const at = from === null ? end || null : Math.max(from, end);
    return isAtEdge && (timeline?.saved_ms ?? 0) - (at ?? 0) > MISSED_MS ? null : at;
  }

  #url(fromMs: number | null): URL {
    const { api, key, sinks, tailUrl, slides } = this.#o;
    const { pathname, searchParams } = new URL(tailUrl() ?? '');
    const url = new URL(
      // The server names itself as it knows itself; here it is asked where its API was found.
      api.url(pathname.slice(pathname.indexOf('/api/')), {
        ...Object.fromEntries(searchParams),
        key,
        from_ms: fromMs === null ? null : Math.round(fromMs),
        track: sinks.length === 1 ? sinks[0]?.kind : null,
        video: slides?.() ? 'slides' : null,
      }),
      globalThis.location?.href,
    );
    url.protocol = url.protocol.replace('http', 'ws');
    return url;
  }
}
