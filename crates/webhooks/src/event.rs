//! What happens, and where it is read.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use ids::{LiveId, PersonId, UnixMs};
use serde_json::{Map, Value, json};
use storage::Failure;

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A live began.
    LiveStarted,
    /// Bytes came for a live that had ended by itself: it runs again.
    LiveResumed,
    /// A live ended by itself: nothing came any more. It may run again.
    LiveEnded,
    /// Somebody stopped a live, for good.
    LiveStopped,
    /// All that had come of a live when it was stopped is in its replay.
    ReplayComplete,
    /// A message waits for approval.
    MessageHeld,
    /// Somebody reported a message.
    MessageReported,
    /// Somebody was put out.
    PersonDisabled,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::LiveStarted,
        Self::LiveResumed,
        Self::LiveEnded,
        Self::LiveStopped,
        Self::ReplayComplete,
        Self::MessageHeld,
        Self::MessageReported,
        Self::PersonDisabled,
    ];

    /// Its name: the `type` of a body.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LiveStarted => "live.started",
            Self::LiveResumed => "live.resumed",
            Self::LiveEnded => "live.ended",
            Self::LiveStopped => "live.stopped",
            Self::ReplayComplete => "replay.complete",
            Self::MessageHeld => "message.held",
            Self::MessageReported => "message.reported",
            Self::PersonDisabled => "person.disabled",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            format!("\"{name}\" is no event; there are {}", all.join(", "))
        })
    }
}

/// What an event is about. Those of one subject are told in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A live.
    Live(LiveId),
    /// A person.
    Person(PersonId),
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(live) => write!(formatter, "live {live}"),
            Self::Person(person) => write!(formatter, "person {person}"),
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// What.
    pub kind: Kind,
    /// To whom or what.
    pub subject: Subject,
    /// When.
    pub at: UnixMs,
    /// What else is said about it, beside the live: numbers and times. No words of people: what is told is kept for a while,
    /// and must not outlive whoever is erased.
    pub data: Map<String, Value>,
}

impl Happening {
    /// The body of the request: `{type, timestamp, data}`.
    #[must_use]
    pub fn body(&self) -> String {
        let live = match self.subject {
            Subject::Live(live) => json!(live.0),
            Subject::Person(_) => Value::Null,
        };
        body(self.kind.name(), self.at, live, &self.data)
    }
}

/// A body as the wire has it.
pub(crate) fn body(kind: &str, at: UnixMs, live: Value, more: &Map<String, Value>) -> String {
    let mut data = Map::from_iter([("live_id".to_owned(), live)]);
    data.extend(more.clone());
    json!({"type": kind, "timestamp": rfc_3339(at), "data": data}).to_string()
}

/// A time as the wire has it: RFC 3339, UTC, milliseconds.
fn rfc_3339(at: UnixMs) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    format!("{time:.3}")
}

/// An outbox: what happened, in order, each under a number.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name, which webhooks keep.
    fn name(&self) -> &'static str;

    /// The oldest entries after this number, some hundred at most, each with what is to be told of it, if anything; none when
    /// there are no newer ones.
    async fn after(&self, number: i64) -> Result<Vec<(i64, Option<Happening>)>, Failure>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_a_type_a_time_and_a_live() {
        let data = Map::from_iter([("person_id".to_owned(), json!(3))]);
        let held = Happening {
            kind: Kind::MessageHeld,
            subject: Subject::Live(LiveId(7)),
            at: UnixMs(1_700_000_000_012),
            data,
        };
        let body: Value = serde_json::from_str(&held.body()).unwrap();
        let expected = json!({"type": "message.held", "timestamp": "2023-11-14T22:13:20.012Z",
            "data": {"live_id": 7, "person_id": 3}});
        assert_eq!(body, expected);
    }

    #[test]
    fn each_name_is_found_again() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!("live.begun".parse::<Kind>().unwrap_err().contains("live.started"));
    }
}
