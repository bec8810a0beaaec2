/**
 * Heights of a long list's rows, with the sum before any row and the row at any height in a few steps: a Fenwick tree,
 * which also grows at its end. Pixels.
 */
export class Sizes {
  readonly #sizes: number[] = [];
  /** `#tree[i]` is the sum of the last `i & -i` of the first `i` sizes. */
  readonly #tree: number[] = [0];

  get length(): number {
    return this.#sizes.length;
  }

  get total(): number {
    return this.before(this.#sizes.length);
  }

  get(index: number): number {
    return this.#sizes[index] ?? 0;
  }

  push(size: number): void {
    const end = this.#tree.length;
    const begin = end - (end & -end);
    let sum = size;
    for (let at = end - 1; at > begin; at -= at & -at) sum += this.#tree[at] ?? 0;
    this.#sizes.push(size);
    this.#tree.push(sum);
  }

  set(index: number, size: number): void {
    const change = size - this.get(index);
    this.#sizes[index] = size;
    for (let at = index + 1; at < this.#tree.length; at += at & -at)
      this.#tree[at] = (this.#tree[at] ?? 0) + change;
  }

  /** The sum of all rows before this one. */
  before(index: number): number {
    let sum = 0;
    for (let at = Math.min(index, this.#sizes.length); at > 0; at -= at & -at) sum += this.#tree[at] ?? 0;
    return sum;
  }

  /** The row that is `px` below the first one's top; the first or last where there is none. */
  at(px: number): number {
    let index = 0;
    let rest = px;
    for (let step = 2 ** Math.floor(Math.log2(this.#tree.length)); step >= 1; step /= 2) {
      const sum = this.#tree[index + step];
      if (sum === undefined || sum > rest) continue;
      index += step;
      rest -= sum;
    }
    return Math.max(0, Math.min(index, this.#sizes.length - 1));
  }
}
