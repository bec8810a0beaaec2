/** The words of sending a live on, loaded with them. */
const fr = {
  title: 'Partager',
  link: 'Lien',
  copy: 'Copier',
  copied: 'Copié',
  at: (time: string) => `À partir de ${time}`,
  whatsapp: 'WhatsApp',
  other: 'Autre…',
  qr: 'Code à scanner avec un autre téléphone',
  embed: 'Pour une autre page',
  embedHint: 'Collez cette ligne dans la page : le live y joue.',
  key: 'Ce lien donne accès à un live non listé : ne l’envoyez qu’à ceux qui doivent le voir.',
};

const en: typeof fr = {
  title: 'Share',
  link: 'Link',
  copy: 'Copy',
  copied: 'Copied',
  at: (time) => `From ${time}`,
  whatsapp: 'WhatsApp',
  other: 'Other…',
  qr: 'Code to scan with another phone',
  embed: 'For another page',
  embedHint: 'Paste this line into the page: the live plays there.',
  key: 'This link opens an unlisted live: send it only to those who should see it.',
};

export const shareWords: Record<'fr' | 'en', typeof fr> = { fr, en };
