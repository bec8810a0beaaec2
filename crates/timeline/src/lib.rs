//! Takes, positions, the index of fragments, and the views cut out of them.
//!
//! Nothing here does I/O, reads a clock or starts a task: times and bytes are arguments.

mod clock;

pub use clock::{PlayClock, Position, Span};
