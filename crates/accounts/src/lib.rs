//! People: sign-up, sign-in, tokens, roles.
