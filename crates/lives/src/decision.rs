//! What becomes of a live when something is asked of it.

use ids::UnixMs;

use crate::row::Row;
use crate::{Change, EventKind};

/// What somebody, or the time, asks of a live.
#[derive(Debug, Clone)]
pub enum Decision {
    /// It is to end for good.
    Stop,
    /// Bytes came.
    Resume,
    /// Nothing came since then.
    Abandon {
        /// When it was last heard.
        heard: UnixMs,
    },
    /// All that had come when it was stopped is part of its replay.
    Complete,
    /// Something is to be said about it that is different.
    Change(Change),
    /// Whoever watches by its address needs another one: this key, sealed.
    NewWatchKey(String),
    /// Whoever publishes by its key needs the one with this hash (SHA-256).
    NewStreamKey([u8; 32]),
    /// It is to go.
    Delete,
}

/// What becomes of a live when this is asked of it `now`, and the event that says so; `None` when it stays as it is.
///
/// Pure: an engine reads the row, asks here, and writes what is answered, in one transaction.
#[must_use]
pub fn decide(mut row: Row, decision: Decision, now: UnixMs) -> Option<(Row, EventKind)> {
    let runs = row.ended.is_none();
    let stopped = row.stopped.is_some();
    let kind = match decision {
        Decision::Stop if !stopped => {
            row.stopped = Some(now);
            // One that nothing came for ended when it was last heard, whenever it is stopped.
            row.ended = row.ended.or(Some(now.max(row.started)));
            EventKind::Stopped
        }
        Decision::Resume if !stopped && !runs => {
            row.ended = None;
            EventKind::Resumed
        }
        Decision::Abandon { heard } if runs => {
            row.ended = Some(heard.max(row.started));
            EventKind::Abandoned
        }
        Decision::Complete if stopped && row.completed.is_none() => {
            row.completed = Some(now);
            EventKind::Completed
        }
        Decision::Change(change) => {
            row.title = change.title.unwrap_or(row.title);
            row.description = change.description.unwrap_or(row.description);
            row.content = change.content.unwrap_or(row.content);
            let visibility = change.visibility.unwrap_or(row.visibility);
            row.keep_ms = change.keep_ms.unwrap_or(row.keep_ms);
            row.epoch += u32::from(visibility != row.visibility);
            row.visibility = visibility;
            EventKind::Changed
        }
        Decision::NewWatchKey(key) => {
            row.watch_key = key;
            row.epoch += 1;
            EventKind::Changed
        }
        Decision::NewStreamKey(hash) => {
            row.stream_key = hash;
            EventKind::Changed
        }
        Decision::Delete => {
            row.deleted = Some(now);
            EventKind::Deleted
        }
        Decision::Stop | Decision::Resume | Decision::Abandon { .. } | Decision::Complete => return None,
    };
    Some((row, kind))
}

#[cfg(test)]
mod tests {
    use ids::{LiveId, PersonId};

    use super::*;
    use crate::Visibility;

    fn row(ended: Option<i64>, stopped: Option<i64>) -> Row {
        Row {
            id: LiveId(1),
            author: PersonId(1),
            title: "a".to_owned(),
            description: String::new(),
            content: String::new(),
            visibility: Visibility::Public,
            started: UnixMs(100),
            ended: ended.map(UnixMs),
            stopped: stopped.map(UnixMs),
            completed: None,
            deleted: None,
            watch_key: String::new(),
            stream_key: [0; 32],
            epoch: 0,
            keep_ms: None,
            viewers: 0,
            recorded: None,
        }
    }

    fn after(row: Row, decision: Decision) -> Option<(Option<i64>, Option<i64>, EventKind)> {
        let (row, kind) = decide(row, decision, UnixMs(500))?;
        Some((row.ended.map(|at| at.0), row.stopped.map(|at| at.0), kind))
    }

    #[test]
    fn a_live_ends_and_runs_again_until_somebody_stops_it() {
        let heard = |at| Decision::Abandon { heard: UnixMs(at) };
        assert_eq!(after(row(None, None), heard(300)), Some((Some(300), None, EventKind::Abandoned)));
        assert_eq!(after(row(None, None), heard(3)), Some((Some(100), None, EventKind::Abandoned)));
        assert_eq!(after(row(Some(300), None), heard(400)), None);
        assert_eq!(after(row(Some(300), None), Decision::Resume), Some((None, None, EventKind::Resumed)));
        assert_eq!(after(row(None, None), Decision::Resume), None);
        assert_eq!(after(row(Some(300), Some(400)), Decision::Resume), None);
    }

    #[test]
    fn a_stop_is_once_and_ends_a_live_when_it_was_last_heard() {
        let stopped = EventKind::Stopped;
        assert_eq!(after(row(None, None), Decision::Stop), Some((Some(500), Some(500), stopped)));
        assert_eq!(after(row(Some(300), None), Decision::Stop), Some((Some(300), Some(500), stopped)));
        assert_eq!(after(row(Some(300), Some(400)), Decision::Stop), None);
    }

    #[test]
    fn a_replay_is_complete_once_and_only_of_a_live_that_was_stopped() {
        assert_eq!(after(row(None, None), Decision::Complete), None);
        assert_eq!(after(row(Some(300), None), Decision::Complete), None);
        let (complete, kind) = decide(row(Some(300), Some(400)), Decision::Complete, UnixMs(500)).unwrap();
        assert_eq!((complete.completed, kind), (Some(UnixMs(500)), EventKind::Completed));
        assert_eq!(decide(complete, Decision::Complete, UnixMs(600)).map(|(_, kind)| kind), None);
    }

    #[test]
    fn an_epoch_ends_with_the_right_to_watch() {
        let epoch = |decision| decide(row(None, None), decision, UnixMs(500)).map(|(row, _)| row.epoch);
        let seen_by =
            |visibility| Decision::Change(Change { visibility: Some(visibility), ..Change::default() });
        let titled = Decision::Change(Change { title: Some("b".to_owned()), ..Change::default() });
        assert_eq!(epoch(titled), Some(0));
        assert_eq!(epoch(seen_by(Visibility::Public)), Some(0), "as before");
        assert_eq!(epoch(seen_by(Visibility::Members)), Some(1));
        assert_eq!(epoch(Decision::NewWatchKey("k".to_owned())), Some(1));
        assert_eq!(epoch(Decision::NewStreamKey([1; 32])), Some(0), "it opens nothing to those who watch");
    }
}
