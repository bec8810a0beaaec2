//! The most expensive structures that fit into so many bytes.

const OPUS_HEAD: &[u8] = b"OpusHead\x01\x01\x00\x00\x80\xBB\x00\x00\x00\x00\x00";
/// A packet of silence in one byte: 20 ms (RFC 6716, 3.1).
const SILENCE: &[u8] = &[0xF8];

/// What is expensive in each, and its bytes.
pub(super) fn all(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let webm =
        |unit: &[u8]| filled(sound_of_webm(), &[0x1F, 0x43, 0xB6, 0x75, 0xFF, 0xE7, 0x81, 0], unit, size);
    let fixed_lace = element(0xA3, &[&[0x81, 0, 0, 0x84, 255][..], &SILENCE.repeat(256)].concat());
    let empty_lace = element(0xA3, &[&[0x81, 0, 0, 0x82, 254][..], &[0; 254], SILENCE].concat());
    vec![
        ("webm: elements of two bytes", webm(&[0xEC, 0x80])),
        ("webm: elements that nobody knows", webm(&[0x42, 0xFE, 0x80])),
        (
            "webm: one unknown element in front of each block",
            webm(&[0x42, 0xFE, 0x80, 0xA3, 0x85, 0x81, 0, 0, 0x80, 0xF8]),
        ),
        ("webm: blocks of one byte", webm(&element(0xA3, &[0x81, 0, 0, 0x80, 0xF8]))),
        ("webm: blocks of no track", webm(&element(0xA3, &[0x83, 0, 0, 0x80, 0xF8]))),
        ("webm: laces of packets of one byte", webm(&fixed_lace)),
        ("webm: laces of packets of none", webm(&empty_lace)),
        ("webm: groups of blocks", webm(&element(0xA0, &element(0xA1, &[0x81, 0, 0, 0, 0xF8])))),
        ("webm: heads of clusters alone", webm(&[0x1F, 0x43, 0xB6, 0x75, 0xFF])),
        ("webm: clusters of one block", repeated(sound_of_webm(), size, cluster)),
        ("webm: times that jump", repeated(sound_of_webm(), size, |number| jumping_block(number, &[]))),
        ("webm: times that step in one cluster", stepping(size)),
        ("webm: bytes that are no element", webm(&[0xFF, 0x1F, 0x43, 0xB6])),
        ("webm: padding between the children of a header", padded_header(size)),
        ("mp4: boxes of eight bytes", boxes(size)),
        ("mp4: boxes in boxes", nested(size)),
        ("mp4: samples of one byte", samples(size, &[], true)),
        ("mp4: samples of one byte, read when whole", samples(size, &[], false)),
        ("mp4: durations of no samples", samples(size, b"stts", true)),
        ("mp4: chunks of no samples", samples(size, b"stco", true)),
        ("mp4: sample descriptions", samples(size, b"stsd", true)),
        ("mp4: fragments that announce what is not there", fragments(size)),
    ]
}

fn element(id: u32, payload: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let size = (payload.len() as u32 | 1 << 28).to_be_bytes();
    let size = if payload.len() < 127 { vec![payload.len() as u8 | 0x80] } else { size.to_vec() };
    [&id[id.iter().take_while(|byte| **byte == 0).count()..], &size, payload].concat()
}

/// The start of a recording of sound alone.
fn sound_of_webm() -> Vec<u8> {
    document(&[])
}

fn document(padding: &[u8]) -> Vec<u8> {
    let audio = element(0xE1, &element(0xB5, &48_000_f64.to_be_bytes()));
    let entry = [
        element(0xD7, &[1]),
        element(0x83, &[2]),
        element(0x86, b"A_OPUS"),
        element(0x63A2, OPUS_HEAD),
        audio,
    ];
    let segment = [0x18, 0x53, 0x80, 0x67, 0xFF];
    let tracks = element(0x1654_AE6B, &[padding, &element(0xAE, &entry.concat())].concat());
    [&element(0x1A45_DFA3, &element(0x4282, b"webm"))[..], &segment, &tracks].concat()
}

fn padded_header(size: usize) -> Vec<u8> {
    let header = document(&vec![0; (1 << 20) - 200]);
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() + header.len() < size.max(header.len() + 1) {
        bytes.extend(&header);
    }
    bytes
}

fn filled(mut bytes: Vec<u8>, head: &[u8], unit: &[u8], size: usize) -> Vec<u8> {
    bytes.extend(head);
    while bytes.len() < size {
        bytes.extend(unit);
    }
    bytes
}

fn repeated(mut bytes: Vec<u8>, size: usize, unit: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut number = 0;
    while bytes.len() < size {
        bytes.extend(unit(number));
        number += 1;
    }
    bytes
}

fn cluster(number: u32) -> Vec<u8> {
    let time = element(0xE7, &(number * 20).to_be_bytes());
    element(0x1F43_B675, &[time, element(0xA3, &[0x81, 0, 0, 0x80, 0xF8])].concat())
}

