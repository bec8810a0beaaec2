//! The tail: a response that follows the growing end of a take, and ends with it.

mod mux;
mod slides;
mod tracks;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use media::container::mp4::write::{InitTrack, init as mp4_init, set_sequence};
use media::container::webm::write::init as webm_init;
use media::{Frame, Kind, Track};
use recorder::Recording;
use timeline::view::Format;
use timeline::{Entry, Take, Timeline, TrackIndex};
use tokio::sync::watch;

use mux::Muxer;
use slides::Slides;
pub use tracks::{Begun, BegunTrack, Next, Tracks, Wanted};

/// A bare tail of picture and sound opens with at least this much, and with two groups of pictures, so that a `<video>`
/// starts at once: with one group Firefox waits for the next keyframe.
const BURST_MS: i64 = 2_000;
/// It does not go back further than this for it: two of the groups of a publisher in Firefox, of 8 s each, and a little.
const LONGEST_BURST_MS: i64 = 20_000;
/// A track of a take that has not come when the other one is this long is not waited for.
const LATE_TRACK_MS: i64 = 1_500;
/// A viewer at the edge who falls this far behind jumps to a newer keyframe.
const TOO_FAR_BEHIND_MS: i64 = 30_000;
/// What a tail gives at once at most: this many fragments.
const FRAGMENTS: usize = 16;

/// What a viewer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The container.
    pub format: Format,
    /// One track only.
    pub track: Option<Kind>,
    /// This take; else the one at `from_ms`, else the newest.
    pub take: Option<u32>,
    /// From the keyframe at or before this place of the timeline; else from the newest keyframe.
    pub from_ms: Option<i64>,
    /// Of the picture the keyframes alone, one in five seconds at most.
    pub slides: bool,
}

/// Why there is no such tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing of it has come, and the live has ended.
    #[error("nothing has come yet")]
    NothingYet,
    /// The live has no such take, or the take no such track.
    #[error("there is no such take or track")]
    NoSuchTake,
    /// The codecs cannot stand in this container.
    #[error("the codecs of this take cannot stand in this container")]
    WrongContainer,
}

/// A tail that is open: where it starts, and what follows.
#[derive(Debug)]
pub struct Tail {
    /// The take that it follows.
    pub take: u32,
    /// The place on the timeline of its first frame, whose time is 0 in it.
    pub position_ms: i64,
    recording: Arc<Recording>,
    changes: watch::Receiver<u64>,
    cursors: Vec<Cursor>,
    zero_ms: i64,
    at_edge: bool,
    form: Form,
    init: Option<Bytes>,
}

/// A reader of one body.
#[derive(Debug)]
struct Cursor {
    kind: Kind,
    next: usize,
    slides: Option<Slides>,
}

#[derive(Debug)]
enum Form {
    /// One track: fragments as they are stored.
    Mp4,
    /// Fragments of both tracks in turn, numbered in this order.
    Mp4Both { sent: u32 },
    /// One track: a cluster for each fragment.
    WebmTrack,
    /// Both tracks, frame by frame.
    WebmBoth(Muxer),
}

/// Opens a tail; waits for the first frame of a live that has none yet, for as long as it runs.
///
/// # Errors
/// [`Error::NothingYet`] when the live has ended and nothing came; [`Error::NoSuchTake`]; [`Error::WrongContainer`].
pub async fn open(recording: Arc<Recording>, request: Request) -> Result<Tail, Error> {
    let mut changes = recording.changes();
    let take = loop {
        let is_live = recording.is_live();
        let timeline = recording.timeline();
        match choose(&timeline, &request) {
            Some(take) if is_ready(take, &request) || recording.has_ended(take.number) => {
                break Arc::clone(take);
            }
            None if !is_live || request.take.is_some() => return Err(missing(&timeline)),
            _ => {}
        }
        if changes.changed().await.is_err() {
            return Err(Error::NothingYet);
        }
    };
    start(recording, changes, &take, &request)
}

fn missing(timeline: &Timeline) -> Error {
    if timeline.takes().is_empty() { Error::NothingYet } else { Error::NoSuchTake }
}

/// The take that is asked for.
fn choose<'a>(timeline: &'a Timeline, request: &Request) -> Option<&'a Arc<Take>> {
    let order = timeline.in_play_order();
    match (request.take, request.from_ms) {
        (Some(number), _) => order.into_iter().find(|take| take.number == number),
        (None, Some(from_ms)) => {
            let number = timeline.clock().position_at(from_ms).take;
            order.into_iter().find(|take| take.number == number)
        }
        (None, None) => order.into_iter().next_back(),
    }
}

