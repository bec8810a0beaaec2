//! HLS: playlists that are made once for each growth and shared, and the segments and parts that they name.
//!
//! A request for what is not there yet waits for it (RFC 8216bis, 6.2.5.2), as long as three target durations.

mod ask;
mod running;
mod text;

use std::sync::Arc;

use media::Kind;
use moka::future::Cache;
use recorder::{Recording, blocking};
use timeline::view::View;
use timeline::view::hls::{
    Chunk, Layout, Name, Settled, TARGET_US, chunk, init, media_playlist, multivariant,
};
use timeline::{Container, Take, Timeline, Version};
use tokio::sync::watch;
use tokio::time::{Duration, timeout};

use ask::Answer;
pub use ask::Ask;
use running::Channel;
pub use text::Text;

/// How long a request waits for what it names (6.2.5.2): three target durations.
const HOLD: Duration = Duration::from_micros(3 * TARGET_US as u64);
/// How long a player waits to be told what there is, of a live that has begun.
const FIRST_FRAME: Duration = Duration::from_secs(10);
/// A track of a take that has not come when the other one is this long is not waited for.
const LATE_TRACK_MS: i64 = 1_500;
/// Running lives whose layouts are remembered, at most.
const RUNNING: u64 = 4_096;
/// A running live that nobody asked for this long is laid out anew for who asks next.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// Memory for the playlists of lives that have ended, in bytes: about sixty hours of them.
const ENDED: u64 = 16 << 20;

/// Why there is no such playlist, segment or part.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing of it has come yet, and nothing came while it was waited for.
    #[error("nothing has come yet")]
    NothingYet,
    /// No playlist can name this codec: VP8.
    #[error("a codec of this live cannot be played by HLS")]
    WrongCodec,
    /// The live has no such track, take, segment or part.
    #[error("there is no such track, segment or part")]
    NoSuchPart,
    /// A segment or a part was asked for that is too far from now (6.2.5.2).
    #[error("this is too far ahead")]
    TooFarAhead,
    /// It did not come in time.
    #[error("it did not come in time")]
    NotInTime,
    /// The storage failed.
    #[error(transparent)]
    Storage(Arc<recorder::Error>),
}

impl From<recorder::Error> for Error {
    fn from(error: recorder::Error) -> Self {
        Self::Storage(Arc::new(error))
    }
}

/// The playlists of all lives that somebody asked for.
#[derive(Debug)]
pub struct Hls {
    running: Cache<i64, Arc<Channel>>,
    ended: Cache<(i64, Version), Arc<Ended>>,
}

/// The playlists of a live that has ended.
#[derive(Debug)]
struct Ended {
    index: Option<Arc<Text>>,
    playlists: [Option<Arc<Text>>; 2],
}

impl Default for Hls {
    fn default() -> Self {
        let weight =
            |_: &(i64, Version), ended: &Arc<Ended>| u32::try_from(ended.weight()).unwrap_or(u32::MAX);
        Self {
            running: Cache::builder().max_capacity(RUNNING).time_to_idle(FORGOTTEN).build(),
            ended: Cache::builder().max_capacity(ENDED).weigher(weight).build(),
        }
    }
}

impl Hls {
    /// The playlist that names the others. Of a live that has just begun it waits a while for both tracks, since players
    /// read it once.
    ///
    /// # Errors
    /// [`Error::NothingYet`], [`Error::WrongCodec`], [`Error::Storage`].
    pub async fn index(&self, live: i64, recording: &Arc<Recording>) -> Result<Arc<Text>, Error> {
        let mut changes = recording.changes();
        let ready = async {
            while recording.is_live() && !is_ready(&recording.timeline()) && changes.changed().await.is_ok() {
            }
        };
        // What is there by then is told.
        let _ = timeout(FIRST_FRAME, ready).await;
        let (is_live, timeline) = now(recording)?;
        if is_live {
            return self.channel(live).await.index(recording).await?.ok_or(Error::NothingYet);
        }
        self.ended(live, timeline).await?.index.clone().ok_or(Error::NothingYet)
    }

    /// The playlist of a kind of track, once what is asked for is in it.
    ///
    /// # Errors
    /// [`Error::NoSuchPart`] where there is no such track, [`Error::TooFarAhead`], [`Error::NotInTime`], and those of
    /// [`index`](Self::index).
    pub async fn playlist(
        &self,
        live: i64,
        recording: &Arc<Recording>,
        kind: Kind,
        ask: Ask,
    ) -> Result<Arc<Text>, Error> {
        let mut changes = recording.changes();
        let waiting = async {
            loop {
                changes.mark_unchanged();
                if let Some(text) = self.playlist_now(live, recording, kind, ask).await? {
                    return Ok(text);
                }
                grown(&mut changes).await?;
            }
        };
        timeout(HOLD, waiting).await.unwrap_or(Err(Error::NotInTime))
    }

