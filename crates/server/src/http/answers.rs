//! What the domains have, as the wire has it.

use axum::http::HeaderValue;
use lives::{Live, Visibility};
use wire::timeline::{LiveState, TrackKind};
use wire::{Time, User};

use crate::recorded::{Gap, Unread};

/// Whether a live runs.
pub(crate) fn state(live: &Live) -> LiveState {
    if live.is_running() { LiveState::Live } else { LiveState::Ended }
}

/// An author as everybody sees them.
pub(crate) fn author_answer(author: &lives::Author) -> User<'_> {
    User {
        id: author.id.0,
        external_id: author.external_id.as_deref(),
        first_name: &author.first_name,
        last_name: &author.last_name,
        profile_picture: author.profile_picture.as_deref(),
    }
}

/// A gap as it is answered.
pub(crate) fn gap_answer(gap: &Gap) -> wire::timeline::Gap {
    let Gap { position_ms, lost_ms, since_ms, until_ms } = *gap;
    wire::timeline::Gap { position_ms, lost_ms, since: Time(since_ms.0), until: Time(until_ms.0) }
}

/// Unread bytes as they are answered.
pub(crate) fn unread_answer(unread: &Unread) -> wire::timeline::Unread {
    let Unread { id, take, track, position_ms, bytes, reason } = *unread;
    let track = track.map(|kind| match kind {
        media::Kind::Video => TrackKind::Video,
        media::Kind::Audio => TrackKind::Audio,
    });
    wire::timeline::Unread { id, take, track, position_ms, bytes, reason }
}

/// Somebody as everybody sees them.
pub(crate) fn public(person: &accounts::Person) -> User<'_> {
    User {
        id: person.id.0,
        external_id: person.external_id.as_deref(),
        first_name: &person.first_name,
        last_name: &person.last_name,
        profile_picture: person.profile_picture.as_deref(),
    }
}

/// Nobody keeps an answer without asking whether it still holds, and only the reader themselves one that is not public.
pub(crate) fn caching(live: &Live) -> HeaderValue {
    match live.visibility {
        Visibility::Public => HeaderValue::from_static("no-cache"),
        Visibility::Unlisted | Visibility::Members => HeaderValue::from_static("private, no-cache"),
    }
}
