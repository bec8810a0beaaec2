import { LiveClient, type TokenSource } from '../client.js';
import { Session } from '../session.js';

/** Who asks a server in a page: an element, with the token that the page gave it and a way to ask for one. */
export interface Asker {
  readonly token: string | TokenSource | null;
  readonly language: string;
  /** Asks the page for a token; it may answer at any time. `isRefused`: what it gave is not taken any more. */
  needToken(isRefused: boolean): void;
}

/** One server as all elements of a page see it: one client, one sign-in. */
export class Host {
  readonly client: LiveClient;
  /** True where the page says who is signed in. */
  readonly isThePages: boolean;
  #signingIn: Promise<void> | null = null;
  readonly #askers = new Set<Asker>();

  constructor(base: string, session: Session | null) {
    this.isThePages = session === null;
    this.client = new LiveClient({
      base,
      language: () => [...this.#askers][0]?.language ?? 'fr',
      ...(session ? { session } : { token: () => this.#ask(), onTokenRefused: () => this.#need(true) }),
    });
  }

  join(asker: Asker): void {
    this.#askers.add(asker);
  }

  leave(asker: Asker): void {
    this.#askers.delete(asker);
  }

  /** Signs in with what the page gives now, and asks it for a token if it gives none; once for all elements that come together. */
  signIn(): void {
    if (!this.isThePages) return;
    this.#signingIn ??= Promise.resolve().then(async () => {
      this.#signingIn = null;
      // Whoever needs the server says that it does not answer.
      await this.client.identify().catch(() => false);
    });
  }

  /** The first token that the page gave one of its elements. */
  async #ask(): Promise<string | null> {
    for (const { token } of this.#askers) {
      const given = typeof token === 'function' ? await token() : token;
      if (given) return given;
    }
    this.#need(false);
    return null;
  }

  #need(isRefused: boolean): void {
    for (const asker of [...this.#askers]) asker.needToken(isRefused);
  }
}

const hosts = new Map<string, Host>();

/**
 * The server at `base` for elements with this `src-base`. On the server's own pages somebody may be signed in already; elsewhere, and
 * where the page gives a token, it is the page that says who is.
 */
export function hostFor(base: string, hasToken: boolean): Host {
  const isOwn = !hasToken && new URL(base || '/', location.href).origin === location.origin;
  const own = isOwn ? new Session() : null;
  const session = own?.value ? own : null;
  const name = `${session ? 'own' : 'page'} ${base}`;
  let host = hosts.get(name);
  if (!host) {
    host = new Host(base, session);
    hosts.set(name, host);
  }
  return host;
}
