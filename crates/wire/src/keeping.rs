//! How long a live is kept after its end.

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

/// The word for ever.
const FOR_EVER: &str = "forever";
const DAY_MS: i64 = 86_400_000;
/// Days at most: a hundred years.
pub const LONGEST: u32 = 36_500;

/// How long, in milliseconds, 0 for ever. On the wire it is a number of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepDays(pub i64);

/// How long somebody asks for: a number of days, 0 or `forever` for ever.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum KeepDaysAsked {
    /// Days, which may be parts of one; 0 for ever.
    Days(f64),
    /// `forever`.
    Word(String),
}

impl KeepDaysAsked {
    /// What is meant; `None` where it is neither from 0 to [`LONGEST`] days nor `forever`.
    #[must_use]
    pub fn meant(&self) -> Option<KeepDays> {
        match self {
            Self::Word(word) => (word == FOR_EVER).then_some(KeepDays(0)),
            // A part of a millisecond is one: 0 would be for ever.
            Self::Days(days) => (0.0..=f64::from(LONGEST))
                .contains(days)
                .then(|| KeepDays((days * DAY_MS as f64).ceil() as i64)),
        }
    }
}

impl Serialize for KeepDays {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % DAY_MS {
            0 => serializer.serialize_i64(self.0 / DAY_MS),
            _ => serializer.serialize_f64(self.0 as f64 / DAY_MS as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_numbers_and_0_is_for_ever() {
        let read = |json: &str| serde_json::from_str::<KeepDaysAsked>(json).ok()?.meant().map(|days| days.0);
        assert_eq!(read("30"), Some(30 * DAY_MS));
        assert_eq!(read("0.5"), Some(DAY_MS / 2));
        assert_eq!((read("0"), read("\"forever\"")), (Some(0), Some(0)));
        assert_eq!(read("0.000000001"), Some(1));
        for wrong in ["-1", "36501", "1e300", "\"never\"", "[]", "true"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let written = |ms| serde_json::to_string(&KeepDays(ms)).unwrap();
        assert_eq!([written(0), written(2 * DAY_MS), written(DAY_MS / 2)], ["0", "2", "0.5"]);
    }
}
