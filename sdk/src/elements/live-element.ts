import type { LiveClient } from '../client.js';
import { Player } from '../player/player.js';
import type { PlayerState } from '../player/state.js';
import { Problem } from '../problem.js';
import { dress, element, Part, type PartEvents } from './part.js';

const STYLE = `
:host { display: block; position: relative; aspect-ratio: 16 / 9; background: var(--communiconnect-stage, #0b0a09); }
video { display: block; width: 100%; height: 100%; object-fit: contain; }
[part~=live-button] { position: absolute; top: 12px; right: 12px; }
[part~=note] { position: absolute; inset: 0 0 auto; }
:host([gone]) video { visibility: hidden; }
`;
/** How often a replay that nobody else tells of is asked whether it is still there. */
const LOOK_EVERY_MS = 10_000;
/** The server is given so long before it is said that it does not answer. */
const PATIENCE_MS = 3_000;

/** The events of `<communiconnect-live>` beside those of every element. */
export interface LiveEvents extends PartEvents {
  /** The live is on, and its first byte is durable. */
  'live-started': CustomEvent<{ liveId: number }>;
  'live-ended': CustomEvent<{ liveId: number }>;
  'live-deleted': CustomEvent<{ liveId: number }>;
  /** Where the picture is, in milliseconds of the play clock. */
  position: CustomEvent<{ ms: number }>;
}

/**
 * `<communiconnect-live live-id="7" src-base="https://live.example">`: one live, during it and after it, with the browser's own
 * controls and a way back to the live edge.
 */
export class LiveElement extends Part {
  #player: Player | null = null;
  #look: ReturnType<typeof setInterval> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #id = 0;
  #told = { started: false, ended: false, gone: false, position: -1 };
  #isFailing = false;

  /** The player behind the element, once it is on the page. */
  get player(): Player | null {
    return this.#player;
  }

  protected open(client: LiveClient, root: ShadowRoot): void {
    dress(root, STYLE);
    this.removeAttribute('gone');
    root.replaceChildren();
    const id = this.liveId();
    if (id === null) return;
    this.#id = id;
    this.#told = { started: false, ended: false, gone: false, position: -1 };
    const video = element('video', 'video', { controls: '', playsinline: '' });
    const edge = element('button', 'live-button', { type: 'button' });
    edge.textContent = this.words.backToLive;
    root.append(video, edge);
    const player = new Player(video, { api: client, liveId: id, key: this.key() });
    this.#player = player;
    edge.onclick = () => player.goLive();
    player.subscribe((state) => {
      edge.hidden = state.mode !== 'live' || state.atLive;
      if (player === this.#player) this.#onState(state, client);
    });
    this.#look = setInterval(() => void this.#lookForIt(client), LOOK_EVERY_MS);
    void player.open();
  }

  protected close(): void {
    clearInterval(this.#look);
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#player?.destroy();
    this.#player = null;
  }

  #onState(state: PlayerState, client: LiveClient): void {
    const { live, mode } = state;
    const isOn = live?.state === 'live' && Math.max(live.saved_ms, state.edgeMs) > 0;
    if (isOn && !this.#told.started) {
      this.#told.started = true;
      this.tell('live-started', { liveId: this.#id });
    }
    if (live?.state === 'ended' && this.#told.started && !this.#told.ended) {
      this.#told.ended = true;
      this.tell('live-ended', { liveId: this.#id });
    }
    if (state.positionMs !== this.#told.position && mode !== 'loading') {
      this.#told.position = state.positionMs;
      this.tell('position', { ms: state.positionMs });
    }
    if (mode === 'gone') void this.#onGone(live !== null, client);
    else this.#mind(state.waiting === 'network' || state.waiting === 'server', client);
  }

  /** Says after a while that the server does not answer, and takes it back when it does. */
  #mind(isCutOff: boolean, client: LiveClient): void {
    if (!isCutOff) {
      clearTimeout(this.#patience);
      this.#patience = undefined;
      if (this.#isFailing) this.say(null);
      this.#isFailing = false;
      return;
    }
    // Before anything was shown there is nothing to be patient for.
    this.#patience ??= setTimeout(
      () => void this.#saveFace(client),
      this.#player?.value.live ? PATIENCE_MS : 0,
    );
  }

  async #saveFace(client: LiveClient): Promise<void> {
    const error = await this.#ask(client);
    if (error === null || this.#patience === undefined) return;
    // What was shown and is there no more was deleted: no server of ours is to blame.
    const wasThere = Boolean(this.#player?.value.live);
    if (wasThere && error instanceof Problem && error.status === 404) return this.#onGone(true, client);
    this.#isFailing = true;
    await this.failOf(error);
  }

  async #onGone(wasThere: boolean, client: LiveClient): Promise<void> {
    if (this.#told.gone) return;
    this.#told.gone = true;
    this.toggleAttribute('gone', true);
    const error = await this.#ask(client);
    const isDeleted = wasThere && error instanceof Problem && [404, 410].includes(error.status);
    if (!isDeleted) {
      if (error) await this.failOf(error);
      return;
    }
    this.say(this.words.deleted);
    this.tell('live-deleted', { liveId: this.#id });
  }

  /** What the server says against showing the live; null if nothing. */
  #ask(client: LiveClient): Promise<unknown> {
    return client.live(this.#id, this.key()).then(
      () => null,
      (error: unknown) => error,
    );
  }

  /** A replay that was deleted plays on from what is buffered: nobody else would say so. */
  async #lookForIt(client: LiveClient): Promise<void> {
    const player = this.#player;
    if (player?.value.mode !== 'replay' || document.hidden) return;
    const error = await this.#ask(client);
    if (error instanceof Problem && error.status === 404 && player === this.#player) void player.open();
  }
}
