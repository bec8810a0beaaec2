import type { ClientFrame, ServerFrame } from '../types.js';

export interface SocketEvents {
  open: () => void;
  frame: (frame: ServerFrame) => void;
  /** Told once for each time the connection is lost or cannot be made. */
  down: (failures: number) => void;
  /** The server ended it for good: the live is gone, or not for this reader any more. */
  closed: (deleted: boolean) => void;
}

/** The server's close codes for a live that was deleted, and for one that is not for this reader any more. */
const CLOSE_GONE = 4404;
const CLOSE_FORBIDDEN = 4403;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MOST_MS = 15_000;
/** A connection that has not opened by then is given up. */
const OPEN_PATIENCE_MS = 8_000;

/** A WebSocket that comes back by itself. */
export class ReconnectingSocket {
  readonly #url: () => string;
  readonly #events: SocketEvents;
  #socket: WebSocket | null = null;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** When the last frame came, by `performance.now`. */
  lastFrame = 0;
  readonly #hurry = (): void => {
    if (!this.#socket) this.#connect();
  };

  constructor(url: () => string, events: SocketEvents) {
    this.#url = url;
    this.#events = events;
    globalThis.addEventListener?.('online', this.#hurry);
    this.#connect();
  }

  get open(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  send(frame: ClientFrame): boolean {
    if (!this.open) return false;
    this.#socket?.send(JSON.stringify(frame));
    return true;
  }

  /** Gives up on a connection that does not answer. */
  reconnect(): void {
    const socket = this.#socket;
    if (socket) this.#lost(socket);
    else this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.('online', this.#hurry);
    this.#socket?.close();
    this.#socket = null;
  }

  #connect(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const socket = new WebSocket(this.#url());
    this.#socket = socket;
    const patience = setTimeout(() => {
      if (socket.readyState === WebSocket.CONNECTING) this.#lost(socket);
    }, OPEN_PATIENCE_MS);
    socket.onopen = () => {
      clearTimeout(patience);
      if (socket !== this.#socket) return;
      this.lastFrame = performance.now();
      this.#events.open();
    };
    socket.onmessage = (event) => {
      if (socket !== this.#socket) return;
      this.#failures = 0;
      this.lastFrame = performance.now();
      const frame = parse(event.data);
      if (frame) this.#events.frame(frame);
    };
    socket.onclose = (event) => {
      clearTimeout(patience);
      if (socket === this.#socket && (event.code === CLOSE_GONE || event.code === CLOSE_FORBIDDEN)) {
        this.close();
        this.#events.closed(event.code === CLOSE_GONE);
        return;
      }
      this.#lost(socket);
    };
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    socket.close();
    this.#failures += 1;
    this.#events.down(this.#failures);
    const most = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
    // Spread out: thousands of viewers lose the server in the same second.
    this.#timer = setTimeout(() => this.#connect(), most * (0.3 + Math.random() * 0.7));
  }
}

function parse(data: unknown): ServerFrame | null {
  try {
    return typeof data === 'string' ? (JSON.parse(data) as ServerFrame) : null;
  } catch {
    return null;
  }
}
