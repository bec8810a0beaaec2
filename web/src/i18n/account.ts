/** The words of signing in and signing up, loaded with their page. */
const fr = {
  loginTitle: 'Se connecter',
  registerTitle: 'Créer un compte',
  email: 'Adresse e-mail',
  password: 'Mot de passe',
  passwordHint: '8 caractères ou plus',
  firstName: 'Prénom',
  lastName: 'Nom',
  login: 'Se connecter',
  register: 'Créer mon compte',
  noAccount: 'Pas encore de compte ?',
  haveAccount: 'Déjà un compte ?',
  lead: 'Pour diffuser et participer aux conversations.',
  show: 'Afficher le mot de passe',
  hide: 'Masquer le mot de passe',
  forgot: 'Mot de passe oublié ?',
  forgotTitle: 'Mot de passe oublié',
  forgotText:
    'Demandez à la personne qui s’occupe de ce serveur un lien pour en choisir un nouveau. Il ne sert qu’une fois, et vous seul devez le recevoir.',
  forgotAfter:
    'Ouvrez ce lien sur cet appareil, choisissez un mot de passe : vos lives et vos messages vous attendent.',
  forgotMail:
    'Écrivez votre adresse e-mail : un lien pour en choisir un nouveau y est envoyé. Il ne sert qu’une fois.',
  forgotSend: 'Recevoir un lien',
  forgotBack: 'Retour à la connexion',
  resetTitle: 'Nouveau mot de passe',
  resetLead: 'Choisissez-le : il remplace l’ancien, et vos autres appareils sont déconnectés.',
  resetSubmit: 'Enregistrer',
  resetDone: 'Votre mot de passe est changé. Connectez-vous.',
  newPassword: 'Nouveau mot de passe',
};

const en: typeof fr = {
  loginTitle: 'Sign in',
  registerTitle: 'Create an account',
  email: 'Email address',
  password: 'Password',
  passwordHint: '8 characters or more',
  firstName: 'First name',
  lastName: 'Last name',
  login: 'Sign in',
  register: 'Create my account',
  noAccount: 'No account yet?',
  haveAccount: 'Already have an account?',
  lead: 'To go live and to take part in conversations.',
  show: 'Show password',
  hide: 'Hide password',
  forgot: 'Forgot your password?',
  forgotTitle: 'Forgotten password',
  forgotText:
    'Ask whoever runs this server for a link to choose a new one. It works once, and is for you alone.',
  forgotAfter: 'Open the link on this device and choose a password: your lives and messages are still there.',
  forgotMail: 'Write your e-mail address: a link to choose a new one is sent there. It works once.',
  forgotSend: 'Send me a link',
  forgotBack: 'Back to signing in',
  resetTitle: 'New password',
  resetLead: 'Choose it: it replaces the old one, and your other devices are signed out.',
  resetSubmit: 'Save',
  resetDone: 'Your password is changed. Sign in.',
  newPassword: 'New password',
};

export const accountWords: Record<'fr' | 'en', typeof fr> = { fr, en };
