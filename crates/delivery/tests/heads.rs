//! A head is made once, however many ask for it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use bytes::Bytes;
use delivery::replay::Replays;
use media::container::{Fragment, Sample};
use media::{Codec, Track};
use timeline::view::{Format, Selection};
use timeline::{Entry, Take, Timeline, TrackIndex};

/// A timeline of an hour of sound.
fn hour() -> Arc<Timeline> {
    let track = Track {
        codec: Codec::Opus,
        timescale: 48_000,
        width: 0,
        height: 0,
        sample_rate: 48_000,
        channels: 2,
        config: Bytes::from_static(&[0, 2, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 0]),
        matrix: None,
        pixel_aspect: None,
    };
    let mut index = TrackIndex::new(track, 0);
    for number in 0..18_000 {
        let sample = |at: u32| Sample { offset: at * 10, size: 10, duration: 960, cts: 0, key: true };
        let fragment = Fragment {
            kind: Codec::Opus.kind(),
            sequence: number + 1,
            base_dts: i64::from(number) * 9_600,
            len: 100,
            samples: (0..10).map(sample).collect(),
        };
        index.push(Entry::new(u64::from(number) * 100, 0, &fragment));
    }
    let mut take = Take::new(1, 0, 0);
    take.audio = Some(index);
    Arc::new(Timeline::new(0, vec![take]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_viewers_at_once_share_one_head() {
    let (replays, timeline) = (Arc::new(Replays::default()), hour());
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let (replays, timeline) = (Arc::clone(&replays), Arc::clone(&timeline));
            tokio::spawn(async move {
                let version = timeline.version();
                replays.view(1, timeline, version, Selection::default(), Format::Mp4).await.unwrap()
            })
        })
        .collect();
    let mut views = Vec::new();
    for asked in asking {
        views.push(asked.await.unwrap());
    }
    assert!(views.iter().all(|view| Arc::ptr_eq(view, &views[0])), "it was made more than once");
    replays.forget(1).await;
    let again = replays.view(1, Arc::clone(&timeline), timeline.version(), Selection::default(), Format::Mp4);
    assert!(!Arc::ptr_eq(&again.await.unwrap(), &views[0]), "a live that is deleted leaves none");
}
