//! The tails of all tracks, take after take: what one connection carries to a player.

use std::sync::Arc;

use bytes::Bytes;
use media::{Kind, Track};
use recorder::Recording;
use timeline::view::Format;
use timeline::{Take, Timeline};
use tokio::sync::watch;

use super::{Cursor, Error, LATE_TRACK_MS, Request, Tail, choose, is_ready, jump, offset_ms, start};

/// What a player asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// One track only.
    pub track: Option<Kind>,
    /// This take first; else the one at `from_ms`, else the newest.
    pub take: Option<u32>,
    /// From the keyframe at or before this place of the timeline; else from the newest keyframe.
    pub from_ms: Option<i64>,
    /// Of the picture the keyframes alone, one in five seconds at most.
    pub slides: bool,
}

/// The tails of a live, from one place to its end. Whoever does not ask for the next piece is owed nothing: there is a
/// cursor for each track, and no queue.
#[derive(Debug)]
pub struct Tracks {
    recording: Arc<Recording>,
    changes: watch::Receiver<u64>,
    wanted: Wanted,
    /// Whether it began at the edge, and jumps when it is too far behind.
    at_edge: bool,
    open: Option<Open>,
}

/// The take that is being carried.
#[derive(Debug)]
struct Open {
    take: u32,
    tails: Vec<Tail>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another take begins. The bytes of its tracks follow, each beginning with an init.
    Take(Begun),
    /// More of one track: what [`Tail`] gives of it alone.
    Bytes(Kind, Bytes),
    /// Nothing until [`Tracks::changed`].
    Later,
    /// The live has ended, and all of it was given.
    End,
}

/// A take whose tracks are about to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its number.
    pub take: u32,
    /// Its place on the timeline.
    pub offset_ms: i64,
    /// All its tracks, also those that were not asked for.
    pub tracks: Vec<BegunTrack>,
}

/// A track of a take that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunTrack {
    /// Which one.
    pub kind: Kind,
    /// The container in which it is carried: MP4 where the codec allows it.
    pub format: Format,
    /// The RFC 6381 string of its codec.
    pub codec: String,
    /// The place on the timeline of time 0 in its bytes; `None` if they were not asked for.
    pub position_ms: Option<i64>,
}

impl Tracks {
    /// The tails of a live. Where nothing is recorded yet they begin with what comes first.
    ///
    /// # Errors
    /// [`Error::NoSuchTake`] if the live has no such take.
    pub fn open(recording: Arc<Recording>, wanted: Wanted) -> Result<Self, Error> {
        let timeline = recording.timeline();
        if wanted.take.is_some_and(|number| timeline.take(number).is_none()) {
            return Err(Error::NoSuchTake);
        }
        Ok(Self {
            changes: recording.changes(),
            at_edge: wanted.from_ms.is_none() && wanted.take.is_none() && recording.is_live(),
            recording,
            wanted,
            open: None,
        })
    }

    /// Waits until there may be more. Whoever stops waiting misses nothing.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// The next piece, at most a fragment, the tracks in the order of their times. Not to be given up half-way: what was
    /// being read would be left out.
    ///
    /// # Errors
    /// The body cannot be read.
    pub async fn next(&mut self) -> Result<Next, recorder::Error> {
        // Before the timeline is looked at: what grows from here on ends the wait for it.
        self.changes.mark_unchanged();
        // Asked before the timeline, too: a live that ends in between had its last fragments announced before.
        let is_live = self.recording.is_live();
        let timeline = self.recording.timeline();
        let Some(open) = &mut self.open else { return Ok(self.begin(&timeline, is_live)) };
        if let Some((kind, init)) = open.init() {
            return Ok(Next::Bytes(kind, init));
        }
        let Some(take) = timeline.take(open.take) else { return Ok(Next::End) };
        if self.at_edge {
            jump(open.tails.iter_mut().flat_map(|tail| &mut tail.cursors), take);
        }
        if let Some((kind, bytes)) = open.more(take).await? {
            return Ok(Next::Bytes(kind, bytes));
        }
        let Some(next) = after(&timeline, open.take) else {
            return Ok(if is_live { Next::Later } else { Next::End });
        };
        self.wanted =
            Wanted { take: Some(next.number), from_ms: Some(offset_ms(&timeline, next)), ..self.wanted };
        Ok(self.begin(&timeline, is_live))
    }

