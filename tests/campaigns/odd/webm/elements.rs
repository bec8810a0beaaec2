//! Elements that mean nothing, or nothing new, wherever they may stand.

use promises::random::Random;

use super::Document;
use super::tree::{Body, Element, id};
use crate::odd::oddity::{Law, Oddity, webm};

pub(super) const ODDITIES: &[Oddity] = &[
    webm(Law::Whole, "unknown element", unknown),
    webm(Law::Whole, "unknown master", unknown_master),
    webm(Law::Whole, "Void", void),
    webm(Law::Whole, "Void between clusters", void_between),
    webm(Law::Whole, "Void in every cluster", void_in_each),
    webm(Law::Whole, "Tags", tags),
    webm(Law::Whole, "empty master at the top", empty_top),
    webm(Law::Whole, "empty cluster", empty_cluster),
    webm(Law::Whole, "cluster with no block", cluster_without_block),
    webm(Law::Whole, "Position and PrevSize", position),
    webm(Law::Whole, "Info twice", info_twice),
    webm(Law::Whole, "Tracks twice", tracks_twice),
    webm(Law::Whole, "Tracks before Info", tracks_first),
    webm(Law::Whole, "a long Title", title),
    webm(Law::Whole, "DocType of the other", doc_type),
    webm(Law::Told, "Tracks again, changed", tracks_again_changed),
];

/// Identifiers that no specification gave to anything, and one that Matroska gave up.
const UNKNOWN: &[u32] = &[0x42FE, 0x1B53_8667, 0x0021_FFFE, 0x81, 0xB6, 0x4DFE, 0x1A00_FFFE];

/// Puts an element at a random place of a random master.
fn insert(document: &mut Document, random: &mut Random, wanted: &[u32], element: &Element) -> bool {
    let mut count = 0;
    let mut count_them = |found: &mut Element| count += usize::from(wanted.contains(&found.id));
    document.segment().visit(&mut count_them);
    if count == 0 {
        return false;
    }
    let chosen = random.between(0, count - 1);
    let mut index = 0;
    document.segment().visit(&mut |found| {
        if !wanted.contains(&found.id) {
            return;
        }
        if index == chosen {
            let children = found.children_mut();
            let at = random.between(0, children.len());
            children.insert(at, element.clone());
        }
        index += 1;
    });
    true
}

const ANYWHERE: &[u32] = &[
    id::SEGMENT,
    id::INFO,
    id::TRACKS,
    id::TRACK_ENTRY,
    id::VIDEO,
    id::AUDIO,
    id::CLUSTER,
    id::CLUSTER,
    id::BLOCK_GROUP,
];

fn some_bytes(random: &mut Random, most: usize) -> Vec<u8> {
    (0..random.between(0, most)).map(|_| random.between(0, 255) as u8).collect()
}

fn unknown(document: &mut Document, random: &mut Random) -> bool {
    let id = UNKNOWN[random.between(0, UNKNOWN.len() - 1)];
    let mut element = Element::data(id, some_bytes(random, 60));
    element.width = random.between(1, 8);
    insert(document, random, ANYWHERE, &element)
}

fn unknown_master(document: &mut Document, random: &mut Random) -> bool {
    let inner = Element::data(id::VOID, vec![0; random.between(0, 9)]);
    let element = Element::master(0x42FE, vec![inner.clone(), Element::master(0x4DFE, vec![inner])]);
    insert(document, random, ANYWHERE, &element)
}

fn void(document: &mut Document, random: &mut Random) -> bool {
    let mut element = Element::data(id::VOID, vec![0; random.between(0, 300)]);
    element.width = random.between(1, 8);
    insert(document, random, ANYWHERE, &element)
}

fn void_between(document: &mut Document, random: &mut Random) -> bool {
    let element = Element::data(id::VOID, some_bytes(random, 5000));
    insert(document, random, &[id::SEGMENT], &element)
}

fn void_in_each(document: &mut Document, random: &mut Random) -> bool {
    for cluster in document.clusters() {
        let children = cluster.children_mut();
        let at = random.between(0, children.len());
        children.insert(at, Element::data(id::VOID, vec![0; at % 5]));
    }
    true
}

