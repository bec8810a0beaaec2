//! From a publisher's bytes to frames on a timeline.
//!
//! Each protocol is a module; all of them end in frames that the fragmenter cuts and the recorder keeps.

pub mod upload;
