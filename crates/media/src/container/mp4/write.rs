//! mp4 write
