// Publishes recordings: all at once, or as time goes by.

/** A sign-in is good for a while: the matrix takes longer. */
const SIGN_IN_MS = 5 * 60_000;

/** Somebody who publishes to one server. */
export class Publisher {
  #signedInAt = 0;

  static async on(base) {
    const publisher = new Publisher();
    publisher.base = base;
    publisher.who = { email: `p${Math.random().toString(36).slice(2)}@exemple.sn`, password: 'une phrase assez longue' };
    await publisher.#signIn('register', { ...publisher.who, first_name: 'P', last_name: 'N' });
    return publisher;
  }

  async #signIn(how, body) {
    const answer = await fetch(`${this.base}/api/users/${how}/`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${how}: ${answer.status} ${await answer.text()}`);
    this.headers = { Authorization: `Bearer ${(await answer.json()).tokens.access}`, 'Tus-Resumable': '1.0.0' };
    this.#signedInAt = Date.now();
  }

  async #create() {
    if (Date.now() - this.#signedInAt > SIGN_IN_MS) await this.#signIn('login', this.who);
    const { base, headers } = this;
    const started = await fetch(`${base}/api/posts/live/start/`, { method: 'POST', headers, body: '{}' });
    const { live_id: id } = await started.json();
    const created = await fetch(`${base}/api/posts/live/${id}/upload/`, {
      method: 'POST',
      headers: { ...headers, 'Upload-Defer-Length': '1' },
    });
    return { id, location: new URL(created.headers.get('location'), base) };
  }

  async #send(location, offset, bytes, more = {}) {
    const answer = await fetch(location, {
      method: 'PATCH',
      headers: {
        ...this.headers,
        'Upload-Offset': `${offset}`,
        'Content-Type': 'application/offset+octet-stream',
        ...more,
      },
      body: bytes,
    });
    if (answer.status !== 204) throw new Error(`PATCH at ${offset}: ${answer.status} ${await answer.text()}`);
  }

  /** The takes that one file of this container holds: all of them (`null`), or one after the other by their numbers. */
  async files(id, address) {
    const { status } = await fetch(`${this.base}${address}`, { method: 'HEAD' });
    if (status !== 406) return [null];
    const { takes } = await (await fetch(`${this.base}/api/posts/live/${id}/timeline/`)).json();
    return takes.map(({ take, duration_ms: ms }) => ({ take, seconds: ms / 1000 }));
  }

  async stop(id) {
    const { base, headers } = this;
    const answer = await fetch(`${base}/api/posts/live/${id}/stop/`, { method: 'POST', headers, body: '{}' });
    if (!answer.ok) throw new Error(`stop: ${answer.status} ${await answer.text()}`);
  }

  /** What the server says of a live, or of what is under its address. */
  async live(id, rest = '') {
    return (await fetch(`${this.base}/api/posts/live/${id}/${rest}`)).json();
  }

  /** A recording, all of it at once, of a live that goes on until it is stopped; its number. */
  async open(recording) {
    const { id, location } = await this.#create();
    const { bytes } = recording;
    // A file whose index comes last is read when it is whole.
    await this.#send(location, 0, bytes, recording.isStaged ? { 'Upload-Length': `${bytes.length}` } : {});
    return id;
  }

  /** A recording, whole and stopped; its live's number. */
  async publish(recording) {
    const { id, location } = await this.#create();
    const { bytes } = recording;
    await this.#send(location, 0, bytes, { 'Upload-Length': `${bytes.length}` });
    await this.stop(id);
    return id;
  }

  /**
   * A live whose chunks come when they came: `id` at once, `over` when the last one is sent and the live stopped. `begun`
   * is the time of the recorder's start, in milliseconds of the wall clock; after `seconds` nothing comes any more;
   * `silence` is the longest time between two chunks, in milliseconds. It begins when `early` has been done with its number.
   */
  async pace(chunks, early = async () => undefined) {
    const { id, location } = await this.#create();
    await early(id);
    const begun = Date.now();
    const send = async () => {
      let offset = 0;
      for (const { at, bytes } of chunks) {
        await new Promise((resolve) => setTimeout(resolve, begun + at - Date.now()));
        await this.#send(location, offset, bytes);
        offset += bytes.length;
      }
      await this.stop(id);
    };
    const silence = Math.max(...chunks.map(({ at }, index) => at - (chunks[index - 1]?.at ?? 0)));
    const over = send();
    over.catch(() => undefined);
    return { id, begun, silence, seconds: chunks.at(-1).at / 1000, over };
  }

  /** Waits until there is something of a live to see, or to hear. */
  async shows(id, kind) {
    for (;;) {
      const { takes, state } = await this.live(id, 'timeline/');
      if (takes.some(({ tracks }) => tracks.some((track) => track.kind === kind))) return;
      if (state === 'ended') throw new Error('it ended, and there was nothing to see');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
