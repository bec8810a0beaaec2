//! Tracks: more of them, their numbers, their flags, and what is said of them.

use promises::random::Random;

use super::Document;
use super::document::{Block, KEY, block_of, put_block, time_of};
use super::tree::{Element, id};
use crate::odd::oddity::{Law, Oddity, webm};

pub(super) const ODDITIES: &[Oddity] = &[
    webm(Law::Whole, "subtitles", subtitles),
    webm(Law::Whole, "a track of data", data),
    webm(Law::Whole, "a track that never begins", never_begins),
    webm(Law::Whole, "a second sound", |document, random| second_sound(document, random, false)),
    webm(Law::Shown, "a second sound is the default", |document, random| {
        second_sound(document, random, true)
    }),
    webm(Law::Whole, "other track numbers", renumber),
    webm(Law::Whole, "tracks in the other order", reorder),
    webm(Law::Whole, "tracks with the same UID", same_uid),
    webm(Law::Whole, "flags of tracks", flags),
    webm(Law::Whole, "DefaultDuration", default_duration),
    webm(Law::Whole, "names of tracks", names),
    webm(Law::Whole, "words on the picture", picture),
    webm(Law::Whole, "a display size", display),
    webm(Law::Whole, "another BitDepth", bit_depth),
    webm(Law::Told, "frames without their first bytes", header_stripping),
];

/// The lowest number that no track has.
fn free_number(document: &mut Document) -> u64 {
    document.tracks().iter().map(|entry| entry.number_of(id::TRACK_NUMBER, 0)).max().unwrap_or(0) + 1
}

fn add_entry(document: &mut Document, random: &mut Random, entry: Element) {
    let tracks = document.segment().find_mut(id::TRACKS).expect("Tracks").children_mut();
    let at = random.between(0, tracks.len());
    tracks.insert(at, entry);
}

fn entry(number: u64, kind: u64, codec: &str) -> Element {
    Element::master(
        id::TRACK_ENTRY,
        vec![
            Element::uint(id::TRACK_NUMBER, number),
            Element::uint(id::TRACK_UID, number + 1000),
            Element::uint(id::TRACK_TYPE, kind),
            Element::uint(id::FLAG_LACING, 0),
            Element::data(id::CODEC_ID, codec),
        ],
    )
}

/// Puts a block of a track after the first block of every nth cluster.
fn add_blocks(document: &mut Document, number: u64, mut data: impl FnMut(usize) -> Vec<u8>) {
    for (index, cluster) in document.clusters().into_iter().enumerate() {
        let time = time_of(cluster);
        let block = Block { track: number, time, flags: KEY, data: data(index) };
        let at = cluster.children().len().min(2);
        if let Some(bytes) = block.write(time) {
            cluster.children_mut().insert(at, Element::data(id::SIMPLE_BLOCK, bytes));
        }
    }
}

fn subtitles(document: &mut Document, random: &mut Random) -> bool {
    let number = free_number(document);
    add_entry(document, random, entry(number, 0x11, "S_TEXT/UTF8"));
    add_blocks(document, number, |index| format!("ligne {index}").into_bytes());
    true
}

fn data(document: &mut Document, random: &mut Random) -> bool {
    let number = free_number(document);
    add_entry(document, random, entry(number, 0x21, "D_WEBVTT/METADATA"));
    add_blocks(document, number, |index| vec![index as u8; 40]);
    true
}

fn never_begins(document: &mut Document, random: &mut Random) -> bool {
    let number = free_number(document);
    add_entry(document, random, entry(number, 0x11, "S_TEXT/WEBVTT"));
    true
}

/// A sound of the same kind with other packets: those of the first, each one further on.
fn second_sound(document: &mut Document, random: &mut Random, is_default: bool) -> bool {
    let number = free_number(document);
    let Some(first) = document.track(2) else { return false };
    let known = first.number_of(id::TRACK_NUMBER, 0);
    let mut second = first.clone();
    first.set(Element::uint(id::FLAG_DEFAULT, u64::from(!is_default)));
    second.set(Element::uint(id::TRACK_NUMBER, number));
    second.set(Element::uint(id::TRACK_UID, number + 1000));
    second.set(Element::uint(id::FLAG_DEFAULT, u64::from(is_default)));
    let tracks = document.segment().find_mut(id::TRACKS).expect("Tracks").children_mut();
    let after =
        tracks.iter().position(|entry| entry.number_of(id::TRACK_NUMBER, 0) == known).map_or(0, |at| at + 1);
    tracks.insert(random.between(after, tracks.len()), second);
    let mut before: Option<Vec<u8>> = None;
    for cluster in document.clusters() {
        let time = time_of(cluster);
        let mut done = Vec::new();
        for element in std::mem::take(cluster.children_mut()) {
            let block = block_of(&element, time).filter(|block| block.track == known);
            let mut copy = element.clone();
            done.push(element);
            if let Some(block) = block {
                let data = before.replace(block.data.clone()).unwrap_or_else(|| block.data.clone());
                put_block(&mut copy, &Block { track: number, data, ..block }, time);
                done.push(copy);
            }
        }
        *cluster.children_mut() = done;
    }
    true
}

