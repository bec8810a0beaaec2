//! Parameter sets and units of H.264, HEVC and AV1 in Matroska.

use promises::random::Random;

use super::Document;
use super::document::{Block, block_of, time_of};
use super::tree::{Element, id};
use crate::odd::oddity::{Law, Oddity, webm};
use crate::odd::units::{self, Coding, Form};

pub(super) const ODDITIES: &[Oddity] = &[
    webm(Law::Whole, "delimiters in front of frames", |document, random| {
        let every = random.between(1, 4);
        frames(document, |coding, index, _, units| {
            if index % every == 0 {
                units.insert(0, coding.delimiter())
            }
        })
    }),
    webm(Law::Whole, "a note in front of frames", |document, _| {
        frames(document, |coding, _, _, units| units.insert(0, coding.note()))
    }),
    webm(Law::Whole, "filler after frames", |document, random| {
        let len = random.between(1, 300);
        frames(document, |coding, _, _, units| units.push(coding.filler(len)))
    }),
    webm(Law::Whole, "parameter sets again in band", sets_again),
    webm(Law::Whole, "parameter sets in band alone", |document, random| sets_in_band(document, random, true)),
    webm(Law::Whole, "parameter sets in a block of their own", own_block),
    webm(Law::Whole, "one frame with start codes", |document, random| {
        let Some((number, coding)) = coded(document).filter(|(_, coding)| coding.form != Form::StartCodes)
        else {
            return false;
        };
        let chosen = random.between(0, document.count(number).max(1) - 1);
        document.frames_mut(number, |index, _, data| {
            if index == chosen {
                *data = units::join(&coding.split(data), Form::StartCodes);
            }
        });
        true
    }),
    webm(Law::Whole, "all frames with start codes", |document, random| sets_in_band(document, random, false)),
    webm(Law::Whole, "one frame with lengths", |document, random| {
        let Some((number, coding)) = coded(document).filter(|(_, coding)| coding.form == Form::StartCodes)
        else {
            return false;
        };
        let chosen = random.between(0, document.count(number).max(1) - 1);
        document.frames_mut(number, |index, _, data| {
            if index == chosen {
                *data = units::join(&coding.split(data), Form::Lengths(4));
            }
        });
        true
    }),
    webm(Law::Whole, "lengths in two bytes", short_lengths),
    webm(Law::Whole, "a block with only a delimiter", only_delimiter),
];

/// The picture's track and how its frames are written.
fn coded(document: &mut Document) -> Option<(u64, Coding)> {
    let entry = document.track(1)?;
    let private = entry.find(id::CODEC_PRIVATE).map(|private| private.bytes().to_vec());
    let number = entry.number_of(id::TRACK_NUMBER, 0);
    let hevc = match entry.find(id::CODEC_ID)?.text() {
        b"V_MPEG4/ISO/AVC" => false,
        b"V_MPEGH/ISO/HEVC" => true,
        _ => return None,
    };
    Some((number, Coding::of(hevc, private.as_deref())))
}

fn frames(document: &mut Document, mut change: impl FnMut(&Coding, usize, bool, &mut Vec<Vec<u8>>)) -> bool {
    let Some((number, coding)) = coded(document) else { return false };
    document.frames_mut(number, |index, key, data| {
        let mut units = coding.split(data);
        change(&coding, index, key, &mut units);
        *data = units::join(&units, coding.form);
    });
    true
}

fn sets_again(document: &mut Document, _: &mut Random) -> bool {
    let Some((_, coding)) = coded(document).filter(|(_, coding)| !coding.sets.is_empty()) else {
        return false;
    };
    let sets = coding.sets;
    frames(document, |_, _, key, units| {
        if key {
            units.splice(0..0, sets.iter().cloned());
        }
    })
}

/// Frames with start codes; the parameter sets before each keyframe, and not in the header unless they stay there.
fn sets_in_band(document: &mut Document, _: &mut Random, is_moved: bool) -> bool {
    let known =
        coded(document).filter(|(_, coding)| !coding.sets.is_empty() && coding.form != Form::StartCodes);
    let Some((number, coding)) = known else { return false };
    document.frames_mut(number, |_, key, data| {
        let mut units = coding.split(data);
        if key && is_moved {
            units.splice(0..0, coding.sets.iter().cloned());
        }
        *data = units::join(&units, Form::StartCodes);
    });
    if is_moved {
        document.track(1).expect("the picture").children_mut().retain(|child| child.id != id::CODEC_PRIVATE);
    }
    true
}

fn own_block(document: &mut Document, random: &mut Random) -> bool {
    let Some((number, coding)) = coded(document).filter(|(_, coding)| !coding.sets.is_empty()) else {
        return false;
    };
    if !sets_in_band(document, random, false) {
        return false;
    }
    document.track(1).expect("the picture").children_mut().retain(|child| child.id != id::CODEC_PRIVATE);
    let data = units::join(&coding.sets, Form::StartCodes);
    insert_before_first(document, number, &data)
}

/// Puts a block before the first one of a track, at its time.
fn insert_before_first(document: &mut Document, number: u64, data: &[u8]) -> bool {
    for cluster in document.clusters() {
        let time = time_of(cluster);
        let first = cluster.children().iter().enumerate().find_map(|(at, child)| {
            block_of(child, time).filter(|block| block.track == number).map(|block| (at, block))
        });
        if let Some((at, block)) = first
            && let Some(bytes) = (Block { data: data.to_vec(), flags: 0, ..block }).write(time)
        {
            cluster.children_mut().insert(at, Element::data(id::SIMPLE_BLOCK, bytes));
            return true;
        }
    }
    false
}

fn only_delimiter(document: &mut Document, random: &mut Random) -> bool {
    let Some((number, coding)) = coded(document) else { return false };
    let data = units::join(&[coding.delimiter()], coding.form);
    let Some(cluster) = document.random_cluster(random) else { return false };
    let time = time_of(cluster);
    let count = cluster.children().len();
    let at = random.between(1, count.max(1)).min(count);
    let near = cluster.children()[..at].iter().rev().find_map(|child| block_of(child, time));
    let block = Block { track: number, time: near.map_or(time, |block| block.time), flags: 0, data };
    let Some(bytes) = block.write(time) else { return false };
    cluster.children_mut().insert(at, Element::data(id::SIMPLE_BLOCK, bytes));
    true
}

fn short_lengths(document: &mut Document, _: &mut Random) -> bool {
    let Some((number, coding)) = coded(document).filter(|(_, coding)| coding.form == Form::Lengths(4)) else {
        return false;
    };
    let mut longest = 0;
    document.frames_mut(number, |_, _, data| {
        longest = coding.split(data).iter().map(Vec::len).max().unwrap_or(0).max(longest);
    });
    let entry = document.track(1).expect("the picture");
    let Some(private) = entry.find_mut(id::CODEC_PRIVATE) else { return false };
    if longest > 0xFFFF || !coding.set_length_size(private.bytes_mut(), 2) {
        return false;
    }
    document.frames_mut(number, |_, _, data| *data = units::join(&coding.split(data), Form::Lengths(2)));
    true
}
