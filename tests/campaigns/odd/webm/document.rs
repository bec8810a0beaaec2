//! A Matroska or WebM document: its tree, and its blocks as things with a time.

use promises::random::Random;

use super::sizes::overwrite;
use super::tree::{Body, Element, Mark, id, parse, put_size, vint};
use crate::odd::made::{Made, Place, Stream};

/// A document.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) top: Vec<Element>,
    /// A size of the segment to be written in the place of its own.
    pub(crate) lie: Option<usize>,
}

/// A block, wherever it stands.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) track: u64,
    /// Its time in ticks of the segment, from the segment's start.
    pub(crate) time: i64,
    pub(crate) flags: u8,
    /// What follows the flags.
    pub(crate) data: Vec<u8>,
}

/// Whether a block can be decoded without another.
pub(crate) const KEY: u8 = 0x80;
/// How frames are laced.
pub(crate) const LACING: u8 = 0x06;

impl Block {
    /// Reads a block of a cluster at a time.
    pub(crate) fn read(bytes: &[u8], cluster: i64) -> Option<Self> {
        let (track, len) = vint(bytes)?;
        let rest = bytes.get(len..)?;
        let [high, low, flags] = *rest.first_chunk()?;
        let time = cluster + i64::from(i16::from_be_bytes([high, low]));
        Some(Self { track, time, flags, data: rest[3..].to_vec() })
    }

    /// Its bytes in a cluster at a time, or `None` where it is too far from it.
    pub(crate) fn write(&self, cluster: i64) -> Option<Vec<u8>> {
        let relative = i16::try_from(self.time - cluster).ok()?;
        let mut bytes = Vec::new();
        put_size(&mut bytes, self.track as usize, 1);
        bytes.extend(relative.to_be_bytes());
        bytes.push(self.flags);
        bytes.extend(&self.data);
        Some(bytes)
    }

    /// Its frames, taken out of their lace (RFC 9559, 10.3).
    pub(crate) fn frames(&self) -> Vec<Vec<u8>> {
        unlace(self.flags & LACING, &self.data).unwrap_or_default()
    }
}

/// The block of an element of a cluster.
pub(crate) fn block_of(element: &Element, cluster: i64) -> Option<Block> {
    match element.id {
        id::SIMPLE_BLOCK => Block::read(element.bytes(), cluster),
        id::BLOCK_GROUP => {
            let mut block = Block::read(element.find(id::BLOCK)?.bytes(), cluster)?;
            let is_key = element.find(id::REFERENCE_BLOCK).is_none();
            block.flags = block.flags & !KEY | if is_key { KEY } else { 0 };
            Some(block)
        }
        _ => None,
    }
}

/// Puts a block in the place of the one that an element holds.
pub(crate) fn put_block(element: &mut Element, block: &Block, cluster: i64) -> bool {
    let Some(mut bytes) = block.write(cluster) else { return false };
    if element.id == id::BLOCK_GROUP {
        let flags = vint(&bytes).map_or(0, |(_, len)| len) + 2;
        bytes[flags] &= !KEY;
        element.set(Element::data(id::BLOCK, bytes));
    } else {
        *element = Element { body: Body::Data(bytes), ..element.clone() };
    }
    true
}

pub(crate) fn time_of(cluster: &Element) -> i64 {
    cluster.number_of(id::TIMESTAMP, 0).cast_signed()
}

