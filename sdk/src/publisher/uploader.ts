import { Problem, problemOf } from '../problem.js';
import type { SpoolTake } from './spool.js';
import type { TurnTaking } from './turns.js';

/** How the upload of a take is doing. `held`: the server said to wait, with a sentence. */
export type UploadPhase = 'sending' | 'idle' | 'offline' | 'held' | 'done' | 'refused';

export interface UploadState {
  phase: UploadPhase;
  /** The server's sentence, when held or refused. */
  sentence: string | null;
}

export interface UploaderOptions {
  /** Bearer tokens to try, best first. Called again after a 401. */
  tokens: () => Promise<string[]>;
  /** Asked when every token was refused: true if there is a fresh one. */
  renew: () => Promise<boolean>;
  turns: TurnTaking;
  /** Milliseconds since the recorder of the take started. */
  age?: () => number;
  /** 0 is the live being recorded; older spools come after it. */
  priority: number;
  language?: () => string;
  fetch?: typeof fetch;
  now?: () => number;
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  random?: () => number;
  onChange?: (state: UploadState) => void;
}

const TUS = { 'Tus-Resumable': '1.0.0' };
const BATCH_LEAST = 16 * 1024;
const BATCH_MOST = 4 * 1024 * 1024;
/** A request may take this long, and a second more for every 4 kB of it. */
const REQUEST_TIMEOUT_MS = 20_000;
const SLOWEST_BYTES_PER_SECOND = 4_000;
const BACKOFF_FIRST_MS = 400;
const BACKOFF_MOST_MS = 8_000;
/** An author who has to sign in again, a full disk: asked for again this often. */
const HELD_RETRY_MS = 5_000;
const CONFLICTS_BEFORE_NEW_UPLOAD = 4;

/** Sends one take of the spool by tus, one request at a time, until all of it is durable on the server. */
export class Uploader {
  readonly take: SpoolTake;
  readonly #options: Required<UploaderOptions>;
  readonly #stop = new AbortController();
  #wake: () => void = () => undefined;
  #waking: Promise<void> = Promise.resolve();
  /** False after a failure: only HEAD knows how much of the last request arrived. */
  #offsetKnown = false;
  #failures = 0;
  #conflicts = 0;
  #batch = 512 * 1024;
  #state: UploadState = { phase: 'idle', sentence: null };
  #token: string | null = null;

