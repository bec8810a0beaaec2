/** The words of addresses that lead nowhere, loaded with their page. */
const fr = {
  title: 'Page introuvable',
  text: 'Cette adresse ne mène nulle part.',
  home: 'Retour à l’accueil',
  gone: 'Ce live n’est pas visible',
  goneLogin: 'S’il est réservé aux membres, connectez-vous.',
  goneHint: 'Il a été supprimé, ou l’adresse n’est pas complète.',
};

const en: typeof fr = {
  title: 'Page not found',
  text: 'This address leads nowhere.',
  home: 'Back to home',
  gone: 'This live cannot be seen',
  goneLogin: 'If it is for members, sign in.',
  goneHint: 'It was deleted, or the address is incomplete.',
};

export const lostWords: Record<'fr' | 'en', typeof fr> = { fr, en };
