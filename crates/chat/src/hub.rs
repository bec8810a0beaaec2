//! The fan-out of one live: what was stored last, ready to be sent to any number of viewers.
//!
//! A viewer is a cursor ([`crate::Viewer`]): the hub wakes it with a [`Mark`] and the viewer reads on from where it is,
//! here or, further back, in the database. A slow viewer therefore costs no memory, and all viewers at the same place
//! share the same serialised bytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ids::{Change, Seq};
use timeline::PlayClock;
use tokio::sync::watch;
use tokio::time::Instant;
use wire::frames::ServerFrame;

use crate::frame::serialised;
use crate::message::{Author, Message, place};
use crate::moderation::Rules;
use crate::reactions::Burst;
use crate::store::{Counters, Deletion};
use crate::window::Window;

/// Newest messages kept serialised. Older ones are read from the database.
const RECENT: usize = 256;
/// Newest deletions kept. Viewers further behind read the database.
const RECENT_DELETIONS: usize = 256;
/// Frames kept for the viewers that come for the same messages.
const FRAMES: usize = 16;
/// Most messages in one frame.
pub(crate) const FRAME_MESSAGES: u32 = 50;
/// Bytes of messages after which a frame is ended, so that connections need no large buffers.
pub(crate) const FRAME_BYTES: usize = 8 << 10;
/// Viewers woken in a millisecond. With more than that, messages that come close together wake them together.
const WOKEN_EACH_MS: usize = 20;
/// Longest time for which a message waits for the next one.
const TOGETHER: Duration = Duration::from_millis(50);
/// Messages that may wait for an earlier one to be announced. With more the earlier one is left to the database.
const WAITING: i64 = 64;

/// How far the conversation of a live has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// All messages up to this number are durable and may be read.
    pub(crate) seq: Seq,
    /// All deletions up to this one.
    pub(crate) change: Change,
    /// Number of the newest burst of reactions.
    pub(crate) burst: u64,
    /// How often the rules have changed; 0 while there are none.
    pub(crate) rules: u64,
}

/// The fan-out of one live.
#[derive(Debug)]
pub(crate) struct Hub {
    marks: watch::Sender<Mark>,
    /// Whether somebody is about to put the newest messages into the search index.
    indexing: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The clock by which positions are placed, the newest that anybody brought.
    clock: Arc<PlayClock>,
    /// By number; may have holes above the mark.
    recent: VecDeque<Entry>,
    deletions: VecDeque<Deletion>,
    /// Frames made, with the number they end with.
    frames: VecDeque<(FrameKey, Frame)>,
    /// All messages up to this number may be seen.
    reached: Seq,
    /// How many messages are there to read.
    messages: i64,
    /// Deletions up to this one were never among those.
    counted: Change,
    /// When the viewers were woken for messages last.
    woken: Option<Instant>,
    /// Whether somebody is to wake them a little later.
    waking: bool,
    rules: Arc<Rules>,
    bursts: VecDeque<(u64, Bytes)>,
    burst: Burst,
}

/// Messages as they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    /// The number that it ends with.
    pub(crate) upto: Seq,
    /// When its first message was announced, if that was here.
    pub(crate) announced: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    seq: Seq,
    /// When it was announced; `None` for those that the hub began with.
    announced: Option<Instant>,
    message: Message,
    position_ms: i64,
    json: Arc<str>,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct FrameKey {
    after: Seq,
    upto: Seq,
    change: Change,
}

/// Newest bursts of reactions kept. A viewer further behind misses them: totals are read, not summed.
const BURSTS: usize = 16;

impl Hub {
    /// A hub of a conversation that stands at these counters, with its newest messages in order of their numbers.
    pub(crate) fn new(counters: Counters, newest: Vec<Message>, rules: Rules, clock: Arc<PlayClock>) -> Self {
        let led = u64::from(!rules.looks_like(&Rules::default()));
        let mark = Mark { seq: counters.last_seq, change: counters.change, burst: 0, rules: led };
        let recent = newest.into_iter().filter_map(|message| Entry::new(message, &clock)).collect();
        let inner = Inner {
            clock,
            recent,
            deletions: VecDeque::new(),
            frames: VecDeque::new(),
            reached: mark.seq,
            messages: counters.messages,
            counted: counters.change,
            woken: None,
            waking: false,
            rules: Arc::new(rules),
            bursts: VecDeque::new(),
            burst: Burst::default(),
        };
        Self { marks: watch::Sender::new(mark), indexing: AtomicBool::new(false), inner: Mutex::new(inner) }
    }

