//! Takes, and the timeline that they make.

use std::sync::Arc;

use media::Kind;

use crate::{PlayClock, TrackIndex, Version};

/// A stretch of a live with one encoder clock and one codec configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// Its number in the live, from 1 in the order in which the server began them.
    pub number: u32,
    /// When its recorder started, in milliseconds since 1970 UTC.
    pub started_at_ms: i64,
    /// The time on the source's clock, in milliseconds, that is 0 in the take.
    pub base_ms: i64,
    /// The picture.
    pub video: Option<TrackIndex>,
    /// The sound.
    pub audio: Option<TrackIndex>,
}

impl Take {
    /// A take without tracks.
    #[must_use]
    pub fn new(number: u32, started_at_ms: i64, base_ms: i64) -> Self {
        Self { number, started_at_ms, base_ms, video: None, audio: None }
    }

    /// The track of a kind.
    #[must_use]
    pub fn track(&self, kind: Kind) -> Option<&TrackIndex> {
        match kind {
            Kind::Video => self.video.as_ref(),
            Kind::Audio => self.audio.as_ref(),
        }
    }

    /// The place of the track of a kind.
    pub fn track_mut(&mut self, kind: Kind) -> &mut Option<TrackIndex> {
        match kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        }
    }

    /// The tracks that hold frames, the picture first.
    pub fn tracks(&self) -> impl Iterator<Item = &TrackIndex> {
        [&self.video, &self.audio].into_iter().flatten().filter(|track| !track.is_empty())
    }

    /// How long it plays, in milliseconds: to the end of the last frame of the longer track.
    #[must_use]
    pub fn duration_ms(&self) -> i64 {
        self.tracks().filter_map(TrackIndex::end_ms).map(|end| end - self.base_ms).max().unwrap_or(0).max(0)
    }
}

/// A stretch of the event that was not recorded. It takes no play time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Where on the timeline it lies.
    pub position_ms: i64,
    /// How long it was.
    pub lost_ms: i64,
    /// When it began, in milliseconds since 1970 UTC.
    pub since_ms: i64,
    /// When it ended, in milliseconds since 1970 UTC.
    pub until_ms: i64,
}

/// A gap shorter than this is how recorders start, not a loss.
const SHORTEST_GAP_MS: i64 = 250;

/// The takes of a live. Cloning is cheap: a clone is a snapshot that does not grow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Grows when earlier positions or bytes change their place.
    pub revision: u64,
    takes: Vec<Arc<Take>>,
}

impl Timeline {
    /// The timeline of these takes.
    #[must_use]
    pub fn new(revision: u64, mut takes: Vec<Take>) -> Self {
        takes.sort_by_key(|take| take.number);
        Self { revision, takes: takes.into_iter().map(Arc::new).collect() }
    }

    /// The takes by number.
    #[must_use]
    pub fn takes(&self) -> &[Arc<Take>] {
        &self.takes
    }

    /// A take by its number.
    #[must_use]
    pub fn take(&self, number: u32) -> Option<&Arc<Take>> {
        self.takes.iter().find(|take| take.number == number)
    }

    /// A take to be changed, made if it is not there.
    pub fn take_mut(&mut self, take: &Take) -> &mut Take {
        let at = match self.takes.binary_search_by_key(&take.number, |known| known.number) {
            Ok(at) => at,
            Err(at) => {
                let empty = Take::new(take.number, take.started_at_ms, take.base_ms);
                self.takes.insert(at, Arc::new(empty));
                at
            }
        };
        Arc::make_mut(&mut self.takes[at])
    }

    /// The takes that hold frames, in play order.
    #[must_use]
    pub fn in_play_order(&self) -> Vec<&Arc<Take>> {
        let mut takes: Vec<_> = self.takes.iter().filter(|take| take.tracks().next().is_some()).collect();
        takes.sort_by_key(|take| (take.started_at_ms, take.number));
        takes
    }

    /// The play clock now.
    #[must_use]
    pub fn clock(&self) -> PlayClock {
        PlayClock::new(
            self.in_play_order()
                .into_iter()
                .map(|take| (take.number, take.started_at_ms, take.duration_ms())),
        )
    }

    /// Length of the whole timeline in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> i64 {
        self.takes.iter().map(|take| take.duration_ms()).sum()
    }

    /// What was not recorded between the takes.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let clock = self.clock();
        let mut gaps = Vec::new();
        for pair in clock.spans().windows(2) {
            let since_ms = pair[0].started_at_ms + pair[0].duration_ms;
            let until_ms = pair[1].started_at_ms;
            let lost_ms = until_ms - since_ms;
            if lost_ms >= SHORTEST_GAP_MS {
                gaps.push(Gap { position_ms: pair[1].offset_ms, lost_ms, since_ms, until_ms });
            }
        }
        gaps
    }

    /// The newest version: everything that is there now.
    #[must_use]
    pub fn version(&self) -> Version {
        Version::new(self.takes.iter().map(|take| {
            (take.number, [&take.video, &take.audio].map(|track| track.as_ref().map_or(0, TrackIndex::len)))
        }))
    }

    /// The timeline as it was at a version, or `None` if it has not come to that version.
    #[must_use]
    pub fn at(&self, version: &Version) -> Option<Self> {
        let mut takes = Vec::new();
        for (number, [video, audio]) in version.takes() {
            let take = self.take(number)?;
            let mut part = Take::new(number, take.started_at_ms, take.base_ms);
            for (kind, len) in [(Kind::Video, video), (Kind::Audio, audio)] {
                if len > 0 {
                    let track = take.track(kind)?;
                    *part.track_mut(kind) = (track.len() >= len).then(|| track.first(len));
                    part.track(kind)?;
                }
            }
            takes.push(part);
        }
        Some(Self::new(self.revision, takes))
    }
}