impl Document {
    /// Reads a file. What points at places in it or sums it up is left out: nothing of it would be true after a change.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut document = Self { top: parse(bytes), lie: None };
        document.segment().visit(&mut |element| {
            if let Body::Master(children) = &mut element.body {
                children.retain(|child| child.id != id::CRC_32);
            }
        });
        document.segment().children_mut().retain(|child| !matches!(child.id, id::SEEK_HEAD | id::CUES));
        document
    }

    pub(crate) fn segment(&mut self) -> &mut Element {
        self.top.iter_mut().find(|element| element.id == id::SEGMENT).expect("a segment")
    }

    pub(crate) fn info(&mut self) -> &mut Element {
        self.segment().find_mut(id::INFO).expect("Info")
    }

    pub(crate) fn tracks(&mut self) -> Vec<&mut Element> {
        let tracks = self.segment().find_mut(id::TRACKS).expect("Tracks");
        tracks.children_mut().iter_mut().filter(|entry| entry.id == id::TRACK_ENTRY).collect()
    }

    /// The first track of a type, 1 for a picture and 2 for sound.
    pub(crate) fn track(&mut self, kind: u64) -> Option<&mut Element> {
        self.tracks().into_iter().find(|entry| entry.number_of(id::TRACK_TYPE, 0) == kind)
    }

    /// The number of the first track of a type.
    pub(crate) fn number(&mut self, kind: u64) -> Option<u64> {
        self.track(kind).map(|entry| entry.number_of(id::TRACK_NUMBER, 0))
    }

    pub(crate) fn clusters(&mut self) -> Vec<&mut Element> {
        self.segment().children_mut().iter_mut().filter(|child| child.id == id::CLUSTER).collect()
    }

    pub(crate) fn random_cluster(&mut self, random: &mut Random) -> Option<&mut Element> {
        let mut clusters = self.clusters();
        let last = clusters.len().checked_sub(1)?;
        Some(clusters.swap_remove(random.between(0, last)))
    }

    /// Ticks of the segment in a millisecond.
    pub(crate) fn ticks_per_ms(&mut self) -> f64 {
        1e6 / self.info().number_of(id::TIMESTAMP_SCALE, 1_000_000) as f64
    }

    /// Changes the frames of one track, in the file's order; laced blocks are passed over.
    pub(crate) fn frames_mut(&mut self, number: u64, mut change: impl FnMut(usize, bool, &mut Vec<u8>)) {
        let mut index = 0;
        for cluster in self.clusters() {
            let time = time_of(cluster);
            for element in cluster.children_mut() {
                let Some(mut block) = block_of(element, time) else { continue };
                if block.track == number && block.flags & LACING == 0 {
                    change(index, block.flags & KEY != 0, &mut block.data);
                    index += 1;
                    put_block(element, &block, time);
                }
            }
        }
    }

    /// How many blocks a track has.
    pub(crate) fn count(&mut self, number: u64) -> usize {
        let mut count = 0;
        self.frames_mut(number, |_, _, _| count += 1);
        count
    }

    /// Gives each block another time. A block that is then too far from its cluster begins one of its own.
    pub(crate) fn retime(&mut self, mut time: impl FnMut(&Block, usize) -> i64) {
        let mut counts = std::collections::HashMap::new();
        let segment = self.segment().children_mut();
        let mut changed = Vec::new();
        for mut child in std::mem::take(segment) {
            if child.id != id::CLUSTER {
                changed.push(child);
                continue;
            }
            let before = time_of(&child);
            let mut parts: Vec<(Option<Block>, Element)> = Vec::new();
            for element in std::mem::take(child.children_mut()) {
                let mut block = block_of(&element, before);
                if let Some(block) = &mut block {
                    let count: &mut usize = counts.entry(block.track).or_default();
                    block.time = time(block, *count);
                    *count += 1;
                }
                parts.push((block, element));
            }
            changed.extend(clusters_of(&child, parts));
        }
        *segment = changed;
    }

    /// Leaves out the blocks that begin after so many milliseconds.
    pub(crate) fn cut(&mut self, ms: i64) {
        let ticks = (ms as f64 * self.ticks_per_ms()) as i64;
        let mut until = None;
        for cluster in self.clusters() {
            let time = time_of(cluster);
            cluster.children_mut().retain(|child| match block_of(child, time) {
                Some(block) => block.time < *until.get_or_insert(block.time + ticks),
                None => true,
            });
        }
        let has_block = |child: &Element| matches!(child.id, id::SIMPLE_BLOCK | id::BLOCK_GROUP);
        let is_kept = |child: &Element| child.id != id::CLUSTER || child.children().iter().any(has_block);
        self.segment().children_mut().retain(is_kept);
    }

    /// Writes the file, with what is in it.
    pub(crate) fn write(&mut self) -> Made {
        let mut bytes = Vec::new();
        let mut marks = Vec::new();
        self.top.iter().for_each(|element| element.write(&mut bytes, &mut marks));
        if let Some(size) = self.lie {
            overwrite(&mut bytes, size);
        }
        let places = self.places(&marks);
        let groups = marks.iter().filter(|mark| mark.id == id::CLUSTER).map(|mark| mark.start).collect();
        let body = marks.first().map_or(bytes.len(), |mark| mark.start);
        Made { bytes, places, groups, body, harm: Vec::new() }
    }

    fn places(&mut self, marks: &[Mark]) -> Vec<Place> {
        let streams: Vec<(u64, Stream)> = self.tracks().iter().filter_map(|entry| stream(entry)).collect();
        let mut places = Vec::new();
        let mut marks = marks.iter().filter(|mark| mark.id != id::CLUSTER);
        for cluster in self.clusters() {
            let time = time_of(cluster);
            for element in cluster.children() {
                if !matches!(element.id, id::SIMPLE_BLOCK | id::BLOCK_GROUP) {
                    continue;
                }
                let mark = marks.next().expect("each block was marked");
                let Some(block) = block_of(element, time) else { continue };
                let Some((_, stream)) = streams.iter().find(|(number, _)| *number == block.track) else {
                    continue;
                };
                for data in block.frames() {
                    let key = block.flags & KEY != 0;
                    let (stream, start, end, order) = (*stream, mark.start, mark.end, (0, places.len()));
                    places.push(Place { stream, start, end, key, order, is_shown: true, data });
                }
            }
        }
        places
    }
}

