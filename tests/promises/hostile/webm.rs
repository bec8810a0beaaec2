//! Hostile Matroska: lies about sizes at every element, depth, number, lacing, time and tracks.

use promises::recorded;

use super::Hostile;

/// Elements (RFC 9559, section 5) by the bytes of their identifiers.
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
const BLOCK_GROUP: &[u8] = &[0xA0];
const BLOCK: &[u8] = &[0xA1];
const TAGS: &[u8] = &[0x12, 0x54, 0xC3, 0x67];
const TAG: &[u8] = &[0x73, 0x73];
const SIMPLE_TAG: &[u8] = &[0x67, 0xC8];
const CUES: &[u8] = &[0x1C, 0x53, 0xBB, 0x6B];
const SEEK_HEAD: &[u8] = &[0x11, 0x4D, 0x9B, 0x74];
const VOID: &[u8] = &[0xEC];
const UNKNOWN: &[u8] = &[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

/// A VP9 keyframe's first bytes (64 by 64), enough to be seen as one.
const KEYFRAME: &[u8] = &[0x82, 0x49, 0x83, 0x42, 0x00, 0x03, 0xF0, 0x03, 0xF6, 0x00, 0x38, 0x24, 0x1C, 0x18];
/// OpusHead of two channels (RFC 7845, section 5.1).
const OPUS_HEAD: &[u8] = b"OpusHead\x01\x02\x00\x00\x80\xBB\x00\x00\x00\x00\x00";

fn element(id: &[u8], payload: &[u8]) -> Vec<u8> {
    let size = (payload.len() as u64 | 1 << 56).to_be_bytes();
    [id, &size, payload].concat()
}

fn number(id: &[u8], value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

fn header() -> Vec<u8> {
    element(EBML, &element(DOC_TYPE, b"webm"))
}

fn video_entry() -> Vec<u8> {
    let video = element(VIDEO, &[number(PIXEL_WIDTH, 64), number(PIXEL_HEIGHT, 64)].concat());
    let parts = [number(TRACK_NUMBER, 1), number(TRACK_TYPE, 1), element(CODEC_ID, b"V_VP9"), video];
    element(TRACK_ENTRY, &parts.concat())
}

fn audio_entry(frequency: f64, channels: u64) -> Vec<u8> {
    let audio = [element(SAMPLING_FREQUENCY, &frequency.to_be_bytes()), number(CHANNELS, channels)].concat();
    let parts = [
        number(TRACK_NUMBER, 2),
        number(TRACK_TYPE, 2),
        element(CODEC_ID, b"A_OPUS"),
        element(CODEC_PRIVATE, OPUS_HEAD),
        element(AUDIO, &audio),
    ];
    element(TRACK_ENTRY, &parts.concat())
}

fn block(track: u8, offset: i16, flags: u8, data: &[u8]) -> Vec<u8> {
    let [high, low] = offset.to_be_bytes();
    [&[0x80 | track, high, low, flags], data].concat()
}

fn simple_block(track: u8, offset: i16, flags: u8, data: &[u8]) -> Vec<u8> {
    element(SIMPLE_BLOCK, &block(track, offset, flags, data))
}

fn cluster(timestamp: u64, content: &[u8]) -> Vec<u8> {
    element(CLUSTER, &[&number(TIMESTAMP, timestamp), content].concat())
}

/// The start of a sound file, up to and with its tracks.
fn start() -> Vec<u8> {
    start_with(&[video_entry(), audio_entry(48_000.0, 2)].concat())
}

fn start_with(entries: &[u8]) -> Vec<u8> {
    let info = element(INFO, &number(TIMESTAMP_SCALE, 1_000_000));
    [header(), [SEGMENT, UNKNOWN].concat(), info, element(TRACKS, entries)].concat()
}

/// A cluster that a sound reader takes frames from, to see whether it is found after the damage.
fn sound_cluster(timestamp: u64) -> Vec<u8> {
    let blocks = [simple_block(1, 0, 0x80, KEYFRAME), simple_block(2, 0, 0x80, &[0xFC, 0xFF, 0xFE])];
    cluster(timestamp, &blocks.concat())
}

fn after_start(name: &str, damage: Vec<u8>) -> Hostile {
    let bytes = [start(), sound_cluster(0), damage, sound_cluster(1_000), sound_cluster(2_000)].concat();
    Hostile::new(format!("webm: {name}"), bytes)
}

pub(super) fn corpus() -> Vec<Hostile> {
    let mut all = Vec::new();
    all.extend(lying_sizes());
    all.extend(depth_and_number());
    all.extend(lacing());
    all.extend(times());
    all.extend(blocks());
    all.extend(tracks());
    all.extend(headers());
    all.extend(lies_in_a_real_recording());
    all
}

/// Size fields that lie, each with its name.
fn sizes() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("of 2^56-2", vec![0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE]),
        ("unknown in eight bytes", UNKNOWN.to_vec()),
        ("unknown in one byte", vec![0xFF]),
        ("of 0", vec![0x80]),
        ("of 1", vec![0x81]),
        ("of 2^31", vec![0x01, 0, 0, 0, 0x80, 0, 0, 0]),
        ("of 2^32+5", vec![0x01, 0, 0, 1, 0, 0, 0, 5]),
        ("with no length bit", vec![0x00, 0xFF, 0xFF]),
    ]
}

