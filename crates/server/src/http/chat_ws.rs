//! The conversation over a WebSocket: a reader who may also write.
//!
//! One task for each connection. What is to be read comes through a cursor ([`chat::Viewer`]), so a reader who takes
//! nothing is owed nothing: the task waits for them, and after [`SENDING`] gives them up to come back with `after=`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message as Frame, Utf8Bytes, WebSocket, close_code};
use axum::extract::{Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chat::{Posted, Viewer};
use futures_util::{SinkExt, StreamExt};
use ids::{Change, LiveId, Seq};
use lives::{Live, Visibility, policy};
use serde_json::Value;
use timeline::PlayClock;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, Interval};
use tokio_util::sync::WaitForCancellationFutureOwned;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Refusal;
use wire::conversation::{NewMessage, SocketQuery};
use wire::frames::{ClientFrame, ServerFrame};
use wire::lives::{KeyQuery, LivePath};

use super::access::{Id, Keys, readable};
use super::answers::public;
use super::auth::{Caller, bearer};
use super::chat::{keep, speaker};
use super::chat_state::State;
use super::problem::{Language, Problem};
use super::socket::{End, Frames, Opening, PING, SILENCE, taken};
use super::trail::Trail;
use crate::app::App;
use crate::presence::{Present, Viewing};

/// Bytes of a frame from outside at most; a longer one ends the connection.
const FRAME: usize = 64 << 10;
/// How often it is looked at whether a token is still good.
const LOOKED_AT: Duration = Duration::from_secs(1);
/// Frames sent before what comes in is looked at again.
const AT_ONCE: usize = 32;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(upgrade))
}

/// The conversation as it goes on (WebSocket)
///
/// JSON text frames: `ClientFrame` to the server, `ServerFrame` from it. A members' live sends nothing before `auth`.
#[utoipa::path(get, path = "/api/posts/live/{id}/chat/ws", operation_id = "followConversation", tag = "Conversation",
    security((), ("bearer" = [])), params(LivePath, SocketQuery, KeyQuery),
    responses((status = 101, description = "JSON text frames."), Refusal<403>, Refusal<404>, Refusal<426>, Refusal<429>))]
async fn upgrade(
    Shared(app): Shared<App>,
    caller: Caller,
    (keys, trail): (Keys, Trail),
    Path(Id(id)): Path<Id>,
    Query(from): Query<SocketQuery>,
    headers: HeaderMap,
    opening: Opening,
) -> Result<Response, Problem> {
    let live = app.lives.get(id).await?;
    let may_read = readable(&live, &caller, &keys);
    // Whoever may sign in to a members' live does so once connected.
    if !may_read && live.visibility != Visibility::Members {
        return Err(Problem::no_such_live());
    }
    let language = Language::preferred(&headers);
    let who = (caller, bearer(&headers)?.map(str::to_owned), keys, trail);
    let tasks = app.tasks.clone();
    opening.open(&tasks, FRAME, move |socket| async move {
        let joined = Connection::join(app, live, who, from, language, socket).await;
        if let Ok(connection) = joined {
            connection.run().await;
        }
    })
}

/// A message on its way into the database, and the answer to its author. A task of its own: the connection may have to
/// wait for its reader meanwhile.
type Keeping = JoinHandle<String>;

struct Connection {
    app: App,
    live: Arc<Live>,
    keys: Keys,
    /// Where what is refused is written down.
    trail: Trail,
    from: SocketQuery,
    language: Language,
    caller: Caller,
    /// The token by which they are known, looked at again and again: it may be at its end, or its sign-in.
    token: Option<String>,
    looks: Interval,
    socket: WebSocket,
    leaving: Pin<Box<WaitForCancellationFutureOwned>>,
    states: watch::Receiver<State>,
    /// Reads on, once the caller may read.
    reading: Option<Viewer>,
    /// Whether there was more to read than one turn sends.
    behind: bool,
    /// Counted as one who watches; whoever broadcasts is not.
    viewing: Option<Viewing>,
    /// Among those who are here, under their name once they have signed in.
    present: Option<Present>,
    /// One message at a time, so that they keep their order.
    keeping: Option<Keeping>,
    heard: Instant,
    pings: Interval,
    frames: Frames,
}

/// What may come next.
enum Event {
    Came(Option<Result<Frame, axum::Error>>),
    Kept(Result<String, JoinError>),
    News,
    State,
    Look,
    Ping,
    Leaving,
}

