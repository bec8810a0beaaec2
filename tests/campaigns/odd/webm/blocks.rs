//! Blocks in their other forms, laced, and blocks that are none.

use promises::random::Random;

use super::Document;
use super::document::{Block, KEY, LACING, block_of, put_block, time_of};
use super::tree::{Element, id, put_size};
use crate::odd::oddity::{Law, Oddity, webm};

pub(super) const ODDITIES: &[Oddity] = &[
    webm(Law::Whole, "groups of simple blocks", to_groups),
    webm(Law::Whole, "some groups of simple blocks", to_some_groups),
    webm(Law::Whole, "simple blocks of groups", to_simple),
    webm(Law::Whole, "group with additions", additions),
    webm(Law::Moved, "sound laced", lace),
    webm(Law::Whole, "lace of one frame", lace_of_one),
    webm(Law::Whole, "sound not flagged as key", no_sound_keys),
    webm(Law::Whole, "discardable pictures", discardable),
    webm(Law::Whole, "empty SimpleBlock", empty_simple),
    webm(Law::Whole, "block cut in its head", short_head),
    webm(Law::Whole, "block without a frame", no_frame),
    webm(Law::Whole, "empty BlockGroup", empty_group),
    webm(Law::Whole, "block of no track", of_no_track),
    webm(Law::Whole, "wide track numbers", wide_numbers),
];

/// Changes each block of a document together with its element.
fn each(document: &mut Document, mut change: impl FnMut(&mut Element, Block, i64)) {
    for cluster in document.clusters() {
        let time = time_of(cluster);
        for element in cluster.children_mut() {
            if let Some(block) = block_of(element, time) {
                change(element, block, time);
            }
        }
    }
}

fn group_of(block: &Block, cluster: i64, lasts: Option<u64>) -> Option<Element> {
    let plain = Block { flags: block.flags & !KEY, ..block.clone() };
    let mut group = Element::master(id::BLOCK_GROUP, vec![Element::data(id::BLOCK, plain.write(cluster)?)]);
    if let Some(ticks) = lasts {
        group.children_mut().push(Element::uint(id::BLOCK_DURATION, ticks));
    }
    if block.flags & KEY == 0 {
        // How far back the frame is that this one needs: what matters is that there is one (RFC 9559, 5.1.3.5.5).
        group.children_mut().push(Element::data(id::REFERENCE_BLOCK, vec![0xE0]));
    }
    Some(group)
}

fn make_groups(document: &mut Document, random: &mut Random, every: usize) {
    let sound = document.number(2);
    let with_duration = random.between(0, 1) == 1;
    let ticks = document.ticks_per_ms();
    let mut index = 0;
    each(document, |element, mut block, time| {
        index += 1;
        if element.id == id::SIMPLE_BLOCK && index % every == 0 {
            // Sound has no key flag in some recorders' blocks; in a group it would have a reference.
            block.flags |= if Some(block.track) == sound { KEY } else { 0 };
            let lasts = (with_duration && Some(block.track) == sound).then_some((20.0 * ticks) as u64);
            if let Some(group) = group_of(&block, time, lasts) {
                *element = group;
            }
        }
    });
}

fn to_groups(document: &mut Document, random: &mut Random) -> bool {
    make_groups(document, random, 1);
    true
}

fn to_some_groups(document: &mut Document, random: &mut Random) -> bool {
    let every = random.between(2, 7);
    make_groups(document, random, every);
    true
}

fn to_simple(document: &mut Document, _: &mut Random) -> bool {
    let mut is_changed = false;
    each(document, |element, block, time| {
        if element.id == id::BLOCK_GROUP
            && let Some(bytes) = block.write(time)
        {
            *element = Element::data(id::SIMPLE_BLOCK, bytes);
            is_changed = true;
        }
    });
    is_changed
}

fn additions(document: &mut Document, random: &mut Random) -> bool {
    make_groups(document, random, 3);
    let text: Vec<u8> = (0..random.between(1, 40)).map(|at| at as u8).collect();
    each(document, |element, _, _| {
        if element.id == id::BLOCK_GROUP && element.find(id::BLOCK_ADDITIONS).is_none() {
            let kind = Element::uint(id::BLOCK_ADD_ID, 4);
            let more = Element::master(
                id::BLOCK_MORE,
                vec![kind, Element::data(id::BLOCK_ADDITIONAL, text.clone())],
            );
            element.set(Element::master(id::BLOCK_ADDITIONS, vec![more]));
        }
    });
    true
}

/// Puts neighbours of the sound into one block (RFC 9559, 10.3).
fn lace(document: &mut Document, random: &mut Random) -> bool {
    let Some(number) = document.number(2) else { return false };
    let most = random.between(2, 8);
    let kind = [0x02, 0x04, 0x06][random.between(0, 2)];
    for cluster in document.clusters() {
        let time = time_of(cluster);
        let mut done: Vec<Element> = Vec::new();
        let mut open: Option<(usize, Block, Vec<Vec<u8>>)> = None;
        for element in std::mem::take(cluster.children_mut()) {
            let block =
                block_of(&element, time).filter(|block| block.track == number && block.flags & LACING == 0);
            let Some(block) = block.filter(|_| element.id == id::SIMPLE_BLOCK) else {
                done.push(element);
                continue;
            };
            match &mut open {
                Some((_, _, frames)) if frames.len() < most => frames.push(block.data),
                _ => {
                    close(&mut done, open.take(), kind, time);
                    open = Some((done.len(), block.clone(), vec![block.data]));
                    done.push(element);
                }
            }
        }
        close(&mut done, open, kind, time);
        *cluster.children_mut() = done;
    }
    true
}

