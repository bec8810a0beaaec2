//! Oddities of Matroska and WebM (RFC 8794, RFC 9559).

mod blocks;
mod clusters;
mod codecs;
mod document;
mod elements;
mod sizes;
mod times;
mod tracks;
mod tree;

pub(crate) use document::Document;

use super::oddity::Oddity;

/// All of them, in the order in which they are applied: what things mean first, then how they are written.
pub(crate) const ODDITIES: &[&[Oddity]] = &[
    codecs::ODDITIES,
    tracks::ODDITIES,
    times::ODDITIES,
    blocks::ODDITIES,
    clusters::ODDITIES,
    elements::ODDITIES,
    sizes::ODDITIES,
];
