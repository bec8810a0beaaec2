import { Problem, problemOf, Unexpected, Unreachable } from './problem.js';
import type { AnswerOf, RequestOf, Verb, VerbOf } from './requests.js';
import { Session } from './session.js';
import type {
  ChatRules,
  Live,
  LiveState,
  Message,
  MessageKind,
  Myself,
  Page_Live,
  Person,
  Position,
  Present,
  paths,
  SignedIn,
  StartedLive,
  StoppedLive,
  Timeline,
  Tokens,
  Visibility,
} from './types.js';

/** Gives the access token of whoever is signed in to the app around this, or null if nobody is. */
export type TokenSource = () => string | null | Promise<string | null>;

export interface LiveClientOptions {
  /** Address of the server without a final slash; empty for the page's own. */
  base?: string;
  /** Who is signed in; without one, what this device keeps. */
  session?: Session;
  /** For an app that signs its people in itself: asked before the first call, and once more when its token is refused. */
  token?: TokenSource;
  /** Called when the app's token is refused and asking again gave no better one. */
  onTokenRefused?: () => void;
  /** How often a call that may be repeated is repeated when no answer comes, or 502, 503 or 504; 2 if left out. */
  retries?: number;
  /** Language of the server's sentences: "fr" or "en". */
  language?: () => string;
  fetch?: typeof fetch;
}

export interface Outgoing {
  content: string;
  type?: MessageKind;
  reply_to?: number | null;
  client_id?: string;
  position?: Position | null;
  /** Ids of the people it names. */
  mentions?: number[];
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface Call {
  query?: Query;
  body?: unknown;
  /** False for calls that must not carry a token: signing in, refreshing. */
  signed?: boolean;
  signal?: AbortSignal;
}

/** How long a call may take before it counts as unreachable. */
const CALL_TIMEOUT_MS = 20_000;
/** How long before the first repetition; each further one waits twice as long, or as long as the server says. */
const AGAIN_MS = 300;
/** Answers of a server, or of a proxy before it, that is not there for a moment. */
const AWAY = [502, 503, 504];

/**
 * The server's JSON calls, typed: `request` for each operation of the schema, and methods with names for the most used. A refusal
 * is a `Problem`, no answer an `Unreachable`, an answer of something else an `Unexpected`.
 */
export class LiveClient {
  readonly base: string;
  readonly session: Session;
  readonly #language: () => string;
  readonly #fetch: typeof fetch;
  readonly #token: TokenSource | undefined;
  readonly #onTokenRefused: (() => void) | undefined;
  readonly #retries: number;
  #refreshing: Promise<boolean> | null = null;
  #identifying: Promise<boolean> | null = null;

  constructor(options: LiveClientOptions) {
    this.base = (options.base ?? '').replace(/\/$/, '');
    this.#token = options.token;
    this.#onTokenRefused = options.onTokenRefused;
    // Whoever the app names stays so for as long as the app says: nothing of it is kept.
    this.session = options.session ?? new Session(...(options.token ? [null] : []));
    this.#retries = options.retries ?? 2;
    this.#language = options.language ?? (() => 'fr');
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  /** Any operation of the API, by its path in the schema: `request('get', '/api/posts/live/{id}/', { path: { id: 7 } })`. */
  request<P extends keyof paths, V extends VerbOf<P> & Verb>(
    verb: V,
    path: P,
    options: RequestOf<P, V>,
  ): Promise<AnswerOf<P, V>> {
    const { path: variables, ...call } = options as Call & { path?: Record<string, unknown> };
    const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(variables?.[name])));
    return this.call(verb.toUpperCase(), filled, call);
  }

  // People

  async register(form: {
    email: string;
    password: string;
    first_name: string;
    last_name: string;
  }): Promise<Person> {
    const answer = await this.call<SignedIn>('POST', '/api/users/register/', { body: form, signed: false });
    this.session.signIn(answer);
    return answer.user;
  }

  async login(email: string, password: string): Promise<Person> {
    const answer = await this.call<SignedIn>('POST', '/api/users/login/', {
      body: { email, password },
      signed: false,
    });
    this.session.signIn(answer);
    return answer.user;
  }

  /** Forgets the sign-in here even if the server cannot be told. */
  async logout(): Promise<void> {
    const refresh = this.session.value?.tokens.refresh;
    const told = refresh ? this.call<void>('POST', '/api/users/logout/', { body: { refresh } }) : null;
    await told?.catch(() => undefined);
    this.session.signOut();
  }

  // Lives

