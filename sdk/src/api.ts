import { Problem, problemOf, Unreachable } from './problem.js';
import type { Session } from './session.js';
import type {
  ChatRules,
  Live,
  LiveState,
  Message,
  MessageKind,
  Page_Live,
  Person,
  Position,
  Present,
  SignedIn,
  StartedLive,
  StoppedLive,
  Timeline,
  Tokens,
  Visibility,
} from './types.js';

export interface ApiOptions {
  /** Address of the server without a final slash; empty for the page's own. */
  base?: string;
  session: Session;
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

/** The server's JSON calls, typed. A refusal is a `Problem`, no answer an `Unreachable`. */
export class Api {
  readonly base: string;
  readonly session: Session;
  readonly #language: () => string;
  readonly #fetch: typeof fetch;
  #refreshing: Promise<boolean> | null = null;

  constructor(options: ApiOptions) {
    this.base = (options.base ?? '').replace(/\/$/, '');
    this.session = options.session;
    this.#language = options.language ?? (() => 'fr');
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
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
      messages: (await response.json()) as Message[],
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

  async #exchange(): Promise<boolean> {
    const stale = this.session.value?.tokens.access;
    if (!stale) return false;
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
    const attempt = async (): Promise<Response> => {
      const headers = new Headers(init.headers);
      headers.set('Accept-Language', this.#language());
      if (this.accessToken) headers.set('Authorization', `Bearer ${this.accessToken}`);
      try {
        return await this.#fetch(url, { ...init, headers });
      } catch (error) {
        if (init.signal?.aborted) throw error;
        throw new Unreachable(String(error));
      }
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
    return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
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
    const response =
      call.signed === false ? await this.#bare(url, init) : await this.#signed(url, init, timeout);
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  async #signed(url: string, init: RequestInit, timeout: AbortSignal): Promise<Response> {
    try {
      return await this.fetchSigned(url, init);
    } catch (error) {
      if (timeout.aborted) throw new Unreachable('timeout');
      throw error;
    }
  }

  async #bare(url: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('Accept-Language', this.#language());
    try {
      return await this.#fetch(url, { ...init, headers });
    } catch (error) {
      throw new Unreachable(String(error));
    }
  }
}
