//! vp9

/// The RFC 6381 string for a configuration record.
#[must_use]
pub fn string(_config: &[u8]) -> String {
    String::new()
}
