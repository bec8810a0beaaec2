//! How blocks are gathered in clusters.

use promises::random::Random;

use super::Document;
use super::document::{block_of, put_block, time_of};
use super::tree::{Body, Element, id};
use crate::odd::oddity::{Law, Oddity, webm};

pub(super) const ODDITIES: &[Oddity] = &[
    webm(Law::Whole, "one cluster split", split_one),
    webm(Law::Whole, "a cluster for each block", split_all),
    webm(Law::Whole, "two clusters merged", merge),
    webm(Law::Whole, "a cluster's time later than its blocks", later_time),
    webm(Law::Whole, "a cluster's time earlier than its blocks", earlier_time),
    webm(Law::Whole, "picture before sound in each cluster", picture_first),
    webm(Law::Whole, "sound before picture in each cluster", sound_first),
    webm(Law::Told, "a cluster's time after its first block", time_second),
    webm(Law::Told, "a cluster's time twice", time_twice),
];

/// Cuts the clusters of a document before the elements that are named.
fn split(document: &mut Document, mut is_cut: impl FnMut(usize, usize) -> bool) -> bool {
    let segment = document.segment().children_mut();
    let mut done: Vec<Element> = Vec::new();
    let mut number = 0;
    for child in std::mem::take(segment) {
        if child.id != id::CLUSTER {
            done.push(child);
            continue;
        }
        let mut time = time_of(&child);
        let empty = |time: i64| Element {
            body: Body::Master(vec![Element::uint(id::TIMESTAMP, time.cast_unsigned())]),
            ..child.clone()
        };
        let mut now = empty(time);
        for (index, element) in child.children().iter().filter(|child| child.id != id::TIMESTAMP).enumerate()
        {
            let mut element = element.clone();
            if let Some(block) = block_of(&element, time_of(&child)) {
                if index > 0 && is_cut(number, index) && block.time >= 0 {
                    time = block.time;
                    done.push(std::mem::replace(&mut now, empty(time)));
                }
                put_block(&mut element, &block, time);
            }
            now.children_mut().push(element);
        }
        done.push(now);
        number += 1;
    }
    *segment = done;
    true
}

fn split_one(document: &mut Document, random: &mut Random) -> bool {
    let count = document.clusters().len();
    if count == 0 {
        return false;
    }
    let chosen = random.between(0, count - 1);
    let at = random.between(1, document.clusters()[chosen].children().len().max(2) - 1);
    split(document, |number, index| (number, index) == (chosen, at))
}

fn split_all(document: &mut Document, random: &mut Random) -> bool {
    let every = random.between(1, 3);
    split(document, |_, index| index % every == 0)
}

fn merge(document: &mut Document, random: &mut Random) -> bool {
    let segment = document.segment().children_mut();
    let pairs: Vec<usize> = (1..segment.len())
        .filter(|at| segment[*at].id == id::CLUSTER && segment[*at - 1].id == id::CLUSTER)
        .collect();
    let Some(last) = pairs.len().checked_sub(1) else { return false };
    let at = pairs[random.between(0, last)];
    let (to, from) = (time_of(&segment[at - 1]), time_of(&segment[at]));
    let mut moved = Vec::new();
    for element in segment[at].children().iter().filter(|child| child.id != id::TIMESTAMP) {
        let mut element = element.clone();
        if let Some(block) = block_of(&element, from)
            && !put_block(&mut element, &block, to)
        {
            return false;
        }
        moved.push(element);
    }
    segment.remove(at);
    segment[at - 1].children_mut().extend(moved);
    true
}

/// Moves a cluster's time and leaves its blocks at theirs.
fn move_time(document: &mut Document, random: &mut Random, back: bool) -> bool {
    let ticks = random.between(1, 2000) as i64;
    let Some(cluster) = document.random_cluster(random) else { return false };
    let before = time_of(cluster);
    let time = if back { before - ticks } else { before + ticks };
    let children = cluster.children();
    let is_near =
        children.iter().filter_map(|child| block_of(child, before)).all(|block| block.write(time).is_some());
    if time < 0 || !is_near {
        return false;
    }
    for element in cluster.children_mut() {
        if let Some(block) = block_of(element, before) {
            put_block(element, &block, time);
        }
    }
    cluster.set(Element::uint(id::TIMESTAMP, time.cast_unsigned()));
    true
}

fn later_time(document: &mut Document, random: &mut Random) -> bool {
    move_time(document, random, false)
}

fn earlier_time(document: &mut Document, random: &mut Random) -> bool {
    move_time(document, random, true)
}

/// Sorts the blocks of each cluster by their tracks, each track's in its order.
fn by_track(document: &mut Document, first: u64) -> bool {
    let Some(number) = document.number(first) else { return false };
    for cluster in document.clusters() {
        let time = time_of(cluster);
        cluster.children_mut().sort_by_key(|child| match block_of(child, time) {
            Some(block) => 1 + u8::from(block.track != number),
            None => u8::from(child.id != id::TIMESTAMP),
        });
    }
    true
}

fn picture_first(document: &mut Document, _: &mut Random) -> bool {
    by_track(document, 1)
}

fn sound_first(document: &mut Document, _: &mut Random) -> bool {
    by_track(document, 2)
}

fn time_second(document: &mut Document, random: &mut Random) -> bool {
    let Some(cluster) = document.random_cluster(random) else { return false };
    let children = cluster.children_mut();
    if children.len() < 2 || children[0].id != id::TIMESTAMP {
        return false;
    }
    children.swap(0, 1);
    true
}

fn time_twice(document: &mut Document, random: &mut Random) -> bool {
    let Some(cluster) = document.random_cluster(random) else { return false };
    let Some(time) = cluster.find(id::TIMESTAMP).cloned() else { return false };
    let at = random.between(1, cluster.children().len());
    cluster.children_mut().insert(at, time);
    true
}
