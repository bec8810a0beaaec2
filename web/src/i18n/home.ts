import { english, french } from './counted';

/** The words of the first page, loaded with it. */
const fr = {
  title: 'En direct et à revoir',
  liveNow: 'En direct maintenant',
  replays: 'À revoir',
  search: 'Rechercher un live',
  searchHint: 'Un titre, ou ce qui s’est dit',
  found: 'Lives',
  said: 'Ce qui s’est dit',
  noLive: 'Personne n’est en direct pour le moment.',
  noLiveHint: 'Votre téléphone suffit : lancez le premier.',
  noReplay: 'Aucun replay pour le moment.',
  noResult: 'Rien ne correspond à cette recherche, ni titre ni message.',
  start: 'Passer en direct',
  viewers: (n: number) => french(n, 'spectateur', 'spectateurs'),
  messages: (n: number) => french(n, 'message', 'messages'),
};

const en: typeof fr = {
  title: 'Live and replays',
  liveNow: 'Live now',
  replays: 'Replays',
  search: 'Search lives',
  searchHint: 'A title, or what was said',
  found: 'Lives',
  said: 'What was said',
  noLive: 'Nobody is live right now.',
  noLiveHint: 'A phone is all it takes: be the first.',
  noReplay: 'No replays yet.',
  noResult: 'Nothing matches this search, no title and no message.',
  start: 'Go live',
  viewers: (n) => english(n, 'viewer', 'viewers'),
  messages: (n) => english(n, 'message', 'messages'),
};

export const homeWords: Record<'fr' | 'en', typeof fr> = { fr, en };
