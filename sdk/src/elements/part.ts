import type { LiveClient, TokenSource } from '../client.js';
import { type Asker, type Host, hostFor } from './host.js';
import { type Trouble, troubleOf } from './trouble.js';
import { type ElementWords, wordsFor } from './words.js';

/** The page's way to answer a `token-needed`. */
export interface TokenNeeded {
  respond(token: string | null): void;
}

/** The events that every element has, by their names, with their details. */
export interface PartEvents {
  'token-needed': CustomEvent<TokenNeeded>;
  error: CustomEvent<Trouble>;
}

/** Where there is no window, the elements can be imported all the same. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

export const SHARED_STYLE = `
:host { --_accent: var(--communiconnect-accent, #c2410c); --_on-accent: var(--communiconnect-on-accent, #fff);
  --_background: var(--communiconnect-background, #fff); --_text: var(--communiconnect-text, #1c1917);
  --_radius: var(--communiconnect-radius, 8px); color: var(--_text); background: var(--_background);
  font: var(--communiconnect-font, 15px/1.45 system-ui, sans-serif); }
:host([hidden]), [hidden] { display: none !important; }
[part~=note] { margin: 0; padding: 10px 14px; background: color-mix(in srgb, var(--_text) 10%, var(--_background)); overflow-wrap: anywhere; }
button { min-width: 44px; min-height: 44px; padding: 0 16px; border: 0; border-radius: var(--_radius); background: var(--_accent);
  color: var(--_on-accent); font: inherit; font-weight: 600; cursor: pointer; }
button:disabled { opacity: 0.5; cursor: default; }
input { flex: 1; min-width: 0; min-height: 44px; padding: 0 12px; border: 1px solid color-mix(in srgb, var(--_text) 40%, var(--_background));
  border-radius: var(--_radius); background: var(--_background); color: inherit; font: inherit; box-sizing: border-box; }
`;

/** What the elements have in common: their server, their sign-in, their language, and saying what is wrong. */
export abstract class Part extends Base implements Asker {
  static readonly observedAttributes: string[] = ['live-id', 'src-base', 'key', 'live-key', 'lang'];
  /** Where the script came from: the server, unless a bundler made it part of the app. */
  static scriptBase = '';
  #token: string | TokenSource | null = null;
  #host: Host | null = null;
  #note: HTMLElement | null = null;
  #isRefused = false;
  /** The server refused what whoever signs in may see. */
  #isShutOut = false;
  #offSession: (() => void) | null = null;
  #isReopening = false;
  #mustReopen = false;

  /** The access token of the page's visitor, or what gives one. */
  get token(): string | TokenSource | null {
    return this.#token;
  }

  set token(token: string | TokenSource | null) {
    if (token === this.#token) return;
    this.#token = token;
    if (this.#host?.isThePages) this.#host.signIn();
    else if (this.#host) this.#reopenSoon();
  }

  get client(): LiveClient | null {
    return this.#host?.client ?? null;
  }

  get language(): string {
    return this.getAttribute('lang') ?? (document.documentElement.lang || 'fr');
  }

  get words(): ElementWords {
    return wordsFor(this.language);
  }

  needToken(isRefused: boolean): void {
    this.#isRefused = isRefused;
    if (isRefused) this.fail({ status: 401, sentence: this.words.tokenRefused });
    const respond = (token: string | null): void => {
      this.token = token;
    };
    this.tell('token-needed', { respond });
  }

  connectedCallback(): void {
    this.#upgrade('token');
    this.#open();
  }

  disconnectedCallback(): void {
    this.#close();
  }

  attributeChangedCallback(_name: string, before: string | null, now: string | null): void {
    if (before !== now && this.isConnected && this.#mustReopen) this.#reopenSoon();
  }

  /** Draws what it shows into `root` and begins. */
  protected abstract open(client: LiveClient, root: ShadowRoot): void;

  /** Lets go of everything. */
  protected abstract close(): void;

  /** The number of the live; null, and said, if there is none. */
  protected liveId(): number | null {
    const id = Number(this.getAttribute('live-id'));
    if (Number.isInteger(id) && id > 0) return id;
    this.fail({ status: 0, sentence: this.words.noLiveId });
    return null;
  }

  /** The key of an unlisted live; `live-key` where frameworks keep `key` to themselves. */
  protected key(): string | null {
    return this.getAttribute('live-key') ?? this.getAttribute('key');
  }

  /** Shows a sentence over or beside what the element shows; null: nothing is wrong. */
  protected say(sentence: string | null): void {
    if (!this.#note) return;
    this.#note.textContent = sentence ?? '';
    this.#note.hidden = sentence === null;
  }

  /** Says what went wrong: in the element, in the console and as an event. */
  protected fail(trouble: Trouble): void {
    this.say(trouble.sentence);
    console.error(`<${this.localName}> ${trouble.sentence}`);
    // The page may add its listeners after the element.
    queueMicrotask(() => this.tell('error', trouble));
  }

  /** The same of a call that failed. */
  protected async failOf(error: unknown): Promise<void> {
    const client = this.client;
    if (!client) return;
    const trouble = await troubleOf(error, client, this.words);
    this.#isShutOut = [401, 403, 404].includes(trouble.status);
    this.fail(trouble);
  }

  protected tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: name !== 'error', composed: true }));
  }

  #open(): void {
    this.#mustReopen = true;
    this.#isShutOut = false;
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    this.#note = element('p', 'note', { role: 'alert' });
    this.#note.hidden = true;
    const base = this.getAttribute('src-base') ?? Part.scriptBase;
    this.#host = hostFor(base.replace(/\/$/, ''), this.#token !== null);
    this.#host.join(this);
    this.open(this.#host.client, root);
    root.append(this.#note);
    this.#offSession = this.#host.client.session.subscribe((session) => {
      if (!session) return;
      if (this.#isShutOut) this.#reopenSoon();
      else if (this.#isRefused) this.say(null);
      this.#isRefused = false;
    });
    this.#host.signIn();
  }

  #close(): void {
    this.close();
    this.#offSession?.();
    this.#host?.leave(this);
    this.#host = null;
  }

  /** Once for all attributes that change together. */
  #reopenSoon(): void {
    if (this.#isReopening) return;
    this.#isReopening = true;
    queueMicrotask(() => {
      this.#isReopening = false;
      if (!this.isConnected) return;
      this.#close();
      this.#open();
    });
  }

  /** A property that was set before the element was known. */
  #upgrade(name: 'token'): void {
    if (!Object.hasOwn(this, name)) return;
    const { [name]: value } = this;
    delete (this as { token?: unknown })[name];
    this[name] = value;
  }
}

/** An element of the shadow tree that pages may style by its name. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  part: string,
  attributes: Record<string, string> = {},
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.setAttribute('part', part);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Gives a shadow tree its style, which no content security policy forbids. */
export function dress(root: ShadowRoot, style: string): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHARED_STYLE + style);
  root.adoptedStyleSheets = [sheet];
}