fn close(done: &mut [Element], open: Option<(usize, Block, Vec<Vec<u8>>)>, kind: u8, time: i64) {
    let Some((at, mut block, frames)) = open else { return };
    if frames.len() < 2 {
        return;
    }
    let is_even = frames.iter().all(|frame| frame.len() == frames[0].len());
    let kind = if kind == 0x04 && !is_even { 0x02 } else { kind };
    block.flags |= kind;
    block.data = lace_of(kind, &frames);
    put_block(&mut done[at], &block, time);
}

fn lace_of(kind: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut data = vec![frames.len() as u8 - 1];
    let known = &frames[..frames.len() - 1];
    match kind {
        0x02 => {
            for frame in known {
                data.extend(std::iter::repeat_n(0xFF, frame.len() / 255));
                data.push((frame.len() % 255) as u8);
            }
        }
        0x06 => {
            let mut last = None;
            for frame in known {
                match last {
                    None => put_size(&mut data, frame.len(), 1),
                    // Differences of up to 2^13 - 1 either way, in two bytes.
                    Some(before) => put_size(&mut data, frame.len() + 8191 - before, 2),
                }
                last = Some(frame.len());
            }
        }
        _ => {}
    }
    frames.iter().for_each(|frame| data.extend(frame));
    data
}

fn lace_of_one(document: &mut Document, random: &mut Random) -> bool {
    let Some(number) = document.number(2) else { return false };
    let kind = [0x02, 0x04, 0x06][random.between(0, 2)];
    each(document, |element, mut block, time| {
        if block.track == number && block.flags & LACING == 0 {
            block.flags |= kind;
            block.data.insert(0, 0);
            put_block(element, &block, time);
        }
    });
    true
}

fn no_sound_keys(document: &mut Document, _: &mut Random) -> bool {
    let Some(number) = document.number(2) else { return false };
    each(document, |element, mut block, time| {
        if block.track == number && element.id == id::SIMPLE_BLOCK {
            block.flags &= !KEY;
            put_block(element, &block, time);
        }
    });
    true
}

fn discardable(document: &mut Document, random: &mut Random) -> bool {
    let every = random.between(2, 5);
    let mut index = 0;
    each(document, |element, mut block, time| {
        index += 1;
        if block.flags & KEY == 0 && element.id == id::SIMPLE_BLOCK && index % every == 0 {
            block.flags |= 1;
            put_block(element, &block, time);
        }
    });
    true
}

/// Puts an element among the blocks of a cluster.
fn among_blocks(document: &mut Document, random: &mut Random, element: Element) -> bool {
    let Some(cluster) = document.random_cluster(random) else { return false };
    let at = random.between(1, cluster.children().len().max(1));
    // A cluster may have been left without anything.
    let at = at.min(cluster.children().len());
    cluster.children_mut().insert(at, element);
    true
}

fn empty_simple(document: &mut Document, random: &mut Random) -> bool {
    among_blocks(document, random, Element::data(id::SIMPLE_BLOCK, Vec::new()))
}

fn short_head(document: &mut Document, random: &mut Random) -> bool {
    let bytes = vec![0x81; random.between(1, 3)];
    among_blocks(document, random, Element::data(id::SIMPLE_BLOCK, bytes))
}

fn no_frame(document: &mut Document, random: &mut Random) -> bool {
    let kind = random.between(1, 2) as u64;
    let Some(number) = document.number(kind) else { return false };
    among_blocks(document, random, Element::data(id::SIMPLE_BLOCK, vec![0x80 | number as u8, 0, 10, 0]))
}

fn empty_group(document: &mut Document, random: &mut Random) -> bool {
    among_blocks(document, random, Element::master(id::BLOCK_GROUP, Vec::new()))
}

fn of_no_track(document: &mut Document, random: &mut Random) -> bool {
    let mut bytes = vec![0x80 | 77, 0, random.between(0, 99) as u8, KEY];
    bytes.extend((0..random.between(1, 900)).map(|at| at as u8));
    among_blocks(document, random, Element::data(id::SIMPLE_BLOCK, bytes))
}

/// Writes the number of the track in each block in more bytes than it needs (RFC 8794, 4.3).
fn wide_numbers(document: &mut Document, random: &mut Random) -> bool {
    let width = random.between(2, 4);
    each(document, |element, block, time| {
        let Some(plain) = block.write(time) else { return };
        let mut bytes = Vec::new();
        put_size(&mut bytes, block.track as usize, width);
        bytes.extend(&plain[plain.len() - block.data.len() - 3..]);
        if element.id == id::SIMPLE_BLOCK {
            *element = Element::data(id::SIMPLE_BLOCK, bytes);
        }
    });
    true
}