    /// The playlist, if what is asked for is in it by now.
    async fn playlist_now(
        &self,
        live: i64,
        recording: &Arc<Recording>,
        kind: Kind,
        ask: Ask,
    ) -> Result<Option<Arc<Text>>, Error> {
        let (is_live, timeline) = now(recording)?;
        if !is_live {
            let ended = self.ended(live, timeline).await?;
            return ended.playlists[kind.slot()].clone().map(Some).ok_or(Error::NoSuchPart);
        }
        let shown = self.channel(live).await.playlist(recording, kind).await?;
        let Some(shown) = shown else {
            return if is_ready(&timeline) { Err(Error::NoSuchPart) } else { Ok(None) };
        };
        match ask.of(shown.next_segment, shown.parts, shown.parts_before) {
            Answer::Now => Ok(Some(shown.text(ask.skip))),
            Answer::Later => Ok(None),
            Answer::Never => Err(Error::TooFarAhead),
        }
    }

    /// What stands before the segments of a track of a take.
    ///
    /// # Errors
    /// [`Error::NoSuchPart`].
    pub fn init(&self, recording: &Recording, take: u32, kind: Kind) -> Result<Vec<u8>, Error> {
        let (_, timeline) = now(recording)?;
        let track = timeline.take(take).and_then(|take| take.track(kind)).filter(|track| !track.is_empty());
        track.map(init).ok_or(Error::NoSuchPart)
    }

    /// A segment or a part. One that has begun is waited for.
    ///
    /// # Errors
    /// [`Error::NoSuchPart`], [`Error::NotInTime`].
    pub async fn chunk(
        &self,
        recording: &Arc<Recording>,
        take: u32,
        kind: Kind,
        name: Name,
    ) -> Result<View, Error> {
        let mut changes = recording.changes();
        let waiting = async {
            loop {
                changes.mark_unchanged();
                let (is_live, timeline) = now(recording)?;
                let found = timeline.take(take).map_or(Chunk::Nothing, |take| chunk(take, kind, &name));
                match found {
                    Chunk::There(view) => return Ok(view),
                    Chunk::Open if is_live && is_newest(&timeline, take) => grown(&mut changes).await?,
                    Chunk::Open | Chunk::Nothing => return Err(Error::NoSuchPart),
                }
            }
        };
        timeout(HOLD, waiting).await.unwrap_or(Err(Error::NotInTime))
    }

    /// Forgets the playlists of a live.
    pub async fn forget(&self, live: i64) {
        self.running.invalidate(&live).await;
        let keys: Vec<_> = self.ended.iter().filter(|(key, _)| key.0 == live).collect();
        for (key, _) in keys {
            self.ended.invalidate(&*key).await;
        }
    }

    async fn channel(&self, live: i64) -> Arc<Channel> {
        match self.running.get(&live).await {
            Some(channel) => channel,
            None => self.running.get_with(live, async { Arc::default() }).await,
        }
    }

    async fn ended(&self, live: i64, timeline: Arc<Timeline>) -> Result<Arc<Ended>, Error> {
        let key = (live, timeline.version());
        if let Some(ended) = self.ended.get(&key).await {
            return Ok(ended);
        }
        let making = blocking(move || Ok::<_, Error>(Arc::new(Ended::of(&timeline))));
        self.ended.try_get_with(key, making).await.map_err(|error| Error::clone(&error))
    }
}

impl Ended {
    fn of(timeline: &Timeline) -> Self {
        let layout = Layout::whole(timeline);
        let text = |kind| {
            let playlist = media_playlist(&layout, timeline, kind, false, &mut Settled::default());
            layout.has(timeline, kind).then(|| Arc::new(Text::new(playlist.full)))
        };
        Self {
            index: multivariant(&layout, timeline).map(Text::new).map(Arc::new),
            playlists: [text(Kind::Video), text(Kind::Audio)],
        }
    }

    fn weight(&self) -> usize {
        self.playlists.iter().chain([&self.index]).flatten().map(|text| text.weight()).sum()
    }
}

/// Whether more may come, and what there is. Asked in this order: a live that ends in between had its last fragments
/// announced before.
fn now(recording: &Recording) -> Result<(bool, Arc<Timeline>), Error> {
    let is_live = recording.is_live();
    let timeline = recording.timeline();
    let has_mp4_alone = |take: &Arc<Take>| take.tracks().all(|track| track.container() == Container::Mp4);
    match timeline.takes().iter().all(has_mp4_alone) {
        true => Ok((is_live, timeline)),
        false => Err(Error::WrongCodec),
    }
}

/// Waits for the next growth.
async fn grown(changes: &mut watch::Receiver<u64>) -> Result<(), Error> {
    changes.changed().await.map_err(|_| Error::NotInTime)
}

/// Whether both tracks are there, or the one that is not need not be waited for.
fn is_ready(timeline: &Timeline) -> bool {
    let has_both = |take: &Take| take.tracks().count() == 2;
    let order = timeline.in_play_order();
    order.len() > 1 || order.last().is_some_and(|take| has_both(take) || take.duration_ms() > LATE_TRACK_MS)
}

fn is_newest(timeline: &Timeline, take: u32) -> bool {
    timeline.in_play_order().last().is_some_and(|last| last.number == take)
}
