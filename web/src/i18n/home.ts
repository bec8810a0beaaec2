import { english, french } from './counted';

/** The words of the first page, loaded with it. */
const fr = {
  title: 'En direct et à revoir',
  liveNow: 'En direct maintenant',
  replays: 'À revoir',
  search: 'Rechercher un live',
  noLive: 'Personne n’est en direct pour le moment.',
  noLiveHint: 'Votre téléphone suffit : lancez le premier.',
  noReplay: 'Aucun replay pour le moment.',
  noResult: 'Aucun live ne correspond à cette recherche.',
  start: 'Passer en direct',
  viewers: (n: number) => french(n, 'spectateur', 'spectateurs'),
  messages: (n: number) => french(n, 'message', 'messages'),
};

const en: typeof fr = {
  title: 'Live and replays',
  liveNow: 'Live now',
  replays: 'Replays',
  search: 'Search lives',
  noLive: 'Nobody is live right now.',
  noLiveHint: 'A phone is all it takes: be the first.',
  noReplay: 'No replays yet.',
  noResult: 'No live matches this search.',
  start: 'Go live',
  viewers: (n) => english(n, 'viewer', 'viewers'),
  messages: (n) => english(n, 'message', 'messages'),
};

export const homeWords: Record<'fr' | 'en', typeof fr> = { fr, en };