fn stream(entry: &Element) -> Option<(u64, Stream)> {
    let codec = match entry.find(id::CODEC_ID)?.text() {
        b"V_MPEG4/ISO/AVC" => Stream::H264,
        b"V_MPEGH/ISO/HEVC" => Stream::Hevc,
        b"V_AV1" => Stream::Av1,
        _ => match entry.number_of(id::TRACK_TYPE, 0) {
            1 => Stream::Video,
            2 => Stream::Sound,
            _ => return None,
        },
    };
    Some((entry.number_of(id::TRACK_NUMBER, 0), codec))
}

/// Clusters that hold elements at their blocks' times, as few as can be.
fn clusters_of(like: &Element, parts: Vec<(Option<Block>, Element)>) -> Vec<Element> {
    let first = parts.iter().find_map(|(block, _)| block.as_ref()).map_or(0, |block| block.time);
    let mut time = first.max(0);
    let empty = |time: i64| Element {
        body: Body::Master(vec![Element::uint(id::TIMESTAMP, time.cast_unsigned())]),
        ..like.clone()
    };
    let mut done = vec![empty(time)];
    for (block, mut element) in parts {
        if element.id == id::TIMESTAMP {
            continue;
        }
        if let Some(block) = block
            && !put_block(&mut element, &block, time)
        {
            time = block.time.max(0);
            done.push(empty(time));
            // A time before -32768 has no form at all.
            let block = Block { time: block.time.max(time + i64::from(i16::MIN)), ..block };
            put_block(&mut element, &block, time);
        }
        done.last_mut().expect("a cluster").children_mut().push(element);
    }
    done
}

fn unlace(lacing: u8, data: &[u8]) -> Option<Vec<Vec<u8>>> {
    if lacing == 0 {
        return Some(vec![data.to_vec()]);
    }
    let count = usize::from(*data.first()?) + 1;
    let mut rest = &data[1..];
    let mut sizes = Vec::new();
    match lacing {
        0x02 => {
            for _ in 1..count {
                let mut size = 0;
                loop {
                    let (byte, after) = rest.split_first()?;
                    rest = after;
                    size += usize::from(*byte);
                    if *byte != 0xFF {
                        break;
                    }
                }
                sizes.push(size);
            }
        }
        0x06 => {
            let mut last = 0_i64;
            for index in 1..count {
                let (value, len) = vint(rest)?;
                rest = &rest[len..];
                let bias = (1_i64 << (7 * len - 1)) - 1;
                last = if index == 1 { value.cast_signed() } else { last + value.cast_signed() - bias };
                sizes.push(usize::try_from(last).ok()?);
            }
        }
        _ => sizes = vec![rest.len() / count; count - 1],
    }
    let mut frames = Vec::new();
    for size in sizes {
        let (frame, after) = rest.split_at_checked(size)?;
        frames.push(frame.to_vec());
        rest = after;
    }
    frames.push(rest.to_vec());
    Some(frames)
}
