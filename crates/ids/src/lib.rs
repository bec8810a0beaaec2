//! Ids, numbers and times as types of their own, so that three integers in a row cannot be swapped.
//!
//! Each is one integer, in memory and on the wire; what it holds is its only field. A type that is not here is a number
//! that is counted, or a length of time in milliseconds.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self(number)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                text.parse().map(Self)
            }
        }
    };
}

number! {
    /// A live. Never used again: the address of a deleted live must not lead to another one.
    LiveId
}
number! {
    /// Somebody who has an account, or had one.
    PersonId
}
number! {
    /// A sign-in: from a password, or another issuer's word, to its end.
    SignInId
}
number! {
    /// The number of a message in its live, from 1; 0 stands before the first.
    Seq
}
number! {
    /// The number of a deletion in its live, from 1; 0 stands before the first.
    Change
}
number! {
    /// A message among those of all lives: its live and its [`Seq`] in one integer.
    MessageId
}
number! {
    /// A message that waits for approval, among those of all lives.
    HeldId
}
number! {
    /// An act of somebody who moderates, among those of all lives, in the order in which they were done.
    ActId
}
number! {
    /// An event of a live's life among those of all lives, in the order in which they were decided.
    EventId
}
number! {
    /// A report of a message, among those of all lives.
    ReportId
}
number! {
    /// Somebody who is told what happens.
    WebhookId
}
number! {
    /// An event on its way to a webhook, among those of all.
    DeliveryId
}
number! {
    /// A moment, in milliseconds since 1970 UTC.
    UnixMs
}

impl Seq {
    /// The number so many messages later; earlier, if they are negative.
    #[must_use]
    pub fn plus(self, messages: i64) -> Self {
        Self(self.0.saturating_add(messages))
    }
}

impl UnixMs {
    /// What the clock of this machine says.
    #[must_use]
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    /// So many milliseconds later; earlier, if they are negative.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// So much later.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        self.plus_ms(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    }

    /// Milliseconds from `earlier` to this; negative when `earlier` is later.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds since 1970 UTC, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }
}

impl From<SystemTime> for UnixMs {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_do_not_wrap() {
        assert_eq!(UnixMs(i64::MAX).plus_ms(1), UnixMs(i64::MAX));
        assert_eq!(UnixMs(5).plus(Duration::MAX), UnixMs(i64::MAX));
        assert_eq!(UnixMs(i64::MIN).since_ms(UnixMs(1)), i64::MIN);
        assert_eq!(UnixMs(-1).seconds(), -1);
        assert_eq!(Seq(i64::MIN).plus(-1), Seq(i64::MIN));
        assert_eq!("12".parse(), Ok(LiveId(12)));
    }
}
