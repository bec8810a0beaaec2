//! RTMP ("Adobe's Real Time Messaging Protocol" 1.0) and Enhanced RTMP, to publish: OBS, ffmpeg, GStreamer, cameras.
//!
//! ```text
//! bytes -> handshake -> chunk::Reader -> messages -> Session -> Step: who asks to publish, events of a recording
//!                                                            -> bytes to send
//! ```
//!
//! All of it is pure and may be stopped at any byte: bytes and times are arguments, a [`Session`] holds the unfinished
//! messages of its connection and nothing else. Who may publish, and where events go, is for its caller to say. Before it
//! is let in, a connection may hold 128 KiB of unfinished messages, afterwards 16 MiB.

pub mod amf;
pub mod chunk;
mod clock;
mod error;
mod handshake;
mod media_messages;
mod session;
pub mod tag;
mod target;

pub use error::Error;
pub use session::{Refusal, Session, Step};
pub use target::Target;
