//! Containers: bytes to frames (`read`) and frames to bytes (`write`), the same file names for each.

pub(crate) mod apart;
pub mod fragment;
mod input;
pub mod mp4;
mod pool;
pub mod read;
pub(crate) mod stretch;
pub mod webm;

pub use fragment::{Fragment, Sample, WriteError};
pub use read::{Event, Reader};
