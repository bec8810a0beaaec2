//! A playlist, for whoever may read it.

use std::sync::OnceLock;

use bytes::Bytes;
use timeline::view::hls::END_OF_URI;

/// The text of a playlist. Its addresses are completed for its reader; those who need nothing in them share its bytes.
#[derive(Debug)]
pub struct Text {
    marked: String,
    plain: OnceLock<Bytes>,
}

impl Text {
    pub(super) fn new(marked: String) -> Self {
        Self { marked, plain: OnceLock::new() }
    }

    /// Its bytes, with this at the end of each address.
    #[must_use]
    pub fn bytes(&self, end_of_uri: &str) -> Bytes {
        let complete = || self.marked.replace(END_OF_URI, end_of_uri).into();
        if end_of_uri.is_empty() { self.plain.get_or_init(complete).clone() } else { complete() }
    }

    /// Bytes of memory that it takes.
    pub(super) fn weight(&self) -> usize {
        self.marked.len() * 2
    }
}