fn lying_sizes() -> Vec<Hostile> {
    let elements = [
        ("Info", INFO),
        ("Tracks", TRACKS),
        ("Cluster", CLUSTER),
        ("SimpleBlock", SIMPLE_BLOCK),
        ("BlockGroup", BLOCK_GROUP),
        ("Timestamp", TIMESTAMP),
        ("Tags", TAGS),
        ("Cues", CUES),
        ("SeekHead", SEEK_HEAD),
        ("Void", VOID),
        ("Segment", SEGMENT),
        ("EBML", EBML),
    ];
    let mut all = Vec::new();
    for (name, id) in elements {
        for (lie, size) in sizes() {
            all.push(after_start(&format!("{name} {lie}"), [id, &size, &[0x55; 40]].concat()));
            let inside = [id, size.as_slice(), &[0x55; 40]].concat();
            all.push(after_start(&format!("{name} {lie} in a Cluster"), cluster(500, &inside)));
        }
    }
    let inside_entry = [("CodecPrivate", CODEC_PRIVATE), ("Video", VIDEO), ("CodecID", CODEC_ID)];
    for (name, id) in inside_entry {
        for (lie, size) in sizes() {
            let entry = element(TRACK_ENTRY, &[&number(TRACK_NUMBER, 1), id, &size, &[0x55; 30]].concat());
            let bytes = [start_with(&entry), sound_cluster(0)].concat();
            all.push(Hostile::new(format!("webm: {name} {lie}"), bytes));
        }
    }
    all
}

fn depth_and_number() -> Vec<Hostile> {
    let mut nested = Vec::new();
    for id in [TAGS, TAG, SIMPLE_TAG, BLOCK_GROUP, CLUSTER, SEGMENT] {
        nested.push(after_start(&format!("10,000 deep of {id:02X?}"), [id, UNKNOWN].concat().repeat(10_000)));
        let mut known = Vec::new();
        for _ in 0..2_000 {
            known = element(id, &known);
        }
        nested.push(after_start(&format!("2,000 deep of {id:02X?} with sizes"), known));
    }
    nested.push(after_start("a million empty Voids", [0xEC, 0x80].repeat(1_000_000)));
    nested.push(after_start(
        "a million empty Voids in a Cluster",
        cluster(500, &[0xEC, 0x80].repeat(1_000_000)),
    ));
    nested.push(after_start("half a million Timestamps", cluster(500, &[0xE7, 0x81, 0x05].repeat(500_000))));
    nested.push(after_start("200,000 empty Clusters", [CLUSTER, &[0x80]].concat().repeat(200_000)));
    nested.push(after_start("a Void of 4 MB", element(VOID, &vec![0; 4 << 20])));
    nested.push(after_start("Tags of 4 MB", element(TAGS, &vec![0xEC; 4 << 20])));
    nested.push(after_start("a SimpleBlock of 24 MB", simple_block(1, 0, 0x80, &vec![7; 24 << 20])));
    nested
}

