import { Signal } from './signal.js';
import type { Myself, SignedIn, Tokens } from './types.js';

/** Who is signed in on this device, with the tokens that prove it. */
export interface SessionState {
  user: Myself;
  tokens: Tokens;
}

/** The part of `Storage` that a session needs. */
export type KeyValueStore = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const KEY = 'communiconnect.session';

/** Keeps the sign-in over reloads, the same in every tab. Without storage it lives as long as the page. */
export class Session extends Signal<SessionState | null> {
  readonly #store: KeyValueStore | null;

  constructor(store: KeyValueStore | null = browserStorage()) {
    super(read(store));
    this.#store = store;
    if (store && typeof addEventListener === 'function') {
      addEventListener('storage', (event) => {
        if (event.key === KEY) super.set(read(store));
      });
    }
  }

  signIn({ user, tokens }: SignedIn): void {
    this.#keep({ user, tokens });
  }

  /** New tokens of the same person. */
  renew(tokens: Tokens): void {
    if (this.value) this.#keep({ user: this.value.user, tokens });
  }

  rename(user: Myself): void {
    if (this.value) this.#keep({ user, tokens: this.value.tokens });
  }

  signOut(): void {
    try {
      this.#store?.removeItem(KEY);
    } catch {
      // Storage that refuses to forget does not keep anybody signed in on this page.
    }
    this.set(null);
  }

  /** What another tab may have stored since: its rotation of the refresh token is ours too. */
  reread(): SessionState | null {
    const stored = read(this.#store);
    if (stored && stored.tokens.access !== this.value?.tokens.access) this.set(stored);
    return this.value;
  }

  #keep(state: SessionState): void {
    try {
      this.#store?.setItem(KEY, JSON.stringify(state));
    } catch {
      // A full or forbidden storage: the sign-in lasts as long as the page.
    }
    this.set(state);
  }
}

/** `localStorage`, or null where the browser forbids it. */
export function browserStorage(): Storage | null {
  try {
    return typeof localStorage === 'undefined' ? null : localStorage;
  } catch {
    return null;
  }
}

function read(store: KeyValueStore | null): SessionState | null {
  try {
    const text = store?.getItem(KEY);
    if (!text) return null;
    const state = JSON.parse(text) as SessionState;
    return state.tokens?.access && state.user ? state : null;
  } catch {
    return null;
  }
}