impl Connection {
    async fn join(
        app: App,
        live: Arc<Live>,
        who: (Caller, Option<String>, Keys, Trail),
        from: SocketQuery,
        language: Language,
        socket: WebSocket,
    ) -> Result<Self, End> {
        let (caller, token, keys, trail) = who;
        let mut states = app.chat_states.follow(&app.sources(), &live).await;
        states.mark_changed();
        let mut pings = tokio::time::interval_at(Instant::now() + PING, PING);
        pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looks = tokio::time::interval_at(Instant::now() + LOOKED_AT, LOOKED_AT);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut connection = Self {
            looks,
            leaving: Box::pin(app.leaving.clone().cancelled_owned()),
            app,
            live,
            keys,
            trail,
            from,
            language,
            caller,
            token,
            socket,
            states,
            reading: None,
            behind: false,
            viewing: None,
            present: None,
            keeping: None,
            heard: Instant::now(),
            pings,
            frames: Frames::new(Instant::now()),
        };
        connection.read_if_allowed().await?;
        Ok(connection)
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
            Event::Came(Some(Ok(frame))) => self.came(frame).await,
            Event::Came(Some(Err(error))) => Err(End::unreadable(error)),
            Event::Came(None) => Err(End::SILENT),
            Event::Kept(Ok(answer)) => {
                self.keeping = None;
                self.say(answer).await
            }
            Event::Kept(Err(_)) => Err(End::AGAIN),
            Event::News => self.news().await,
            Event::State => self.state().await,
            Event::Look => self.look().await,
            Event::Ping if self.heard.elapsed() > SILENCE => Err(End::SILENT),
            Event::Ping => self.send(Frame::Ping(bytes::Bytes::new())).await,
            Event::Leaving => Err(End::LEAVING),
        }
    }

    async fn next(&mut self) -> Event {
        let Self { leaving, socket, states, reading, behind, keeping, pings, looks, token, .. } = self;
        let busy = keeping.is_some();
        let kept = async {
            match keeping {
                Some(keeping) => keeping.await,
                None => std::future::pending().await,
            }
        };
        let reads = reading.is_some();
        let has_token = token.is_some();
        let news = async {
            match reading {
                Some(viewer) => viewer.changed().await,
                None => std::future::pending().await,
            }
        };
        let others = async {
            tokio::select! {
                () = leaving => Event::Leaving,
                answer = kept => Event::Kept(answer),
                frame = socket.next(), if !busy => Event::Came(frame),
                Ok(()) = states.changed(), if reads => Event::State,
                _ = looks.tick(), if has_token => Event::Look,
                _ = pings.tick() => Event::Ping,
            }
        };
        // News wake everybody: nothing else is looked at for them, unless they would keep it from its turn.
        if *behind {
            tokio::select! { biased; event = others => event, () = news => Event::News }
        } else {
            tokio::select! { biased; () = news => Event::News, event = others => event }
        }
    }

    /// Something came from outside.
    async fn came(&mut self, frame: Frame) -> Result<(), End> {
        self.heard = Instant::now();
        self.frames.admit(self.heard)?;
        match frame {
            Frame::Text(text) => self.asked(&text).await,
            Frame::Binary(_) => Err(End::fault(close_code::UNSUPPORTED, "text frames only")),
            Frame::Ping(_) | Frame::Pong(_) => Ok(()),
            Frame::Close(_) => Err(End::SILENT),
        }
    }

    async fn asked(&mut self, text: &str) -> Result<(), End> {
        let Ok(asked) = serde_json::from_str::<Value>(text) else {
            return self.refuse(None, &malformed()).await;
        };
        let client_id = asked["client_id"].as_str().map(str::to_owned);
        match serde_json::from_value(asked) {
            Ok(ClientFrame::Auth { token }) => self.authenticate(&token).await,
            Ok(ClientFrame::Send(sent)) => self.write(sent.into(), client_id).await,
            Err(_) => self.refuse(client_id, &malformed()).await,
        }
    }

    async fn authenticate(&mut self, token: &str) -> Result<(), End> {
        let caller = match Caller::of_token(&self.app.accounts, token).await {
            Ok(caller) => caller,
            Err(problem) => {
                self.trail.refused("sign-in-to-conversation", None, &problem);
                return self.refuse(None, &problem).await;
            }
        };
        let person = match caller.person() {
            Ok(person) => Arc::clone(person),
            Err(problem) => return self.refuse(None, &problem).await,
        };
        self.caller = caller;
        self.token = Some(token.to_owned());
        self.say(written(&ServerFrame::Authenticated { user: public(&person) })).await?;
        if self.viewing.is_some() {
            let person = Some(person.id);
            self.viewing = (!self.is_author()).then(|| self.app.viewers.enter(self.live.id, person));
        }
        if let Some(present) = &mut self.present {
            present.sign_in(person.id);
        }
        self.read_if_allowed().await
    }

    fn is_author(&self) -> bool {
        matches!(&self.caller, Caller::Person(person) if person.id == self.live.author.id)
    }

    /// Begins to read for a caller who may.
    async fn read_if_allowed(&mut self) -> Result<(), End> {
        if self.reading.is_some() || !readable(&self.live, &self.caller, &self.keys) {
            return Ok(());
        }
        let clock = self.app.recordings.clock(self.live.id).await;
        let SocketQuery { after, since } = self.from;
        match self.app.chat.subscribe(self.live.id, after.map(Seq), since.map(Change), &clock).await {
            Ok(viewer) => {
                self.reading = Some(viewer);
                let person = self.caller.person().ok().map(|person| person.id);
                self.viewing = (!self.is_author()).then(|| self.app.viewers.enter(self.live.id, person));
                self.present = Some(self.app.here.enter(self.live.id, person));
                Ok(())
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Lets a message be stored while this connection goes on reading.
    async fn write(&mut self, sent: NewMessage, client_id: Option<String>) -> Result<(), End> {
        if let Some(token) = &self.token {
            match Caller::of_token(&self.app.accounts, token).await {
                Ok(caller) => self.caller = caller,
                Err(problem) => return self.refuse(client_id, &problem).await,
            }
        }
        let (app, caller, keys) = (self.app.clone(), self.caller.clone(), self.keys.clone());
        let (live_id, language, trail) = (self.live.id, self.language, self.trail.clone());
        self.keeping = Some(self.app.tasks.spawn(async move {
            match store(&app, live_id, &caller, &keys, &sent).await {
                Ok((posted, clock)) => {
                    let (client_id, message) = (client_id.as_deref(), posted.message.on_wire(&clock));
                    written(&ServerFrame::Ack { client_id, message })
                }
                Err(problem) => {
                    let who = caller.person().ok().map(|person| person.id);
                    trail.refused("send-message", who, &problem);
                    refusal(client_id.as_deref(), &problem, language)
                }
            }
        }));
        Ok(())
    }

    /// Sends what this reader has not seen, some frames at a time.
    async fn news(&mut self) -> Result<(), End> {
        let Some(viewer) = &mut self.reading else { return Ok(()) };
        self.behind = true;
        for _ in 0..AT_ONCE {
            let frame = match viewer.next().await {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    self.behind = false;
                    break;
                }
                Err(error) => return Err(failed(&error)),
            };
            let Ok(text) = Utf8Bytes::try_from(frame) else { return Err(End::SILENT) };
            taken(self.socket.feed(Frame::Text(text))).await?;
        }
        taken(self.socket.flush()).await
    }

    /// Tells how the live stands, unless it is not for this reader any more.
    async fn state(&mut self) -> Result<(), End> {
        let state = self.states.borrow_and_update().clone();
        let Some(live) = state.live else {
            return Err(End::GONE);
        };
        self.live = live;
        if !readable(&self.live, &self.caller, &self.keys) {
            return Err(End::FORBIDDEN);
        }
        self.send(Frame::Text(state.frame)).await
    }

    /// Ends what goes on by a token that is good no longer.
    async fn look(&mut self) -> Result<(), End> {
        let Some(token) = &self.token else { return Ok(()) };
        match Caller::still(&self.app.accounts, token).await {
            Ok(Some(caller)) => self.caller = caller,
            Ok(None) => return Ok(()),
            Err(_) => return Err(End::SIGNED_OUT),
        }
        let lost = self.reading.is_some() && !readable(&self.live, &self.caller, &self.keys);
        if lost { Err(End::FORBIDDEN) } else { Ok(()) }
    }

    async fn refuse(&mut self, client_id: Option<String>, problem: &Problem) -> Result<(), End> {
        self.say(refusal(client_id.as_deref(), problem, self.language)).await
    }

    async fn say(&mut self, json: String) -> Result<(), End> {
        self.send(Frame::Text(json.into())).await
    }

    async fn send(&mut self, frame: Frame) -> Result<(), End> {
        taken(self.socket.send(frame)).await
    }
}

/// Stores what somebody sends, as an HTTP request would; the message, and the clock that places it.
async fn store(
    app: &App,
    live_id: LiveId,
    caller: &Caller,
    keys: &Keys,
    sent: &NewMessage,
) -> Result<(Posted, Arc<PlayClock>), Problem> {
    caller.person()?;
    let live = app.lives.get(live_id).await?;
    if !readable(&live, caller, keys) && !policy::may_moderate(&live, caller.who()) {
        return Err(Problem::no_such_live());
    }
    let speaker = speaker(&live, caller)?;
    keep(app, &live, speaker, sent).await
}

fn refusal(client_id: Option<&str>, problem: &Problem, language: Language) -> String {
    written(&ServerFrame::Refused {
        client_id,
        status: problem.status().as_u16(),
        error: problem.sentence(language),
        retry_after_s: problem.retry_after_s(),
    })
}

/// A frame as it is sent: strings and numbers, which are always written.
fn written(frame: &ServerFrame<'_>) -> String {
    serde_json::to_string(frame).unwrap_or_default()
}

fn malformed() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Ce n'est pas un message que le serveur comprend : du JSON de type auth ou send, avec ses champs.",
        "This is no message that the server understands: JSON of type auth or send, with its fields.",
    )
}

fn failed(error: &chat::Error) -> End {
    tracing::warn!(%error, "a conversation could not be read");
    End::AGAIN
}
