import { ChatElement, type ChatElementEvents } from './chat-element.js';
import { LiveElement, type LiveEvents } from './live-element.js';
import { Part } from './part.js';
import { StudioElement, type StudioEvents } from './studio-element.js';

/** The part of this script's address that is the server's, when the server serves it. */
const SERVED = /^(https?:.*)\/embed\/[^/]*$/.exec(import.meta.url);

if (globalThis.customElements) {
  Part.scriptBase = SERVED?.[1] ?? '';
  const elements = [
    ['communiconnect-live', LiveElement],
    ['communiconnect-chat', ChatElement],
    ['communiconnect-studio', StudioElement],
  ] as const;
  for (const [name, element] of elements) if (!customElements.get(name)) customElements.define(name, element);
}

export type { TokenSource } from '../client.js';
export type { TokenNeeded } from './part.js';
export type { Trouble } from './trouble.js';
export {
  ChatElement,
  type ChatElementEvents,
  LiveElement,
  type LiveEvents,
  StudioElement,
  type StudioEvents,
};

/** An element whose own events are typed beside those that every element has. */
export interface Typed<Events> {
  addEventListener<K extends keyof Events>(
    type: K,
    listener: (event: Events[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    'communiconnect-live': Typed<LiveEvents> & LiveElement;
    'communiconnect-chat': Typed<ChatElementEvents> & ChatElement;
    'communiconnect-studio': Typed<StudioEvents> & StudioElement;
  }
}