  constructor(take: SpoolTake, options: UploaderOptions) {
    this.take = take;
    this.#options = {
      language: () => 'fr',
      fetch: (input, init) => fetch(input, init),
      now: () => Date.now(),
      age: () => (options.now ?? Date.now)() - take.record.startedAt,
      sleep,
      random: Math.random,
      onChange: () => undefined,
      ...options,
    };
    this.#arm();
  }

  get state(): UploadState {
    return this.#state;
  }

  /** Something to send, or the network is back: do not wait out the pause. */
  wake(): void {
    this.#wake();
  }

  /** Leaves the rest in the spool. */
  abort(): void {
    this.#stop.abort();
    this.#wake();
  }

  /** Runs until the take is all there (`done`), refused for good (`refused`), or aborted. */
  async run(): Promise<UploadState> {
    while (!this.#stop.signal.aborted) {
      try {
        const release = await this.#options.turns.take(this.#options.priority);
        let more: boolean;
        try {
          more = await this.#step();
        } finally {
          release();
        }
        if (this.#finished()) break;
        if (!more) {
          this.#say('idle');
          await this.#waking;
          this.#arm();
        }
      } catch (error) {
        if (this.#stop.signal.aborted) break;
        if (await this.#recover(error)) break;
      }
    }
    return this.#state;
  }

  /** One request at most. False when there is nothing to do until `wake`. */
  async #step(): Promise<boolean> {
    const { record } = this.take;
    if (record.refusal !== null) {
      this.#say('refused', record.refusal);
      return false;
    }
    if (record.ended && this.take.recordedBytes === 0) {
      await this.#finish();
      return false;
    }
    if (!record.uploadUrl) {
      if (this.take.recordedBytes === 0) return false;
      await this.#create();
      return true;
    }
    if (!this.#offsetKnown) {
      await this.#ask();
      return true;
    }
    return this.#send();
  }

  async #create(): Promise<void> {
    const { record } = this.take;
    const age = Math.max(this.take.recordedMs, this.#options.age());
    const metadata = `filetype ${base64(record.mimeType)},age_ms ${base64(String(Math.round(age)))}`;
    const url = `${record.base}/api/posts/live/${record.liveId}/upload/`;
    const response = await this.#request('POST', url, {
      'Upload-Defer-Length': '1',
      'Upload-Metadata': metadata,
    });
    const location = response.headers.get('Location');
    if (!location) throw new Problem(502, 'Location missing');
    record.uploadUrl = new URL(location, response.url || absolute(url)).href;
    await this.take.save();
    this.#offsetKnown = true;
  }

  async #ask(): Promise<void> {
    const response = await this.#request('HEAD', this.take.record.uploadUrl as string, {});
    this.#failures = 0;
    this.#offsetKnown = true;
    await this.#acknowledge(response);
    if (!this.take.record.uploadUrl) return;
    const length = Number(response.headers.get('Upload-Length') ?? Number.NaN);
    if (this.take.record.ended && this.take.uploadOffset === length) await this.#finish();
  }

  async #send(): Promise<boolean> {
    const { record } = this.take;
    const offset = this.take.uploadOffset;
    const body = await this.#body();
    const last = record.ended && offset + body.length === this.take.uploadLength;
    if (body.length === 0 && !last) return false;
    this.#say('sending');
    const begun = this.#options.now();
    const response = await this.#request(
      'PATCH',
      record.uploadUrl as string,
      {
        'Content-Type': 'application/offset+octet-stream',
        'Upload-Offset': String(offset),
        ...(last ? { 'Upload-Length': String(this.take.uploadLength) } : {}),
      },
      body,
    );
    this.#failures = 0;
    this.#conflicts = 0;
    this.#pace(body.length, this.#options.now() - begun);
    await this.#acknowledge(response);
    if (last && record.uploadUrl && this.take.uploadOffset === this.take.uploadLength) await this.#finish();
    return true;
  }

  /** The next bytes of the upload: of its prefix first, then of the recording. */
  async #body(): Promise<Uint8Array<ArrayBuffer>> {
    const { record } = this.take;
    const bytes = await this.take.read(record.acknowledged, this.#batch);
    const prefix = record.prefix?.subarray(record.prefixSent);
    if (!prefix?.length) return bytes;
    const joined = new Uint8Array(prefix.length + bytes.length);
    joined.set(prefix);
    joined.set(bytes, prefix.length);
    return joined;
  }

  async #acknowledge(response: Response): Promise<void> {
    const offset = Number(response.headers.get('Upload-Offset') ?? Number.NaN);
    if (!Number.isFinite(offset)) return;
    if (!(await this.take.acknowledge(offset))) await this.#startOver();
    this.#options.onChange(this.#state);
  }

  async #finish(): Promise<void> {
    await this.take.remove();
    this.#say('done');
  }

  /** Decides what a failure means. True when the upload is over. */
  async #recover(error: unknown): Promise<boolean> {
    this.#offsetKnown = false;
    if (!(error instanceof Problem)) {
      this.#batch = Math.max(BATCH_LEAST, this.#batch / 2);
      this.#say('offline');
      await this.#pause(this.#backoff());
      return false;
    }
    const { status, sentence } = error;
    const creating = this.take.record.uploadUrl === null;
    if (status === 409 && !creating) {
      this.#conflicts += 1;
      if (this.#conflicts >= CONFLICTS_BEFORE_NEW_UPLOAD) await this.#startOver();
      else await this.#pause(this.#backoff());
      return this.#finished();
    }
    if ((status === 404 || status === 410) && !creating) {
      await this.#startOver();
      return this.#finished();
    }
    if (status === 401) {
      const renewed = await this.#options.renew().catch(() => false);
      this.#say('held', sentence);
      await this.#pause(renewed ? 0 : HELD_RETRY_MS);
      return false;
    }
    if ([403, 404, 409, 410, 413, 415, 422].includes(status)) {
      this.take.record.refusal = sentence;
      await this.take.save();
      this.#say('refused', sentence);
      return true;
    }
    this.#say('held', sentence);
    await this.#pause(error.retryAfterMs ?? (status === 507 ? HELD_RETRY_MS : this.#backoff()));
    return false;
  }

  async #startOver(): Promise<void> {
    this.#conflicts = 0;
    if (await this.take.startOver()) return;
    if (this.take.record.ended) await this.#finish();
    else {
      this.take.record.refusal = 'upload lost';
      this.#say('refused', this.take.record.refusal);
    }
  }

  #finished(): boolean {
    return this.#state.phase === 'done' || this.#state.phase === 'refused';
  }

  async #request(
    method: string,
    url: string,
    headers: Record<string, string>,
    body?: Uint8Array<ArrayBuffer>,
  ): Promise<Response> {
    const patience = REQUEST_TIMEOUT_MS + Math.round(((body?.length ?? 0) / SLOWEST_BYTES_PER_SECOND) * 1000);
    let refusal: Problem | null = null;
    const tokens = await this.#options.tokens();
    // The token that worked last goes first.
    const ordered = this.#token && tokens.includes(this.#token) ? [this.#token, ...tokens] : tokens;
    for (const token of new Set(ordered)) {
      const response = await this.#options.fetch(url, {
        method,
        headers: {
          ...TUS,
          'Accept-Language': this.#options.language(),
          Authorization: `Bearer ${token}`,
          ...headers,
        },
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(patience)]),
        ...(body ? { body } : {}),
      });
      if (response.ok) {
        this.#token = token;
        return response;
      }
      refusal = await problemOf(response);
      if (refusal.status !== 401 && refusal.status !== 403) break;
    }
    throw refusal ?? new Problem(401, '');
  }

  /** Batches grow while they are quick, so that catching up takes few requests, and shrink when they are slow. */
  #pace(size: number, tookMs: number): void {
    if (tookMs > 6_000) this.#batch = Math.max(BATCH_LEAST, this.#batch / 2);
    else if (size >= this.#batch / 2 && tookMs < 1_500) this.#batch = Math.min(BATCH_MOST, this.#batch * 2);
  }

  #backoff(): number {
    const most = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    return most * (0.5 + this.#options.random() / 2);
  }

  /** A wait that the network's return cuts short; new slices do not. */
  async #pause(ms: number): Promise<void> {
    const pause = new AbortController();
    const cut = (): void => pause.abort();
    this.#stop.signal.addEventListener('abort', cut);
    globalThis.addEventListener?.('online', cut);
    await this.#options.sleep(ms, pause.signal);
    globalThis.removeEventListener?.('online', cut);
    this.#stop.signal.removeEventListener('abort', cut);
  }

  #arm(): void {
    this.#waking = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #say(phase: UploadPhase, sentence: string | null = null): void {
    if (this.#state.phase === phase && this.#state.sentence === sentence) return;
    this.#state = { phase, sentence };
    this.#options.onChange(this.#state);
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function absolute(url: string): string {
  return typeof location === 'undefined' ? url : new URL(url, location.href).href;
}
