import { describe, expect, it } from 'vitest';
import { type Remedy, type Standing, StuckWatch, type TrackStanding } from '../src/player/stuck.js';

const track = (kind: 'video' | 'audio', end: number, silentMs = 0): TrackStanding => ({
  kind,
  end,
  silentMs,
});

/** The first remedy within ten seconds of one unchanging moment, and when it came. */
function standStill(standing: Partial<Standing>): { remedy: Remedy | null; afterMs: number } {
  const watch = new StuckWatch();
  const still = {
    time: 10,
    paused: false,
    seeking: false,
    readyState: 2,
    ranges: [],
    tracks: [],
    ...standing,
  };
  for (let now = 0; now <= 10_000; now += 200) {
    const remedy = watch.step(now, still as Standing);
    if (remedy) return { remedy, afterMs: now };
  }
  return { remedy: null, afterMs: Number.POSITIVE_INFINITY };
}

describe('a playhead that stands still', () => {
  it('is woken where it stands when enough is buffered', () => {
    const { remedy, afterMs } = standStill({ ranges: [[5, 12]] });
    expect(remedy).toEqual({ seekTo: 10.01 });
    expect(afterMs).toBeLessThanOrEqual(600);
  });

  it('is woken less and less often while that does not help', () => {
    const watch = new StuckWatch();
    const times: number[] = [];
    for (let now = 0; now < 20_000; now += 200)
      if (
        watch.step(now, {
          time: 10,
          paused: false,
          seeking: false,
          readyState: 2,
          ranges: [[5, 12]],
          tracks: [],
        })
      )
        times.push(now);
    expect(times.length).toBeLessThan(7);
  });

  it('is left alone while it waits for bytes, is paused, seeks or plays', () => {
    expect(standStill({ ranges: [[5, 10.1]] }).remedy).toBeNull();
    expect(standStill({ ranges: [[5, 12]], paused: true }).remedy).toBeNull();
    expect(standStill({ ranges: [[5, 12]], seeking: true }).remedy).toBeNull();
    expect(standStill({ ranges: [[5, 12]], readyState: 4 }).remedy).toBeNull();
  });

  it('steps over a small hole at once and over a long one when nothing else helps', () => {
    const ranges = (next: number): Standing['ranges'] => [
      [5, 10],
      [next, 30],
    ];
    expect(standStill({ ranges: ranges(11) })).toEqual({ remedy: { seekTo: 11.01 }, afterMs: 400 });
    expect(standStill({ ranges: ranges(20) }).afterMs).toBeGreaterThan(3_000);
  });

  it('goes on without the track of which nothing comes', () => {
    const ranges: Standing['ranges'] = [[5, 10]];
    const silent = standStill({ ranges, tracks: [track('video', 10, 4_000), track('audio', 14)] });
    expect(silent.remedy).toEqual({ without: 'video' });
    const mute = standStill({ ranges, tracks: [track('video', 14), track('audio', 10, 4_000)] });
    expect(mute.remedy).toEqual({ without: 'audio' });
  });

  it('waits for a track that comes slowly, and for both when both are away', () => {
    const ranges: Standing['ranges'] = [[5, 10]];
    expect(standStill({ ranges, tracks: [track('video', 10, 300), track('audio', 14)] }).remedy).toBeNull();
    expect(
      standStill({ ranges, tracks: [track('video', 10, 9_000), track('audio', 10, 9_000)] }).remedy,
    ).toBeNull();
  });
});
