import { Problem } from '@communiconnect/live';
import { locale } from './i18n/locale.svelte';

/** Why something did not succeed, in the server's words, or that it could not be reached. */
export function sentenceOf(cause: unknown): string {
  return cause instanceof Problem ? cause.sentence : locale.t.common.unreachable;
}
