//! mp4 read
