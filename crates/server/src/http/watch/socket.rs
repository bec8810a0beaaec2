//! The tails of a live over one WebSocket: what a player in a browser reads.
//!
//! Browsers open six connections to a host over HTTP/1.1, for all tabs together, and a page that watches by endless
//! answers holds two of them. WebSockets are not counted among the six.
//!
//! One task for each connection. It reads the bodies by its cursors ([`tail::Tracks`]) when the client has room, so a viewer
//! who takes nothing is owed nothing.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::ws::{Message as Frame, WebSocket, close_code};
use axum::extract::{Query, State as Shared};
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use delivery::tail::{Begun, BegunTrack, Next, Tracks, Wanted};
use futures_util::StreamExt;
use lives::Live;
use media::Kind;
use timeline::view::Format;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::WaitForCancellationFutureOwned;
use wire::Refusal;
use wire::lives::{KeyQuery, LivePath, TokenQuery};
use wire::tail::{TailClientFrame, TailFrame, TailTrack};
use wire::timeline::{TailQuery, TrackKind};

use super::Watched;
use super::problem::tail_problem;
use super::tail::{Question, content_type, kind};
use crate::app::App;
use crate::http::access::Right;
use crate::http::chat_state::State;
use crate::http::problem::Problem;
use crate::http::socket::{End, Frames, Opening, PING, SILENCE, taken};
use crate::http::watch::problem::bad_query;

/// Bytes of a frame from outside at most.
const FRAME: usize = 1 << 10;
/// Bytes of a binary frame at most, its first one included: as much is held for a reader who is slow.
const PIECE: usize = 32 << 10;
/// Bytes that may be on their way at most, and a fragment: sent, and not said to be taken.
const ON_THE_WAY: u64 = 4 << 20;
/// In the first byte of a binary frame, beside the number of its track: the fragment goes on in the track's next frame.
const GOES_ON: u8 = 0x80;

/// The tails of all tracks, take after take (WebSocket)
///
/// From it, as text: `TailFrame`; a take is said before its bytes, and after the end it closes with 1000. As binary: one byte (1 video, 2
/// audio; 128 is added while the fragment goes on in the track's next frame), then the next bytes of what tail.mp4 or
/// tail.webm gives of that track from `position_ms`. To it: `TailClientFrame`; at most 4 MiB and a fragment are on their
/// way. Close codes: 4403 not for you any more, 4404 deleted.
#[utoipa::path(get, path = "/api/posts/live/{id}/tail/ws", operation_id = "followTails", tag = "Watching",
    security((), ("bearer" = [])), params(LivePath, TailQuery, KeyQuery, TokenQuery),
    responses((status = 101, description = "Text and binary frames."), Refusal<403>, Refusal<426>, Refusal<429>))]
pub(super) async fn upgrade(
    Shared(app): Shared<App>,
    Watched { live, recording, right, .. }: Watched,
    asked: Question,
    opening: Opening,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(bad_query)?;
    let TailQuery { from_ms, take, track, video } = asked;
    let wanted = Wanted { track: track.map(kind), take, from_ms, slides: video.is_some() };
    let tracks = Tracks::open(recording, wanted).map_err(|error| tail_problem(error, Format::Mp4))?;
    let tasks = app.tasks.clone();
    opening.open(&tasks, FRAME, move |socket| async move {
        let states = app.chat_states.follow(&app.sources(), &live).await;
        Carrying::new(app, live, right, tracks, states, socket).run().await;
    })
}

struct Carrying {
    app: App,
    live: Arc<Live>,
    right: Right,
    /// Ends when the right is lost.
    lost: Pin<Box<dyn Future<Output = ()> + Send>>,
    tracks: Tracks,
    states: watch::Receiver<State>,
    socket: WebSocket,
    leaving: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Whether there may be more to send now.
    is_more: bool,
    sent: u64,
    taken: u64,
    heard: Instant,
    pings: Interval,
    frames: Frames,
}

/// What may come next.
enum Event {
    Came(Option<Result<Frame, axum::Error>>),
    More,
    State,
    Lost,
    Ping,
    Leaving,
}

impl Carrying {
    fn new(
        app: App,
        live: Arc<Live>,
        right: Right,
        tracks: Tracks,
        states: watch::Receiver<State>,
        socket: WebSocket,
    ) -> Self {
        let now = Instant::now();
        let mut pings = tokio::time::interval_at(now + PING, PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            leaving: Box::pin(app.leaving.clone().cancelled_owned()),
            app,
            live,
            lost: Box::pin(right.clone().lost()),
            right,
            tracks,
            states,
            socket,
            is_more: true,
            sent: 0,
            taken: 0,
            heard: now,
            pings,
            frames: Frames::new(now),
        }
    }

    async fn run(mut self) {
        let end = loop {
            if let Err(end) = self.turn().await {
                break end;
            }
        };
        end.say(&mut self.socket).await;
    }

