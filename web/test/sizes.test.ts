import { describe, expect, it } from 'vitest';
import { Sizes } from '../src/sizes';

function plain(sizes: number[], px: number): number {
  let top = 0;
  for (const [index, size] of sizes.entries()) {
    if (px < top + size) return index;
    top += size;
  }
  return Math.max(0, sizes.length - 1);
}

describe('the heights of a long list', () => {
  it('has nothing before its first row and answers for an empty list', () => {
    const sizes = new Sizes();
    expect([sizes.length, sizes.total, sizes.before(3), sizes.at(100)]).toEqual([0, 0, 0, 0]);
  });

  it('sums and finds like a plain addition, while rows are added and change', () => {
    const sizes = new Sizes();
    const held: number[] = [];
    let seed = 7;
    const next = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 700; round++) {
      const size = 20 + next(90);
      if (round % 3 === 2) {
        const index = next(held.length);
        held[index] = size;
        sizes.set(index, size);
      } else {
        held.push(size);
        sizes.push(size);
      }
      const total = held.reduce((a, b) => a + b, 0);
      expect(sizes.total).toBe(total);
      const index = next(held.length);
      expect(sizes.before(index)).toBe(held.slice(0, index).reduce((a, b) => a + b, 0));
      const px = next(total + 50);
      expect(sizes.at(px)).toBe(plain(held, px));
    }
    expect(sizes.at(-5)).toBe(0);
  });
});
