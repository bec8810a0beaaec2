import type { ChatElement, ChatElementEvents } from './chat-element.js';
import type { LiveElement, LiveEvents } from './live-element.js';
import type { Part } from './part.js';
import type { StudioElement, StudioEvents } from './studio-element.js';

/** The attributes and properties that every element has. */
interface Shared {
  'src-base'?: string;
  token?: Part['token'];
  lang?: string;
}

interface OfLive extends Shared {
  'live-id': number | string;
  /** The key of an unlisted live. */
  'live-key'?: string;
}

/** What each element takes in markup, with its class and its events. */
export interface Elements {
  'communiconnect-live': { class: LiveElement; events: LiveEvents; attributes: OfLive };
  'communiconnect-chat': {
    class: ChatElement;
    events: ChatElementEvents;
    attributes: OfLive & { for?: string };
  };
  'communiconnect-studio': {
    class: StudioElement;
    events: StudioEvents;
    attributes: Shared & { visibility?: string; 'live-title'?: string };
  };
}
