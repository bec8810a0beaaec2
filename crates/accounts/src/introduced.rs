use ids::UnixMs;

use crate::issuer::Identity;
use crate::names::cleaned;
use crate::people::{is_email, is_picture, normalised};
use crate::store::NewIdentity;

/// What is kept of an outside identity: of what the issuer says, that which would be taken from the person themselves.
pub(crate) fn introduced(identity: Identity, now: UnixMs) -> NewIdentity {
    NewIdentity {
        email: identity.email.as_deref().map(normalised).filter(|email| is_email(email)),
        first_name: cleaned(&identity.first_name),
        last_name: cleaned(&identity.last_name),
        profile_picture: identity.picture.filter(|address| is_picture(address)),
        issuer: identity.issuer,
        subject: identity.subject,
        now,
    }
}
