import { expect, test } from 'vitest';
import { Attention } from '../src/player/attention.js';

const playing = { paused: false, muted: false, volume: 1 };
const silent = { ...playing, muted: true };
const paused = { ...playing, paused: true };

/** Whether it is still attended to when it stands like this for so many seconds. */
function after(seconds: number, video: typeof playing, isHidden: boolean): boolean {
  const attention = new Attention();
  attention.step(0, playing, false);
  attention.step(1_000, video, isHidden);
  return attention.step(1_000 + seconds * 1000, video, isHidden);
}

test('a picture that is seen, or a sound that is heard, is attended to for ever', () => {
  expect(after(3_600, silent, false)).toBe(true);
  expect(after(3_600, playing, true)).toBe(true);
});

test('a pause, or a silent page in the background, is not for long', () => {
  for (const [video, isHidden] of [
    [paused, false],
    [paused, true],
    [silent, true],
    [{ ...playing, volume: 0 }, true],
  ] as const) {
    expect(after(10, video, isHidden)).toBe(true);
    expect(after(30, video, isHidden)).toBe(false);
  }
});

test('whoever moves in it while it is paused is given another while', () => {
  const attention = new Attention();
  attention.step(0, paused, false);
  expect(attention.step(30_000, paused, false)).toBe(false);
  attention.stir(31_000);
  expect(attention.step(40_000, paused, false)).toBe(true);
  expect(attention.step(60_000, paused, false)).toBe(false);
});