  startLive(form: { title?: string; description?: string; visibility?: Visibility }): Promise<StartedLive> {
    return this.call('POST', '/api/posts/live/start/', { body: form });
  }

  lives(
    query: { state?: LiveState; q?: string; page?: number; page_size?: number } = {},
  ): Promise<Page_Live> {
    return this.call('GET', '/api/posts/live/', { query });
  }

  live(id: number, key?: string | null, signal?: AbortSignal): Promise<Live> {
    return this.call('GET', `/api/posts/live/${id}/`, { query: { key }, ...(signal && { signal }) });
  }

  timeline(id: number, key?: string | null, signal?: AbortSignal): Promise<Timeline> {
    return this.call('GET', `/api/posts/live/${id}/timeline/`, {
      query: { key },
      ...(signal && { signal }),
    });
  }

  stopLive(id: number): Promise<StoppedLive> {
    return this.call('POST', `/api/posts/live/${id}/stop/`, { body: {} });
  }

  /** What was acknowledged of a live of mine and could not be read, as it came. */
  async unread(liveId: number, unreadId: number): Promise<Blob> {
    const response = await this.fetchSigned(this.url(`/api/posts/live/${liveId}/unread/${unreadId}/`));
    if (!response.ok) throw await problemOf(response);
    return response.blob();
  }

  /** Its author's and moderators': who may watch, the title. */
  changeLive(id: number, change: { title?: string; visibility?: Visibility }): Promise<Live> {
    return this.call('PATCH', `/api/posts/live/${id}/`, { body: change });
  }

  deleteLive(id: number): Promise<void> {
    return this.call('DELETE', `/api/posts/live/${id}/`);
  }

  // The conversation

  post(liveId: number, message: Outgoing, key?: string | null): Promise<Message> {
    return this.call('POST', `/api/posts/live/${liveId}/chat/`, { query: { key }, body: message });
  }

  /** A window of the conversation: by number (`after`, `before`) or by place on the timeline. */
  messages(
    liveId: number,
    query: { after?: number; before?: number; limit?: number; from_ms?: number; to_ms?: number; q?: string },
    key?: string | null,
  ): Promise<Message[]> {
    return this.call('GET', `/api/posts/live/${liveId}/chat/messages/`, { query: { ...query, key } });
  }

