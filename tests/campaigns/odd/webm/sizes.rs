//! Sizes and numbers that are written longer than they must be, or not at all.

use promises::random::Random;

use super::Document;
use super::tree::{Body, id};
use crate::odd::oddity::{Law, Oddity, webm};

pub(super) const ODDITIES: &[Oddity] = &[
    webm(Law::Whole, "integers in eight bytes", long_integers),
    webm(Law::Whole, "floats in the other width", other_floats),
    webm(Law::Whole, "empty integers", empty_integers),
    webm(Law::Whole, "one size wider", one_wider),
    webm(Law::Whole, "all sizes of one width", all_wide),
    webm(Law::Whole, "clusters without a size", unsized_clusters),
    webm(Law::Whole, "one cluster without a size", one_unsized),
    webm(Law::Whole, "clusters with a size", sized_clusters),
    webm(Law::Whole, "a segment without a size", unsized_segment),
    webm(Law::Whole, "a segment with its size", sized_segment),
    webm(Law::Told, "a segment of size 0", |document, _| lie(document, |_| 0)),
    webm(Law::Told, "a segment longer than the file", |document, random| {
        let more = random.between(1, 100_000);
        lie(document, |len| len + more)
    }),
];

const INTEGERS: &[u32] = &[
    id::TIMESTAMP,
    id::TRACK_NUMBER,
    id::TRACK_TYPE,
    id::TIMESTAMP_SCALE,
    id::PIXEL_WIDTH,
    id::PIXEL_HEIGHT,
    id::BLOCK_DURATION,
    id::TRACK_UID,
];

fn long_integers(document: &mut Document, random: &mut Random) -> bool {
    let len = random.between(2, 8);
    document.segment().visit(&mut |element| {
        if INTEGERS.contains(&element.id) {
            let mut long = element.number().to_be_bytes().to_vec();
            let from = 8 - len.max(element.bytes().len());
            element.body = Body::Data(long.split_off(from));
        }
    });
    true
}

fn other_floats(document: &mut Document, _: &mut Random) -> bool {
    document.segment().visit(&mut |element| {
        if !matches!(element.id, id::SAMPLING_FREQUENCY | id::DURATION) {
            return;
        }
        let other = match element.bytes() {
            [a, b, c, d] => f64::from(f32::from_be_bytes([*a, *b, *c, *d])).to_be_bytes().to_vec(),
            bytes => match <[u8; 8]>::try_from(bytes) {
                Ok(bytes) => (f64::from_be_bytes(bytes) as f32).to_be_bytes().to_vec(),
                Err(_) => return,
            },
        };
        element.body = Body::Data(other);
    });
    true
}

/// An integer of no bytes is 0 (RFC 8794, 7.2), which a cluster's time may be.
fn empty_integers(document: &mut Document, _: &mut Random) -> bool {
    let mut is_changed = false;
    document.segment().visit(&mut |element| {
        if element.id == id::TIMESTAMP && element.number() == 0 {
            element.body = Body::Data(Vec::new());
            is_changed = true;
        }
    });
    is_changed
}

fn one_wider(document: &mut Document, random: &mut Random) -> bool {
    let mut count = 0;
    document.segment().visit(&mut |_| count += 1);
    let (chosen, width) = (random.between(0, count - 1), random.between(2, 8));
    let mut index = 0;
    document.segment().visit(&mut |element| {
        if index == chosen {
            element.width = width;
        }
        index += 1;
    });
    true
}

fn all_wide(document: &mut Document, random: &mut Random) -> bool {
    let width = random.between(1, 8);
    document.segment().visit(&mut |element| element.width = width);
    true
}

fn unsized_clusters(document: &mut Document, random: &mut Random) -> bool {
    let width = random.between(1, 8);
    for cluster in document.clusters() {
        cluster.is_sized = false;
        cluster.width = width;
    }
    true
}

fn one_unsized(document: &mut Document, random: &mut Random) -> bool {
    match document.random_cluster(random) {
        Some(cluster) => {
            cluster.is_sized = false;
            true
        }
        None => false,
    }
}

fn sized_clusters(document: &mut Document, _: &mut Random) -> bool {
    document.clusters().into_iter().for_each(|cluster| cluster.is_sized = true);
    true
}

fn unsized_segment(document: &mut Document, random: &mut Random) -> bool {
    let segment = document.segment();
    segment.is_sized = false;
    segment.width = random.between(1, 8);
    true
}

fn sized_segment(document: &mut Document, _: &mut Random) -> bool {
    document.segment().is_sized = true;
    true
}

/// Writes a size of the segment that is not its own: what follows is the same.
fn lie(document: &mut Document, size: impl FnOnce(usize) -> usize) -> bool {
    let Some(at) = document.top.iter().position(|element| element.id == id::SEGMENT) else { return false };
    let mut segment = document.top[at].clone();
    segment.is_sized = true;
    segment.width = 8;
    let mut bytes = Vec::new();
    segment.write(&mut bytes, &mut Vec::new());
    document.lie = Some(size(bytes.len() - 12));
    document.top[at] = segment;
    true
}

/// Only for documents whose segment lies: overwrites its size.
pub(super) fn overwrite(bytes: &mut [u8], size: usize) {
    let segment = id::SEGMENT.to_be_bytes();
    if let Some(at) = bytes.windows(4).position(|window| window == segment) {
        let field = (size as u64 | 1 << 56).to_be_bytes();
        bytes[at + 4..at + 12].copy_from_slice(&field);
    }
}
