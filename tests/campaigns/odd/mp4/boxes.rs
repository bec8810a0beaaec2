//! Boxes that mean nothing, or nothing new, and sizes written in other ways.

use promises::random::Random;

use super::tree::{FourCc, Node, Part, Size};
use crate::odd::oddity::{Law, Oddity, boxes};

pub(super) const ODDITIES: &[Oddity] = &[
    boxes(Law::Whole, "unknown box", unknown),
    boxes(Law::Whole, "uuid box", uuid),
    boxes(Law::Whole, "free box", free),
    boxes(Law::Whole, "empty boxes everywhere", |top, random| empty_everywhere(top, random)),
    boxes(Law::Whole, "box between fragments", between),
    boxes(Law::Whole, "user data", |top, random| user_data(top, random)),
    boxes(Law::Whole, "mfra at the end", mfra),
    boxes(Law::Whole, "bytes at the end of moov", |top, random| trailing(top, random, &[b"moov"])),
    boxes(Law::Whole, "bytes at the end of a box", |top, random| trailing(top, random, CONTAINERS)),
    boxes(Law::Whole, "one size in 64 bits", |top, random| long_size(top, random)),
    boxes(Law::Whole, "mdat sizes in 64 bits", |top, random| long_mdat(top, random)),
    boxes(Law::Whole, "the last box goes on to the end", |top, random| to_end(top, random)),
    boxes(Law::Whole, "boxes of a box in another order", |top, random| reorder(top, random)),
    boxes(Law::Whole, "empty mdat", empty_mdat),
    boxes(Law::Told, "moov twice", moov_twice),
    boxes(Law::Told, "no ftyp", |top, _| {
        top.retain(|node| &node.kind != b"ftyp");
        true
    }),
    boxes(Law::Whole, "another brand", |top, random| brand(top, random)),
];

/// Boxes that hold boxes and nothing before them.
const CONTAINERS: &[&FourCc] =
    &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"mvex", b"moof", b"traf"];

/// Calls for a random one of the boxes that a list names; whether there was one.
fn any(
    top: &mut [Node],
    random: &mut Random,
    kinds: &[&FourCc],
    change: impl FnOnce(&mut Node, &mut Random),
) -> bool {
    let mut count = 0;
    top.iter_mut().for_each(|node| node.visit(&mut |node| count += usize::from(kinds.contains(&&node.kind))));
    if count == 0 {
        return false;
    }
    let chosen = random.between(0, count - 1);
    let (mut index, mut change) = (0, Some(change));
    for node in top {
        node.visit(&mut |node| {
            if kinds.contains(&&node.kind) {
                if index == chosen
                    && let Some(change) = change.take()
                {
                    change(node, random);
                }
                index += 1;
            }
        });
    }
    true
}

/// Puts a box at the top, after `ftyp`, or into a box.
fn insert(top: &mut Vec<Node>, random: &mut Random, node: Node) -> bool {
    if random.between(0, 3) == 0 {
        let at = random.between(1, top.len());
        top.insert(at, node);
        return true;
    }
    any(top, random, CONTAINERS, |found, random| {
        // What a fragment and its track are stands first in them (8.8.5, 8.8.7).
        let first = usize::from(matches!(&found.kind, b"moof" | b"traf"));
        let at = random.between(first.min(found.parts.len()), found.parts.len());
        found.parts.insert(at, Part::Child(node));
    })
}

fn some_bytes(random: &mut Random, most: usize) -> Vec<u8> {
    (0..random.between(0, most)).map(|_| random.between(0, 255) as u8).collect()
}

fn unknown(top: &mut Vec<Node>, random: &mut Random) -> bool {
    let kinds: [&FourCc; 5] = [b"zzzz", b"\xA9xyz", b"odd ", b"\0\0\0\x01", b"beam"];
    let node = Node::of(kinds[random.between(0, 4)], some_bytes(random, 200));
    insert(top, random, node)
}

fn uuid(top: &mut Vec<Node>, random: &mut Random) -> bool {
    let mut bytes = vec![0x5A; 16];
    bytes.extend(some_bytes(random, 100));
    insert(top, random, Node::of(b"uuid", bytes))
}

fn free(top: &mut Vec<Node>, random: &mut Random) -> bool {
    let kinds: [&FourCc; 3] = [b"free", b"skip", b"wide"];
    let len = [0, 1, 100, 70_000][random.between(0, 3)];
    let kind = kinds[random.between(0, 2)];
    insert(top, random, Node::of(kind, vec![0; len]))
}

fn empty_everywhere(top: &mut [Node], _: &mut Random) -> bool {
    for node in top.iter_mut() {
        node.visit(&mut |node| {
            if CONTAINERS.contains(&&node.kind) {
                node.parts.push(Part::Child(Node::of(b"free", Vec::new())));
            }
        });
    }
    true
}

