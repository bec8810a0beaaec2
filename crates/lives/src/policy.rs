//! Who may do what with a live. Pure: everything that decides is an argument.

use ids::{PersonId, UnixMs};

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

/// By what right somebody got a token for media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// By the key of an unlisted live's address.
    WatchKey,
    /// By the stream key.
    StreamKey,
    /// By who they are.
    Person(PersonId),
}

/// Whether `who` may see and hear the live, its conversation, and that it exists. `key` is what stands in its address. A
/// stream key opens it for as long as it may be published to.
#[must_use]
pub fn may_read(live: &Live, who: Who<'_>, key: Option<&str>, now: UnixMs) -> bool {
    if live.visibility == Visibility::Public || may_moderate(live, who) {
        return true;
    }
    match (live.visibility, who) {
        (_, Who::StreamKey(key)) if live.opens_with(key) => live.takes_bytes(now),
        (Visibility::Members, Who::Person { .. }) => true,
        (Visibility::Unlisted, _) => key.is_some_and(|key| opens(live, key)),
        _ => false,
    }
}

/// Whether the holder of a good token for media may see and hear the live now. `who` is the person the token was made for,
/// as they are now; nobody in particular where it was made for none, or where they may not come in any more.
#[must_use]
pub fn may_watch(live: &Live, holder: Holder, who: Who<'_>, now: UnixMs) -> bool {
    match holder {
        // The key may have been renewed since: then the epoch is another, and the token no good one.
        Holder::WatchKey => live.visibility != Visibility::Members,
        Holder::StreamKey => live.takes_bytes(now),
        Holder::Person(_) => may_read(live, who, None, now),
    }
}

/// By what right somebody who may watch gets a token for media: by the key in the address, if that alone opens the live.
#[must_use]
pub fn holder(live: &Live, who: Who<'_>, key: Option<&str>) -> Holder {
    match who {
        Who::Person { id, .. } if live.visibility == Visibility::Members || may_moderate(live, who) => {
            Holder::Person(id)
        }
        Who::StreamKey(stream_key) if live.opens_with(stream_key) => Holder::StreamKey,
        Who::Person { id, .. } if !key.is_some_and(|key| opens(live, key)) => Holder::Person(id),
        _ => Holder::WatchKey,
    }
}

