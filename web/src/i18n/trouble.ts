/** The words of a connection that cannot carry the picture, and of a limit that somebody set; loaded when they are needed. */
const fr = {
  slow: 'Votre connexion ne suit pas l’image.',
  offer: 'Suivre en images',
  stay: 'Garder la vidéo',
  now: 'Vous suivez en images, avec tout le son.',
  back: 'Revenir à la vidéo',
  backAlone: 'Y revenir quand la connexion le permet',
  capped: (bytes: string) => `Votre limite de ${bytes} pour cette visite est atteinte.`,
  goOn: (bytes: string) => `Continuer, ${bytes} de plus`,
  chat: 'La conversation seule',
};

const en: typeof fr = {
  slow: 'Your connection does not keep up with the picture.',
  offer: 'Follow in stills',
  stay: 'Keep the video',
  now: 'You follow in stills, with all of the sound.',
  back: 'Back to the video',
  backAlone: 'Go back when the connection allows it',
  capped: (bytes) => `Your limit of ${bytes} for this visit is reached.`,
  goOn: (bytes) => `Go on, ${bytes} more`,
  chat: 'The conversation alone',
};

export const troubleWords: Record<'fr' | 'en', typeof fr> = { fr, en };
