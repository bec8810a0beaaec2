//! Resumable uploads (tus 1.0): a recording that is uploaded while it is made, or afterwards.

mod checksum;
mod error;
mod registry;
mod session;
mod staging;
mod state;

pub use checksum::Checksum;
pub use error::Error;
pub use registry::{Upload, Uploads};
pub use state::{Creation, Status};

/// Bytes that one upload may hold: 20 GiB.
pub const MAX_LENGTH: u64 = 20 << 30;
/// Bytes of a request whose checksum is given: it is held in memory until it is checked.
pub const MAX_CHECKED: usize = 16 << 20;
