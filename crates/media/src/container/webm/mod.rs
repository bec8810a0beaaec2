//! WebM and Matroska (RFC 8794, RFC 9559).

mod block;
mod clock;
mod display;
mod doubt;
pub(crate) mod ebml;
mod entry;
pub mod index;
mod odd;
mod projection;
mod proof;
mod put;
pub mod read;
mod resync;
mod stream;
pub mod write;

use super::{input, pool};
