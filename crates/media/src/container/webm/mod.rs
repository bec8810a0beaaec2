//! WebM and Matroska (RFC 8794, RFC 9559).

mod block;
mod clock;
mod ebml;
mod entry;
mod input;
pub mod read;
mod resync;
mod stream;
pub mod write;
