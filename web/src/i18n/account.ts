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
};

export const accountWords: Record<'fr' | 'en', typeof fr> = { fr, en };