/// Whether `who` may stop the live: whoever may change it, and whoever holds its stream key.
#[must_use]
pub fn may_stop(live: &Live, who: Who<'_>) -> bool {
    may_moderate(live, who) || matches!(who, Who::StreamKey(key) if live.opens_with(key))
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

/// Whether this key stands in the live's address. Hashes are compared, so that the time taken does not tell how much of a
/// key is right.
fn opens(live: &Live, key: &str) -> bool {
    !live.watch_key.is_empty() && crate::live::hash(key) == crate::live::hash(&live.watch_key)
}

#[cfg(test)]
pub(crate) mod tests {
    use ids::LiveId;

    use super::*;
    use crate::Author;

    const AUTHOR: Who<'_> = Who::Person { id: PersonId(1), moderator: false, admin: false };
    const OTHER: Who<'_> = Who::Person { id: PersonId(2), moderator: false, admin: false };
    const MODERATOR: Who<'_> = Who::Person { id: PersonId(3), moderator: true, admin: false };
    const ADMIN: Who<'_> = Who::Person { id: PersonId(4), moderator: true, admin: true };
    const KEY: Who<'_> = Who::StreamKey("sk_right");
    const WRONG_KEY: Who<'_> = Who::StreamKey("sk_wrong");
    const ALL: [Who<'_>; 7] = [Who::Anonymous, AUTHOR, OTHER, MODERATOR, ADMIN, KEY, WRONG_KEY];

    /// A live of person 1, with the keys `watch` and `sk_right`.
    pub(crate) fn live_of(visibility: Visibility) -> Live {
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
            epoch: 0,
            keep_ms: None,
            viewers: 0,
            watch_key: "watch".to_owned(),
            stream_key: crate::live::hash("sk_right"),
        }
    }

    const NOW: UnixMs = UnixMs(1_000);

    fn readers(visibility: Visibility, key: Option<&str>) -> Vec<Who<'static>> {
        ALL.into_iter().filter(|who| may_read(&live_of(visibility), *who, key, NOW)).collect()
    }

    #[test]
    fn who_may_read_is_the_matrix_of_the_contract() {
        assert_eq!(readers(Visibility::Public, None), ALL);
        assert_eq!(readers(Visibility::Members, None), [AUTHOR, OTHER, MODERATOR, ADMIN, KEY]);
        assert_eq!(readers(Visibility::Unlisted, None), [AUTHOR, MODERATOR, ADMIN, KEY]);
    }

    #[test]
    fn a_watch_key_opens_an_unlisted_live_and_no_members_live() {
        let (right, wrong) = (Some("watch"), Some("watch2"));
        assert_eq!(readers(Visibility::Unlisted, right), ALL);
        assert_eq!(readers(Visibility::Unlisted, wrong), [AUTHOR, MODERATOR, ADMIN, KEY]);
        assert_eq!(readers(Visibility::Members, right), [AUTHOR, OTHER, MODERATOR, ADMIN, KEY]);
    }

    #[test]
    fn a_stream_key_reads_nothing_once_its_day_is_over() {
        let mut live = live_of(Visibility::Members);
        live.stopped_ms = Some(UnixMs(0));
        let over = UnixMs(crate::PUBLISHABLE_AFTER_STOP);
        assert!(may_read(&live, KEY, None, UnixMs(over.0 - 1)));
        assert!(!may_read(&live, KEY, None, over));
        assert!(!may_watch(&live, Holder::StreamKey, Who::Anonymous, over));
    }

    #[test]
    fn a_token_for_media_is_good_as_long_as_the_right_by_which_it_was_got() {
        let (members, unlisted) = (live_of(Visibility::Members), live_of(Visibility::Unlisted));
        let may = |live: &Live, holder, who| may_watch(live, holder, who, NOW);
        let somebody = Holder::Person(PersonId(2));
        assert!(may(&members, somebody, OTHER));
        assert!(!may(&members, somebody, Who::Anonymous), "who may not come in any more");
        assert!(!may(&unlisted, somebody, OTHER), "they were moderators when they got it");
        assert!(may(&unlisted, Holder::WatchKey, Who::Anonymous));
        assert!(!may(&members, Holder::WatchKey, Who::Anonymous));
    }

    #[test]
    fn a_token_names_the_right_by_which_it_was_got() {
        let (members, unlisted) = (live_of(Visibility::Members), live_of(Visibility::Unlisted));
        assert_eq!(holder(&members, OTHER, Some("watch")), Holder::Person(PersonId(2)));
        assert_eq!(holder(&unlisted, MODERATOR, None), Holder::Person(PersonId(3)));
        assert_eq!(holder(&unlisted, OTHER, Some("watch")), Holder::WatchKey);
        assert_eq!(holder(&unlisted, Who::Anonymous, Some("watch")), Holder::WatchKey);
        assert_eq!(holder(&unlisted, KEY, None), Holder::StreamKey);
    }

    #[test]
    fn who_may_change_and_who_may_publish() {
        let live = live_of(Visibility::Public);
        let changers: Vec<_> = ALL.into_iter().filter(|who| may_moderate(&live, *who)).collect();
        let publishers: Vec<_> = ALL.into_iter().filter(|who| may_publish(&live, *who)).collect();
        assert_eq!(changers, [AUTHOR, MODERATOR, ADMIN]);
        let stoppers: Vec<_> = ALL.into_iter().filter(|who| may_stop(&live, *who)).collect();
        assert_eq!(publishers, [AUTHOR, ADMIN, KEY]);
        assert_eq!(stoppers, [AUTHOR, MODERATOR, ADMIN, KEY]);
    }

    #[test]
    fn late_bytes_are_taken_for_24_hours_after_the_stop() {
        let mut live = live_of(Visibility::Public);
        assert!(live.takes_bytes(UnixMs(i64::MAX)));
        live.ended_ms = Some(UnixMs(1_000));
        assert!(live.takes_bytes(UnixMs(i64::MAX)), "nobody stopped it: its publisher may come back");
        live.stopped_ms = Some(UnixMs(1_000));
        assert!(live.takes_bytes(UnixMs(1_000 + 24 * 3_600_000 - 1)));
        assert!(!live.takes_bytes(UnixMs(1_000 + 24 * 3_600_000)));
    }
}
