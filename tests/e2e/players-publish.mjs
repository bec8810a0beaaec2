// Publishes the recordings of testdata/ as their browsers sent them: all at once, or as time goes by.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const testdata = (name) => fileURLToPath(new URL(`../../testdata/${name}`, import.meta.url));

/** Every recording, with the replays that its codecs allow. */
export const RECORDINGS = {
  'webm_vp9_opus.webm': ['mp4', 'webm'],
  'ff_webm_vp8_opus.webm': ['webm'],
  'mkv_avc1_opus.mkv': ['mp4'],
  'webm_av1_opus.webm': ['mp4', 'webm'],
  'webm_vp8_opus.webm': ['webm'],
  'mp4_avc1_kf1s.mp4': ['mp4'],
  'mp4_vp9_opus.mp4': ['mp4', 'webm'],
  'mp4_av01_opus.mp4': ['mp4', 'webm'],
  'pause_vp8.webm': ['webm'],
  'resize_webm_vp9.webm': ['mp4', 'webm'],
  'resize_mkv_avc1.mkv': ['mp4'],
  'audio_webm_opus.webm': ['m4a', 'webm'],
};

/** The address of a replay in the container that the table above says. */
export function replayOf(id, name, container) {
  const file = name.startsWith('audio') ? 'audio' : 'replay';
  return `/api/posts/live/${id}/${file}.${container}`;
}

/** Seconds from the start of a recording to the end of its last frame, as ffprobe finds them in the source. */
export function secondsOf(name) {
  const output = execFileSync(
    'ffprobe',
    ['-v', 'quiet', '-show_entries', 'packet=stream_index,pts_time,duration_time', '-of', 'csv=p=0', testdata(name)],
    { encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  const times = new Map();
  for (const line of output.split('\n').filter((text) => text.includes(','))) {
    const [stream, pts, duration] = line.split(',');
    const list = times.get(stream) ?? [];
    // A last frame of which nothing is known "lasts" one tick.
    list.push({ pts: Number(pts), duration: Number(duration) > 0.002 ? Number(duration) : 0 });
    times.set(stream, list);
  }
  const ends = [...times.values()].map((list) => {
    list.sort((one, other) => one.pts - other.pts);
    const last = list.at(-1);
    return last.pts + (last.duration || last.pts - (list.at(-2)?.pts ?? last.pts));
  });
  return Math.max(...ends);
}

/** Somebody who publishes to one server. */
export class Publisher {
  static async on(base) {
    const body = {
      email: `p${Math.random().toString(36).slice(2)}@exemple.sn`,
      password: 'une phrase assez longue',
      first_name: 'P',
      last_name: 'N',
    };
    const answer = await fetch(`${base}/api/users/register/`, { method: 'POST', body: JSON.stringify(body) });
    const publisher = new Publisher();
    publisher.base = base;
    publisher.headers = {
      Authorization: `Bearer ${(await answer.json()).tokens.access}`,
      'Tus-Resumable': '1.0.0',
    };
    return publisher;
  }

  async #open() {
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

  /** A recording, whole and stopped; its live's number. */
  async publish(name) {
    const { id, location } = await this.#open();
    const bytes = readFileSync(testdata(name));
    // A file whose index comes last is read when it is whole.
    await this.#send(location, 0, bytes, { 'Upload-Length': `${bytes.length}` });
    await this.stop(id);
    return id;
  }

  /** A live whose chunks come when they came: see `pace`. */
  paced(name) {
    const { chunk_bytes: sizes, chunk_at_ms: times } = JSON.parse(
      readFileSync(testdata(`${name.split('.')[0]}.json`), 'utf8'),
    );
    const bytes = readFileSync(testdata(name));
    let offset = 0;
    return this.pace(
      sizes.map((size, index) => {
        offset += size;
        return { at: times[index], bytes: bytes.subarray(offset - size, offset) };
      }),
    );
  }

  /**
   * A live whose chunks come at their times, in milliseconds from the recorder's start: `id` at once, `over` when the
   * last one is sent and the live stopped. `begun` is the time of that start, in milliseconds of the wall clock; after
   * `joinable` seconds there is something to see, after `seconds` nothing comes any more; `silence` is the longest time
   * between two of them, in milliseconds.
   */
  async pace(chunks) {
    const { id, location } = await this.#open();
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
    // The first chunk of an MP4 is its header alone, and the next comes with the end of a group of pictures.
    const joinable = Math.max(2.5, chunks[1].at / 1000 + 0.5);
    const silence = Math.max(...chunks.map(({ at }, index) => at - (chunks[index - 1]?.at ?? 0)));
    return { id, begun, joinable, silence, seconds: chunks.at(-1).at / 1000, over: send() };
  }
}
