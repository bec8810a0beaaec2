//! A tail that shows keyframes alone, one in five seconds at most: a live followed for a fraction of its bytes.

use bytes::Bytes;
use media::container::{mp4, webm};
use media::{Kind, Track};
use timeline::view::SLIDE_MS;
use timeline::{Container, Entry, TrackIndex};

use super::{Cursor, frames};

/// Which keyframe may be the next slide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slides {
    /// From here on, in ticks of the track.
    next: i64,
}

impl Default for Slides {
    fn default() -> Self {
        Self { next: i64::MIN }
    }
}

impl Cursor {
    /// What is to be sent from here on: every fragment, or those that begin with a slide.
    pub(super) fn due<'a>(&self, index: &'a TrackIndex) -> impl Iterator<Item = (usize, &'a Entry)> {
        let mut slides = self.slides;
        let apart = index.track().to_ticks(SLIDE_MS);
        (self.next..).zip(index.iter_from(self.next)).filter(move |(_, entry)| match &mut slides {
            None => true,
            Some(slides) => {
                let is_slide = entry.key && entry.first_pts() >= slides.next;
                if is_slide {
                    slides.next = entry.first_pts() + apart;
                }
                is_slide
            }
        })
    }

    /// This fragment goes out now.
    pub(super) fn sent(&mut self, number: usize, entry: &Entry, track: &Track) {
        self.next = number + 1;
        if let Some(slides) = &mut self.slides {
            slides.next = entry.first_pts() + track.to_ticks(SLIDE_MS);
        }
    }

    /// All that is due of what is there has gone out: the rest is no slide, whatever comes.
    pub(super) fn pass(&mut self, index: &TrackIndex) {
        if self.slides.is_some() {
            self.next = index.len();
        }
    }
}

/// Of a fragment of video its first frame, as a fragment of its own. How long it is shown is not known yet: as long as the
/// least time between two. Sound stays as it is.
pub(super) fn alone((track, entry, bytes): (Track, Entry, Bytes)) -> Option<(Track, Entry, Bytes)> {
    if track.kind() != Kind::Video {
        return Some((track, entry, bytes));
    }
    let mut first = frames(&track, &entry, &bytes).into_iter().next()?;
    let duration = u32::try_from(track.to_ticks(SLIDE_MS)).unwrap_or(u32::MAX);
    // Decoded when it is shown: nothing stands between.
    first.dts = first.pts;
    first.duration = Some(duration);
    let written = match Container::of(track.codec) {
        Container::Mp4 => mp4::write::fragment(&track, 1, &[first], &[duration]),
        Container::Webm => webm::write::fragment(&track, 1, &[first], &[duration]),
    };
    let (bytes, fragment) = written.ok()?;
    let alone = Entry::new(entry.offset, 0, &fragment);
    Some((track, alone, bytes.into()))
}
