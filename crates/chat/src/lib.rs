//! The conversation: stored, then announced, then replayed.
