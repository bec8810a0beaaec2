//! Times as the wire writes them.

use serde::Serializer;

pub(crate) fn rfc3339<S: Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&timestamp(*ms))
}

/// RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn timestamp(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}
