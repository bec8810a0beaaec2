import { english, french } from './counted';

/** The words of writing in a conversation, loaded by those who write. */
const fr = {
  input: 'Votre message',
  placeholder: 'Message…',
  send: 'Envoyer',
  emoji: 'Emoji',
  reactions: 'Réagir',
  reactWith: (emoji: string) => `Réagir avec ${emoji}`,
  cancelReply: 'Ne plus répondre',
  waiting: 'En attente',
  sending: 'Envoi…',
  refused: 'Non envoyé',
  retry: 'Réessayer',
  giveUp: 'Retirer',
  tooLong: (n: number) => `${n} caractères de trop`,
  edit: 'Modifier',
  hide: 'Masquer',
  held: 'En attente d’un modérateur',
  declined: 'Un modérateur ne l’a pas retenu',
  tooFast: (seconds: number) => `Trop vite : envoi dans ${seconds} s`,
  people: 'Personnes à citer',
  offered: (n: number) =>
    `${french(n, 'nom proposé', 'noms proposés')}, flèches pour choisir, Entrée pour citer`,
};

const en: typeof fr = {
  input: 'Your message',
  placeholder: 'Message…',
  send: 'Send',
  emoji: 'Emoji',
  reactions: 'React',
  reactWith: (emoji) => `React with ${emoji}`,
  cancelReply: 'Stop replying',
  waiting: 'Waiting',
  sending: 'Sending…',
  refused: 'Not sent',
  retry: 'Try again',
  giveUp: 'Remove',
  tooLong: (n) => `${n} characters too many`,
  edit: 'Edit',
  hide: 'Hide',
  held: 'Waiting for a moderator',
  declined: 'A moderator did not take it',
  tooFast: (seconds) => `Too fast: goes out in ${seconds} s`,
  people: 'People to name',
  offered: (n) => `${english(n, 'name', 'names')} offered, arrows to choose, Enter to name`,
};

export const writingWords: Record<'fr' | 'en', typeof fr> = { fr, en };
