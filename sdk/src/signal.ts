/** Stops what `subscribe` started. */
export type Unsubscribe = () => void;

/**
 * A value that can be watched. `subscribe` calls back at once with the present value, which is also the
 * contract of a Svelte store and easy to wrap for any other framework.
 */
export class Signal<T> {
  #value: T;
  readonly #watchers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher(value);
  }

  /** Changes some fields of an object value. */
  patch(fields: Partial<T>): void {
    this.set({ ...this.#value, ...fields });
  }

  subscribe(watcher: (value: T) => void): Unsubscribe {
    this.#watchers.add(watcher);
    watcher(this.#value);
    return () => this.#watchers.delete(watcher);
  }
}
