//! MP4: the ISO base media file format (ISO/IEC 14496-12) and its fragments.

mod boxes;
mod edits;
mod entry;
mod head;
mod hidden;
pub mod index;
mod movie;
pub mod read;
mod runs;
mod table;
mod take;
pub mod whole;
pub mod write;
