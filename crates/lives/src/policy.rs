//! Who may do what with a live. Pure: everything that decides is an argument.

use ids::PersonId;

use crate::{Live, Visibility};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'a> {
    /// Nobody in particular.
    Anonymous,
    /// Somebody signed in.
    Person {
        /// Their id.
        id: PersonId,
        /// Whether they moderate (administrators do).
        moderator: bool,
        /// Whether they are an administrator.
        admin: bool,
    },
    /// Whoever holds this stream key.
    StreamKey(&'a str),
}

/// What else a request brings to be let in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pass<'a> {
    /// The key of an unlisted live's address.
    pub key: Option<&'a str>,
    /// Whether the request carries a good media token of this live.
    pub media_token: bool,
}

/// Whether `who` may see and hear the live, its conversation, and that it exists.
#[must_use]
pub fn may_read(live: &Live, who: Who<'_>, pass: Pass<'_>) -> bool {
    if live.visibility == Visibility::Public || pass.media_token || may_moderate(live, who) {
        return true;
    }
    match (live.visibility, who) {
        (_, Who::StreamKey(key)) if live.opens_with(key) => true,
        (Visibility::Members, Who::Person { .. }) => true,
        (Visibility::Unlisted, _) => pass.key.is_some_and(|key| same(key, &live.watch_key)),
        _ => false,
    }
}

/// Whether `who` may change, stop and delete the live: its author, moderators, administrators.
#[must_use]
pub fn may_moderate(live: &Live, who: Who<'_>) -> bool {
    matches!(who, Who::Person { id, moderator, admin } if id == live.author.id || moderator || admin)
}

/// Whether the live is `who`'s own: what was sent and is shown to nobody is its author's alone.
#[must_use]
pub fn is_own(live: &Live, who: Who<'_>) -> bool {
    matches!(who, Who::Person { id, .. } if id == live.author.id)
}

/// Whether `who` may publish to the live: its author, administrators, whoever holds its stream key. For how long
/// is [`Live::takes_bytes`].
#[must_use]
pub fn may_publish(live: &Live, who: Who<'_>) -> bool {
    match who {
        Who::Anonymous => false,
        Who::Person { id, admin, .. } => id == live.author.id || admin,
        Who::StreamKey(key) => live.opens_with(key),
    }
}

/// Compares hashes, so that the time taken does not tell how much of a key is right.
fn same(one: &str, other: &str) -> bool {
    crate::live::hash(one) == crate::live::hash(other)
}

#[cfg(test)]
mod tests {
    use ids::{LiveId, UnixMs};

    use super::*;
    use crate::Author;

    const AUTHOR: Who<'_> = Who::Person { id: PersonId(1), moderator: false, admin: false };
    const OTHER: Who<'_> = Who::Person { id: PersonId(2), moderator: false, admin: false };
    const MODERATOR: Who<'_> = Who::Person { id: PersonId(3), moderator: true, admin: false };
    const ADMIN: Who<'_> = Who::Person { id: PersonId(4), moderator: true, admin: true };
    const KEY: Who<'_> = Who::StreamKey("sk_right");
    const WRONG_KEY: Who<'_> = Who::StreamKey("sk_wrong");
    const ALL: [Who<'_>; 7] = [Who::Anonymous, AUTHOR, OTHER, MODERATOR, ADMIN, KEY, WRONG_KEY];

    fn live(visibility: Visibility) -> Live {
        let none = String::new;
        Live {
            id: LiveId(9),
            author: Author {
                id: PersonId(1),
                first_name: none(),
                last_name: none(),
                profile_picture: None,
                external_id: None,
            },
            title: none(),
            description: none(),
            content: none(),
            visibility,
            started_ms: UnixMs(0),
            ended_ms: None,
            stopped_ms: None,
            recorded: None,
            watch_key: "watch".to_owned(),
            stream_key: crate::live::hash("sk_right"),
        }
    }

    fn readers(visibility: Visibility, pass: Pass<'_>) -> Vec<Who<'static>> {
        ALL.into_iter().filter(|who| may_read(&live(visibility), *who, pass)).collect()
    }

    #[test]
    fn who_may_read_is_the_matrix_of_the_contract() {
        let nothing = Pass::default();
        assert_eq!(readers(Visibility::Public, nothing), ALL);
        assert_eq!(readers(Visibility::Members, nothing), [AUTHOR, OTHER, MODERATOR, ADMIN, KEY]);
        assert_eq!(readers(Visibility::Unlisted, nothing), [AUTHOR, MODERATOR, ADMIN, KEY]);
    }

    #[test]
    fn a_watch_key_opens_an_unlisted_live_and_no_members_live() {
        let right = Pass { key: Some("watch"), media_token: false };
        let wrong = Pass { key: Some("watch2"), media_token: false };
        assert_eq!(readers(Visibility::Unlisted, right), ALL);
        assert_eq!(readers(Visibility::Unlisted, wrong), [AUTHOR, MODERATOR, ADMIN, KEY]);
        assert_eq!(readers(Visibility::Members, right), [AUTHOR, OTHER, MODERATOR, ADMIN, KEY]);
    }

    #[test]
    fn a_media_token_opens_every_live_to_reading_only() {
        let token = Pass { key: None, media_token: true };
        for visibility in [Visibility::Public, Visibility::Unlisted, Visibility::Members] {
            assert_eq!(readers(visibility, token), ALL);
        }
    }

    #[test]
    fn who_may_change_and_who_may_publish() {
        let live = live(Visibility::Public);
        let changers: Vec<_> = ALL.into_iter().filter(|who| may_moderate(&live, *who)).collect();
        let publishers: Vec<_> = ALL.into_iter().filter(|who| may_publish(&live, *who)).collect();
        assert_eq!(changers, [AUTHOR, MODERATOR, ADMIN]);
        assert_eq!(publishers, [AUTHOR, ADMIN, KEY]);
    }

    #[test]
    fn late_bytes_are_taken_for_24_hours_after_the_stop() {
        let mut live = live(Visibility::Public);
        assert!(live.takes_bytes(UnixMs(i64::MAX)));
        live.ended_ms = Some(UnixMs(1_000));
        assert!(live.takes_bytes(UnixMs(i64::MAX)), "nobody stopped it: its publisher may come back");
        live.stopped_ms = Some(UnixMs(1_000));
        assert!(live.takes_bytes(UnixMs(1_000 + 24 * 3_600_000 - 1)));
        assert!(!live.takes_bytes(UnixMs(1_000 + 24 * 3_600_000)));
    }
}
