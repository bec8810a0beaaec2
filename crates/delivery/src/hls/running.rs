//! The playlists of a live that runs.

use std::sync::{Arc, PoisonError, RwLock};

use media::Kind;
use recorder::{Error, Recording, blocking};
use timeline::Timeline;
use timeline::view::hls::{Layout, Playlist, Settled, media_playlist, multivariant};
use tokio::sync::Mutex;

use super::text::Text;

/// A live that runs, for all who follow it.
#[derive(Debug, Default)]
pub(super) struct Channel {
    running: Mutex<Running>,
    /// What was made last. Whoever wakes up with a thousand others finds it here.
    newest: RwLock<Newest>,
}

/// The playlists of a snapshot.
#[derive(Debug, Default)]
struct Newest {
    timeline: Option<Arc<Timeline>>,
    playlists: [Option<Arc<Shown>>; 2],
}

/// What was said of a live, and goes on being said.
#[derive(Debug, Default)]
struct Running {
    layout: Layout,
    timeline: Option<Arc<Timeline>>,
    settled: [Settled; 2],
    shown: [Option<Arc<Shown>>; 2],
    index: Option<Arc<Text>>,
}

/// A playlist as it is now.
#[derive(Debug)]
pub(super) struct Shown {
    /// The segment that grows.
    pub(super) next_segment: u64,
    /// Its parts.
    pub(super) parts: u32,
    /// Those of the segment before it.
    pub(super) parts_before: u32,
    full: Arc<Text>,
    update: Option<Arc<Text>>,
}

impl Channel {
    /// The playlist that names the others.
    pub(super) async fn index(&self, recording: &Recording) -> Result<Option<Arc<Text>>, Error> {
        let mut running = self.running.lock().await;
        running.bring(recording.timeline()).await?;
        Ok(running.index())
    }

    /// The playlist of a kind of track, if there is one.
    pub(super) async fn playlist(
        &self,
        recording: &Recording,
        kind: Kind,
    ) -> Result<Option<Arc<Shown>>, Error> {
        if let Some(shown) = self.newest(&recording.timeline(), kind) {
            return Ok(Some(shown));
        }
        let mut running = self.running.lock().await;
        // Looked at in the order in which it is taken in, so that nobody goes back to an older one.
        let timeline = recording.timeline();
        if let Some(shown) = self.newest(&timeline, kind) {
            return Ok(Some(shown));
        }
        running.bring(timeline).await?;
        let shown = running.playlist(kind);
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) =
            Newest { timeline: running.timeline.clone(), playlists: running.shown.clone() };
        Ok(shown)
    }

    fn newest(&self, timeline: &Arc<Timeline>, kind: Kind) -> Option<Arc<Shown>> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        let is_of = newest.timeline.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, timeline));
        newest.playlists[kind.slot()].clone().filter(|_| is_of)
    }
}

impl Running {
    /// Takes in what was recorded since.
    async fn bring(&mut self, timeline: Arc<Timeline>) -> Result<(), Error> {
        if self.timeline.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &timeline)) {
            return Ok(());
        }
        if self.timeline.is_none() {
            // All of a live, which may be long.
            let timeline = Arc::clone(&timeline);
            self.layout = blocking(move || {
                let mut layout = Layout::default();
                layout.grow(&timeline);
                Ok::<_, Error>(layout)
            })
            .await?;
        } else {
            self.layout.grow(&timeline);
        }
        self.timeline = Some(timeline);
        (self.shown, self.index) = ([None, None], None);
        Ok(())
    }

    fn index(&mut self) -> Option<Arc<Text>> {
        if self.index.is_none() {
            let text = multivariant(&self.layout, self.timeline.as_ref()?)?;
            self.index = Some(Arc::new(Text::new(text)));
        }
        self.index.clone()
    }

    /// The playlist of a kind of track, if there is one.
    fn playlist(&mut self, kind: Kind) -> Option<Arc<Shown>> {
        let timeline = self.timeline.as_ref()?;
        let shown = &mut self.shown[kind.slot()];
        if shown.is_none() && self.layout.has(timeline, kind) {
            let settled = &mut self.settled[kind.slot()];
            *shown = Some(Arc::new(Shown::of(media_playlist(&self.layout, timeline, kind, true, settled))));
        }
        shown.clone()
    }
}

impl Shown {
    fn of(playlist: Playlist) -> Self {
        let Playlist { full, update, next_segment, parts, parts_before } = playlist;
        Self {
            next_segment,
            parts,
            parts_before,
            full: Arc::new(Text::new(full)),
            update: update.map(|update| Arc::new(Text::new(update))),
        }
    }

    /// Its text; what may be left out is, where that is wanted.
    pub(super) fn text(&self, skip: bool) -> Arc<Text> {
        Arc::clone(self.update.as_ref().filter(|_| skip).unwrap_or(&self.full))
    }
}