    async fn turn(&mut self) -> Result<(), End> {
        match self.next().await {
            Event::Came(Some(Ok(frame))) => self.came(&frame),
            Event::Came(Some(Err(error))) => Err(End::unreadable(error)),
            Event::Came(None) => Err(End::SILENT),
            Event::More => self.more().await,
            Event::State => self.look().await,
            Event::Lost => Err(End::FORBIDDEN),
            Event::Ping if self.heard.elapsed() > SILENCE => Err(End::SILENT),
            Event::Ping => self.send(Frame::Ping(Bytes::new())).await,
            Event::Leaving => Err(End::LEAVING),
        }
    }

    async fn next(&mut self) -> Event {
        let has_room = self.sent - self.taken < ON_THE_WAY;
        let Self { leaving, lost, socket, states, pings, tracks, is_more, .. } = self;
        let more = async {
            if !*is_more {
                tracks.changed().await;
            }
        };
        tokio::select! {
            biased;
            () = leaving => Event::Leaving,
            () = lost => Event::Lost,
            frame = socket.next() => Event::Came(frame),
            Ok(()) = states.changed() => Event::State,
            _ = pings.tick() => Event::Ping,
            () = more, if has_room => Event::More,
        }
    }

    /// Something came from outside.
    fn came(&mut self, frame: &Frame) -> Result<(), End> {
        self.heard = Instant::now();
        self.frames.admit(self.heard)?;
        match frame {
            Frame::Text(text) => match serde_json::from_str(text) {
                Ok(TailClientFrame::Taken { bytes }) if (self.taken..=self.sent).contains(&bytes) => {
                    self.taken = bytes;
                    Ok(())
                }
                _ => Err(End::fault(close_code::POLICY, "taken, with the bytes of frames that were sent")),
            },
            Frame::Binary(_) => Err(End::fault(close_code::UNSUPPORTED, "text frames only")),
            Frame::Ping(_) | Frame::Pong(_) => Ok(()),
            Frame::Close(_) => Err(End::SILENT),
        }
    }

    /// Sends what comes next.
    async fn more(&mut self) -> Result<(), End> {
        let next = self.tracks.next().await.map_err(|error| {
            tracing::warn!(live = %self.live.id, %error, "a tail could not be read");
            End::AGAIN
        })?;
        self.is_more = next != Next::Later;
        match next {
            Next::Take(begun) => self.say(&take(&begun)).await,
            Next::Bytes(kind, bytes) => self.carry(kind, bytes).await,
            Next::Later => Ok(()),
            // A live that is deleted ends too.
            Next::End if self.app.lives.get(self.live.id).await.is_err() => Err(End::GONE),
            Next::End => {
                self.say(&TailFrame::Ended).await?;
                Err(End::DONE)
            }
        }
    }

    async fn carry(&mut self, kind: Kind, mut bytes: Bytes) -> Result<(), End> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE - 1));
            let mut frame = BytesMut::with_capacity(1 + piece.len());
            frame.put_u8(number(kind) | if bytes.is_empty() { 0 } else { GOES_ON });
            frame.extend_from_slice(&piece);
            self.sent += frame.len() as u64;
            self.send(Frame::Binary(frame.freeze())).await?;
        }
        Ok(())
    }

    /// Ends what is not for this viewer any more.
    async fn look(&mut self) -> Result<(), End> {
        if self.states.borrow_and_update().live.is_none() {
            return Err(End::GONE);
        }
        if self.right.holds().await { Ok(()) } else { Err(End::FORBIDDEN) }
    }

    async fn say(&mut self, frame: &TailFrame) -> Result<(), End> {
        // Strings and numbers are always written.
        let text = serde_json::to_string(frame).unwrap_or_default();
        self.send(Frame::Text(text.into())).await
    }

    async fn send(&mut self, frame: Frame) -> Result<(), End> {
        let Self { leaving, socket, .. } = self;
        tokio::select! {
            sent = taken(socket.send(frame)) => sent,
            () = leaving => Err(End::LEAVING),
        }
    }
}

/// The track numbers of every file of ours.
fn number(kind: Kind) -> u8 {
    match kind {
        Kind::Video => 1,
        Kind::Audio => 2,
    }
}

fn take(begun: &Begun) -> TailFrame {
    let track = |track: &BegunTrack| TailTrack {
        kind: match track.kind {
            Kind::Video => TrackKind::Video,
            Kind::Audio => TrackKind::Audio,
        },
        mime: format!("{}; codecs=\"{}\"", content_type(track.format, Some(track.kind)), track.codec),
        position_ms: track.position_ms,
    };
    let tracks = begun.tracks.iter().map(track).collect();
    TailFrame::Take { take: begun.take, offset_ms: begun.offset_ms, tracks }
}
