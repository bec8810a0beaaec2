//! From publishers to frames on a timeline: resumable [`upload`]s, and the [`publisher`] on which other doors stand:
//! [`rtmp`].

pub mod publisher;
pub mod reread;
pub mod rtmp;
pub mod upload;

pub use publisher::{Publisher, Publishers};
