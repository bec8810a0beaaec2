import type { Words } from './fr';

export type LocaleName = 'fr' | 'en';

const KEY = 'communiconnect.language';
const LOADERS: Record<LocaleName, () => Promise<Words>> = {
  fr: () => import('./fr').then((module) => module.fr),
  en: () => import('./en').then((module) => module.en),
};

class Locale {
  name = $state<LocaleName>('fr');
  #words = $state.raw<Words | null>(null);

  /** The words of the present language. */
  get t(): Words {
    if (!this.#words) throw new Error('the language is loaded before the first page is mounted');
    return this.#words;
  }

  async use(name: LocaleName): Promise<void> {
    this.#words = await LOADERS[name]();
    this.name = name;
    document.documentElement.lang = name;
  }

  async choose(name: LocaleName): Promise<void> {
    await this.use(name);
    try {
      localStorage.setItem(KEY, name);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  }
}

export const locale = new Locale();

/** The language chosen before, else the browser's, else French. */
export async function startLocale(): Promise<void> {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(KEY);
  } catch {
    // Storage is forbidden: the browser's language it is.
  }
  const browser = navigator.languages.find((language) => /^(fr|en)\b/i.test(language));
  const name =
    stored === 'fr' || stored === 'en' ? stored : browser?.toLowerCase().startsWith('en') ? 'en' : 'fr';
  await locale.use(name);
}