fn tags(document: &mut Document, random: &mut Random) -> bool {
    let name = Element::data(id::TAG_NAME, "TITLE");
    let simple =
        Element::master(id::SIMPLE_TAG, vec![name, Element::data(id::TAG_STRING, "Marché de Sandaga")]);
    let element = Element::master(id::TAGS, vec![Element::master(id::TAG, vec![simple])]);
    insert(document, random, &[id::SEGMENT], &element)
}

fn empty_top(document: &mut Document, random: &mut Random) -> bool {
    let kinds = [id::TAGS, id::CUES, id::SEEK_HEAD, id::ATTACHMENTS, id::CHAPTERS];
    let element = Element::master(kinds[random.between(0, kinds.len() - 1)], Vec::new());
    insert(document, random, &[id::SEGMENT], &element)
}

/// Puts a cluster before another one, and gives it that one's time where it has any.
fn insert_cluster(document: &mut Document, random: &mut Random, has_time: bool) -> bool {
    let children = document.segment().children_mut();
    let places: Vec<usize> = (0..children.len()).filter(|at| children[*at].id == id::CLUSTER).collect();
    let Some(last) = places.len().checked_sub(1) else { return false };
    let at = places[random.between(0, last)];
    let time = children[at].find(id::TIMESTAMP).cloned().filter(|_| has_time);
    children.insert(at, Element::master(id::CLUSTER, time.into_iter().collect()));
    true
}

fn empty_cluster(document: &mut Document, random: &mut Random) -> bool {
    insert_cluster(document, random, false)
}

fn cluster_without_block(document: &mut Document, random: &mut Random) -> bool {
    insert_cluster(document, random, true)
}

fn position(document: &mut Document, random: &mut Random) -> bool {
    let number = random.between(0, 1_000_000) as u64;
    for cluster in document.clusters() {
        // Behind the time, where there is one.
        let at = cluster.children().len().min(1);
        let both = [Element::uint(id::POSITION, number), Element::uint(id::PREV_SIZE, number)];
        cluster.children_mut().splice(at..at, both);
    }
    true
}

/// Puts what is at the top once more, somewhere after itself.
fn again(
    document: &mut Document,
    random: &mut Random,
    wanted: u32,
    change: impl FnOnce(&mut Element),
) -> bool {
    let children = document.segment().children_mut();
    let Some(at) = children.iter().position(|child| child.id == wanted) else { return false };
    let mut copy = children[at].clone();
    change(&mut copy);
    let to = random.between(at + 1, children.len());
    children.insert(to, copy);
    true
}

fn info_twice(document: &mut Document, random: &mut Random) -> bool {
    again(document, random, id::INFO, |_| ())
}

fn tracks_twice(document: &mut Document, random: &mut Random) -> bool {
    again(document, random, id::TRACKS, |_| ())
}

fn tracks_again_changed(document: &mut Document, random: &mut Random) -> bool {
    again(document, random, id::TRACKS, |tracks| {
        if let Some(entry) = tracks.find_mut(id::TRACK_ENTRY) {
            entry.set(Element::uint(id::TRACK_NUMBER, 9));
        }
    })
}

fn tracks_first(document: &mut Document, _: &mut Random) -> bool {
    let children = document.segment().children_mut();
    let info = children.iter().position(|child| child.id == id::INFO);
    let tracks = children.iter().position(|child| child.id == id::TRACKS);
    let (Some(info), Some(tracks)) = (info, tracks) else { return false };
    children.swap(info, tracks);
    true
}

fn title(document: &mut Document, random: &mut Random) -> bool {
    let text = "ñandú ".repeat(random.between(1, 3000));
    document.info().set(Element::data(id::TITLE, text));
    true
}

fn doc_type(document: &mut Document, _: &mut Random) -> bool {
    let Some(head) = document.top.iter_mut().find(|element| element.id == id::EBML) else { return false };
    let Some(kind) = head.find_mut(id::DOC_TYPE) else { return false };
    let other: &[u8] = if kind.bytes() == b"webm" { b"matroska" } else { b"webm" };
    kind.body = Body::Data(other.to_vec());
    true
}
