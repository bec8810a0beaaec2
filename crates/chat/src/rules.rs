//! Who may write, how fast, what is held. Pure: what an engine reads is an argument, and every engine asks here, in the
//! transaction in which it read.

use ids::{PersonId, Seq, UnixMs};

use crate::Refusal;
use crate::message::{Draft, SEQ_LIMIT};
use crate::moderation::Rules;

/// Messages that may wait for approval in one live. A further one is refused.
pub(crate) const HELD_LIMIT: i64 = 1_000;

/// What a message must pass before it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Nothing: who writes moderates the conversation.
    Open,
    /// The rules of the conversation.
    Guarded {
        /// Shortest time between two messages of one person, in milliseconds.
        slow_ms: i64,
        /// Whether it waits for approval.
        hold: bool,
    },
}

/// What a message must pass, after those checks that need nothing of what is kept.
pub(crate) fn gate(rules: &Rules, author_id: PersonId, leads: bool, draft: &Draft) -> Result<Gate, Refusal> {
    if leads || rules.names(author_id) {
        return Ok(Gate::Open);
    }
    if rules.words.found_in(&draft.content) {
        return Err(Refusal::UnwantedWord);
    }
    Ok(Gate::Guarded { slow_ms: rules.slow_ms, hold: rules.hold })
}

/// Refuses somebody who is silenced until then, or banned (`Some(None)`).
pub(crate) fn allowed(sanction: Option<Option<UnixMs>>, now_ms: UnixMs) -> Result<(), Refusal> {
    match sanction {
        Some(None) => Err(Refusal::Banned),
        Some(Some(until_ms)) if until_ms > now_ms => Err(Refusal::Silenced { until_ms }),
        _ => Ok(()),
    }
}

/// Refuses somebody who wrote at `last_ms`, a moment ago.
pub(crate) fn slow_enough(last_ms: Option<UnixMs>, slow_ms: i64, now_ms: UnixMs) -> Result<(), Refusal> {
    // A message of the future was written before the clock was set back: nobody waits for that.
    match last_ms.filter(|last| now_ms.since_ms(*last) < slow_ms && *last <= now_ms) {
        Some(last) => Err(Refusal::TooSoon { wait_ms: (slow_ms - now_ms.since_ms(last)).max(1) }),
        None => Ok(()),
    }
}

/// Refuses a message that would wait for approval where so many do already.
pub(crate) fn may_wait(waiting: i64) -> Result<(), Refusal> {
    if waiting >= HELD_LIMIT { Err(Refusal::Full) } else { Ok(()) }
}

/// The number after the newest of a live.
pub(crate) fn next_seq(newest: Seq) -> Result<Seq, Refusal> {
    if newest >= SEQ_LIMIT { Err(Refusal::Full) } else { Ok(newest.plus(1)) }
}

/// Refuses to delete what is somebody else's.
pub(crate) fn may_delete(author_id: PersonId, caller_id: PersonId, moderates: bool) -> Result<(), Refusal> {
    if author_id == caller_id || moderates { Ok(()) } else { Err(Refusal::NotYours) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_ends_and_a_ban_does_not() {
        let [now, later] = [5, 6].map(UnixMs);
        assert_eq!(allowed(None, now), Ok(()));
        assert_eq!(allowed(Some(Some(now)), now), Ok(()));
        assert_eq!(allowed(Some(Some(later)), now), Err(Refusal::Silenced { until_ms: later }));
        assert_eq!(allowed(Some(None), UnixMs(i64::MAX)), Err(Refusal::Banned));
    }

    #[test]
    fn slow_mode_waits_for_the_rest_of_its_time_and_for_no_message_of_the_future() {
        let at = |last: i64, now| slow_enough(Some(UnixMs(last)), 50, UnixMs(now));
        assert_eq!(at(100, 120), Err(Refusal::TooSoon { wait_ms: 30 }));
        assert_eq!(at(100, 150), Ok(()));
        assert_eq!(at(121, 120), Ok(()));
        assert_eq!(slow_enough(None, 50, UnixMs(120)), Ok(()));
    }

    #[test]
    fn a_conversation_is_full_at_its_limits() {
        assert_eq!(next_seq(SEQ_LIMIT.plus(-1)), Ok(SEQ_LIMIT));
        assert_eq!(next_seq(SEQ_LIMIT), Err(Refusal::Full));
        assert_eq!((may_wait(HELD_LIMIT - 1), may_wait(HELD_LIMIT)), (Ok(()), Err(Refusal::Full)));
    }
}