/// Whether the tracks that are asked for are there, or need not be waited for.
fn is_ready(take: &Take, request: &Request) -> bool {
    match request.track {
        Some(kind) => has(take, kind),
        None => (has(take, Kind::Video) && has(take, Kind::Audio)) || take.duration_ms() > LATE_TRACK_MS,
    }
}

fn has(take: &Take, kind: Kind) -> bool {
    take.track(kind).is_some_and(|track| !track.is_empty())
}

/// The place of a take on the timeline.
fn offset_ms(timeline: &Timeline, take: &Take) -> i64 {
    let clock = timeline.clock();
    clock.spans().iter().find(|span| span.take == take.number).map_or(0, |span| span.offset_ms)
}

fn start(
    recording: Arc<Recording>,
    changes: watch::Receiver<u64>,
    take: &Take,
    request: &Request,
) -> Result<Tail, Error> {
    let kinds: Vec<Kind> = [Kind::Video, Kind::Audio]
        .into_iter()
        .filter(|&kind| request.track.is_none_or(|track| track == kind) && has(take, kind))
        .collect();
    let indexes: Vec<&TrackIndex> = kinds.iter().filter_map(|&kind| take.track(kind)).collect();
    let first = indexes.first().ok_or(Error::NoSuchTake)?;
    let fits = |track: &Track| match request.format {
        Format::Mp4 => track.codec.in_mp4(),
        Format::Webm => track.codec.in_webm(),
    };
    if !indexes.iter().all(|index| fits(index.track())) {
        return Err(Error::WrongContainer);
    }
    let timeline = recording.timeline();
    let offset_ms = offset_ms(&timeline, take);
    let begin = match request.from_ms {
        Some(from_ms) => first.seek((from_ms - offset_ms).max(0) + take.base_ms),
        None if request.take.is_some() && !recording.is_live() => first.seek(i64::MIN / 2),
        None => newest(first, request.track.is_none()),
    };
    let entry = begin.and_then(|number| first.get(number)).ok_or(Error::NoSuchTake)?;
    let first_ms = first.track().to_ms(entry.first_pts());
    // A tail from the very start holds the first frames of both tracks, whichever came first. What only leads to the first
    // picture is before time 0 for a player of the bare tail; a Media Source drops what is before 0 and all that needs it, so
    // that there it is the millisecond before the take's beginning.
    let zero_ms = match begin {
        Some(0) if request.track.is_some() => first.first_ms_rounded_down().unwrap_or(first_ms),
        Some(0) => {
            let starts = indexes.iter().filter_map(|index| index.first_ms()).min();
            starts.unwrap_or(first_ms).max(take.base_ms)
        }
        _ => first_ms,
    };
    let cursors = kinds
        .iter()
        .zip(&indexes)
        .enumerate()
        .map(|(at, (&kind, index))| {
            let next = if at == 0 { begin } else { index.seek(zero_ms) };
            let slides = (request.slides && kind == Kind::Video).then(Slides::default);
            Cursor { kind, next: next.unwrap_or(0), slides }
        })
        .collect();
    let tracks: Vec<&Track> = indexes.iter().map(|index| index.track()).collect();
    let (form, init) = match request.format {
        Format::Mp4 => {
            let starts: Vec<_> =
                tracks.iter().map(|track| InitTrack { track, start: track.to_ticks(zero_ms) }).collect();
            let form = if tracks.len() == 1 { Form::Mp4 } else { Form::Mp4Both { sent: 0 } };
            (form, mp4_init(&starts))
        }
        Format::Webm if tracks.len() == 1 => (Form::WebmTrack, webm_init(&tracks)),
        Format::Webm => (Form::WebmBoth(Muxer::new(zero_ms)), webm_init(&tracks)),
    };
    Ok(Tail {
        take: take.number,
        position_ms: offset_ms + (zero_ms - take.base_ms).max(0),
        at_edge: request.from_ms.is_none() && recording.is_live(),
        recording,
        changes,
        cursors,
        zero_ms,
        form,
        init: Some(init.into()),
    })
}

