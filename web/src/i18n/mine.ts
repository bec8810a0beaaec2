import { english, french } from './counted';

/** The words of my lives, loaded with their page. */
const fr = {
  title: 'Mes lives',
  profile: 'Profil',
  kept: 'Gardés ici',
  none: 'Vous n’avez encore rien diffusé.',
  noneHint: 'Vos lives et leurs replays seront ici, pour être renommés, partagés ou supprimés.',
  start: 'Passer en direct',
  signIn: 'Connectez-vous pour voir vos lives.',
  rename: 'Renommer',
  save: 'Enregistrer',
  fieldTitle: 'Titre',
  fieldDescription: 'Description',
  visibility: 'Qui peut regarder ?',
  unlisted: 'Avec le lien',
  copy: 'Copier le lien',
  copied: 'Lien copié',
  download: 'Télécharger',
  remove: 'Supprimer',
  removeTitle: (title: string) => `Supprimer « ${title} » ?`,
  removeText: (time: string, messages: string, size: string) =>
    `L’enregistrement (${time}${size ? `, ${size}` : ''}) et ${messages} disparaissent pour toujours, et le lien ne mène plus à rien. Personne ne peut les rétablir.`,
  removeRunning: 'Ce live est en cours : il s’arrête aussi.',
  removed: (title: string) => `« ${title} » est supprimé`,
  renamed: 'Enregistré',
  viewers: (n: number) => french(n, 'spectateur', 'spectateurs'),
  messages: (n: number) => french(n, 'message', 'messages'),
  noMessage: 'sa conversation',
};

const en: typeof fr = {
  title: 'My lives',
  profile: 'Profile',
  kept: 'Kept here',
  none: 'You have not been live yet.',
  noneHint: 'Your lives and their replays will be here, to be renamed, shared or deleted.',
  start: 'Go live',
  signIn: 'Sign in to see your lives.',
  rename: 'Rename',
  save: 'Save',
  fieldTitle: 'Title',
  fieldDescription: 'Description',
  visibility: 'Who may watch?',
  unlisted: 'With the link',
  copy: 'Copy link',
  copied: 'Link copied',
  download: 'Download',
  remove: 'Delete',
  removeTitle: (title) => `Delete “${title}”?`,
  removeText: (time, messages, size) =>
    `The recording (${time}${size ? `, ${size}` : ''}) and ${messages} are gone for good, and the link leads nowhere. Nobody can bring them back.`,
  removeRunning: 'This live is running: it stops too.',
  removed: (title) => `“${title}” is deleted`,
  renamed: 'Saved',
  viewers: (n) => english(n, 'viewer', 'viewers'),
  messages: (n) => english(n, 'message', 'messages'),
  noMessage: 'its conversation',
};

export type MineWords = typeof fr;
export const mineWords: Record<'fr' | 'en', MineWords> = { fr, en };
