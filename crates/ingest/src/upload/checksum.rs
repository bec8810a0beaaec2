//! The tus checksum extension.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The checksum that a request must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-1, 20 bytes.
    Sha1(Vec<u8>),
    /// SHA-256, 32 bytes.
    Sha256(Vec<u8>),
}

impl Checksum {
    /// The algorithms, as `Tus-Checksum-Algorithm` names them.
    pub const ALGORITHMS: &'static str = "sha1,sha256";

    /// Whether it is the checksum of these bytes.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Sha1(expected) => Sha1::digest(bytes).as_slice() == expected.as_slice(),
            Self::Sha256(expected) => Sha256::digest(bytes).as_slice() == expected.as_slice(),
        }
    }
}