/// Where a viewer at the edge starts: at the newest keyframe; a bare tail of both tracks far enough before the end, and
/// two groups of pictures before it, that a `<video>` shows a picture at once.
fn newest(index: &TrackIndex, is_bare: bool) -> Option<usize> {
    let newest = index.newest_start()?;
    let end = index.end_ms()?;
    let lag = |number: usize| index.get(number).map_or(0, |entry| end - index.track().to_ms(entry.base_dts));
    let mut chosen = newest;
    let mut groups = 1;
    while is_bare && (groups < 2 || lag(chosen) < BURST_MS) {
        let Some(before) = (0..chosen).rev().find(|&number| index.get(number).is_some_and(|entry| entry.key))
        else {
            break;
        };
        if lag(before) > LONGEST_BURST_MS && lag(chosen) >= BURST_MS {
            break;
        }
        chosen = before;
        groups += 1;
    }
    Some(chosen)
}

impl Tail {
    /// What follows, until the take ends.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, recorder::Error>> + Send + 'static {
        stream::unfold(Some(self), |tail| async {
            let mut tail = tail?;
            match tail.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(tail))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// The next bytes; `None` when the take has ended.
    async fn next(&mut self) -> Result<Option<Bytes>, recorder::Error> {
        if let Some(init) = self.init.take() {
            return Ok(Some(init));
        }
        loop {
            // Before the timeline is looked at: what grows from here on ends the wait below.
            self.changes.mark_unchanged();
            // Asked before the timeline, too: a take that ends in between had its last fragments announced before.
            let is_over = self.recording.has_ended(self.take);
            let timeline = self.recording.timeline();
            let Some(take) = timeline.take(self.take) else { return Ok(None) };
            if self.at_edge {
                jump(self.cursors.iter_mut(), take);
            }
            let fragments = self.advance(take, FRAGMENTS);
            if !fragments.is_empty() {
                let read = self.read(fragments).await?;
                let bytes = self.form(read);
                if !bytes.is_empty() {
                    return Ok(Some(bytes));
                }
                continue;
            }
            if is_over {
                let rest = self.finish();
                return Ok((!rest.is_empty()).then_some(rest));
            }
            if self.changes.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Moves the cursors over the fragments that can be sent now, `most` of them, in the order of their times.
    fn advance(&mut self, take: &Take, most: usize) -> Vec<(Track, Entry)> {
        let mut fragments: Vec<(i64, usize, Track, Entry)> = Vec::new();
        for cursor in &self.cursors {
            let Some(index) = take.track(cursor.kind) else { continue };
            for (number, entry) in cursor.due(index).take(most) {
                let ms = index.track().to_ms(entry.base_dts);
                fragments.push((ms, number, index.track().clone(), entry.clone()));
            }
        }
        fragments.sort_by_key(|(ms, _, track, _)| (*ms, track.kind()));
        let is_all = fragments.len() < most;
        fragments.truncate(most);
        for cursor in &mut self.cursors {
            let Some(index) = take.track(cursor.kind) else { continue };
            let kind = cursor.kind;
            let sent = fragments.iter().filter(|(_, _, track, _)| track.kind() == kind);
            for (_, number, _, entry) in sent {
                cursor.sent(*number, entry, index.track());
            }
            if is_all {
                cursor.pass(index);
            }
        }
        fragments.into_iter().map(|(_, _, track, entry)| (track, entry)).collect()
    }

    async fn read(
        &self,
        fragments: Vec<(Track, Entry)>,
    ) -> Result<Vec<(Track, Entry, Bytes)>, recorder::Error> {
        let number = self.take;
        // The newest fragments are in memory, so a viewer at the edge costs no other thread. Where one of them is not, all
        // are read from the body in one go: a reader that is behind waits, and nobody waits for it.
        let from_memory: Option<Vec<Bytes>> = fragments
            .iter()
            .map(|(track, entry)| {
                self.recording.read_tail(number, track.kind(), entry.offset, u64::from(entry.len))
            })
            .collect();
        if let Some(bytes) = from_memory {
            return Ok(fragments
                .into_iter()
                .zip(bytes)
                .map(|((track, entry), bytes)| (track, entry, bytes))
                .collect());
        }
        let recording = Arc::clone(&self.recording);
        let reading = tokio::task::spawn_blocking(move || {
            fragments
                .into_iter()
                .map(|(track, entry)| {
                    let bytes = recording.read(number, track.kind(), entry.offset, u64::from(entry.len))?;
                    Ok((track, entry, bytes))
                })
                .collect()
        });
        reading.await.unwrap_or_else(|error| Err(recorder::Error::Damaged(error.to_string())))
    }

    /// Brings fragments into the form of the response.
    fn form(&mut self, mut fragments: Vec<(Track, Entry, Bytes)>) -> Bytes {
        if self.cursors.iter().any(|cursor| cursor.slides.is_some()) {
            fragments = fragments.into_iter().filter_map(slides::alone).collect();
        }
        match &mut self.form {
            Form::Mp4 => join(fragments.into_iter().map(|(_, _, bytes)| bytes).collect()),
            Form::Mp4Both { sent } => renumbered(fragments, sent),
            Form::WebmTrack => {
                let zero_ms = self.zero_ms;
                join(fragments.iter().filter_map(|fragment| cluster(fragment, zero_ms)).collect())
            }
            Form::WebmBoth(muxer) => {
                for (track, entry, bytes) in &fragments {
                    muxer.push(track, &frames(track, entry, bytes));
                }
                muxer.take(false)
            }
        }
    }

    /// What is still held back when the take has ended.
    fn finish(&mut self) -> Bytes {
        match &mut self.form {
            Form::WebmBoth(muxer) => muxer.take(true),
            Form::Mp4 | Form::Mp4Both { .. } | Form::WebmTrack => Bytes::new(),
        }
    }
}

/// Lets a viewer who is too far behind the edge go on at a newer keyframe. The first of the cursors leads.
fn jump<'a>(mut cursors: impl Iterator<Item = &'a mut Cursor>, take: &Take) {
    let Some(first) = cursors.next() else { return };
    let Some(index) = take.track(first.kind) else { return };
    let (Some(entry), Some(end_ms)) = (index.get(first.next), index.end_ms()) else { return };
    let behind_ms = end_ms - index.track().to_ms(entry.base_dts);
    let Some(newest) = index.newest_start().filter(|&newest| newest > first.next) else { return };
    if behind_ms < TOO_FAR_BEHIND_MS {
        return;
    }
    let to_ms = index.get(newest).map_or(0, |entry| index.track().to_ms(entry.first_pts()));
    tracing::debug!(take = take.number, behind_ms, "a viewer at the edge jumps to a newer keyframe");
    first.next = newest;
    for cursor in cursors {
        let there = take.track(cursor.kind).and_then(|index| index.seek(to_ms));
        cursor.next = cursor.next.max(there.unwrap_or(0));
    }
}

/// A fragment as a cluster of its own, its times in milliseconds from `zero_ms`.
fn cluster((track, entry, bytes): &(Track, Entry, Bytes), zero_ms: i64) -> Option<Bytes> {
    let mut frames = frames(track, entry, bytes);
    for frame in &mut frames {
        let end_ms = track.to_ms(frame.pts + i64::from(frame.duration.unwrap_or(0)));
        frame.dts = track.to_ms(frame.dts) - zero_ms;
        frame.pts = track.to_ms(frame.pts) - zero_ms;
        frame.duration = u32::try_from(end_ms - zero_ms - frame.pts).ok();
    }
    frames.retain(|frame| frame.pts >= 0);
    let durations: Vec<u32> = frames.iter().map(|frame| frame.duration.unwrap_or(0)).collect();
    if frames.is_empty() {
        return None;
    }
    let track = Track { timescale: 1_000, ..track.clone() };
    let (bytes, _) = media::container::webm::write::fragment(&track, 1, &frames, &durations).ok()?;
    Some(bytes.into())
}

/// The frames of a fragment.
fn frames(track: &Track, entry: &Entry, bytes: &Bytes) -> Vec<Frame> {
    let mut dts = entry.base_dts;
    let mut frames = Vec::new();
    for sample in entry.samples() {
        let start = usize::try_from(sample.offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(sample.size).unwrap_or(usize::MAX));
        if end > bytes.len() {
            break;
        }
        frames.push(Frame {
            kind: track.kind(),
            dts,
            pts: dts + i64::from(sample.cts),
            duration: Some(sample.duration),
            key: sample.key,
            data: bytes.slice(start..end),
        });
        dts += i64::from(sample.duration);
    }
    frames
}

/// Fragments of several bodies, numbered in the order in which they are sent.
fn renumbered(fragments: Vec<(Track, Entry, Bytes)>, sent: &mut u32) -> Bytes {
    let mut out = BytesMut::with_capacity(fragments.iter().map(|(_, _, bytes)| bytes.len()).sum());
    for (_, _, bytes) in fragments {
        let start = out.len();
        out.extend_from_slice(&bytes);
        *sent = sent.saturating_add(1);
        set_sequence(&mut out[start..], *sent);
    }
    out.freeze()
}

fn join(pieces: Vec<Bytes>) -> Bytes {
    match pieces.as_slice() {
        [one] => one.clone(),
        many => many.concat().into(),
    }
}