  /** The newest messages, and the number of the newest deletion they already show. */
  async newestMessages(
    liveId: number,
    limit: number,
    key?: string | null,
  ): Promise<{ messages: Message[]; change: number | null }> {
    const path = `/api/posts/live/${liveId}/chat/messages/`;
    const response = await this.#answer('GET', path, {
      query: { before: Number.MAX_SAFE_INTEGER, limit, key },
    });
    const change = response.headers.get('Chat-Change');
    return {
      messages: (await json(response)) as Message[],
      change: change === null ? null : Number(change),
    };
  }

  /** How the conversation is led; with `words` for those who lead it. */
  chatRules(liveId: number, key?: string | null): Promise<ChatRules> {
    return this.call('GET', `/api/posts/live/${liveId}/chat/rules/`, { query: { key } });
  }

  /** Who watches now. */
  here(liveId: number, key?: string | null): Promise<Present> {
    return this.call('GET', `/api/posts/live/${liveId}/chat/here/`, { query: { key } });
  }

  deleteMessage(liveId: number, messageId: number, key?: string | null): Promise<void> {
    return this.call('DELETE', `/api/posts/live/${liveId}/chat/${messageId}/`, { query: { key } });
  }

  // Tokens

  /** The present access token, or null when nobody is signed in. */
  get accessToken(): string | null {
    return this.session.value?.tokens.access ?? null;
  }

  /**
   * Exchanges the refresh token. One exchange at a time, in all tabs where the browser has locks; the server
   * answers the same exchange alike for a minute, so a race elsewhere costs nothing. False: sign in again.
   */
  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#exchange().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** Asks the app who is signed in. False: nobody, or whom it named is refused. */
  identify(): Promise<boolean> {
    this.#identifying = this.#identify(null);
    return this.#identifying;
  }

  /** `stale`: a token that was refused. */
  async #identify(stale: string | null): Promise<boolean> {
    const access = (await this.#token?.()) ?? null;
    if (access && access === this.accessToken && access !== stale) return true;
    if (!access || access === stale) this.session.signOut();
    else {
      const headers = { Authorization: `Bearer ${access}`, 'Accept-Language': this.#language() };
      const response = await this.#reach(this.url('/api/users/my-profile/'), { headers });
      if (response.ok) {
        this.session.signIn({ user: (await json(response)) as Myself, tokens: { access, refresh: '' } });
        return true;
      }
      if (response.status !== 401) throw await problemOf(response);
      this.session.signOut();
    }
    if (access) this.#onTokenRefused?.();
    return false;
  }

  async #exchange(): Promise<boolean> {
    const stale = this.session.value?.tokens.access;
    if (!stale) return false;
    if (this.#token) return this.#identify(stale);
    const run = async (): Promise<boolean> => {
      const current = this.session.reread();
      if (!current) return false;
      if (current.tokens.access !== stale) return true;
      try {
        const tokens = await this.call<Tokens>('POST', '/api/users/token/refresh/', {
          body: { refresh: current.tokens.refresh },
          signed: false,
        });
        this.session.renew(tokens);
        return true;
      } catch (error) {
        if (error instanceof Problem && (error.status === 401 || error.status === 400)) {
          this.session.signOut();
          return false;
        }
        throw error;
      }
    };
    const locks = typeof navigator === 'undefined' ? undefined : navigator.locks;
    return locks ? locks.request('communiconnect.refresh', run) : run();
  }

  /** An absolute path of this server with a query; null and undefined values are left out. */
  url(path: string, query: Query = {}): string {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined && value !== '') search.set(name, String(value));
    }
    const text = search.toString();
    return this.base + path + (text ? `?${text}` : '');
  }

  /** A fetch with the sign-in, if there is one; a stale token is exchanged once. */
  async fetchSigned(url: string, init: RequestInit = {}): Promise<Response> {
    if (this.#token) {
      this.#identifying ??= this.#identify(null);
      await this.#identifying.catch(() => false);
    }
    const attempt = async (): Promise<Response> => {
      const headers = new Headers(init.headers);
      headers.set('Accept-Language', this.#language());
      if (this.accessToken) headers.set('Authorization', `Bearer ${this.accessToken}`);
      return this.#reach(url, { ...init, headers });
    };
    const response = await attempt();
    if (response.status === 401 && this.accessToken && (await this.refresh())) return attempt();
    return response;
  }

  /** A still picture for the live's poster: JPEG, WebP or PNG of at most 1 MiB. */
  async sendPoster(liveId: number, picture: Blob): Promise<void> {
    const url = this.url(`/api/posts/live/${liveId}/poster.jpg`);
    const response = await this.fetchSigned(url, {
      method: 'PUT',
      body: picture,
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    if (!response.ok) throw await problemOf(response);
  }

  /** One call by its path, for what has no method of its own here. A refusal is a `Problem`. */
  async call<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const response = await this.#answer(method, path, call);
    return response.status === 204 ? (undefined as T) : ((await json(response)) as T);
  }

  async #answer(method: string, path: string, call: Call = {}): Promise<Response> {
    const timeout = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const init: RequestInit = {
      method,
      signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
    };
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (call.body !== undefined) {
      headers['Content-Type'] = 'application/json';
      init.body = JSON.stringify(call.body);
    }
    init.headers = headers;
    const url = this.url(path, call.query);
    // The same bytes under one `client_id` are one message, however often they are sent.
    const isRepeatable = method === 'GET' || method === 'PUT' || hasClientId(call.body);
    let left = isRepeatable ? this.#retries : 0;
    for (let wait = AGAIN_MS; ; wait *= 2) {
      try {
        const response =
          call.signed === false ? await this.#bare(url, init) : await this.fetchSigned(url, init);
        if (response.ok) return response;
        const problem = await problemOf(response);
        if (!left || !AWAY.includes(response.status)) throw problem;
        wait = Math.max(wait, problem.retryAfterMs ?? 0);
      } catch (error) {
        if (timeout.aborted) throw new Unreachable('timeout');
        if (!left || !(error instanceof Unreachable)) throw error;
      }
      left -= 1;
      await pause(wait, init.signal).catch((reason) => {
        throw timeout.aborted ? new Unreachable('timeout') : reason;
      });
    }
  }

  #bare(url: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('Accept-Language', this.#language());
    return this.#reach(url, { ...init, headers });
  }

  async #reach(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new Unreachable(String(error));
    }
  }
}

/** The JSON of an answer. An answer that is none is not this API's. */
async function json(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new Unexpected(response.url);
  }
}

function hasClientId(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'client_id' in body;
}

/** Waits; rejects as `fetch` does when it is given up. */
function pause(ms: number, signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
