import { expect, it } from 'vitest';
import { mimeOf, oneFile, playClock, positionOf, takeAfter, takeAt } from '../src/player/clock.js';
import type { Take, Timeline } from '../src/types.js';

const PICTURE = { width: 640, height: 360, sample_rate: null, channels: null };
const SOUND = { width: null, height: null, sample_rate: 48_000, channels: 2 };

function take(number: number, offset: number, duration: number, codec = 'vp09.00.30.08'): Take {
  return {
    take: number,
    offset_ms: offset,
    duration_ms: duration,
    started_at: '2026-01-01T00:00:00.000Z',
    tracks: [
      { kind: 'video', codec, ...PICTURE, frames: 1, bytes: 1 },
      { kind: 'audio', codec: 'opus', ...SOUND, frames: 1, bytes: 1 },
    ],
  };
}

/** Take 3 started before take 2 and arrived late. */
const timeline: Timeline = {
  state: 'live',
  revision: 1,
  saved_ms: 60_000,
  duration_ms: 60_000,
  takes: [take(1, 0, 20_000), take(2, 30_000, 30_000), take(3, 20_000, 10_000)],
  gaps: [],
  unread: [],
};

it('finds the take that plays at a moment, in order of play and not of number', () => {
  expect(takeAt(timeline, 0)?.take).toBe(1);
  expect(takeAt(timeline, 19_999)?.take).toBe(1);
  expect(takeAt(timeline, 20_000)?.take).toBe(3);
  expect(takeAt(timeline, 99_000)?.take).toBe(2);
  expect(takeAfter(timeline, 1)?.take).toBe(3);
  expect(takeAfter(timeline, 3)?.take).toBe(2);
  expect(takeAfter(timeline, 2)).toBeNull();
});

it('says the same place as a position and as a moment of the play clock', () => {
  expect(positionOf(timeline, 25_500)).toEqual({ take: 3, ms: 5_500 });
  expect(playClock(timeline, { take: 3, ms: 5_500 })).toBe(25_500);
  expect(playClock(timeline, { take: 9, ms: 0 })).toBeNull();
});

it('keeps a picture under its message when a late take moves the clock', () => {
  const before = { ...timeline, takes: [take(1, 0, 20_000), take(2, 20_000, 30_000)] };
  const position = positionOf(before, 27_000);
  expect(position && playClock(timeline, position)).toBe(37_000);
});

it('asks for VP8 in WebM and for everything else in MP4', () => {
  const [video, audio] = take(1, 0, 1, 'vp8').tracks;
  expect(video && mimeOf(video)).toBe('video/webm; codecs="vp8"');
  expect(audio && mimeOf(audio)).toBe('audio/mp4; codecs="opus"');
});

it('plays one file only where all takes have the same codecs', () => {
  expect(oneFile(timeline)).toBe(true);
  expect(oneFile({ ...timeline, takes: [take(1, 0, 1), take(2, 1, 1, 'avc1.64001f')] })).toBe(false);
});
