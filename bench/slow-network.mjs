// A slow network in front of a server: every connection pays round trips, and all of them share one narrow link.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** What the link carries in one piece, in bytes: about a packet. */
const PIECE = 1_400;
/** Bytes of one connection that wait for the link before its server is told to wait. */
const MOST_WAITING = 64 * 1_024;

/** One direction of the link: pieces of all connections in turn, at so many bits a second, each on its way for `delayMs`. */
class Link {
  #rate;
  #delayMs;
  #waiting = [];
  #freeAt = 0;
  #timer = null;

  constructor(bitsPerSecond, delayMs) {
    this.#rate = bitsPerSecond / 8 / 1_000;
    this.#delayMs = delayMs;
  }

  /** Carries what `from` gives to `to`, the first of it not before `after`. */
  join(from, to, after) {
    const flow = { pieces: [], bytes: 0, from, after };
    flow.deliver = (piece) => to.write(piece);
    this.#waiting.push(flow);
    from.on('data', (data) => {
      for (let at = 0; at < data.length; at += PIECE) flow.pieces.push(data.subarray(at, at + PIECE));
      flow.bytes += data.length;
      if (flow.bytes > MOST_WAITING) from.pause();
      this.#run();
    });
    const leave = () => {
      flow.isOver = true;
      this.#run();
    };
    flow.end = () => to.end();
    from.on('end', leave);
    from.on('error', leave);
    from.on('close', leave);
  }

  #run() {
    clearTimeout(this.#timer);
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now - 5);
    while (this.#freeAt <= now && this.#sendOne(now));
    const next = this.#waiting.some(({ pieces }) => pieces.length) ? Math.max(2, this.#freeAt - now) : null;
    if (next !== null) this.#timer = setTimeout(() => this.#run(), next);
  }

  /** Sends a piece of whoever has waited longest; false if nothing may go yet. */
  #sendOne(now) {
    for (const flow of [...this.#waiting]) {
      if (flow.pieces.length === 0 && flow.isOver) {
        this.#waiting.splice(this.#waiting.indexOf(flow), 1);
        setTimeout(flow.end, this.#delayMs);
        continue;
      }
      if (flow.pieces.length === 0 || flow.after > now) continue;
      const piece = flow.pieces.shift();
      flow.bytes -= piece.length;
      if (flow.bytes < MOST_WAITING / 2) flow.from.resume();
      this.#waiting.push(...this.#waiting.splice(this.#waiting.indexOf(flow), 1));
      this.#freeAt += piece.length / this.#rate;
      setTimeout(() => flow.deliver(piece), this.#delayMs);
      return true;
    }
    return false;
  }
}

/** Opens it in front of the server at `base`; `base` of what it gives is the slow way there. */
export async function slowNetwork(base, { roundTripMs, bitsPerSecond }) {
  const { hostname, port } = new URL(base);
  const up = new Link(bitsPerSecond, roundTripMs / 2);
  const down = new Link(bitsPerSecond, roundTripMs / 2);
  const sockets = new Set();
  const server = createServer((browser) => {
    const origin = connect({ host: hostname, port: Number(port) });
    for (const socket of [browser, origin]) {
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    // Whoever connects waits a round trip before the first byte may go.
    up.join(browser, origin, performance.now() + roundTripMs);
    down.join(origin, browser, 0);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { base: `http://127.0.0.1:${server.address().port}`, close };
}
