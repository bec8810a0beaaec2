//! Hostile MP4: lies about sizes at every box, counts of 2^32-1, boxes in the wrong order, depth and number.

use promises::recorded;

use super::Hostile;

/// Boxes that hold boxes (ISO/IEC 14496-12).
const MASTERS: [&[u8; 4]; 10] =
    [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf", b"edts", b"dinf"];

fn boxed(name: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len() + 8).expect("a box of the tests fits").to_be_bytes();
    [&size, name.as_slice(), payload].concat()
}

fn ftyp() -> Vec<u8> {
    boxed(b"ftyp", b"isom\0\0\x02\0iso6")
}

pub(super) fn corpus() -> Vec<Hostile> {
    let mut all = Vec::new();
    for file in ["mp4_vp9_opus.mp4", "mp4_avc1_kf1s.mp4", "mp4_av01_opus.mp4"] {
        all.extend(lies_in_a_real_recording(file));
        all.extend(boxes_out_of_order(file));
    }
    all.extend(handmade());
    all
}

/// A box of a file: where it starts, how long it is, its name.
struct Place {
    at: usize,
    size: usize,
    name: [u8; 4],
}

fn places(bytes: &[u8]) -> Vec<Place> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let size = u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        let name = [bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]];
        if size < 8 {
            break;
        }
        found.push(Place { at, size, name });
        at += if MASTERS.contains(&&name) { 8 } else { size };
    }
    found
}

/// The start of a recording: header and first fragments.
fn beginning(file: &str) -> Vec<u8> {
    let bytes = recorded(file);
    let top = places(&bytes);
    let third =
        top.iter().filter(|place| &place.name == b"moof").nth(2).map_or(bytes.len(), |place| place.at);
    bytes[..third].to_vec()
}

/// Each box's size, and each of the first words of its payload, replaced by each lie.
fn lies_in_a_real_recording(file: &str) -> Vec<Hostile> {
    let bytes = beginning(file);
    let mut all = Vec::new();
    for Place { at, size, name } in places(&bytes) {
        let box_name = String::from_utf8_lossy(&name).into_owned();
        for lie in [0_u32, 1, 4, 7, 8, 9, 0x7FFF_FFFF, u32::MAX] {
            let mut hurt = bytes.clone();
            hurt[at..at + 4].copy_from_slice(&lie.to_be_bytes());
            all.push(Hostile::new(format!("{file}: {box_name} at {at} says a size of {lie}"), hurt));
        }
        if MASTERS.contains(&&name) || &name == b"mdat" {
            continue;
        }
        for word in (at + 8..at + size.min(40)).step_by(4) {
            for lie in [u32::MAX, 0x8000_0000, 0] {
                let mut hurt = bytes.clone();
                let end = (word + 4).min(hurt.len());
                hurt[word..end].copy_from_slice(&lie.to_be_bytes()[..end - word]);
                all.push(Hostile::new(
                    format!("{file}: {box_name} at {at}, its word at {word} is {lie:X}"),
                    hurt,
                ));
            }
        }
    }
    all
}

fn boxes_out_of_order(file: &str) -> Vec<Hostile> {
    let bytes = beginning(file);
    let top: Vec<(String, Vec<u8>)> = top_boxes(&bytes);
    let only = |wanted: &[&str]| -> Vec<u8> {
        wanted
            .iter()
            .flat_map(|name| top.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, b)| b))
            .copied()
            .collect()
    };
    let orders: [(&str, &[&str]); 10] = [
        ("moof before moov", &["ftyp", "moof", "mdat", "moov", "moof", "mdat"]),
        ("two moov", &["ftyp", "moov", "moov", "moof", "mdat"]),
        ("a second header", &["ftyp", "moov", "moof", "mdat", "ftyp", "moov", "moof", "mdat"]),
        ("a moof without its mdat", &["ftyp", "moov", "moof", "moof", "mdat"]),
        ("an mdat without a moof", &["ftyp", "moov", "mdat", "moof", "mdat"]),
        ("the same fragment ten times", &["ftyp", "moov", "moof", "mdat", "moof", "mdat", "moof", "mdat"]),
        ("no ftyp", &["moov", "moof", "mdat"]),
        ("moov alone", &["ftyp", "moov"]),
        ("ftyp alone", &["ftyp"]),
        ("mdat first", &["ftyp", "mdat", "moov"]),
    ];
    orders.iter().map(|(name, order)| Hostile::new(format!("{file}: {name}"), only(order))).collect()
}

fn top_boxes(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let size = u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        let end = (at + size.max(8)).min(bytes.len());
        found.push((String::from_utf8_lossy(&bytes[at + 4..at + 8]).into_owned(), bytes[at..end].to_vec()));
        at = end;
    }
    found
}

fn handmade() -> Vec<Hostile> {
    let mut all = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>| all.push(Hostile::new(format!("mp4: {name}"), bytes));
    for large in [0_u64, 8, 15, 16, 1 << 40, 1 << 63, u64::MAX] {
        for name in [b"moov", b"moof", b"mdat", b"free", b"zzzz"] {
            let bytes = [&ftyp()[..], &1_u32.to_be_bytes(), name, &large.to_be_bytes(), &[0; 64]].concat();
            add(&format!("{} with a large size of {large}", String::from_utf8_lossy(name)), bytes);
        }
    }
    for master in MASTERS {
        let mut nested = Vec::new();
        for _ in 0..2_000 {
            nested = boxed(master, &nested);
        }
        add(&format!("2,000 deep of {}", String::from_utf8_lossy(master)), [ftyp(), nested].concat());
    }
    add("half a million empty free boxes", [ftyp(), boxed(b"free", &[]).repeat(500_000)].concat());
    add(
        "half a million empty boxes in moov",
        [ftyp(), boxed(b"moov", &boxed(b"free", &[]).repeat(500_000))].concat(),
    );
    add(
        "a free box of 8 MB",
        [ftyp(), boxed(b"free", &vec![0; 8 << 20]), beginning("mp4_vp9_opus.mp4")].concat(),
    );
    add("a moov of 20 MB of nothing", [ftyp(), boxed(b"moov", &boxed(b"udta", &vec![0; 20 << 20]))].concat());
    add("100,000 moov", [ftyp(), boxed(b"moov", &[]).repeat(100_000)].concat());
    add("100,000 moof", [beginning("mp4_vp9_opus.mp4"), boxed(b"moof", &[]).repeat(100_000)].concat());
    add("a thousand tracks", [ftyp(), boxed(b"moov", &boxed(b"trak", &[]).repeat(1_000))].concat());
    add("a ftyp of 1 MB", boxed(b"ftyp", &b"isom".repeat(260_000)));
    all
}
