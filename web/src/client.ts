import { LiveClient, Session } from '@communiconnect/live';
import { locale } from './i18n/locale.svelte';
import { foreseen } from './told';
import { top } from './top';

/** Who is signed in, for all pages. */
export const session = new Session();
/** The server these pages came from. */
export const api = new LiveClient({
  base: top,
  session,
  retries: 0,
  language: () => locale.name,
  fetch: async (input, init) =>
    (init?.method === 'GET' && foreseen(`${input}`.slice(top.length))) || fetch(input, init),
});
