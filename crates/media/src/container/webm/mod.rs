//! WebM and Matroska (RFC 8794, RFC 9559).

mod block;
mod clock;
mod ebml;
mod entry;
pub mod index;
mod projection;
mod put;
pub mod read;
mod resync;
mod stream;
pub mod write;

use super::{input, pool};
