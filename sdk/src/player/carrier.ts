import type { TrackKind } from '../types.js';

/** A take whose tracks are about to come. */
export interface TakeBegins {
  type: 'take';
  take: number;
  offset_ms: number;
  /** `position_ms`: the place on the play clock of time 0 in the track's bytes; null if they were not asked for. */
  tracks: { kind: TrackKind; mime: string; position_ms: number | null }[];
}

/** What the connection carries. `bytes` are an init or a whole fragment. */
export type Piece =
  | TakeBegins
  | { type: 'bytes'; kind: TrackKind; bytes: Uint8Array<ArrayBuffer> }
  | { type: 'ended' };

/** A connection that has not opened by then is given up. */
const OPEN_PATIENCE_MS = 8_000;
/** The server is told of so many bytes at once that they are used: it keeps 4 MiB on their way. */
const TELL_EACH = 256 * 1024;
/** In the first byte of a binary frame, beside the track's number: the fragment goes on in the track's next frame. */
const GOES_ON = 0x80;

/** One WebSocket that carries the tails of a live. What was not used yet waits in it. */
export class Carrier {
  readonly #socket: WebSocket;
  readonly #came: Piece[] = [];
  /** The frames of a fragment that goes on. */
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #isOver = false;
  #wake = (): void => undefined;
  /** Bytes of the frames that came, used or not, beyond those of their pieces. */
  #heads = 0;
  #used = 0;
  #told = 0;
  #hasOpened = false;

  /** Throws where the page may not open one. */
  constructor(url: URL) {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    const patience = setTimeout(() => this.close(), OPEN_PATIENCE_MS);
    socket.onopen = () => {
      clearTimeout(patience);
      this.#hasOpened = true;
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') this.#came.push(JSON.parse(data) as Piece);
      else this.#gather(data as ArrayBuffer);
      this.#wake();
    };
    socket.onclose = () => {
      clearTimeout(patience);
      this.#end();
    };
    this.#socket = socket;
  }

  /** True once the server has answered. */
  get hasOpened(): boolean {
    return this.#hasOpened;
  }

  /** What comes next, null if nothing does any more, undefined if nothing does for `ms` milliseconds. */
  async next(ms: number): Promise<Piece | null | undefined> {
    if (!this.#came.length && !this.#isOver)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    return this.#came.shift() ?? (this.#isOver ? null : undefined);
  }

  /** So many bytes of pieces are used: the server may send as many more. */
  used(bytes: number): void {
    this.#used += bytes;
    const all = this.#used + this.#heads;
    if (all - this.#told < TELL_EACH || this.#isOver) return;
    this.#told = all;
    this.#socket.send(JSON.stringify({ type: 'taken', bytes: all }));
  }

  close(): void {
    this.#socket.onmessage = null;
    this.#came.length = 0;
    this.#socket.close();
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#wake();
  }

  #gather(frame: ArrayBuffer): void {
    const [head = 0] = new Uint8Array(frame, 0, 1);
    this.#heads += 1;
    this.#parts.push(new Uint8Array(frame, 1));
    if (head & GOES_ON) return;
    const [first] = this.#parts;
    const bytes = this.#parts.length === 1 && first ? first : joined(this.#parts);
    this.#parts = [];
    this.#came.push({ type: 'bytes', kind: head === 1 ? 'video' : 'audio', bytes });
  }
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
