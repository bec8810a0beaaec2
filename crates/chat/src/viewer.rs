//! One viewer's place in the conversation of a live.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use ids::{Change, LiveId, Seq};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Error;
use crate::hub::{FRAME_MESSAGES, Frame, Hub, Mark, deletions_frame, messages_frame};
use crate::log::Log;
use crate::tallies::Tallies;
use crate::window::Window;

/// Most deletions in one frame.
const FRAME_DELETIONS: u32 = 500;

/// A cursor: what it has seen, and how to read on. Holds no messages.
pub struct Viewer {
    log: Log,
    tallies: Arc<Tallies>,
    hub: Arc<Hub>,
    live_id: LiveId,
    marks: watch::Receiver<Mark>,
    seen: Mark,
    /// Since when it waits for something new.
    waiting: Option<Instant>,
}

impl Viewer {
    /// A cursor that has seen the messages up to number `after` and the deletions up to `since`; what is beyond the
    /// newest is taken for the newest.
    pub(crate) fn new(
        log: Log,
        tallies: Arc<Tallies>,
        hub: Arc<Hub>,
        live_id: LiveId,
        after: Option<Seq>,
        since: Option<Change>,
    ) -> Self {
        let marks = hub.marks();
        let now = *marks.borrow();
        let seen = Mark {
            seq: after.unwrap_or_default().clamp(Seq(0), now.seq),
            change: since.unwrap_or(now.change).clamp(Change(0), now.change),
            burst: now.burst,
            rules: 0,
        };
        Self { log, tallies, hub, live_id, marks, seen, waiting: None }
    }

    /// Waits until there is something this viewer has not seen. May be dropped while it waits.
    pub async fn changed(&mut self) {
        self.waiting = Some(Instant::now());
        // The sender lives in the hub, which this viewer holds.
        let _ = self.marks.wait_for(|mark| *mark != self.seen).await;
    }

    /// The next frame for this viewer, or nothing when it has seen everything: first deletions, then messages in the
    /// order of their numbers, then the rules, then reactions.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`], when the viewer is so far behind that what is kept must be asked.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let mark = *self.marks.borrow();
        if mark.change > self.seen.change {
            return self.next_deletions(mark).await.map(Some);
        }
        if mark.seq > self.seen.seq {
            return self.next_messages(mark).await.map(Some);
        }
        if mark.rules > self.seen.rules {
            self.seen.rules = mark.rules;
            return Ok(Some(self.hub.rules_frame()));
        }
        match self.hub.burst(self.seen.burst) {
            Some((number, frame)) => {
                self.seen.burst = number;
                Ok(Some(frame))
            }
            None => {
                self.seen.burst = mark.burst;
                Ok(None)
            }
        }
    }

    /// Number of the last message this viewer has seen.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seen.seq
    }

    /// Says how long a message was on its way that came while this viewer waited: what a slow connection adds is not ours.
    fn tell_fan_out(&mut self, announced: Option<Instant>) {
        let waiting = self.waiting.take();
        if let Some(announced) =
            announced.filter(|announced| waiting.is_some_and(|since| since <= *announced))
        {
            self.tallies.fan_out.took(announced.elapsed());
        }
    }

    async fn next_deletions(&mut self, mark: Mark) -> Result<Bytes, Error> {
        let since = self.seen.change;
        let mut deletions = match self.hub.deletions(since, mark.change) {
            Some(recent) => recent,
            None => self.log.store().deletions(self.live_id, since, FRAME_DELETIONS).await?,
        };
        deletions.truncate(FRAME_DELETIONS as usize);
        self.seen.change = deletions.last().map_or(mark.change, |last| last.change);
        Ok(deletions_frame(&deletions))
    }

    async fn next_messages(&mut self, mark: Mark) -> Result<Bytes, Error> {
        let (after, change) = (self.seen.seq, self.seen.change);
        if let Some(Frame { bytes, upto, announced }) = self.hub.frame(after, mark.seq, change) {
            self.seen.seq = upto;
            self.tallies.from_memory.fetch_add(1, Ordering::Relaxed);
            self.tell_fan_out(announced);
            return Ok(bytes);
        }
        self.tallies.from_database.fetch_add(1, Ordering::Relaxed);
        let window = Window::Between(after, mark.seq.plus(1));
        let messages = self.log.window(self.live_id, window, FRAME_MESSAGES).await?;
        let clock = self.hub.clock();
        let lines = messages.iter().filter_map(|message| Some((message.seq?, message.to_json(&clock))));
        let (frame, upto) = messages_frame(lines, change);
        self.seen.seq = if upto > Seq(0) { upto } else { mark.seq };
        Ok(frame)
    }
}
