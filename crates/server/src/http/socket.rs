//! What every WebSocket of ours keeps to: who may open one, how long somebody may be silent or take nothing, how it ends.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::{FutureExt, SinkExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Error as Unreadable;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_util::task::TaskTracker;

use super::cors::origin_allowed;
use super::problem::Problem;
use crate::places::Place;
use crate::settings::Settings;

/// How often a silent client is asked whether it is still there.
pub(super) const PING: Duration = Duration::from_secs(25);
/// How long somebody may be silent before they count as gone.
pub(super) const SILENCE: Duration = Duration::from_secs(60);
/// How long a reader may take nothing of what is sent.
const SENDING: Duration = Duration::from_secs(10);
/// How long a connection that ends may take for its last frame.
const GOODBYE: Duration = Duration::from_secs(1);
/// Frames from outside, of any kind, at once and each second in the long run. More end the connection.
const FRAMES: (f64, f64) = (2_000.0, 200.0);
/// Bytes read at once from each connection, and kept for as long as it lasts: what people say is shorter.
const READ_AHEAD: usize = 1 << 10;
/// Bytes gathered before they are written, unless there is nothing more to send.
const GATHERED: usize = 16 << 10;
/// Close codes of our own (RFC 6455, section 7.4.2): the token is good no longer, not for you any more, and gone.
const CLOSE_SIGNED_OUT: u16 = 4401;
const CLOSE_FORBIDDEN: u16 = 4403;
const CLOSE_GONE: u16 = 4404;

/// A request for a WebSocket.
pub(super) struct Opening {
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    is_from_here: bool,
    place: Option<Place>,
}

impl<S: Send + Sync> FromRequestParts<S> for Opening
where
    Settings: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self {
            upgrade: WebSocketUpgrade::from_request_parts(parts, state).await,
            is_from_here: origin_allowed(&Settings::from_ref(state).now(), &parts.headers),
            place: parts.extensions.get::<Place>().cloned(),
        })
    }
}

impl Opening {
    /// Opens it, if it may be opened from where the request comes. Frames from outside hold at most `frame` bytes. It
    /// keeps the place of its connection, and leaving waits for it to say goodbye.
    ///
    /// # Errors
    /// The origin may not open one here. A request for something else than a WebSocket has its answer.
    pub(super) fn open<F>(
        self,
        tasks: &TaskTracker,
        frame: usize,
        talk: impl FnOnce(WebSocket) -> F + Send + 'static,
    ) -> Result<Response, Problem>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if !self.is_from_here {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "Cette origine ne peut pas ouvrir de connexion ici.",
                "This origin may not open a connection here.",
            ));
        }
        let upgrade = match self.upgrade {
            Ok(upgrade) => upgrade,
            Err(rejection) => return Ok(rejection.into_response()),
        };
        let upgrade = upgrade
            .max_message_size(frame)
            .max_frame_size(frame)
            .read_buffer_size(READ_AHEAD)
            .write_buffer_size(GATHERED);
        let tasks = tasks.clone();
        Ok(upgrade.on_upgrade(move |socket| {
            tasks.track_future(async move {
                let _place = self.place;
                talk(socket).await;
            })
        }))
    }
}

/// Why a connection ends: a close frame to send, if anybody still listens.
pub(super) struct End(Option<(u16, &'static str)>);

impl End {
    /// Nobody listens any more.
    pub(super) const SILENT: Self = Self(None);
    /// The server leaves.
    pub(super) const LEAVING: Self = Self(Some((close_code::AWAY, "the server is leaving")));
    /// Something failed here; coming back may help.
    pub(super) const AGAIN: Self = Self(Some((close_code::AGAIN, "try again")));
    /// The live was deleted.
    pub(super) const GONE: Self = Self(Some((CLOSE_GONE, "this live was deleted")));
    /// The live is not for this reader any more.
    pub(super) const FORBIDDEN: Self = Self(Some((CLOSE_FORBIDDEN, "this live is not public any more")));
    /// The token by which this reader came is good no longer; with a fresh one they may come back.
    pub(super) const SIGNED_OUT: Self = Self(Some((CLOSE_SIGNED_OUT, "the token is good no longer")));
    /// There is nothing more to send.
    pub(super) const DONE: Self = Self(Some((close_code::NORMAL, "that was all")));

    /// The client did what it must not.
    pub(super) fn fault(code: u16, reason: &'static str) -> Self {
        Self(Some((code, reason)))
    }

    /// What came cannot be read: the code that says why (RFC 6455, 7.4.1), none for a connection that is gone.
    pub(super) fn unreadable(error: axum::Error) -> Self {
        tracing::debug!(%error, "a frame could not be read");
        match error.into_inner().downcast_ref::<Unreadable>() {
            Some(Unreadable::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Self::SILENT,
            Some(Unreadable::Protocol(_)) => Self::fault(close_code::PROTOCOL, "not a frame of RFC 6455"),
            Some(Unreadable::Utf8(_)) => Self::fault(close_code::INVALID, "a text frame is UTF-8"),
            Some(Unreadable::Capacity(_)) => Self::fault(close_code::SIZE, "a message is too long"),
            _ => Self::SILENT,
        }
    }

    /// Says goodbye.
    pub(super) async fn say(self, socket: &mut WebSocket) {
        let goodbye = async {
            if let Self(Some((code, reason))) = self {
                let frame = Frame::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
                socket.send(frame).await?;
            }
            // A Close that came is answered here (RFC 6455, 5.5.1): the answer waits to be written.
            socket.flush().await?;
            // What the client still says is read to its own Close: a connection that closes before it has read all is
            // reset, and what was sent last may never be read.
            while let Some(Ok(_)) = socket.recv().await {}
            Ok::<_, axum::Error>(())
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

/// What was sent is on its way, or the reader takes nothing and is given up.
pub(super) async fn taken(sending: impl Future<Output = Result<(), axum::Error>>) -> Result<(), End> {
    let mut sending = pin!(sending);
    // Nearly always the kernel takes it at once, and no time needs to be kept.
    let sent = match sending.as_mut().now_or_never() {
        Some(sent) => Ok(sent),
        None => tokio::time::timeout(SENDING, sending).await,
    };
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::SILENT),
    }
}

/// How many frames may still come: [`FRAMES`].
pub(super) struct Frames {
    left: f64,
    since: Instant,
}

impl Frames {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: FRAMES.0, since: now }
    }

    /// Lets another frame in, or ends the connection.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), End> {
        let (most, each_second) = FRAMES;
        self.left = most.min(self.left + now.duration_since(self.since).as_secs_f64() * each_second) - 1.0;
        self.since = now;
        if self.left >= 0.0 { Ok(()) } else { Err(End::fault(close_code::POLICY, "too many frames")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_frames_is_noticed_and_a_quick_writer_is_not() {
        let start = Instant::now();
        let mut frames = Frames::new(start);
        assert!((0..2_000).all(|_| frames.admit(start).is_ok()));
        assert!(frames.admit(start).is_err());
        let mut frames = Frames::new(start);
        assert!((0..10_000_u32).all(|turn| frames.admit(start + Duration::from_millis(10) * turn).is_ok()));
    }
}
