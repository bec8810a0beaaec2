//! What stores of rows have in common, whichever engine keeps them: how they fail ([`Failure`]), rows that are
//! remembered for a moment ([`Rows`]), and who hears how long things take ([`Stopwatch`]).
//!
//! A store is a trait of what its domain does, in that domain's crate. An engine is a module below it.

mod failure;
mod rows;
mod stopwatch;

pub use failure::Failure;
pub use rows::Rows;
pub use stopwatch::Stopwatch;
