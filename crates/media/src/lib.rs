//! Bytes to frames and frames to bytes: what codecs and containers are made of.
//!
//! Nothing here does I/O, reads a clock or starts a task: bytes and times are arguments, results are
//! values, and bad input is an [`Error`] that names the byte where it went wrong.
//!
//! * [`track`] and [`frame`]: the one model that every container is read into and written from.
//! * [`rotation`]: how a picture lies.
//! * [`unread`]: bytes that came and that no frame was made of.
//! * [`codec`]: what each codec knows of itself: a keyframe, a picture's size, a configuration record.
//! * [`container`]: WebM/Matroska and ISO-BMFF, each with a `read` and a `write`.

pub mod codec;
pub mod container;
mod error;
pub mod frame;
pub mod rotation;
pub mod track;
pub mod unread;

pub use error::{Error, Reason};
pub use frame::Frame;
pub use track::{Codec, Kind, Track};
pub use unread::{Unread, Why};
