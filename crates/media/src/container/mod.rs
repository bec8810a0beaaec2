//! Containers: bytes to frames (`read`) and frames to bytes (`write`), the same file names for each.

pub(crate) mod apart;
mod event;
pub mod fragment;
mod head;
mod input;
pub mod mp4;
pub mod packets;
mod pool;
pub mod read;
pub(crate) mod stretch;
pub mod webm;
mod wrap;

pub use apart::MOST_APART_MS;
pub use event::Event;
pub use fragment::{Fragment, Sample, WriteError, shown_from};
pub use head::head_len;
pub use read::Reader;

/// How WebM and Matroska begin (RFC 8794, 8.1).
pub(crate) const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];
