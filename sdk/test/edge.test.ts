import { describe, expect, it } from 'vitest';
import { EdgeChaser } from '../src/player/edge.js';

const TICK_S = 0.2;

/** A minute or so of a viewer who begins `lead` seconds behind slices that arrive at `arrivals`, each a second long. */
function watch(arrivals: number[], lead: number): { stalls: number; lows: number[] } {
  const chaser = new EdgeChaser();
  const lows: number[] = [];
  let stalls = 0;
  let stalledSince: number | null = null;
  let rate = 1;
  let next = 0;
  const until = arrivals.at(-1) ?? 0;
  for (let step = 0; step * 0.01 < until; step += 1) {
    const now = step * 0.01;
    while ((arrivals[next] ?? Number.POSITIVE_INFINITY) <= now) {
      chaser.arrived(now, lead);
      lows.push(lead);
      lead += 1;
      next += 1;
      if (stalledSince !== null) chaser.stalled();
      stalledSince = null;
    }
    if (lead <= 0 && stalledSince === null) {
      stalls += 1;
      stalledSince = now;
    }
    if (stalledSince === null) lead -= 0.01 * rate;
    if (step % (TICK_S * 100) !== 0) continue;
    const advice = chaser.step(now, lead);
    if (advice.jumpToLead !== null) lead = advice.jumpToLead;
    rate = advice.rate;
  }
  return { stalls, lows };
}

const steady = Array.from({ length: 120 }, (_, second) => second);

describe('a viewer at the edge', () => {
  it('comes near steady slices and stays there without a stall', () => {
    const { stalls, lows } = watch(steady, 2.5);
    expect(stalls).toBe(0);
    for (const low of lows.slice(60)) expect(low).toBeLessThan(0.4);
  });

  it('learns how late slices come, and after that does not stall again', () => {
    // Every seventh slice is 0.7 s late.
    const late = steady.map((second) => second + (second % 7 === 3 ? 0.7 : 0));
    const { stalls } = watch(late, 1);
    expect(stalls).toBeGreaterThan(0);
    expect(stalls).toBeLessThanOrEqual(4);
  });

  it('jumps when it lies far behind', () => {
    const { lows } = watch(steady, 30);
    expect(lows.at(10)).toBeLessThan(2);
  });

  it('plays faster only while even the low points of the buffer leave more than the margin', () => {
    const chaser = new EdgeChaser();
    expect(chaser.step(0, 0.9).rate).toBeGreaterThan(1);
    expect(chaser.step(0.4, 0.2).rate).toBe(1);
    expect(chaser.step(0.9, 1.2).rate).toBe(1);
    expect(chaser.step(9, 1.2).rate).toBeGreaterThan(1);
    chaser.arrived(9.1, 0.1);
    expect(chaser.step(9.2, 1.2).rate).toBeLessThan(1);
  });

  it('keeps a wider margin after a stall, and gives it back slowly', () => {
    const chaser = new EdgeChaser();
    chaser.stalled();
    expect(chaser.step(0, 0.5).rate).toBe(1);
    expect(chaser.step(4, 8).jumpToLead).toBeCloseTo(0.98);
    expect(chaser.step(60, 0.5).rate).toBeGreaterThan(1);
  });
});
