use ids::UnixMs;

use crate::issuer::Identity;
use crate::names::cleaned;
use crate::people::{is_email, is_picture, normalised};
use crate::store::NewIdentity;

/// How somebody is called whose token carries no name; their number at the app follows.
const MEMBER: &str = "Membre";
/// Characters of a subject that are shown at most: of longer ones (a UUID) the first eight.
const SHOWN: usize = 20;
const OF_LONGER: usize = 8;

/// What is kept of an outside identity: of what the issuer says, that which would be taken from the person themselves.
pub(crate) fn introduced(identity: Identity, now: UnixMs) -> NewIdentity {
    let first_name = cleaned(&identity.first_name);
    let last_name = cleaned(&identity.last_name);
    let is_named = !(first_name.is_empty() && last_name.is_empty());
    let (first_name, last_name) =
        if is_named { (first_name, last_name) } else { (MEMBER.to_owned(), number_of(&identity.subject)) };
    NewIdentity {
        email: identity.email.as_deref().map(normalised).filter(|email| is_email(email)),
        first_name,
        last_name,
        profile_picture: identity.picture.filter(|address| is_picture(address)),
        issuer: identity.issuer,
        subject: identity.subject,
        now,
    }
}

/// What of a subject may be shown to everybody: nothing of one that may be an address.
fn number_of(subject: &str) -> String {
    let is_number = subject.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let shown = if subject.len() <= SHOWN { SHOWN } else { OF_LONGER };
    subject.chars().filter(|_| is_number).take(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(subject: &str, first_name: &str) -> (String, String) {
        let identity = Identity {
            issuer: "app".to_owned(),
            subject: subject.to_owned(),
            email: None,
            first_name: first_name.to_owned(),
            last_name: String::new(),
            picture: None,
        };
        let new = introduced(identity, UnixMs(0));
        (new.first_name, new.last_name)
    }

    #[test]
    fn whoever_has_no_name_is_called_by_their_number_and_never_by_their_address() {
        let called = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(named("4711", ""), called("Membre", "4711"));
        assert_eq!(named("4711", " \u{200b} "), called("Membre", "4711"));
        assert_eq!(named("4711", "Awa"), called("Awa", ""));
        assert_eq!(named("3fa85f64-5717-4562-b3fc-2c963f66afa6", ""), called("Membre", "3fa85f64"));
        assert_eq!(named("awa@exemple.sn", ""), called("Membre", ""));
    }
}
