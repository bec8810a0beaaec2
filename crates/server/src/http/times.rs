use ids::UnixMs;
use jiff::Timestamp;

/// A time as it is written on the wire: RFC 3339, UTC, milliseconds.
pub(crate) fn rfc3339(at: UnixMs) -> String {
    let time =
        Timestamp::from_millisecond(at.0).unwrap_or(if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX });
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use ids::UnixMs;

    #[test]
    fn times_have_milliseconds_and_a_z() {
        assert_eq!(super::rfc3339(UnixMs(1_700_000_000_007)), "2023-11-14T22:13:20.007Z");
        assert_eq!(super::rfc3339(UnixMs(0)), "1970-01-01T00:00:00.000Z");
    }
}