    /// Follows how far the conversation has come.
    pub(crate) fn marks(&self) -> watch::Receiver<Mark> {
        self.marks.subscribe()
    }

    /// Takes a newer clock to place messages by.
    pub(crate) fn set_clock(&self, clock: &Arc<PlayClock>) {
        self.lock().set_clock(clock);
    }

    /// The clock messages are placed by.
    pub(crate) fn clock(&self) -> Arc<PlayClock> {
        Arc::clone(&self.lock().clock)
    }

    /// Lets the viewers see a message that is durable, as soon as all before it may be seen: at once, or, where many
    /// watch and much is said, a little later together with what follows. The caller then calls [`Self::wake`] at the
    /// time that is answered.
    #[must_use]
    pub(crate) fn announce(&self, message: Message, clock: &Arc<PlayClock>) -> Option<Instant> {
        let entry = Entry { announced: Some(Instant::now()), ..Entry::new(message, clock)? };
        let mut inner = self.lock();
        inner.set_clock(clock);
        inner.insert(entry);
        // Announcements come from many tasks, in any order; the numbers are the only order. What stands behind a hole is not
        // shown yet, so that a cursor that passed a number never has to come back for one before it.
        inner.reached = inner.furthest();
        if inner.waking || inner.reached <= self.marks.borrow().seq {
            return None;
        }
        // Waking a thousand tasks for each of a hundred messages a second would be all that the processors do. With many
        // viewers the messages of a moment wake them once; with few, each is seen at once.
        let pace = Duration::from_millis((self.marks.receiver_count() / WOKEN_EACH_MS) as u64).min(TOGETHER);
        let due = inner.woken.map(|woken| woken + pace).filter(|due| *due > Instant::now());
        inner.waking = due.is_some();
        drop(inner);
        if due.is_none() {
            self.wake();
        }
        due
    }

    /// Wakes the viewers for the messages announced.
    pub(crate) fn wake(&self) {
        let mut inner = self.lock();
        inner.waking = false;
        inner.woken = Some(Instant::now());
        let reached = inner.reached;
        // The lock is let go first: those who are woken take it, and there are many. Two who wake at once may raise the mark
        // in any order, so it only ever grows.
        drop(inner);
        self.raise(|mark| mark.seq = mark.seq.max(reached));
    }

    /// Takes the content of a deleted message from the viewers.
    pub(crate) fn deleted(&self, deletion: Deletion) {
        let mut inner = self.lock();
        inner.delete(deletion);
        let reached = inner.furthest_change(self.marks.borrow().change);
        drop(inner);
        self.raise(|mark| mark.change = mark.change.max(reached));
    }

    /// Shows the messages kept here under the name their author has now.
    pub(crate) fn renamed(&self, person: &Author) {
        let mut inner = self.lock();
        inner.frames.clear();
        for entry in inner.recent.iter_mut().filter(|entry| entry.message.names(person.id)) {
            entry.message.rename(person);
            entry.json = entry.message.to_json_at(entry.position_ms).into();
        }
        let pinned = inner.rules.pinned.as_ref().is_some_and(|pinned| pinned.names(person.id));
        if let Some(pinned) = Arc::make_mut(&mut inner.rules).pinned.as_mut().filter(|_| pinned) {
            pinned.rename(person);
            drop(inner);
            self.raise(|mark| mark.rules += 1);
        }
    }

