//! From the timeline to a viewer.
//!
//! A viewer is a cursor that reads the bodies: at the growing end ([`tail`]), or behind a head ([`replay`]), or piece by
//! piece ([`hls`]). It costs no memory while it is slow, and nothing that it does reaches the recorder.

pub mod hls;
pub mod poster;
pub mod replay;
pub mod tail;