fn between(top: &mut Vec<Node>, random: &mut Random) -> bool {
    let nodes = [
        Node::of(b"styp", *b"msdh\0\0\0\0msdhmsix"),
        Node::full(b"emsg", 1, 0, &[0; 32]),
        Node::full(b"prft", 0, 0, &[0; 16]),
        Node::full(b"sidx", 0, 0, &[0, 0, 0, 1, 0, 0, 3, 0xE8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Node::of(b"pdin", vec![0; 4]),
    ];
    let at = random.between(1, top.len());
    // Nothing may stand between a fragment and its media but what is skipped; these stand before the fragment.
    let at = if top.get(at).is_some_and(|node| &node.kind == b"mdat") { at - 1 } else { at };
    top.insert(at.max(1), nodes[random.between(0, 4)].clone());
    true
}

fn user_data(top: &mut [Node], random: &mut Random) -> bool {
    let text = b"\0\x10\x55\xC4March\xC3\xA9 de Sandaga";
    let mut udta = Node::holding(b"udta", vec![Node::of(b"\xA9nam", text.to_vec())]);
    if random.between(0, 1) == 1 {
        // QuickTime ends a list of user data with a zero of 32 bits.
        udta.parts.push(Part::Bytes(vec![0; 4]));
    }
    any(top, random, &[b"moov", b"trak"], |found, random| {
        let at = random.between(1, found.parts.len());
        found.parts.insert(at, Part::Child(udta));
    })
}

fn mfra(top: &mut Vec<Node>, _: &mut Random) -> bool {
    let mfro = Node::full(b"mfro", 0, 0, &24_u32.to_be_bytes());
    top.push(Node::holding(b"mfra", vec![mfro]));
    true
}

fn trailing(top: &mut [Node], random: &mut Random, kinds: &[&FourCc]) -> bool {
    let bytes = vec![0; random.between(1, 7)];
    any(top, random, kinds, |found, _| found.parts.push(Part::Bytes(bytes)))
}

fn long_size(top: &mut [Node], random: &mut Random) -> bool {
    let mut all = CONTAINERS.to_vec();
    all.extend::<[&FourCc; 9]>([
        b"mdat", b"stsd", b"stsz", b"stco", b"tkhd", b"mdhd", b"trun", b"tfhd", b"hdlr",
    ]);
    any(top, random, &all, |found, _| found.size = Size::Long)
}

fn long_mdat(top: &mut [Node], _: &mut Random) -> bool {
    top.iter_mut().filter(|node| &node.kind == b"mdat").for_each(|node| node.size = Size::Long);
    true
}

fn to_end(top: &mut [Node], _: &mut Random) -> bool {
    match top.last_mut() {
        Some(last) => {
            last.size = Size::ToEnd;
            true
        }
        None => false,
    }
}

fn reorder(top: &mut [Node], random: &mut Random) -> bool {
    any(top, random, &[b"moov", b"trak", b"mdia", b"minf", b"stbl"], |found, random| {
        // Tracks keep their order among themselves: which is first means something.
        let first = usize::from(matches!(&found.kind, b"moov"));
        let last = found.parts.len() - 1;
        let (a, b) = (random.between(first, last), random.between(first, last));
        let is_track = |part: &Part| matches!(part, Part::Child(child) if &child.kind == b"trak");
        if !is_track(&found.parts[a]) && !is_track(&found.parts[b]) {
            found.parts.swap(a, b);
        } else if let Some(at) = found.parts.iter().position(|part| !is_track(part)).filter(|at| *at > 0) {
            let part = found.parts.remove(at);
            found.parts.push(part);
        }
    })
}

fn empty_mdat(top: &mut Vec<Node>, random: &mut Random) -> bool {
    let at = random.between(1, top.len());
    let at = if at > 1 && &top[at - 1].kind == b"moof" { at - 1 } else { at };
    top.insert(at, Node::of(b"mdat", Vec::new()));
    true
}

fn moov_twice(top: &mut Vec<Node>, random: &mut Random) -> bool {
    let Some(at) = top.iter().position(|node| &node.kind == b"moov") else { return false };
    let copy = top[at].clone();
    let to = random.between(at + 1, top.len());
    let to = if &top[to - 1].kind == b"moof" { to - 1 } else { to };
    top.insert(to, copy);
    true
}

fn brand(top: &mut [Node], random: &mut Random) -> bool {
    let brands: [&[u8]; 5] = [
        b"qt  \0\0\0\0qt  ",
        b"3gp4\0\0\0\x013gp4isom",
        b"M4V \0\0\0\x01M4V mp42",
        b"iso8\0\0\0\0",
        b"dash\0\0\0\0iso6dash",
    ];
    match top.iter_mut().find(|node| &node.kind == b"ftyp") {
        Some(ftyp) => {
            ftyp.parts = vec![Part::Bytes(brands[random.between(0, 4)].to_vec())];
            true
        }
        None => false,
    }
}
