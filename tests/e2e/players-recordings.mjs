// The recordings of testdata/: what is known of each, and when its bytes would have come from its recorder.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const testdata = fileURLToPath(new URL('../../testdata/', import.meta.url));
const isMedia = (name) => /\.(webm|mkv|mp4)$/.test(name);

/** Slices of a recording that came without its times are this long, in milliseconds of its own clock. */
const SLICE_MS = 250;

/** Chromium's `<video>` reads a tail in blocks of so many bytes. */
const BLOCK = 32 << 10;

/** One recording; `name` is its path in testdata/. */
export class Recording {
  constructor(name) {
    this.name = name;
    const stem = path.basename(name);
    this.isMade = name.startsWith('made/');
    this.isSound = stem.startsWith('audio');
    /** Where there is not a picture every second, there is none to wait for. */
    this.isSparse = /^(gap|picture_ends|late_sound|slow|audio)/.test(stem);
    /** Its index comes last: it is read when it is whole, and nothing can be seen before. */
    this.isStaged = /moov_last|hybrid/.test(stem);
    /** The whole of it takes minutes: as a live it is sent so many times faster. */
    this.haste = stem.startsWith('slow') ? 10 : 1;
    /** The replays that its codecs allow: VP8 is never in MP4; H.264, HEVC and AAC are never in WebM. */
    this.containers = [
      ...(/vp8/.test(stem) ? [] : [this.isSound ? 'm4a' : 'mp4']),
      ...(/avc|hvc|hev|aac/.test(stem) ? [] : ['webm']),
    ];
    /** What a bare tail of picture and sound is asked for in. */
    this.tail = /vp8/.test(stem) ? 'webm' : 'mp4';
  }

  get bytes() {
    return readFileSync(testdata + this.name);
  }

  /** The address of a replay. */
  replay(live, container) {
    return `/api/posts/live/${live}/${this.isSound ? 'audio' : 'replay'}.${container}`;
  }

  /** Slices of its bytes, each with the milliseconds from the recorder's start at which it came. */
  chunks() {
    const { bytes } = this;
    const known = this.isMade ? null : JSON.parse(readFileSync(testdata + this.name.replace(/\.\w+$/, '.json'), 'utf8'));
    const ends = known ? endsOf(known) : this.#endsOfSlices(bytes.length);
    return ends.map(({ at, end }, index) => ({ at, bytes: bytes.subarray(ends[index - 1]?.end ?? 0, end) }));
  }

  /** A byte of a frame comes when the frame was shown. */
  #endsOfSlices(length) {
    const frames = packets(this.name, 'pts_time,pos,size').sort((one, other) => one.pos - other.pos);
    const ends = [];
    let at = 0;
    for (const { pts_time: pts, pos, size } of frames) {
      at = Math.max(at, (pts * 1000) / this.haste);
      if (at < (ends.at(-1)?.at ?? 0) + SLICE_MS) continue;
      ends.push({ at, end: pos + size });
    }
    return [...ends, { at: at + SLICE_MS, end: length }];
  }

  /** Seconds from its start to the end of its last frame, as ffprobe finds them in the source. */
  seconds() {
    return Math.max(...this.#stretches().map(({ to }) => to));
  }

  /** The seconds for which every track has something. */
  common() {
    const stretches = this.#stretches();
    return { from: Math.max(...stretches.map(({ from }) => from)), to: Math.min(...stretches.map(({ to }) => to)) };
  }

  /** When the second group of pictures begins as it is published, in seconds; 0 if there is none. */
  secondGroup() {
    const keys = packets(this.name, 'codec_type,pts_time,flags').filter(
      ({ codec_type: type, flags }) => type === 'video' && flags.startsWith('K'),
    );
    return (keys[1]?.pts_time ?? 0) / this.haste;
  }

  /** Milliseconds in which a block of it comes, as it is published. */
  blockMs() {
    return (BLOCK * this.chunks().at(-1).at) / this.bytes.length;
  }

  /** From where to where each track goes, in seconds. */
  #stretches() {
    const frames = packets(this.name, 'stream_index,pts_time,duration_time');
    const streams = [...new Set(frames.map(({ stream_index: stream }) => stream))];
    return streams.map((stream) => {
      const times = frames.filter((frame) => frame.stream_index === stream).sort((one, other) => one.pts_time - other.pts_time);
      const from = times[0].pts_time;
      const [{ pts_time: last, duration_time: said }, before] = times.reverse();
      // A last frame of which nothing is known "lasts" one tick.
      return { from, to: last + (said > 0.002 || !before ? said : last - before.pts_time) };
    });
  }
}

/** All of them: those of browsers, then those of other programs. */
export const RECORDINGS = ['', 'made/'].flatMap((folder) =>
  readdirSync(testdata + folder)
    .filter(isMedia)
    .map((name) => new Recording(folder + name)),
);

function endsOf({ chunk_bytes: sizes, chunk_at_ms: times }) {
  let end = 0;
  return sizes.map((size, index) => {
    end += size;
    return { at: times[index], end };
  });
}

/** What ffprobe says of each packet, numbers as such. */
function packets(name, entries) {
  const output = execFileSync('ffprobe', ['-v', 'quiet', '-show_entries', `packet=${entries}`, '-of', 'json', testdata + name], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  return JSON.parse(output).packets.map((packet) =>
    Object.fromEntries(
      entries.split(',').map((key) => [key, Number.isNaN(Number(packet[key] ?? 0)) ? packet[key] : Number(packet[key] ?? 0)]),
    ),
  );
}
