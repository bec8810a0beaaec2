//! Passwords that are tried first by whoever guesses: those that most people use, and the person's own names.

use std::sync::LazyLock;

/// Lower case, sorted by bytes; `data/README.md` says where they are from.
static COMMON: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../data/common-passwords.txt").lines().collect());

/// Whether a password is among the most used ones, or is made of nothing but what is known of the person: their address, the
/// part before its @, their names, one after another or with digits behind. Case is no difference.
pub(crate) fn is_guessable(password: &str, email: &str, names: [&str; 2]) -> bool {
    let password = password.trim().to_lowercase();
    if COMMON.binary_search(&password.as_str()).is_ok() {
        return true;
    }
    let (local, _) = email.split_once('@').unwrap_or((email, ""));
    let known = [email, local, names[0], names[1]].map(|word| word.trim().to_lowercase());
    let mut rest = password.as_str();
    // What is longest first: an address begins with the part before its @.
    while let Some(after) = known
        .iter()
        .filter(|word| word.chars().count() >= 3)
        .filter_map(|word| rest.strip_prefix(word.as_str()))
        .min_by_key(|after| after.len())
    {
        rest = after.trim_start_matches([' ', '.', '_', '-']);
    }
    rest.len() < password.len() && rest.chars().all(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_in_lower_case() {
        assert!(COMMON.len() > 8_000 && COMMON.is_sorted());
        assert!(COMMON.iter().all(|word| word.to_lowercase() == **word));
    }

    #[test]
    fn what_everybody_uses_and_ones_own_names_are_guessed() {
        let guessed = |password| is_guessable(password, "awa.diop@exemple.sn", ["Aïssatou", "Diop"]);
        for password in [
            "password",
            "Password1",
            "12345678",
            "QWERTYUIOP",
            "Awa.Diop@exemple.sn",
            "awa.diop2026",
            "aïssatou",
            "Aïssatou Diop",
            "diop-aïssatou1",
            "DiopDiop",
        ] {
            assert!(guessed(password), "{password}");
        }
        for password in ["une phrase assez longue", "diop aime le riz", "kX3v-92kd", "mot de passe"] {
            assert!(!guessed(password), "{password}");
        }
    }
}
