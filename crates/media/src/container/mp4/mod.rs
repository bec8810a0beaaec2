//! MP4: the ISO base media file format (ISO/IEC 14496-12) and its fragments.

pub mod read;
pub mod write;
