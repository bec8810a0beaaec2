import { LiveClient } from '../client.js';
import { Session } from '../session.js';
import { ChatElement } from './chat-element.js';
import { LiveElement } from './live-element.js';

/** One sign-in for all elements of a page and server. */
const apis = new Map<string, LiveClient>();

/** The client that elements with this `src-base` share; a page signs its visitor in through its session. */
export function apiFor(base: string): LiveClient {
  let api = apis.get(base);
  if (!api) {
    api = new LiveClient({
      base,
      session: new Session(),
      language: () => document.documentElement.lang || 'fr',
    });
    apis.set(base, api);
  }
  return api;
}

LiveElement.api = apiFor;
ChatElement.api = apiFor;

if (!customElements.get('communiconnect-live')) customElements.define('communiconnect-live', LiveElement);
if (!customElements.get('communiconnect-chat')) customElements.define('communiconnect-chat', ChatElement);

export { ChatElement, LiveElement };
