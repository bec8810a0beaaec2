//! Uploads that want to cost more than they bring. Each grows to any length.

use promises::recorded;

/// Elements of Matroska (RFC 9559, section 5).
const EBML: &[u8] = &[0x1A, 0x45, 0xDF, 0xA3];
const DOC_TYPE: &[u8] = &[0x42, 0x82];
const SEGMENT: &[u8] = &[0x18, 0x53, 0x80, 0x67];
const INFO: &[u8] = &[0x15, 0x49, 0xA9, 0x66];
const TIMESTAMP_SCALE: &[u8] = &[0x2A, 0xD7, 0xB1];
const TRACKS: &[u8] = &[0x16, 0x54, 0xAE, 0x6B];
const TRACK_ENTRY: &[u8] = &[0xAE];
const TRACK_NUMBER: &[u8] = &[0xD7];
const TRACK_TYPE: &[u8] = &[0x83];
const CODEC_ID: &[u8] = &[0x86];
const CODEC_PRIVATE: &[u8] = &[0x63, 0xA2];
const VIDEO: &[u8] = &[0xE0];
const PIXEL_WIDTH: &[u8] = &[0xB0];
const PIXEL_HEIGHT: &[u8] = &[0xBA];
const AUDIO: &[u8] = &[0xE1];
const SAMPLING_FREQUENCY: &[u8] = &[0xB5];
const CHANNELS: &[u8] = &[0x9F];
const CLUSTER: &[u8] = &[0x1F, 0x43, 0xB6, 0x75];
const TIMESTAMP: &[u8] = &[0xE7];
const SIMPLE_BLOCK: &[u8] = &[0xA3];
const UNKNOWN: &[u8] = &[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
/// The first bytes of a VP9 keyframe of 64 by 64, enough to be seen as one.
const KEYFRAME: &[u8] = &[0x82, 0x49, 0x83, 0x42, 0x00, 0x03, 0xF0, 0x03, 0xF6, 0x00, 0x38, 0x24, 0x1C, 0x18];
/// Of another frame.
const OTHER: &[u8] = &[0x86, 0x00];
/// An Opus packet of 20 ms that holds next to nothing (RFC 6716, section 3.1).
const PACKET: &[u8] = &[0xFC, 0xFF, 0xFE];
/// OpusHead of two channels (RFC 7845, section 5.1).
const OPUS_HEAD: &[u8] = b"OpusHead\x01\x02\x00\x00\x80\xBB\x00\x00\x00\x00\x00";

/// A kind: its name, and how it is made of a number of bytes.
pub(crate) type FileKind = (&'static str, fn(usize) -> Vec<u8>);

/// The kinds.
pub(crate) const KINDS: [FileKind; 9] = [
    ("jumping times", jumping_times),
    ("laces of one byte", laces),
    ("clusters of one frame", clusters),
    ("keyframes of nothing", keyframes),
    ("takes", takes),
    ("elements of nothing", elements),
    ("fragments of one sample", fragments),
    ("an stts of months", months),
    ("noise", noise),
];

fn element(id: &[u8], payload: &[u8]) -> Vec<u8> {
    let size = match payload.len() {
        short @ 0..=126 => vec![0x80 | short as u8],
        long => (long as u64 | 1 << 56).to_be_bytes().to_vec(),
    };
    [id, &size, payload].concat()
}

fn number(id: &[u8], value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let from = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
    element(id, &bytes[from..])
}

fn start() -> Vec<u8> {
    let video = element(VIDEO, &[number(PIXEL_WIDTH, 64), number(PIXEL_HEIGHT, 64)].concat());
    let picture = [number(TRACK_NUMBER, 1), number(TRACK_TYPE, 1), element(CODEC_ID, b"V_VP9"), video];
    let audio = [element(SAMPLING_FREQUENCY, &48_000_f64.to_be_bytes()), number(CHANNELS, 2)].concat();
    let sound = [
        number(TRACK_NUMBER, 2),
        number(TRACK_TYPE, 2),
        element(CODEC_ID, b"A_OPUS"),
        element(CODEC_PRIVATE, OPUS_HEAD),
        element(AUDIO, &audio),
    ];
    let entries = [element(TRACK_ENTRY, &picture.concat()), element(TRACK_ENTRY, &sound.concat())].concat();
    let info = element(INFO, &number(TIMESTAMP_SCALE, 1_000_000));
    [element(EBML, &element(DOC_TYPE, b"webm")), [SEGMENT, UNKNOWN].concat(), info, element(TRACKS, &entries)]
        .concat()
}

fn block(track: u8, offset: i16, flags: u8, data: &[u8]) -> Vec<u8> {
    let [high, low] = offset.to_be_bytes();
    element(SIMPLE_BLOCK, &[&[0x80 | track, high, low, flags], data].concat())
}

fn cluster(timestamp: u64, blocks: &[u8]) -> Vec<u8> {
    element(CLUSTER, &[&number(TIMESTAMP, timestamp), blocks].concat())
}

/// The beginning of a file, then pieces until it is so long.
fn grown(len: usize, mut piece: impl FnMut(u64) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = start();
    let mut count = 0;
    while bytes.len() < len {
        bytes.extend(piece(count));
        count += 1;
    }
    bytes
}

/// Each cluster hours before or behind the one before it.
fn jumping_times(len: usize) -> Vec<u8> {
    grown(len, |count| {
        let time = if count % 2 == 0 { count * 10 } else { 80_000_000 + count * 7_000 };
        cluster(time, &[block(1, 0, 0x80, KEYFRAME), block(2, 0, 0x80, PACKET)].concat())
    })
}

/// Blocks of 256 packets of one byte (RFC 9559, section 10.3: fixed sizes).
fn laces(len: usize) -> Vec<u8> {
    let lace = [&[255_u8][..], &[0xFC; 256]].concat();
    grown(len, |count| {
        cluster(count * 5_120, &[block(1, 0, 0x80, KEYFRAME), block(2, 0, 0x84, &lace)].concat())
    })
}

fn clusters(len: usize) -> Vec<u8> {
    grown(len, |count| cluster(count * 300, &block(2, 0, 0x80, PACKET)))
}

fn keyframes(len: usize) -> Vec<u8> {
    grown(len, |count| {
        let blocks: Vec<u8> = (0..30)
            .flat_map(|at| {
                let (flags, frame) = if at == 0 { (0x80, KEYFRAME) } else { (0, OTHER) };
                block(1, at, flags, frame)
            })
            .collect();
        cluster(count * 30, &blocks)
    })
}

/// A header again and again, with a frame each.
fn takes(len: usize) -> Vec<u8> {
    let take =
        [start(), cluster(0, &[block(1, 0, 0x80, KEYFRAME), block(2, 0, 0x80, PACKET)].concat())].concat();
    take.repeat(len / take.len() + 1)
}

/// Voids (RFC 8794, section 11.3.5) of no byte.
fn elements(len: usize) -> Vec<u8> {
    grown(len, |count| {
        let nothing = [0xEC, 0x80].repeat(4_000);
        cluster(count * 300, &[block(2, 0, 0x80, PACKET), nothing].concat())
    })
}

/// The first fragment of a real recording again and again, with a sample each and times that go on.
fn fragments(len: usize) -> Vec<u8> {
    let bytes = recorded("mp4_vp9_opus.mp4");
    let head = top_level(&bytes, b"moof").first().copied().unwrap_or(bytes.len());
    let mut out = bytes[..head].to_vec();
    let mut count: u64 = 0;
    while out.len() < len {
        out.extend(fragment(count));
        count += 1;
    }
    out
}

/// moof and mdat of one sample of track 1 (ISO/IEC 14496-12, 8.8.4 to 8.8.8).
fn fragment(count: u64) -> Vec<u8> {
    let sequence = [&[0; 4][..], &(count as u32 + 1).to_be_bytes()].concat();
    // default-base-is-moof, and a default size and duration.
    let default = [&[0, 2, 0, 0x18][..], &1_u32.to_be_bytes(), &40_u32.to_be_bytes(), &14_u32.to_be_bytes()];
    let decode_time = [&[1, 0, 0, 0][..], &(count * 40).to_be_bytes()].concat();
    let run = |offset: u32| {
        let parts = [&[0, 0, 0, 0x05][..], &1_u32.to_be_bytes(), &offset.to_be_bytes(), &[2, 0, 0, 0]];
        boxed(b"trun", &parts.concat())
    };
    let moof = |offset: u32| {
        let track = [boxed(b"tfhd", &default.concat()), boxed(b"tfdt", &decode_time), run(offset)].concat();
        boxed(b"moof", &[boxed(b"mfhd", &sequence), boxed(b"traf", &track)].concat())
    };
    let offset = moof(0).len() as u32 + 8;
    [moof(offset), boxed(b"mdat", KEYFRAME)].concat()
}

/// A finished recording whose samples last for days each (ISO/IEC 14496-12, 8.6.1.2).
fn months(len: usize) -> Vec<u8> {
    let mut bytes = recorded("made/finished_avc1_aac_moov_first.mp4");
    let places: Vec<_> =
        bytes.windows(4).enumerate().filter(|(_, name)| *name == b"stts").map(|(at, _)| at).collect();
    for at in places {
        // Version and flags, count of entries, then count of samples and their delta.
        bytes[at + 16..at + 20].copy_from_slice(&0x7FFF_FFFF_u32.to_be_bytes());
    }
    bytes.truncate(len.max(bytes.len()));
    bytes
}

/// A real beginning, then anything.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = recorded("webm_vp9_opus.webm");
    bytes.truncate(100_000);
    let mut random = promises::random::Random::new(len as u64);
    while bytes.len() < len {
        bytes.extend(random.number().to_be_bytes());
    }
    bytes
}

fn boxed(name: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len() + 8).expect("a small box").to_be_bytes();
    [&size, name.as_slice(), payload].concat()
}

/// Where the boxes of a name begin that stand in no other.
fn top_level(bytes: &[u8], name: &[u8; 4]) -> Vec<usize> {
    let (mut at, mut found) = (0, Vec::new());
    while let Some(head) = bytes.get(at..at + 8) {
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if &head[4..] == name {
            found.push(at);
        }
        at += size.max(8);
    }
    found
}
