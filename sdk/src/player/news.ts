import type { LiveClient } from '../client.js';
import type { Signal } from '../signal.js';
import type { Live, LiveUpdate, Timeline } from '../types.js';
import type { TimelineSource } from './feeding.js';
import type { PlayerState } from './state.js';

/** How often the live is asked after when nobody tells: the conversation's connection does, several times as often. */
const POLL_MS = 10_000;

/** Whose live it is about, and how it is asked for. */
export interface NewsOptions {
  api: LiveClient;
  liveId: number;
  key: string | null;
}

/** Called when the state already says what is new. */
export interface NewsReader {
  onTimeline(timeline: Timeline, before: Timeline | null): void;
  onLive(live: Live, before: Live | null): void;
}

/** What the server says of the live and of its timeline: asked for, or told. */
export class LiveNews implements TimelineSource {
  readonly #o: NewsOptions;
  readonly #state: Signal<PlayerState>;
  readonly #reader: NewsReader;
  #refreshing: Promise<Timeline> | null = null;
  #heardAt = 0;

  constructor(options: NewsOptions, state: Signal<PlayerState>, reader: NewsReader) {
    this.#o = options;
    this.#state = state;
    this.#reader = reader;
  }

  get timeline(): Timeline | null {
    return this.#state.value.timeline;
  }

  /** The live as it is now. */
  ask(): Promise<Live> {
    return this.#o.api.live(this.#o.liveId, this.#o.key);
  }

  /** Asks for the timeline anew; callers at the same time share one request. */
  refresh(): Promise<Timeline> {
    this.#refreshing ??= this.#o.api
      .timeline(this.#o.liveId, this.#o.key)
      .then((timeline) => {
        this.#takeTimeline(timeline);
        return timeline;
      })
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  /** Somebody tells what changed, which spares asking. */
  hear(update: LiveUpdate): void {
    const { live } = this.#state.value;
    if (!live) return;
    this.#heardAt = performance.now();
    this.#takeLive({ ...live, ...update });
  }

  /** Asks after the live if nothing was heard of it for long. `now` as of `performance`. */
  async poll(now: number): Promise<void> {
    if (now - this.#heardAt > POLL_MS) await this.pollNow();
  }

  /** Asks after the live. */
  async pollNow(): Promise<void> {
    this.#heardAt = performance.now();
    const live = await this.ask().catch(() => null);
    if (live) this.#takeLive(live);
  }

  #takeTimeline(timeline: Timeline): void {
    const before = this.timeline;
    this.#state.patch({ timeline, edgeMs: Math.max(timeline.duration_ms, timeline.saved_ms) });
    this.#reader.onTimeline(timeline, before);
  }

  #takeLive(live: Live): void {
    const { live: before, edgeMs } = this.#state.value;
    this.#state.patch({ live, edgeMs: Math.max(live.saved_ms, live.duration_ms, edgeMs) });
    const moved = before !== null && before.revision !== live.revision;
    const over = before?.state === 'live' && live.state === 'ended';
    if (moved || over) void this.refresh().catch(() => undefined);
    this.#reader.onLive(live, before);
  }
}
