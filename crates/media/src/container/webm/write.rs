//! webm write
