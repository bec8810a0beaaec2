import { problemOf } from './problem.js';
import type { Message, MessageKind, Page_Message, Position } from './types.js';
import { uuid } from './uuid.js';

/** What a caller writes: the fields of the chat's POST. */
export interface MessageData {
  content: string;
  type?: MessageKind;
  reply_to?: number | null;
  /** A UUID that makes sending again harmless; made here if it is left out. */
  client_id?: string;
  position?: Position | null;
}

/** The conversation of a live post, as a front-end service: each call is a promise of the data. */
export interface LiveChatAPI {
  /** Posts a message and answers the one that was kept. */
  sendMessage(postId: number | string, messageData: MessageData): Promise<Message>;
  /** The whole history, oldest first. */
  getMessages(postId: number | string): Promise<Message[]>;
  /** A page of it: page 1 holds the oldest messages, so pages never shift. */
  getMessagesPaginated(postId: number | string, page?: number, pageSize?: number): Promise<Page_Message>;
}

export interface LiveChatAPIOptions {
  /** Address of the server without a final slash; the page's own origin if it is left out. */
  baseURL?: string;
  /** The access token now, or null for somebody who only reads. Asked at each call. */
  token?: () => string | null;
  fetch?: typeof fetch;
}

/** The part of axios's response that its callers read. */
export interface LiveChatResponse {
  status: number;
  data: { error: string; detail: string; status: number };
}

/**
 * A refusal, or no answer at all, in the form that callers of axios read: `response.status` and `response.data.error`.
 * Without an answer there is no `response`, as there.
 */
export class LiveChatError extends Error {
  override readonly name = 'LiveChatError';
  /** As axios's errors have it, for callers that ask `axios.isAxiosError`. */
  readonly isAxiosError = true;

  constructor(
    message: string,
    readonly response?: LiveChatResponse,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Messages of a page when no size is asked for. */
const PAGE_SIZE = 50;

/** A service for one server and one person. */
export function createLiveChatAPI(options: LiveChatAPIOptions = {}): LiveChatAPI {
  const base = (options.baseURL ?? '').replace(/\/$/, '');
  const send = options.fetch ?? ((input: RequestInfo | URL, init?: RequestInit) => fetch(input, init));

  async function call<T>(path: string, body?: object): Promise<T> {
    const token = options.token?.();
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
      response = await send(
        base + path,
        body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers },
      );
    } catch (cause) {
      throw new LiveChatError('Network Error', undefined, { cause });
    }
    if (response.ok) return (await response.json()) as T;
    const { status, sentence } = await problemOf(response);
    throw new LiveChatError(sentence, { status, data: { error: sentence, detail: sentence, status } });
  }

  const chat = (postId: number | string) => `/api/posts/live/${encodeURIComponent(postId)}/chat/`;
  return {
    sendMessage: (postId, messageData) => call(chat(postId), { client_id: uuid(), ...messageData }),
    getMessages: (postId) => call(`${chat(postId)}messages/`),
    getMessagesPaginated: (postId, page = 1, pageSize = PAGE_SIZE) =>
      call(`${chat(postId)}messages/?page=${page}&page_size=${pageSize}`),
  };
}

/** The service of the page's own server, for whoever's access token `localStorage.access_token` is. */
export const liveChatAPI: LiveChatAPI = /* @__PURE__ */ createLiveChatAPI({ token: storedToken });

/** The app's own token; null where the browser forbids storage, or there is no browser. */
function storedToken(): string | null {
  try {
    return globalThis.localStorage?.getItem('access_token') ?? null;
  } catch {
    return null;
  }
}
