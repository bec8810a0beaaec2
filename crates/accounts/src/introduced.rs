use ids::UnixMs;

use crate::issuer::Identity;
use crate::people::{checked_name, is_email, is_picture, normalised};
use crate::store::NewIdentity;

/// What is kept of an outside identity: of what the issuer says, that which would be taken from the person themselves.
pub(crate) fn introduced(identity: Identity, now: UnixMs) -> NewIdentity {
    NewIdentity {
        email: identity.email.as_deref().map(normalised).filter(|email| is_email(email)),
        first_name: checked_name(&identity.first_name).unwrap_or_default(),
        last_name: checked_name(&identity.last_name).unwrap_or_default(),
        profile_picture: identity.picture.filter(|address| is_picture(address)),
        issuer: identity.issuer,
        subject: identity.subject,
        now,
    }
}
