//! A range of a replay is those bytes, whether they are in memory or have to be waited for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use delivery::replay::Replays;
use futures_util::{StreamExt, stream};
use ingest::upload::{Creation, Uploads};
use recorder::{Recorder, Recording};
use timeline::view::{Format, Piece, Selection, View};

/// The whole view, each piece read by itself.
fn whole(recording: &Recording, view: &View) -> Vec<u8> {
    let mut whole = Vec::new();
    for piece in view.pieces(0, view.len()) {
        match piece {
            Piece::Bytes(bytes) => whole.extend_from_slice(&bytes),
            Piece::Body { take, kind, offset, len } => {
                whole.extend_from_slice(&recording.read(take, kind, offset, len).unwrap());
            }
        }
    }
    whole
}

#[tokio::test]
async fn a_range_is_those_bytes_in_every_container() {
    for (name, format) in [
        ("webm_vp9_opus.webm", Format::Mp4),
        ("webm_vp9_opus.webm", Format::Webm),
        ("webm_vp8_opus.webm", Format::Webm),
        ("mkv_avc1_opus.mkv", Format::Mp4),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Arc::new(Recorder::open(folder.path(), 0).unwrap());
        let uploads = Uploads::new(Arc::clone(&recorder), || 1_700_000_000_000);
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name);
        let source = Bytes::from(std::fs::read(path).unwrap());
        let creation = Creation { length: Some(source.len() as u64), ..Creation::default() };
        let upload = uploads.create(1, creation).await.unwrap();
        upload.append(0, None, None, stream::iter(vec![Ok::<_, ()>(source)])).await.unwrap();
        drop((uploads, upload, recorder));

        // Opened anew, no body is open: the first range takes the way of one that is not in memory.
        let recorder = Recorder::open(folder.path(), 0).unwrap();
        let recording = recorder.watched(1).await.unwrap();
        let (replays, timeline) = (Replays::default(), recording.timeline());
        let version = timeline.version();
        let view = replays.view(1, timeline, version, Selection::default(), format).await.unwrap();
        let len = view.len();
        let mut ranges = vec![0..len, 0..1, len - 1..len, 1..len - 1, len / 2..len / 2 + 1];
        ranges.extend((0..300).map(|step: u64| {
            let from = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) % len;
            from..len.min(from + 1 + step * 997)
        }));
        let mut read = Vec::new();
        for range in &ranges {
            let bytes = replays.bytes(Arc::clone(&recording), Arc::clone(&view), range.clone());
            let pieces: Vec<Bytes> = bytes.map(|piece| piece.unwrap()).collect().await;
            read.push(pieces.concat());
        }
        let whole = whole(&recording, &view);
        for (range, read) in ranges.into_iter().zip(read) {
            let place = range.start as usize..range.end as usize;
            assert!(read == whole[place], "{name}: other bytes in {range:?}");
        }
        let exported = delivery::replay::read(&recording, &view, 0..len).unwrap();
        assert!(exported == whole, "{name}: another file is exported");
    }
}
