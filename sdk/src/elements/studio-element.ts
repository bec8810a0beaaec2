import type { LiveClient } from '../client.js';
import { Problem, Unreachable } from '../problem.js';
import { Publisher } from '../publisher/publisher.js';
import type { PublisherState } from '../publisher/state.js';
import type { Visibility } from '../types.js';
import { dress, element, Part, type PartEvents } from './part.js';

const STYLE = `
:host { display: flex; flex-direction: column; gap: 8px; padding: 8px; }
video { width: 100%; aspect-ratio: 16 / 9; border-radius: var(--_radius); background: #0b0a09; object-fit: cover; }
form, [part~=controls] { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
[part~=badge] { padding: 2px 8px; border-radius: 4px; background: #b91c1c; color: #fff; font-weight: 700; }
[part~=status] { flex: 1; margin: 0; font-variant-numeric: tabular-nums; }
a { color: var(--_accent); }
`;
const VISIBILITIES: readonly string[] = ['public', 'unlisted', 'members'] satisfies Visibility[];

/** The events of `<communiconnect-studio>` beside those of every element. */
export interface StudioEvents extends PartEvents {
  /** The live is on, and its first byte is durable. */
  'live-started': CustomEvent<{ liveId: number; watchUrl: string }>;
  /** It was stopped; `replayUrl` is null while the server could not be told, or nothing came. */
  'live-ended': CustomEvent<{ liveId: number; replayUrl: string | null }>;
}

/**
 * `<communiconnect-studio src-base="https://live.example" visibility="unlisted">`: preview, title, start, and during the live what is
 * saved and a way to stop.
 */
export class StudioElement extends Part {
  static override readonly observedAttributes = ['src-base', 'lang'];
  #publisher: Publisher | null = null;
  #off: (() => void)[] = [];
  #told = { started: 0, ended: 0, notice: '' };

  /** The publisher behind the element, once it is on the page. */
  get publisher(): Publisher | null {
    return this.#publisher;
  }

  protected open(client: LiveClient, root: ShadowRoot): void {
    dress(root, STYLE);
    const { words } = this;
    this.#told = { started: 0, ended: 0, notice: '' };
    const video = element('video', 'video', { muted: '', playsinline: '', 'aria-label': words.preview });
    video.muted = true;
    video.autoplay = true;
    const form = element('form', 'form');
    const title = element('input', 'input title', {
      'aria-label': words.title,
      placeholder: words.title,
      maxlength: '200',
    });
    title.value = this.getAttribute('live-title') ?? '';
    const start = element('button', 'start');
    const retry = element('button', 'retry', { type: 'button' });
    retry.textContent = words.retry;
    form.append(title, start, retry);
    const controls = element('div', 'controls');
    const badge = element('span', 'badge');
    badge.textContent = words.live;
    const status = element('p', 'status', { role: 'status' });
    const stop = element('button', 'stop', { type: 'button' });
    const replay = element('a', 'replay');
    replay.textContent = words.watch;
    const again = element('button', 'again', { type: 'button' });
    again.textContent = words.again;
    controls.append(badge, status, stop, replay, again);
    root.replaceChildren(video, form, controls);

    const publisher = new Publisher(client);
    this.#publisher = publisher;
    form.onsubmit = (event) => {
      event.preventDefault();
      void this.#start(publisher, title.value.trim());
    };
    retry.onclick = () => void publisher.retry();
    stop.onclick = () => void publisher.stop();
    again.onclick = () => {
      publisher.patch({ phase: 'idle', live: null, receipt: null, recordedMs: 0, savedMs: 0 });
      void publisher.preview();
    };
    const draw = (state: PublisherState): void => {
      const { phase, live, receipt } = state;
      if (video.srcObject !== state.stream) video.srcObject = state.stream;
      const isOn = phase === 'live' || phase === 'stopping';
      const isSigned = client.session.value !== null;
      form.hidden = isOn || phase === 'stopped';
      controls.hidden = !form.hidden;
      start.textContent = phase === 'starting' ? words.starting : words.start;
      start.disabled = phase === 'starting' || !state.stream || !isSigned;
      retry.hidden = state.trouble === null;
      badge.hidden = !isOn;
      stop.hidden = !isOn;
      stop.disabled = phase === 'stopping';
      stop.textContent = phase === 'stopping' ? words.stopping : words.stop;
      replay.hidden = phase !== 'stopped';
      again.hidden = phase !== 'stopped';
      if (live) replay.href = live.watchUrl;
      const waits = state.waitingMs > 1_000 ? ` · ${words.waiting(clock(state.waitingMs))}` : '';
      status.textContent =
        phase === 'stopped'
          ? words.stopped(clock(receipt?.duration_ms ?? state.savedMs))
          : words.saved(clock(state.savedMs)) + waits;
      this.#tellOf(state);
      this.#sayOf(state, isSigned);
    };
    this.#off = [publisher.subscribe(draw), client.session.subscribe(() => draw(publisher.value))];
    void publisher.backlog.recover().catch(() => undefined);
    void publisher.preview();
  }

  protected close(): void {
    for (const off of this.#off) off();
    this.#off = [];
    void this.#publisher?.destroy();
    this.#publisher = null;
  }

  async #start(publisher: Publisher, title: string): Promise<void> {
    const wished = this.getAttribute('visibility') ?? '';
    const visibility = (VISIBILITIES.includes(wished) ? wished : 'public') as Visibility;
    try {
      await publisher.start({ title, description: '', visibility });
    } catch (error) {
      if (error instanceof Problem || error instanceof Unreachable) await this.failOf(error);
      else this.fail({ status: 0, sentence: this.words.failed });
    }
  }

  #tellOf({ live, savedMs, phase, receipt }: PublisherState): void {
    if (!live) return;
    const { liveId, watchUrl } = live;
    if (savedMs > 0 && this.#told.started !== liveId) {
      this.#told.started = liveId;
      this.tell('live-started', { liveId, watchUrl });
    }
    if (phase === 'stopped' && this.#told.ended !== liveId) {
      this.#told.ended = liveId;
      this.tell('live-ended', { liveId, replayUrl: receipt?.replay_url ?? null });
    }
  }

  /** What the person should know; each is told as an event once. */
  #sayOf({ trouble, notice, sentence }: PublisherState, isSigned: boolean): void {
    const { words } = this;
    const wrong = (trouble && words.trouble[trouble]) ?? (notice && words.notice[notice]) ?? sentence;
    if (wrong && wrong !== this.#told.notice) this.fail({ status: 0, sentence: wrong });
    else if (!wrong) this.say(isSigned ? null : words.signInToPublish);
    this.#told.notice = wrong ?? '';
  }
}

/** 65000 -> "1:05". */
function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