fn lacing() -> Vec<Hostile> {
    let mut all = Vec::new();
    for (name, flags) in [("Xiph", 0x82), ("fixed", 0x84), ("EBML", 0x86)] {
        for (lie, data) in [
            ("with no count", vec![]),
            ("of 256 frames in one byte", vec![0xFF, 0x00]),
            ("of one frame", vec![0x00, 0x01, 0x02]),
            ("whose sizes run over the end", vec![0x03, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
            ("whose sizes are unknown", vec![0x02, 0xFF, 0xFF, 0x00, 0x00]),
            ("whose sizes go below 0", vec![0x02, 0x81, 0x80, 0x80, 0x00]),
            ("that does not divide", vec![0x02, 1, 2, 3, 4, 5, 6, 7]),
        ] {
            let content = simple_block(2, 0, flags, &data);
            all.push(after_start(&format!("{name} lacing {lie}"), cluster(500, &content)));
        }
    }
    all
}

fn times() -> Vec<Hostile> {
    let mut all = Vec::new();
    for value in [u64::MAX, u64::MAX / 2, 1 << 62, 1 << 53, 1 << 40] {
        all.push(after_start(&format!("a Cluster at {value}"), sound_cluster(value)));
    }
    all.push(after_start("Clusters that go back", [sound_cluster(9_000), sound_cluster(3)].concat()));
    for offset in [i16::MIN, -1, i16::MAX] {
        let blocks = [simple_block(1, offset, 0x80, KEYFRAME), simple_block(1, 0, 0x80, KEYFRAME)].concat();
        all.push(after_start(&format!("a block {offset} ms from its Cluster"), cluster(0, &blocks)));
        all.push(after_start(
            &format!("a block {offset} ms from a late Cluster"),
            cluster(u64::MAX, &blocks),
        ));
    }
    for scale in [0, 1, u64::MAX, 1 << 63, 999_999_999_999] {
        let info = element(INFO, &number(TIMESTAMP_SCALE, scale));
        let tracks = element(TRACKS, &[video_entry(), audio_entry(48_000.0, 2)].concat());
        let bytes =
            [header(), [SEGMENT, UNKNOWN].concat(), info, tracks, sound_cluster(7), sound_cluster(1 << 40)];
        all.push(Hostile::new(format!("webm: a TimestampScale of {scale}"), bytes.concat()));
    }
    let long = element(TIMESTAMP, &[1; 9]);
    all.push(after_start(
        "a Timestamp of nine bytes",
        element(CLUSTER, &[long, simple_block(1, 0, 0x80, KEYFRAME)].concat()),
    ));
    let same: Vec<u8> = (0..500).flat_map(|_| simple_block(1, 0, 0x80, KEYFRAME)).collect();
    all.push(after_start("500 frames at one time", cluster(500, &same)));
    all.push(after_start(
        "a block before the Cluster's time",
        element(CLUSTER, &simple_block(1, 0, 0x80, KEYFRAME)),
    ));
    all
}

fn blocks() -> Vec<Hostile> {
    let mut all = Vec::new();
    for length in 0..6 {
        let short = element(SIMPLE_BLOCK, &[0x81, 0, 0, 0x80, 0][..length.min(5)]);
        all.push(after_start(&format!("a SimpleBlock of {length} bytes"), cluster(500, &short)));
        let group = element(BLOCK_GROUP, &element(BLOCK, &[0x81, 0, 0, 0x80, 0][..length.min(5)]));
        all.push(after_start(&format!("a Block of {length} bytes"), cluster(500, &group)));
    }
    for track in [0, 3, 0x7F] {
        all.push(after_start(
            &format!("a block of track {track}"),
            cluster(500, &simple_block(track, 0, 0x80, KEYFRAME)),
        ));
    }
    let wide = element(
        SIMPLE_BLOCK,
        &[&[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0x80], KEYFRAME].concat(),
    );
    all.push(after_start("a track number of eight bytes", cluster(500, &wide)));
    all.push(after_start("a BlockGroup of nothing", cluster(500, &element(BLOCK_GROUP, &[]))));
    let twice =
        [element(BLOCK, &block(1, 0, 0, KEYFRAME)), element(BLOCK, &block(1, 1, 0, KEYFRAME))].concat();
    all.push(after_start("a BlockGroup of two Blocks", cluster(500, &element(BLOCK_GROUP, &twice))));
    all.push(after_start("a keyframe that is none", cluster(500, &simple_block(1, 0, 0x80, &[0xFF; 30]))));
    all.push(after_start("a keyframe cut short", cluster(500, &simple_block(1, 0, 0x80, &KEYFRAME[..5]))));
    all.push(after_start("an Opus packet of nothing", cluster(500, &simple_block(2, 0, 0x80, &[]))));
    all.push(after_start("an Opus packet that lies", cluster(500, &simple_block(2, 0, 0x80, &[0xFF, 0x3F]))));
    all
}

fn tracks() -> Vec<Hostile> {
    let with = |name: &str, entries: Vec<u8>| {
        Hostile::new(
            format!("webm: {name}"),
            [start_with(&entries), sound_cluster(0), sound_cluster(1_000)].concat(),
        )
    };
    let mut all = vec![
        with("no track", Vec::new()),
        with("1,000 tracks", video_entry().repeat(1_000)),
        with("two tracks of one number", [video_entry(), video_entry()].concat()),
        with("a track without a number", element(TRACK_ENTRY, &number(TRACK_TYPE, 1))),
        with("a track of number 0", element(TRACK_ENTRY, &number(TRACK_NUMBER, 0))),
        with(
            "a track without a codec",
            element(TRACK_ENTRY, &[number(TRACK_NUMBER, 1), number(TRACK_TYPE, 1)].concat()),
        ),
        with("a codec that is no text", entry(1, 1, &[0xFF, 0xFE, 0x00], &[])),
        with("a codec's name of 1 MB", entry(1, 1, &vec![b'V'; 1 << 20], &[])),
        with("a CodecPrivate of 8 MB", entry(1, 1, b"V_AV1", &vec![0x81; 8 << 20])),
        with("a CodecPrivate of junk for AV1", entry(1, 1, b"V_AV1", &[0xFF; 9])),
        with(
            "a CodecPrivate of junk for H.264",
            entry(1, 1, b"V_MPEG4/ISO/AVC", &[1, 66, 0, 30, 0xFF, 0xFF, 0xFF, 0xFF]),
        ),
        with("a CodecPrivate of junk for HEVC", entry(1, 1, b"V_MPEGH/ISO/HEVC", &[1; 23])),
        with("a CodecPrivate of junk for AAC", entry(1, 2, b"A_AAC", &[0xFF])),
        with("a CodecPrivate of junk for Opus", entry(1, 2, b"A_OPUS", b"OpusHead")),
        with("a video track said to be sound", entry(1, 2, b"V_VP9", &[])),
    ];
    for frequency in [f64::NAN, f64::INFINITY, -48_000.0, 0.0, 1e300, 5e-324] {
        all.push(with(&format!("a sampling rate of {frequency}"), audio_entry(frequency, 2)));
    }
    for channels in [0, 255, u64::MAX] {
        all.push(with(&format!("{channels} channels"), audio_entry(48_000.0, channels)));
    }
    all
}

fn entry(track: u64, kind: u64, codec: &[u8], private: &[u8]) -> Vec<u8> {
    let parts = [number(TRACK_NUMBER, track), number(TRACK_TYPE, kind), element(CODEC_ID, codec)];
    element(TRACK_ENTRY, &[parts.concat(), element(CODEC_PRIVATE, private)].concat())
}

fn headers() -> Vec<Hostile> {
    let named = |name: &str, bytes: Vec<u8>| Hostile::new(format!("webm: {name}"), bytes);
    let whole = [start(), sound_cluster(0), sound_cluster(1_000)].concat();
    vec![
        named("an EBML header and nothing else", header()),
        named(
            "a DocType of html",
            [element(EBML, &element(DOC_TYPE, b"html")), whole[header().len()..].to_vec()].concat(),
        ),
        named(
            "a DocType of 100 KB",
            [element(EBML, &element(DOC_TYPE, &vec![b'w'; 100_000])), whole.clone()].concat(),
        ),
        named("an empty EBML header", [element(EBML, &[]), whole[header().len()..].to_vec()].concat()),
        named("1,000 EBML headers", header().repeat(1_000)),
        named(
            "a Cluster before the Tracks",
            [header(), [SEGMENT, UNKNOWN].concat(), sound_cluster(0)].concat(),
        ),
        named("a Segment in a Segment", [header(), [SEGMENT, UNKNOWN].concat(), whole.clone()].concat()),
        named(
            "a Segment of 10 bytes",
            [header(), SEGMENT.to_vec(), vec![0x8A], whole[header().len() + 12..].to_vec()].concat(),
        ),
        after_start("a second header", whole.clone()),
        after_start("a second header cut short", header()[..9].to_vec()),
        after_start("second Tracks of other codecs", element(TRACKS, &entry(1, 1, b"V_VP8", &[]))),
        after_start("second Tracks without any", element(TRACKS, &[])),
        after_start("an identifier of five bytes", vec![0x08, 1, 2, 3, 4, 0x81, 0]),
        after_start("identifiers of zeros", vec![0; 5_000]),
        after_start("identifiers of ones", vec![0xFF; 5_000]),
        after_start("a megabyte of text", b"<html>".repeat(170_000)),
    ]
}

/// Each of the first size fields of real recordings, replaced by each lie.
fn lies_in_a_real_recording() -> Vec<Hostile> {
    let mut all = Vec::new();
    for file in ["webm_vp9_opus.webm", "ff_webm_vp8_opus.webm", "mkv_avc1_opus.mkv"] {
        let bytes = recorded(file);
        let bytes = &bytes[..40_000];
        for (at, width) in size_fields(bytes).into_iter().take(24) {
            for lie in [[0xFF; 8], [0; 8], [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE]] {
                let mut hurt = bytes.to_vec();
                hurt[at..at + width].copy_from_slice(&lie[..width]);
                all.push(Hostile::new(
                    format!("{file}: the size at byte {at} is {:02X?}", &lie[..width]),
                    hurt,
                ));
            }
        }
    }
    all
}

/// Where the size fields of a file's elements stand and how wide they are, masters entered.
fn size_fields(bytes: &[u8]) -> Vec<(usize, usize)> {
    let masters: [&[u8]; 9] = [EBML, SEGMENT, INFO, TRACKS, TRACK_ENTRY, VIDEO, AUDIO, CLUSTER, BLOCK_GROUP];
    let mut fields = Vec::new();
    let mut at = 0;
    while at + 12 < bytes.len() {
        let id = bytes[at].leading_zeros() as usize + 1;
        let width = bytes[at + id.min(4)].leading_zeros() as usize + 1;
        if id > 4 || width > 8 {
            break;
        }
        fields.push((at + id, width));
        let field = &bytes[at + id..at + id + width];
        let size = field
            .iter()
            .skip(1)
            .fold(usize::from(field[0]) & (0x7F >> (width - 1)), |n, &b| n << 8 | usize::from(b));
        let enter = masters.contains(&&bytes[at..at + id]);
        at += id + width + if enter { 0 } else { size };
    }
    fields
}
