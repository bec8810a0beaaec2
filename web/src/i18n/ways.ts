/** The words of choosing how to follow, loaded with it. */
const fr = {
  title: 'Comment suivre ?',
  lead: 'Ce que chaque façon demande à votre forfait :',
  leadLive: 'Ce que chaque façon demande à votre forfait, par heure :',
  hint: {
    video: 'L’image et le son',
    slides: 'Une image toutes les 5 secondes, tout le son',
    audio: 'Le son, sans image',
    chat: 'Ce qui s’écrit, sans image ni son',
  },
  used: (bytes: string) => `Cette page a utilisé ${bytes}`,
  begins: 'Commencer les replays sans attendre',
  cap: 'Limite pour cette visite',
  noCap: 'aucune',
};

const en: typeof fr = {
  title: 'How do you want to follow?',
  lead: 'What each way asks of your data plan:',
  leadLive: 'What each way asks of your data plan, per hour:',
  hint: {
    video: 'Picture and sound',
    slides: 'A picture every 5 seconds, all of the sound',
    audio: 'The sound, without a picture',
    chat: 'What is written, no picture and no sound',
  },
  used: (bytes) => `This page has used ${bytes}`,
  begins: 'Start replays at once',
  cap: 'Limit for this visit',
  noCap: 'none',
};

export const waysWords: Record<'fr' | 'en', typeof fr> = { fr, en };
