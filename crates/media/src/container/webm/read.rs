//! webm read
