import type { LiveClient } from '../client.js';
import { Player } from '../player/player.js';

const STYLE = `
:host { display: block; position: relative; aspect-ratio: 16 / 9; background: #0b0a09; }
video { width: 100%; height: 100%; object-fit: contain; }
button { position: absolute; top: 12px; right: 12px; min-height: 44px; padding: 0 16px; border: 0; border-radius: 22px;
  background: rgb(20 18 17 / 82%); color: #fff; font: 600 14px system-ui, sans-serif; cursor: pointer; }
button[hidden] { display: none; }
`;

/**
 * `<communiconnect-live live-id="7" src-base="https://live.example" key="...">`: one live, during it and after it, with the
 * browser's own controls and a way back to the live edge.
 */
export class LiveElement extends HTMLElement {
  static api: (base: string) => LiveClient;
  static readonly observedAttributes = ['live-id', 'src-base', 'key'];
  #player: Player | null = null;

  /** The player behind the element, once it is on the page. */
  get player(): Player | null {
    return this.#player;
  }

  connectedCallback(): void {
    this.#open();
  }

  disconnectedCallback(): void {
    this.#player?.destroy();
    this.#player = null;
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#open();
  }

  #open(): void {
    this.disconnectedCallback();
    const liveId = Number(this.getAttribute('live-id'));
    if (!Number.isInteger(liveId) || liveId <= 0) return;
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const video = document.createElement('video');
    video.controls = true;
    video.playsInline = true;
    const edge = document.createElement('button');
    edge.type = 'button';
    edge.textContent = document.documentElement.lang.startsWith('en') ? 'Back to live' : 'Revenir au direct';
    root.replaceChildren(video, edge);
    const player = new Player(video, {
      api: LiveElement.api(this.getAttribute('src-base') ?? ''),
      liveId,
      key: this.getAttribute('key'),
    });
    edge.onclick = () => player.goLive();
    player.subscribe((state) => {
      edge.hidden = state.mode !== 'live' || state.atLive;
    });
    this.#player = player;
    void player.open();
  }
}
