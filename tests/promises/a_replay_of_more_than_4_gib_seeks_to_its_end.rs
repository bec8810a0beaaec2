//! A recording may be larger than 32 bits can count: its replay says its exact length, its offsets are of 64 bits, and its
//! end is there, by range and in ffmpeg. The body is a file with a hole, so that nothing of 4 GiB is written.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use media::Kind;
use media::container::{Fragment, Sample, mp4};
use promises::{Api, Live, Server, isobmff, recorded, tools};
use timeline::Entry;

/// Frames of the hole: this many fragments of this many frames, of a second and this many bytes each.
const FRAGMENTS: u32 = 3;
const FRAMES: u32 = 100;
const FRAME: u32 = 15 << 20;

/// Puts a hole of over 4 GiB between the init of a body and its fragments, and has the index say that the hole is frames.
fn stretch(body: &Path) {
    let old = std::fs::read(body).expect("the body can be read");
    let (track, init_len) = mp4::index::init(&old).expect("an init").expect("all of it");
    let file = File::create(body).expect("the body can be written");
    file.write_all_at(&old[..init_len], 0).expect("written");
    let mut index = Vec::new();
    let mut put = |entry: &Entry| {
        let payload = postcard::to_stdvec(entry).expect("an entry is plain data");
        index.extend((payload.len() as u32).to_le_bytes());
        index.extend(crc32fast::hash(&payload).to_le_bytes());
        index.extend(payload);
    };
    let mut at = init_len as u64;
    let mut dts = 0;
    for sequence in 1..=FRAGMENTS {
        let sample = |number| Sample {
            offset: 8 + number * FRAME,
            size: FRAME,
            duration: track.timescale,
            cts: 0,
            key: number == 0,
        };
        let samples: Vec<Sample> = (0..FRAMES).map(sample).collect();
        let fragment =
            Fragment { kind: Kind::Video, sequence, base_dts: dts, len: 8 + FRAMES * FRAME, samples };
        let entry = Entry::new(at, 0, &fragment);
        put(&entry);
        (at, dts) = (entry.end(), entry.end_dts);
    }
    let mut rest = &old[init_len..];
    while !rest.is_empty() {
        let mut fragment = mp4::index::fragment(rest).expect("a fragment").expect("all of it");
        let (bytes, after) = rest.split_at(fragment.len as usize);
        fragment.base_dts += dts;
        fragment.sequence += FRAGMENTS;
        file.write_all_at(bytes, at).expect("written");
        let entry = Entry::new(at, crc32fast::hash(bytes), &fragment);
        put(&entry);
        at = entry.end();
        rest = after;
    }
    file.set_len(at).expect("the hole is there");
    std::fs::write(body.with_extension("idx"), index).expect("the index can be written");
}

async fn length(api: &Api, live: &Live, name: &str) -> u64 {
    let head = api.head(&live.path(name)).await.expect(200);
    head.header("content-length").parse().expect("an exact length")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_4_gib_being_written() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let recording = recorded("made/gst_vp9_opus.mp4");
    live.publish(&author.api, &recording).await.complete().await;
    live.stop(&author.api).await;
    let whole = live.replay(&author.api, "mp4").await.body;
    let small = isobmff::check(&whole);
    assert!(!small.wide, "a small file has offsets of 32 bits");

    let mut found_before = Vec::new();
    for name in ["replay.mp4", "replay.webm"] {
        found_before.push(tools::picture_after_seek(&author.api.url(&live.path(name)), 1.5).await);
    }

    server.terminate().await;
    let folder = server.data().join("lives").join(live.id.to_string());
    stretch(&folder.join("takes/1/video.mp4"));
    // The journals say how long the body was when it was recorded.
    for journal in std::fs::read_dir(folder.join("uploads")).expect("uploads") {
        std::fs::remove_file(journal.expect("a journal").path()).expect("it can be removed");
    }
    server.restart().await;
    author.follow(&server);

    let len = length(&author.api, &live, "replay.mp4").await;
    let hole = u64::from(FRAGMENTS * FRAMES) * u64::from(FRAME);
    assert!(len > hole && hole > 1 << 32, "{len} bytes");
    let start = author.api.get_range(&live.path("replay.mp4"), "0-199999").await.expect(206);
    assert_eq!(start.header("content-range"), format!("bytes 0-199999/{len}"));
    let movie = isobmff::check_head(&start.body, len);
    assert!(movie.wide, "a large file has offsets of 64 bits");

    // The frames behind the hole are those of the recording, each where the head says.
    let (video, before) = (&movie.tracks[0], &small.tracks[0]);
    let shift = video.samples.len() - before.samples.len();
    assert_eq!(shift as u32, FRAGMENTS * FRAMES);
    for (sample, known) in video.samples[shift..].iter().zip(&before.samples).rev().step_by(7) {
        let range = format!("{}-{}", sample.offset, sample.offset + u64::from(sample.size) - 1);
        let got = author.api.get_range(&live.path("replay.mp4"), &range).await.expect(206).body;
        let place = known.offset as usize..known.offset as usize + known.size as usize;
        assert_eq!(got, Bytes::copy_from_slice(&whole[place]), "the frame at {}", sample.offset);
    }
    let last = author.api.get_range(&live.path("replay.mp4"), "-1").await.expect(206);
    assert_eq!(last.header("content-range"), format!("bytes {}-{}/{len}", len - 1, len - 1));
    author.api.get_range(&live.path("replay.mp4"), &format!("{len}-")).await.must_be(416);

    // ffmpeg finds the end by itself, in both containers; so does a cut.
    let behind = f64::from(FRAGMENTS * FRAMES);
    for (name, before) in ["replay.mp4", "replay.webm"].into_iter().zip(found_before) {
        assert!(length(&author.api, &live, name).await > 1 << 32, "{name}");
        let found = tools::picture_after_seek(&author.api.url(&live.path(name)), behind + 1.5).await;
        assert!(
            (found - before - behind * 1000.0).abs() <= 1.0,
            "{name}: found {found} ms, {before} ms before"
        );
    }
    let cut = author.api.get(&live.path(&format!("replay.mp4?from_ms={}", (behind * 1000.0) as u64))).await;
    let cut = isobmff::check(&cut.expect(200).body);
    assert_eq!(cut.tracks[0].samples.len(), before.samples.len());
}
