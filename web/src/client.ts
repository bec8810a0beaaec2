import { LiveClient, Session } from '@communiconnect/live';
import { locale } from './i18n/locale.svelte';
import { foreseen } from './told';

/** Who is signed in, for all pages. */
export const session = new Session();
/** The server these pages came from. */
export const api = new LiveClient({
  session,
  retries: 0,
  language: () => locale.name,
  fetch: async (input, init) => (init?.method === 'GET' && foreseen(`${input}`)) || fetch(input, init),
});
