//! People as administrators see them, on the wire and on the command line, and the links that they hand on.

use accounts::{OneTime, Person};
use wire::Time;
use wire::people::{Account, Role};

/// Somebody as administrators see them.
pub(crate) fn account(person: &Person) -> Account<'_> {
    Account {
        id: person.id.0,
        external_id: person.external_id.as_deref(),
        first_name: &person.first_name,
        last_name: &person.last_name,
        profile_picture: person.profile_picture.as_deref(),
        email: person.email.as_deref(),
        verified: person.verified,
        roles: roles(person),
        created_at: Time(person.created.0),
        disabled_at: person.disabled.map(|at| Time(at.0)),
        quota_bytes: person.quota,
    }
}

/// What somebody may do beside what everybody may.
pub(crate) fn roles(person: &Person) -> Vec<Role> {
    let role = |role: &accounts::Role| match role {
        accounts::Role::Admin => Role::Admin,
        accounts::Role::Moderator => Role::Moderator,
    };
    person.roles.iter().map(role).collect()
}

/// The address of the page on which somebody gives themselves a password.
pub(crate) fn password_link(base: &str, link: &OneTime) -> String {
    format!("{base}/login?reset={}", link.token)
}

/// The address of the page on which somebody signs up.
pub(crate) fn invitation_link(base: &str, link: &OneTime) -> String {
    format!("{base}/login?invitation={}", link.token)
}