fn renumber(document: &mut Document, random: &mut Random) -> bool {
    let base = [3, 100, 126, 127, 200, 16_382, 20_000, 2_000_000][random.between(0, 7)];
    let known: Vec<u64> =
        document.tracks().iter().map(|entry| entry.number_of(id::TRACK_NUMBER, 0)).collect();
    let other = |number: u64| base + known.iter().position(|known| *known == number).unwrap_or(0) as u64;
    for entry in document.tracks() {
        let number = other(entry.number_of(id::TRACK_NUMBER, 0));
        entry.set(Element::uint(id::TRACK_NUMBER, number));
    }
    for cluster in document.clusters() {
        let time = time_of(cluster);
        for element in cluster.children_mut() {
            if let Some(mut block) = block_of(element, time) {
                block.track = other(block.track);
                put_block(element, &block, time);
            }
        }
    }
    true
}

fn reorder(document: &mut Document, _: &mut Random) -> bool {
    document.segment().find_mut(id::TRACKS).expect("Tracks").children_mut().reverse();
    true
}

fn same_uid(document: &mut Document, _: &mut Random) -> bool {
    document.tracks().into_iter().for_each(|entry| entry.set(Element::uint(id::TRACK_UID, 7)));
    true
}

fn flags(document: &mut Document, random: &mut Random) -> bool {
    for entry in document.tracks() {
        entry.set(Element::uint(id::FLAG_LACING, random.between(0, 1) as u64));
        entry.set(Element::uint(id::FLAG_FORCED, random.between(0, 1) as u64));
        entry.set(Element::uint(id::FLAG_ENABLED, 1));
        entry.set(Element::uint(id::FLAG_DEFAULT, random.between(0, 1) as u64));
    }
    true
}

fn default_duration(document: &mut Document, random: &mut Random) -> bool {
    let ms = [10, 20, 33, 40, 100][random.between(0, 4)];
    for entry in document.tracks().into_iter().filter(|entry| entry.number_of(id::TRACK_TYPE, 0) == 1) {
        entry.set(Element::uint(id::DEFAULT_DURATION, ms * 1_000_000));
    }
    true
}

fn names(document: &mut Document, _: &mut Random) -> bool {
    for entry in document.tracks() {
        entry.set(Element::data(id::NAME, "Caméra — 相机"));
        entry.set(Element::data(id::LANGUAGE, "wol"));
        entry.set(Element::data(id::CODEC_NAME, "x\0\0\0"));
    }
    true
}

/// Changes the `Video` element.
fn of_picture(document: &mut Document, change: impl FnOnce(&mut Element)) -> bool {
    match document.track(1).and_then(|entry| entry.find_mut(id::VIDEO)) {
        Some(video) => {
            change(video);
            true
        }
        None => false,
    }
}

fn picture(document: &mut Document, random: &mut Random) -> bool {
    of_picture(document, |video| {
        video.set(Element::uint(id::FLAG_INTERLACED, 2));
        video.set(Element::uint(id::STEREO_MODE, 0));
        video
            .children_mut()
            .push(Element::master(0x55B0, vec![Element::uint(0x55B1, random.between(1, 2) as u64)]));
    })
}

fn display(document: &mut Document, random: &mut Random) -> bool {
    of_picture(document, |video| {
        video.set(Element::uint(id::DISPLAY_WIDTH, random.between(1, 1000) as u64));
        video.set(Element::uint(id::DISPLAY_HEIGHT, random.between(1, 1000) as u64));
    })
}

fn bit_depth(document: &mut Document, _: &mut Random) -> bool {
    match document.track(2).and_then(|entry| entry.find_mut(id::AUDIO)) {
        Some(audio) => {
            audio.set(Element::uint(id::BIT_DEPTH, 16));
            true
        }
        None => false,
    }
}

/// What all frames of the sound begin with stands in the header alone (RFC 9559, 5.1.4.1.31.6).
fn header_stripping(document: &mut Document, _: &mut Random) -> bool {
    let Some(number) = document.number(2) else { return false };
    let mut common: Option<u8> = None;
    let mut is_common = true;
    document.frames_mut(number, |_, _, data| {
        let first = data.first().copied();
        is_common &= first.is_some() && (common.is_none() || common == first);
        common = common.or(first);
    });
    let Some(byte) = common.filter(|_| is_common) else { return false };
    document.frames_mut(number, |_, _, data| data.drain(..1).for_each(drop));
    let compression = Element::master(
        id::CONTENT_COMPRESSION,
        vec![Element::uint(id::CONTENT_COMP_ALGO, 3), Element::data(id::CONTENT_COMP_SETTINGS, vec![byte])],
    );
    let encoding = Element::master(id::CONTENT_ENCODING, vec![compression]);
    let entry = document.track(2).expect("the sound");
    entry.set(Element::master(id::CONTENT_ENCODINGS, vec![encoding]));
    true
}
