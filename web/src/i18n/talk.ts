import { english, french } from './counted';

/** The words of what is seldom opened in a conversation, loaded with it. */
const fr = {
  found: (n: number) => (n === 0 ? 'Aucun message trouvé' : french(n, 'message trouvé', 'messages trouvés')),
  copyLink: 'Copier le lien vers ce moment',
  linkCopied: 'Lien copié',
  pinned: 'Message épinglé :',
  unpin: 'Ne plus épingler',
  hereCount: (n: number) =>
    n === 0 ? 'Personne ne regarde' : french(n, 'personne regarde', 'personnes regardent'),
  hereMore: (n: number) => `et ${french(n, 'autre personne', 'autres personnes')}`,
  hereHidden: 'Ce live ne montre pas les noms.',
  remove: 'Supprimer',
};

const en: typeof fr = {
  found: (n) => (n === 0 ? 'No message found' : english(n, 'message found', 'messages found')),
  copyLink: 'Copy the link to this moment',
  linkCopied: 'Link copied',
  pinned: 'Pinned message:',
  unpin: 'Unpin',
  hereCount: (n) => (n === 0 ? 'Nobody watches' : english(n, 'person watches', 'people watch')),
  hereMore: (n) => `and ${english(n, 'other', 'others')}`,
  hereHidden: 'This live does not show names.',
  remove: 'Delete',
};

export const talkWords: Record<'fr' | 'en', typeof fr> = { fr, en };
