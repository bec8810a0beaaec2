import { Problem } from '@communiconnect/live';
import { locale } from './i18n/locale.svelte';

/** Why something did not succeed: in the server's words, or that it could not be reached; and whose fault that is. */
export interface Trouble {
  sentence: string;
  blame: 'viewer' | 'server' | undefined;
}

export function troubleOf(cause: unknown): Trouble {
  if (!(cause instanceof Problem)) return { sentence: locale.t.common.unreachable, blame: 'viewer' };
  return { sentence: cause.sentence, blame: cause.status >= 500 ? 'server' : undefined };
}

export const sentenceOf = (cause: unknown): string => troubleOf(cause).sentence;
