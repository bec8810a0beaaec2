import { locale } from '../../i18n/locale.svelte';

/** The conversation as subtitles in a `<video>`, for full screens and for those who read along. */
export class Captions {
  readonly #video: HTMLVideoElement;
  readonly #load: () => Promise<Blob>;
  #track = $state.raw<HTMLTrackElement | null>(null);

  /** `load` has the conversation as WebVTT. */
  constructor(video: HTMLVideoElement, load: () => Promise<Blob>) {
    this.#video = video;
    this.#load = load;
  }

  get shown(): boolean {
    return this.#track !== null;
  }

  async toggle(): Promise<void> {
    if (this.#track) this.#hide(this.#track);
    else await this.#show();
  }

  async #show(): Promise<void> {
    const held = await this.#load().catch(() => null);
    if (!held) return;
    const track = document.createElement('track');
    track.kind = 'subtitles';
    track.label = locale.t.watch.chat;
    track.srclang = locale.name;
    track.src = URL.createObjectURL(held);
    this.#video.append(track);
    track.track.mode = 'showing';
    this.#track = track;
  }

  #hide(track: HTMLTrackElement): void {
    URL.revokeObjectURL(track.src);
    track.remove();
    this.#track = null;
  }
}