    /// How the conversation is led.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.lock().rules)
    }

    /// Takes newer rules, and lets the viewers see them if they look different.
    pub(crate) fn set_rules(&self, rules: Rules) {
        let mut inner = self.lock();
        if rules.version <= inner.rules.version {
            return;
        }
        let same = inner.rules.looks_like(&rules);
        inner.rules = Arc::new(rules);
        drop(inner);
        if !same {
            self.raise(|mark| mark.rules += 1);
        }
    }

    /// The frame of the rules.
    pub(crate) fn rules_frame(&self) -> Bytes {
        let inner = self.lock();
        let (rules, clock) = (Arc::clone(&inner.rules), Arc::clone(&inner.clock));
        drop(inner);
        serialised(&ServerFrame::Rules { rules: rules.on_wire(false, &clock) })
    }

    /// True for the first who asks until [`Self::end_indexing`].
    pub(crate) fn begin_indexing(&self) -> bool {
        !self.indexing.swap(true, Ordering::Relaxed)
    }

    /// The next message begins the indexing again.
    pub(crate) fn end_indexing(&self) {
        self.indexing.store(false, Ordering::Relaxed);
    }

    /// Adds a durable reaction to the burst being gathered. True when it is the first: the caller then ends the burst
    /// with [`Self::end_burst`] a little later.
    pub(crate) fn gather(&self, message: &Message, clock: &Arc<PlayClock>) -> bool {
        let mut inner = self.lock();
        inner.set_clock(clock);
        inner.burst.add(message.position, &message.content)
    }

    /// Sends the reactions gathered since the last time.
    pub(crate) fn end_burst(&self) {
        let mut inner = self.lock();
        let clock = Arc::clone(&inner.clock);
        let frames = std::mem::take(&mut inner.burst).frames(&clock);
        let first = self.marks.borrow().burst + 1;
        let mut number = first;
        for frame in frames {
            inner.bursts.push_back((number, frame));
            number += 1;
        }
        while inner.bursts.len() > BURSTS {
            inner.bursts.pop_front();
        }
        drop(inner);
        self.raise(|mark| mark.burst = mark.burst.max(number - 1));
    }

    /// The frame of the messages after number `after`, at most up to `upto`. `None` when they are not all here.
    pub(crate) fn frame(&self, after: Seq, upto: Seq, change: Change) -> Option<Frame> {
        // A crowd that was woken together stands at the same number, so the first of them makes the bytes for all. The
        // newest deletion is part of the key: a frame made before it holds what is to be gone.
        let key = FrameKey { after, upto, change };
        let mut inner = self.lock();
        if let Some((_, frame)) = inner.frames.iter().find(|(kept, _)| *kept == key) {
            return Some(frame.clone());
        }
        let upto = upto.min(after.plus(i64::from(FRAME_MESSAGES)));
        let clock = Arc::clone(&inner.clock);
        let first = inner.recent.partition_point(|entry| entry.seq <= after);
        let end = inner.recent.partition_point(|entry| entry.seq <= upto);
        if usize::try_from(upto.0 - after.0) != Ok(end - first) {
            return None;
        }
        let announced = inner.recent.get(first).and_then(|entry| entry.announced);
        let lines = inner.recent.range_mut(first..end).map(|entry| (entry.seq, entry.json(&clock)));
        let (bytes, upto) = messages_frame(lines, change);
        let frame = Frame { bytes, upto, announced };
        inner.frames.push_back((key, frame.clone()));
        if inner.frames.len() > FRAMES {
            inner.frames.pop_front();
        }
        Some(frame)
    }

    /// Where the conversation stands.
    pub(crate) fn counters(&self) -> Counters {
        let inner = self.lock();
        let change = self.marks.borrow().change;
        Counters { last_seq: inner.reached, change, messages: inner.messages }
    }

    /// The messages of a window by number, at most `limit`, if all of them are here. What was answered to its author is.
    pub(crate) fn window(&self, window: Window, limit: u32) -> Option<Vec<Message>> {
        let inner = self.lock();
        // Behind a hole something waits that is stored already: its author has the answer and would miss it here.
        if inner.recent.back().is_some_and(|newest| newest.seq > inner.reached) {
            return None;
        }
        let limit = i64::from(limit);
        let (after, upto) = match window {
            Window::After(after) => (after, inner.reached),
            Window::Between(after, before) => (after, inner.reached.min(before.plus(-1))),
            Window::Before(before) => {
                let upto = inner.reached.min(before.plus(-1));
                (upto.plus(-limit), upto)
            }
        };
        let after = after.max(Seq(0));
        let upto = upto.min(after.plus(limit));
        let first = inner.recent.partition_point(|entry| entry.seq <= after);
        let end = inner.recent.partition_point(|entry| entry.seq <= upto);
        let whole = usize::try_from((upto.0 - after.0).max(0)) == Ok(end.saturating_sub(first));
        whole.then(|| inner.recent.range(first..end.max(first)).map(|entry| entry.message.clone()).collect())
    }

    /// The deletions after `since` up to `upto`, if all of them are here.
    pub(crate) fn deletions(&self, since: Change, upto: Change) -> Option<Vec<Deletion>> {
        let inner = self.lock();
        let wanted = |deletion: &&Deletion| since < deletion.change && deletion.change <= upto;
        let found: Vec<_> = inner.deletions.iter().filter(wanted).copied().collect();
        (i64::try_from(found.len()) == Ok(upto.0 - since.0)).then_some(found)
    }

    /// The oldest burst of reactions after number `after`, with its number.
    pub(crate) fn burst(&self, after: u64) -> Option<(u64, Bytes)> {
        self.lock().bursts.iter().find(|(number, _)| *number > after).cloned()
    }

    fn raise(&self, change: impl FnOnce(&mut Mark)) {
        self.marks.send_if_modified(|mark| {
            let before = *mark;
            change(mark);
            *mark != before
        });
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn set_clock(&mut self, clock: &Arc<PlayClock>) {
        if !Arc::ptr_eq(&self.clock, clock) && self.clock != *clock {
            self.clock = Arc::clone(clock);
            self.frames.clear();
        }
    }

    fn insert(&mut self, mut entry: Entry) {
        // A deletion may be announced before the message it takes away: both were durable before either was.
        if self.deletions.iter().any(|deletion| deletion.seq == entry.seq) {
            entry.empty();
        }
        match self.recent.binary_search_by_key(&entry.seq, |kept| kept.seq) {
            Ok(_) => {}
            Err(place) => {
                self.messages += 1;
                self.recent.insert(place, entry);
            }
        }
        while self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// How far messages may be seen: up to the first hole, unless too many wait behind it. Messages behind a hole are
    /// durable all the same, and a viewer reads what is missing here from the database.
    fn furthest(&self) -> Seq {
        let first = self.recent.partition_point(|entry| entry.seq <= self.reached);
        Seq(unbroken(self.reached.0, self.recent.range(first..).map(|entry| entry.seq.0)))
    }

    /// The same for deletions.
    fn furthest_change(&self, seen: Change) -> Change {
        let first = self.deletions.partition_point(|deletion| deletion.change <= seen);
        Change(unbroken(seen.0, self.deletions.range(first..).map(|deletion| deletion.change.0)))
    }

    fn delete(&mut self, deletion: Deletion) {
        // What was deleted before this hub began was never counted in it.
        self.messages -= i64::from(deletion.change > self.counted);
        let place = self.deletions.partition_point(|kept| kept.change < deletion.change);
        self.deletions.insert(place, deletion);
        while self.deletions.len() > RECENT_DELETIONS {
            self.deletions.pop_front();
        }
        if let Ok(place) = self.recent.binary_search_by_key(&deletion.seq, |entry| entry.seq)
            && let Some(entry) = self.recent.get_mut(place)
        {
            entry.empty();
        }
        self.frames.clear();
    }
}

impl Entry {
    fn new(message: Message, clock: &PlayClock) -> Option<Self> {
        let seq = message.seq?;
        let position_ms = place(clock, message.position);
        let json = message.to_json_at(position_ms).into();
        Some(Self { seq, announced: None, message, position_ms, json })
    }

    /// The serialised message, made again when its place on the timeline has moved.
    fn json(&mut self, clock: &PlayClock) -> Arc<str> {
        let position_ms = place(clock, self.message.position);
        if position_ms != self.position_ms {
            self.position_ms = position_ms;
            self.json = self.message.to_json_at(position_ms).into();
        }
        Arc::clone(&self.json)
    }

    fn empty(&mut self) {
        self.message.deleted = true;
        self.message.content.clear();
        self.message.mentions.clear();
        self.json = self.message.to_json_at(self.position_ms).into();
    }
}

/// The last of the numbers that follow `seen` one by one; all of them when too many wait behind a hole.
fn unbroken(seen: i64, after: impl DoubleEndedIterator<Item = i64> + Clone) -> i64 {
    match after.clone().next_back() {
        Some(newest) if newest - seen > WAITING => newest,
        _ => {
            after.zip(seen + 1..).take_while(|(number, next)| number == next).last().map_or(seen, |(n, _)| n)
        }
    }
}

/// The wire's frame of numbered messages that are serialised already, ended where it gets large, and the number it
/// ends with.
pub(crate) fn messages_frame(
    lines: impl Iterator<Item = (Seq, impl AsRef<str>)>,
    change: Change,
) -> (Bytes, Seq) {
    let mut frame = String::from(r#"{"type":"messages","messages":["#);
    let mut upto = Seq(0);
    for (seq, line) in lines {
        if upto > Seq(0) && frame.len() + line.as_ref().len() > FRAME_BYTES {
            break;
        }
        if upto > Seq(0) {
            frame.push(',');
        }
        frame.push_str(line.as_ref());
        upto = seq;
    }
    frame.push_str(&format!(r#"],"change":{change}}}"#));
    (Bytes::from(frame), upto)
}

/// The wire's frame of deletions, in their order.
pub(crate) fn deletions_frame(deletions: &[Deletion]) -> Bytes {
    let seqs: Vec<i64> = deletions.iter().map(|deletion| deletion.seq.0).collect();
    let change = deletions.last().map_or(0, |deletion| deletion.change.0);
    serialised(&ServerFrame::Deleted { seqs: &seqs, change })
}

#[cfg(test)]
mod tests {
    use timeline::Position;

    use ids::{LiveId, PersonId, UnixMs};

    use super::*;
    use crate::message::Kind;

    fn message(seq: i64) -> Message {
        Message {
            live_id: LiveId(1),
            seq: Some(Seq(seq)),
            content: format!("message {seq}"),
            created_at_ms: UnixMs(0),
            kind: Kind::Text,
            reply_to: None,
            position: Position { take: 2, ms: 100 },
            author: Author {
                id: PersonId(1),
                first_name: "A".into(),
                last_name: "B".into(),
                profile_picture: None,
            },
            mentions: Vec::new(),
            deleted: false,
            on_replay: false,
            held: false,
        }
    }

    fn deletion(change: i64, seq: i64) -> Deletion {
        Deletion { change: Change(change), seq: Seq(seq) }
    }

    fn hub() -> (Hub, Arc<PlayClock>) {
        let clock = Arc::new(PlayClock::new([(1, 0, 1_000), (2, 5_000, 1_000)]));
        (Hub::new(Counters::default(), Vec::new(), Rules::default(), Arc::clone(&clock)), clock)
    }

    fn announce(hub: &Hub, seq: i64, clock: &Arc<PlayClock>) {
        assert_eq!(hub.announce(message(seq), clock), None);
    }

    fn seqs(frame: &Bytes) -> Vec<i64> {
        let value: serde_json::Value = serde_json::from_slice(frame).unwrap();
        value["messages"].as_array().unwrap().iter().map(|message| message["seq"].as_i64().unwrap()).collect()
    }

    #[test]
    fn messages_announced_out_of_order_are_seen_in_order() {
        let (hub, clock) = hub();
        let marks = hub.marks();
        announce(&hub, 2, &clock);
        assert_eq!(marks.borrow().seq, Seq(0));
        announce(&hub, 1, &clock);
        assert_eq!(marks.borrow().seq, Seq(2));
        let Frame { bytes: frame, upto, .. } = hub.frame(Seq(0), Seq(2), Change(0)).unwrap();
        assert_eq!((seqs(&frame), upto), (vec![1, 2], Seq(2)));
    }

    #[test]
    fn the_newest_page_is_here_and_an_older_one_is_not() {
        let (hub, clock) = hub();
        for seq in 1..=300 {
            announce(&hub, seq, &clock);
        }
        hub.deleted(deletion(1, 299));
        let page = |window, limit| {
            let found = hub.window(window, limit)?;
            Some(
                found
                    .into_iter()
                    .map(|message| (message.seq.unwrap().0, message.deleted))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            page(Window::Before(Seq(i64::MAX)), 3),
            Some(vec![(298, false), (299, true), (300, false)])
        );
        assert_eq!(page(Window::Before(Seq(299)), 1), Some(vec![(298, false)]));
        assert_eq!(page(Window::After(Seq(298)), 1), Some(vec![(299, true)]));
        assert_eq!(page(Window::Between(Seq(297), Seq(299)), 50), Some(vec![(298, false)]));
        assert_eq!(page(Window::After(Seq(300)), 50), Some(vec![]));
        assert_eq!(page(Window::After(Seq(1_000)), 50), Some(vec![]));
        assert_eq!(page(Window::After(Seq(10)), 50), None, "no longer here");
        assert_eq!(page(Window::Before(Seq(50)), 50), None, "no longer here");
        let counters = Counters { last_seq: Seq(300), change: Change(1), messages: 299 };
        assert_eq!(hub.counters(), counters);
        announce(&hub, 302, &clock);
        assert_eq!(page(Window::Before(Seq(i64::MAX)), 1), None, "301 is in the database already");
    }

    #[test]
    fn a_hole_that_stays_is_left_to_the_database() {
        let (hub, clock) = hub();
        for seq in 2..=WAITING + 1 {
            announce(&hub, seq, &clock);
        }
        assert_eq!(hub.marks().borrow().seq, Seq(WAITING + 1));
        assert_eq!(hub.frame(Seq(0), Seq(10), Change(0)), None);
        assert!(hub.frame(Seq(1), Seq(10), Change(0)).is_some());
    }

    #[test]
    fn only_the_newest_messages_are_kept() {
        let (hub, clock) = hub();
        for seq in 1..=RECENT as i64 + 10 {
            announce(&hub, seq, &clock);
        }
        assert_eq!(hub.frame(Seq(9), Seq(20), Change(0)), None);
        let Frame { bytes: frame, upto, .. } = hub.frame(Seq(10), Seq(20), Change(0)).unwrap();
        assert_eq!((seqs(&frame).len(), upto), (10, Seq(20)));
        let Frame { bytes: frame, upto, .. } = hub.frame(Seq(10), Seq(200), Change(0)).unwrap();
        assert!(frame.len() <= FRAME_BYTES + 100 && upto > Seq(20));
        assert!(seqs(&frame).into_iter().eq(11..=upto.0));
    }

    #[test]
    fn a_deleted_message_is_empty_also_when_announced_afterwards() {
        let (hub, clock) = hub();
        announce(&hub, 1, &clock);
        hub.deleted(deletion(1, 1));
        hub.deleted(deletion(2, 2));
        announce(&hub, 2, &clock);
        let frame = hub.frame(Seq(0), Seq(2), Change(2)).unwrap().bytes;
        assert!(!String::from_utf8_lossy(&frame).contains("message "));
        assert_eq!(hub.deletions(Change(1), Change(2)).unwrap(), [deletion(2, 2)]);
    }

    #[test]
    fn deletions_announced_out_of_order_are_seen_in_order() {
        let (hub, _) = hub();
        hub.deleted(deletion(2, 7));
        assert_eq!(hub.marks().borrow().change, Change(0));
        hub.deleted(deletion(1, 9));
        assert_eq!(hub.marks().borrow().change, Change(2));
        assert_eq!(hub.deletions(Change(0), Change(2)).unwrap(), [deletion(1, 9), deletion(2, 7)]);
    }

    #[test]
    fn many_viewers_are_woken_for_several_messages_together() {
        let (hub, clock) = hub();
        let viewers: Vec<_> = (0..10_000).map(|_| hub.marks()).collect();
        assert_eq!(hub.announce(message(1), &clock), None);
        let due = hub.announce(message(2), &clock).unwrap();
        assert!(due <= Instant::now() + TOGETHER);
        assert_eq!(hub.announce(message(3), &clock), None);
        assert_eq!(viewers[0].borrow().seq, Seq(1));
        hub.wake();
        assert_eq!(viewers[0].borrow().seq, Seq(3));
    }

    #[test]
    fn a_moved_timeline_moves_the_messages_already_serialised() {
        let (hub, clock) = hub();
        announce(&hub, 1, &clock);
        let place = |frame: &Bytes| {
            serde_json::from_slice::<serde_json::Value>(frame).unwrap()["messages"][0]["position_ms"].as_i64()
        };
        assert_eq!(place(&hub.frame(Seq(0), Seq(1), Change(0)).unwrap().bytes), Some(1_100));
        hub.set_clock(&Arc::new(PlayClock::new([(1, 0, 4_000), (2, 5_000, 1_000)])));
        assert_eq!(place(&hub.frame(Seq(0), Seq(1), Change(0)).unwrap().bytes), Some(4_100));
    }
}