/// A cluster whose time is half a second ahead, or behind: not so far that it is a clock of its own.
fn jumping_block(number: u32, more: &[u8]) -> Vec<u8> {
    let ms = number * 10 + number % 2 * 500;
    let time = element(0xE7, &ms.to_be_bytes());
    element(0x1F43_B675, &[&time[..], &element(0xA3, &[0x81, 0, 0, 0x80, 0xF8]), more].concat())
}

fn stepping(size: usize) -> Vec<u8> {
    let block = |ms: i16| {
        let [high, low] = ms.to_be_bytes();
        element(0xA3, &[0x81, high, low, 0x80, 0xF8])
    };
    let steps = [block(600), block(0), block(20), block(900), block(40)].concat();
    filled(sound_of_webm(), &[0x1F, 0x43, 0xB6, 0x75, 0xFF, 0xE7, 0x81, 0], &steps, size)
}

fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32 + 8).to_be_bytes()[..], kind, payload].concat()
}

fn full(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[0; 4], payload].concat())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn boxes(size: usize) -> Vec<u8> {
    let moov = boxed(b"moov", &boxed(b"free", &[]).repeat(size / 8));
    [boxed(b"ftyp", b"isom\0\0\0\0"), moov].concat()
}

fn nested(size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    for left in (8..size as u32).rev().step_by(8) {
        bytes.extend(left.to_be_bytes());
        bytes.extend([b"moov", b"trak", b"mdia", b"minf", b"stbl"][(left as usize / 8) % 5]);
    }
    let moov = [&(bytes.len() as u32 + 8).to_be_bytes()[..], b"moov", &bytes].concat();
    [boxed(b"ftyp", b"isom\0\0\0\0"), moov].concat()
}

fn entry() -> Vec<u8> {
    let record = boxed(b"dOps", &[0, 1, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 0]);
    let fields = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0, 0, 0, 0xBB, 0x80, 0, 0];
    boxed(b"Opus", &[&fields[..], &record].concat())
}

/// A movie of sound: of the table of this type, as many rows as fit; else of samples of one byte.
fn samples(size: usize, large: &[u8], is_first: bool) -> Vec<u8> {
    let rows = |kind: &[u8; 4], width: usize| if large == kind { size / width } else { 0 };
    let (entries, counts, chunks) = (rows(b"stsd", 55).max(1), rows(b"stts", 8), rows(b"stco", 4));
    let payload = if large.is_empty() { size } else { 1_000 };
    let movie = |at: u32| {
        let offsets = [vec![at], vec![at; chunks]].concat();
        let times = [vec![0; 2 * counts], vec![u32::MAX, 960]].concat();
        let table = [
            full(b"stsd", &[words(&[entries as u32]), entry().repeat(entries)].concat()),
            full(b"stts", &[words(&[counts as u32 + 1]), words(&times)].concat()),
            full(b"stsc", &words(&[1, 1, if chunks > 0 { 0 } else { u32::MAX }, 1])),
            full(b"stsz", &words(&[1, u32::MAX])),
            full(b"stco", &[words(&[offsets.len() as u32]), words(&offsets)].concat()),
        ];
        let minf = boxed(b"minf", &boxed(b"stbl", &table.concat()));
        let mdhd = full(b"mdhd", &words(&[0, 0, 48_000, 0, 0]));
        let hdlr = full(b"hdlr", &[&[0; 4], &b"soun"[..], &[0; 13]].concat());
        let tkhd = boxed(b"tkhd", &[&words(&[1, 0, 0, 1])[..], &[0; 68]].concat());
        let mdia = boxed(b"mdia", &[mdhd, hdlr, minf].concat());
        let mvhd = full(b"mvhd", &[words(&[0, 0, 1_000, 0]), vec![0; 80]].concat());
        boxed(b"moov", &[mvhd, boxed(b"trak", &[tkhd, mdia].concat())].concat())
    };
    let ftyp = boxed(b"ftyp", b"isom\0\0\0\0");
    let media = boxed(b"mdat", &SILENCE.repeat(payload));
    let length = movie(0).len();
    if is_first {
        [&ftyp[..], &movie((ftyp.len() + length + 8) as u32), &media].concat()
    } else {
        [&ftyp[..], &media, &movie(ftyp.len() as u32 + 8)].concat()
    }
}

fn fragments(size: usize) -> Vec<u8> {
    let start = samples(0, b"none", true);
    let movie = start.len() - 1_008;
    let mut bytes = start[..movie].to_vec();
    // Defaults of the track: no samples of its own, then fragments of very many that have no bytes.
    let announced = [full(b"mfhd", &words(&[1])), {
        let tfhd = boxed(b"tfhd", &words(&[0x2_0018, 1, 960, 1]));
        let trun = full(b"trun", &words(&[1 << 18]));
        boxed(b"traf", &[tfhd, trun].concat())
    }];
    let fragment = [boxed(b"moof", &announced.concat()), boxed(b"mdat", SILENCE)].concat();
    while bytes.len() < size {
        bytes.extend(&fragment);
    }
    bytes
}
