//! WebM and Matroska (RFC 8794, RFC 9559).

pub mod read;
pub mod write;
