//! MP4: the ISO base media file format (ISO/IEC 14496-12) and its fragments.

mod boxes;
mod entry;
mod head;
pub mod index;
mod movie;
pub mod read;
mod runs;
mod take;
pub mod write;
