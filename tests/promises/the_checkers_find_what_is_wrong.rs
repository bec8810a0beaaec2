//! The checkers that judge what comes out are judged themselves: each field of a good file that is changed is found.

use std::panic::catch_unwind;

use promises::{Server, isobmff, recorded, webm};
use serde_json::json;

/// The file with one more (or less) in the field of 32 bits that stands `after` bytes behind the `nth` place where `mark`
/// is.
fn changed(file: &[u8], mark: &[u8], nth: usize, after: usize, by: i32) -> Vec<u8> {
    let mut places = file.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark);
    let (at, _) = places.nth(nth).unwrap_or_else(|| panic!("no {} {nth}", String::from_utf8_lossy(mark)));
    let at = at + mark.len() + after;
    let field = u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let mut file = file.to_vec();
    file[at..at + 4].copy_from_slice(&field.wrapping_add_signed(by).to_be_bytes());
    file
}

/// Fails unless the check panics with each of these changes, after it did not without.
fn must_find(file: &[u8], check: fn(&[u8]), changes: &[(&str, &[u8], usize, usize, i32)]) {
    check(file);
    for &(what, mark, nth, after, by) in changes {
        let changed = changed(file, mark, nth, after, by);
        assert!(catch_unwind(|| check(&changed)).is_err(), "nobody noticed: {what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_mp4_and_in_webm() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let fetch = async |name: &str, path: &str| {
        let live = author.start_live(json!({})).await;
        live.publish(&author.api, &recorded(&format!("made/{name}"))).await.complete().await;
        live.stop(&author.api).await;
        author.api.get(&live.path(path)).await.expect(200).body
    };
    let mp4 = fetch("gst_avc1_aac.mp4", "replay.mp4").await;
    // After the type: version and flags, then the fields.
    must_find(
        &mp4,
        |file| drop(isobmff::check(file)),
        &[
            ("a chunk is elsewhere", b"stco", 0, 8, 1),
            ("a chunk of the sound is elsewhere", b"stco", 1, 12, -1),
            ("a sample is longer", b"stsz", 0, 12, 1),
            ("a sample more", b"stsz", 0, 8, 1),
            ("a sample lasts longer", b"stts", 0, 12, 1),
            ("a composition offset is another", b"ctts", 0, 12, 1),
            ("no such sync sample", b"stss", 0, 8, -1),
            ("a chunk has a sample more", b"stsc", 0, 12, 1),
            ("the edit is longer", b"elst", 0, 8, 50),
            ("the edit begins later", b"elst", 0, 12, 1),
            ("the movie is longer", b"mvhd", 0, 16, 1),
            ("the track is longer", b"tkhd", 0, 20, 1),
            ("the media is longer", b"mdhd", 0, 16, 1),
            ("the picture is wider", b"tkhd", 0, 80, 1 << 16),
            ("a box reaches into the next", b"minf", 0, 0, 1),
        ],
    );
    let mdat = mp4.windows(4).position(|window| window == b"mdat").expect("an mdat");
    let short = [&mp4[..mdat + 100], &mp4[mdat + 101..]].concat();
    assert!(catch_unwind(|| drop(isobmff::check(&short))).is_err(), "nobody noticed: a byte is missing");

    let tail = fetch("gst_avc1_aac.mp4", "tail.mp4?take=1").await;
    must_find(
        &tail,
        |file| drop(isobmff::check_fragmented(file)),
        &[
            ("two fragments have a number", b"mfhd", 1, 4, -1),
            ("a fragment begins later", b"tfdt", 2, 8, 1),
            ("samples are elsewhere", b"trun", 0, 8, 1),
            ("a sample is longer", b"trun", 1, 16, 1),
            ("a sample lasts longer", b"trun", 0, 12, 1),
            ("a sample more", b"trun", 0, 4, 1),
        ],
    );

    let webm = fetch("gst_vp9_opus.webm", "replay.webm").await;
    must_find(
        &webm,
        |file| drop(webm::check(file)),
        &[
            ("SeekHead points elsewhere", b"\x53\xAC\x88", 0, 4, 1),
            ("a cue points elsewhere", b"\xF1\x88", 0, 4, 1),
            ("a cue is of another cluster", b"\xB3\x81", 1, 0, 1 << 24),
            ("a cluster is longer", b"\x1F\x43\xB6\x75", 1, 4, 1),
            ("a cluster is shorter", b"\x1F\x43\xB6\x75", 0, 4, -1),
            ("a cluster is later", b"\xE7\x88", 1, 4, 1),
            ("the file is shorter", b"\x44\x89\x88", 0, 0, -(1 << 24)),
        ],
    );
}