    /// Begins the take that is wanted now.
    fn begin(&mut self, timeline: &Timeline, is_live: bool) -> Next {
        let asked = request(self.wanted, Format::Mp4);
        let Some(take) = choose(timeline, &asked) else {
            return if is_live { Next::Later } else { Next::End };
        };
        let grows = is_live && after(timeline, take.number).is_none();
        if grows && !is_ready(take, &asked) && take.duration_ms() <= LATE_TRACK_MS {
            return Next::Later;
        }
        let mut open = Open { take: take.number, tails: Vec::new() };
        let mut from_ms = self.wanted.from_ms;
        let mut tracks = Vec::new();
        for track in take.tracks().filter(|index| !index.is_empty()).map(timeline::TrackIndex::track) {
            let (track_kind, number) = (Some(track.kind()), Some(take.number));
            let wanted = Wanted { track: track_kind, take: number, from_ms, ..self.wanted };
            let is_wanted = self.wanted.track.is_none_or(|kind| kind == track.kind());
            let tail = is_wanted.then(|| self.tail(take, wanted, container(track))).flatten();
            // At the edge the other track begins where this one's keyframe is shown.
            from_ms = from_ms.or(tail.as_ref().map(|tail| tail.position_ms));
            tracks.push(BegunTrack {
                kind: track.kind(),
                format: container(track),
                codec: track.codec_string(),
                position_ms: tail.as_ref().map(|tail| tail.position_ms),
            });
            open.tails.extend(tail);
        }
        self.open = Some(open);
        Next::Take(Begun { take: take.number, offset_ms: offset_ms(timeline, take), tracks })
    }

    /// The tail of one track; `None` if there is nothing of it.
    fn tail(&self, take: &Take, wanted: Wanted, format: Format) -> Option<Tail> {
        let request = request(wanted, format);
        start(Arc::clone(&self.recording), self.changes.clone(), take, &request).ok()
    }
}

impl Open {
    /// An init that has not been given yet.
    fn init(&mut self) -> Option<(Kind, Bytes)> {
        self.tails.iter_mut().find_map(|tail| Some((tail.cursors.first()?.kind, tail.init.take()?)))
    }

    /// The next fragment that is there, of the track that is behind.
    async fn more(&mut self, take: &Take) -> Result<Option<(Kind, Bytes)>, recorder::Error> {
        loop {
            let due = |tail: &Tail| tail.cursors.first().and_then(|cursor| due_ms(cursor, take));
            let next =
                self.tails.iter_mut().filter_map(|tail| Some((due(tail)?, tail))).min_by_key(|(ms, _)| *ms);
            let Some((_, tail)) = next else { return Ok(None) };
            let fragments = tail.advance(take, 1);
            // Nothing was a slide: the cursor stands behind it now.
            let Some(kind) = fragments.first().map(|(track, _)| track.kind()) else { continue };
            let read = tail.read(fragments).await?;
            let bytes = tail.form(read);
            // A fragment from before time 0 has nothing to show in WebM.
            if !bytes.is_empty() {
                return Ok(Some((kind, bytes)));
            }
        }
    }
}

/// The time of the fragment that a cursor comes to, in milliseconds of its take; `None` if it is not there yet.
fn due_ms(cursor: &Cursor, take: &Take) -> Option<i64> {
    let index = take.track(cursor.kind)?;
    Some(index.track().to_ms(index.get(cursor.next)?.base_dts))
}

fn request(Wanted { track, take, from_ms, slides }: Wanted, format: Format) -> Request {
    Request { format, track, take, from_ms, slides }
}

/// The container in which a player is given a track.
fn container(track: &Track) -> Format {
    if track.codec.in_mp4() { Format::Mp4 } else { Format::Webm }
}

/// The take that is played after this one.
fn after(timeline: &Timeline, number: u32) -> Option<&Arc<Take>> {
    timeline.in_play_order().into_iter().skip_while(|take| take.number != number).nth(1)
}
