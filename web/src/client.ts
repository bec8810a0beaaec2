import { Api, Session } from '@communiconnect/live';
import { locale } from './i18n/locale.svelte';

/** Who is signed in, for all pages. */
export const session = new Session();
/** The server these pages came from. */
export const api = new Api({ session, language: () => locale.name });
