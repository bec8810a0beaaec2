//! The RTMP door: one connection, from its first byte to the last frame that it brought.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use ids::LiveId;
use ingest::Publisher;
use ingest::publisher;
use ingest::rtmp::{self, Refusal, Session, Step, Target};
use lives::Live;
use media::container::Event;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use crate::app::App;
use crate::http::problem::{Language, Problem, storage};
use crate::http::trail::refused_encoder;
use crate::places::Place;
use crate::publishing::{count, hear, room};
use crate::tls::{Speaks, Tls};
use crate::traffic::Traffic;

/// How long a connection may take until it publishes, and from one time that it does to the next.
const LOGIN: Duration = Duration::from_secs(10);
/// Within so long a publisher brings at least so many bytes: less than the sound of a muted microphone.
const WINDOW: Duration = Duration::from_secs(30);
const LEAST_SENT: usize = 512;
/// How long the other side may take to take an answer, and to close after a refusal.
const ANSWER: Duration = Duration::from_secs(10);
const PARTING: Duration = Duration::from_secs(1);
/// Bytes that are read on after a refusal, so that it arrives.
const READ_ON: u64 = 1 << 20;
/// Frames are stored together that come within so long, or are so many bytes or events.
const TOGETHER: Duration = Duration::from_millis(100);
const TOGETHER_BYTES: usize = 1 << 20;
const TOGETHER_EVENTS: usize = 1_000;
/// After so long without a frame those that wait for a successor are let go.
const SILENCE: Duration = Duration::from_secs(1);
/// How often the live is told that bytes come.
const HEARD_EVERY: Duration = Duration::from_secs(1);
/// Bytes that are read at once before somebody publishes, and then.
const FIRST_BUFFER: usize = 4 << 10;
const BUFFER: usize = 64 << 10;

/// Talks with whoever connected until they have gone, are refused, or the server leaves.
pub(crate) async fn talk(app: App, stream: TcpStream, address: SocketAddr, place: Place) {
    without_delay(&stream);
    converse(app, stream, address, place, Instant::now()).await;
}

/// The same by TLS. The handshake is part of the time until somebody publishes.
pub(crate) async fn talk_by_tls(app: App, tls: Tls, stream: TcpStream, address: SocketAddr, place: Place) {
    let since = Instant::now();
    without_delay(&stream);
    let leaving = app.leaving.clone();
    match leaving.run_until_cancelled(tls.take(stream, Speaks::Rtmp)).await {
        Some(Ok(Some(stream))) => converse(app, stream, address, place, since).await,
        Some(Err(error)) => tracing::debug!(%address, %error, "a handshake of RTMPS failed"),
        Some(Ok(None)) | None => {}
    }
}

fn without_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "an RTMP connection keeps its delay");
    }
}

async fn converse<S>(app: App, stream: S, address: SocketAddr, place: Place, since: Instant)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (session, traffic) = (Session::default(), app.metrics.traffic("rtmp"));
    let login_by = since + LOGIN;
    let mut connection =
        Connection { app, stream, traffic, address, place, session, live: None, since, login_by };
    let end = connection.run().await;
    connection.leave(end).await;
}

struct Connection<S> {
    app: App,
    stream: S,
    traffic: Traffic,
    address: SocketAddr,
    place: Place,
    session: Session,
    /// What is published.
    live: Option<Publishing>,
    since: Instant,
    /// Until when somebody must publish, while nobody does.
    login_by: Instant,
}

struct Publishing {
    live: Arc<Live>,
    publisher: Publisher,
    /// What came and is not stored yet, its bytes, and when it is stored at the latest.
    events: Vec<Event>,
    bytes: usize,
    store_at: Option<Instant>,
    /// When the frames that wait for a successor are let go.
    let_go_at: Option<Instant>,
    heard: Instant,
    /// Bytes that came in the window, and when that ends.
    came: usize,
    window_ends: Instant,
}

/// Why a connection ends.
enum End {
    /// The other side closed it, or it was cut.
    Gone,
    /// Too little came for too long.
    Slow,
    /// The server leaves.
    Leaving,
    /// A newer publisher of the live took over.
    TakenOver,
    /// The live was stopped or deleted.
    Over,
    Refused(Refusal, Problem),
    Broken(rtmp::Error),
}

/// What happened while a connection waited.
enum Woken {
    Bytes(usize),
    Time,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    async fn run(&mut self) -> End {
        let mut buffer = vec![0; FIRST_BUFFER];
        loop {
            let done = match self.wait(&mut buffer).await {
                Ok(Woken::Bytes(count)) => self.take(&buffer[..count]).await,
                Ok(Woken::Time) => self.look_at_the_time().await,
                Err(end) => return end,
            };
            if let Err(end) = done {
                return end;
            }
            let size = if self.live.is_some() { BUFFER } else { FIRST_BUFFER };
            if buffer.len() != size {
                buffer = vec![0; size];
            }
        }
    }

    async fn wait(&mut self, buffer: &mut [u8]) -> Result<Woken, End> {
        let next = match &self.live {
            Some(live) => live.wakes_at(),
            None => self.login_by,
        };
        let live = self.live.as_ref();
        let ended = async move {
            match live {
                Some(live) => live.publisher.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.app.leaving.cancelled() => Err(End::Leaving),
            () = ended => Err(End::Over),
            () = sleep_until(next) => Ok(Woken::Time),
            read = self.stream.read(buffer) => match read {
                Ok(0) | Err(_) => Err(End::Gone),
                Ok(count) => {
                    self.traffic.received.inc_by(count as u64);
                    Ok(Woken::Bytes(count))
                }
            },
        }
    }

    async fn take(&mut self, mut bytes: &[u8]) -> Result<(), End> {
        if let Some(live) = &mut self.live {
            live.came += bytes.len();
        }
        let now_ms = i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX);
        loop {
            let step = self.session.step(&mut bytes, now_ms);
            self.send().await?;
            match step.map_err(End::Broken)? {
                None => return Ok(()),
                Some(Step::Publish(target)) => self.begin(target).await?,
                Some(Step::Event(event)) => {
                    if let Some(live) = &mut self.live
                        && live.keep(event)
                    {
                        live.store(&self.app).await?;
                    }
                }
                Some(Step::End) => {
                    self.finish().await;
                    self.login_by = Instant::now() + LOGIN;
                }
            }
        }
    }

    async fn look_at_the_time(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let Some(live) = &mut self.live else {
            return if now >= self.login_by { Err(End::Slow) } else { Ok(()) };
        };
        if now >= live.window_ends {
            if live.came < LEAST_SENT {
                return Err(End::Slow);
            }
            (live.came, live.window_ends) = (0, now + WINDOW);
        }
        if live.store_at.is_some_and(|at| now >= at) {
            live.store(&self.app).await?;
        }
        if live.let_go_at.is_some_and(|at| now >= at) {
            live.let_go_at = None;
            live.publisher.flush().await.map_err(failed)?;
        }
        Ok(())
    }

    /// Lets in who asks to publish, or refuses them.
    async fn begin(&mut self, target: Target) -> Result<(), End> {
        let live = self.admitted(&target).await.map_err(|problem| {
            let named = if let Target::Live { id, .. } = &target { Some(LiveId(*id)) } else { None };
            self.app.audit.write(&refused_encoder(self.address, named, &problem));
            End::Refused(Refusal::BadName, problem)
        })?;
        let refused = |problem| End::Refused(Refusal::Failed, problem);
        drop(room(&self.app, &live, 0).await.map_err(refused)?);
        // Before its publisher is there: what the live's end of before ends is then an older one.
        hear(&self.app, &live).await;
        let publisher = self.app.publishers.open(live.id.0, "rtmp", 0).await.map_err(failed)?;
        if let Err(problem) = self.admitted(&target).await {
            // Stopped or deleted meanwhile: nobody may have heard of the publisher.
            let _ = publisher.end().await;
            return Err(End::Refused(Refusal::BadName, problem));
        }
        self.place.belongs_to(live.author.id);
        tracing::info!(live = %live.id, address = %self.address, "publishing by RTMP begins");
        self.live = Some(Publishing::new(live, publisher));
        self.session.accept();
        self.send().await
    }

    /// The live that somebody asks for, if theirs is its key and it runs, or was not stopped at least.
    async fn admitted(&self, target: &Target) -> Result<Arc<Live>, Problem> {
        let unknown = || {
            let french = "Cette clé de diffusion n'est celle d'aucun live.";
            Problem::new(StatusCode::NOT_FOUND, french, "This stream key is of no live.")
        };
        let found = match target {
            Target::Key(key) => self.app.lives.by_stream_key(key).await.map(Arc::new),
            Target::Live { id, .. } => self.app.lives.get(LiveId(*id)).await,
        };
        let live = match found {
            Err(lives::Error::NoSuchLive) => return Err(unknown()),
            found => found?,
        };
        let opens = match target {
            Target::Key(_) => true,
            Target::Live { key, .. } => live.opens_with(key),
        };
        if !opens {
            return Err(unknown());
        }
        if live.stopped_ms.is_some() {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "Ce live est terminé : il ne reçoit plus rien par RTMP.",
                "This live has ended: it takes nothing more by RTMP.",
            ));
        }
        Ok(live)
    }

    /// Stores what came and ends its publisher; whatever is published now has ended.
    async fn finish(&mut self) {
        let Some(Publishing { live, mut publisher, events, .. }) = self.live.take() else { return };
        let mut done = publisher.frames(events).await;
        if done.is_ok() {
            done = publisher.end().await;
        }
        self.app.recordings.touch(live.id);
        match done {
            Err(publisher::Error::Storage(error)) => {
                tracing::error!(live = %live.id, %error, "the last frames of an RTMP publisher could not be stored");
            }
            _ => tracing::info!(live = %live.id, address = %self.address, "publishing by RTMP ends"),
        }
    }

    async fn send(&mut self) -> Result<(), End> {
        let bytes = self.session.to_send();
        if bytes.is_empty() {
            return Ok(());
        }
        let sent = async {
            self.stream.write_all(&bytes).await?;
            // By TLS what was written may wait.
            self.stream.flush().await
        };
        match timeout(ANSWER, sent).await {
            Ok(Ok(())) => {
                self.traffic.sent.inc_by(bytes.len() as u64);
                Ok(())
            }
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Slow),
        }
    }

    /// Stores the last frames, then says why, as far as somebody may want to know.
    async fn leave(mut self, end: End) {
        let end = match end {
            End::Over => self.why_over().await,
            end => end,
        };
        self.finish().await;
        let address = self.address;
        match &end {
            End::Gone | End::Leaving => return,
            End::Slow => {
                tracing::debug!(%address, "an RTMP connection that brings nothing is closed");
                return;
            }
            End::Over => {
                self.session.end("Ce live a été arrêté. / This live was stopped.");
            }
            End::TakenOver => {
                let sentence = "Un autre encodeur diffuse ce live. / Another encoder publishes this live.";
                self.session.refuse(Refusal::Failed, sentence);
            }
            End::Refused(refusal, problem) => {
                let (french, english) =
                    (problem.sentence(Language::French), problem.sentence(Language::English));
                tracing::info!(%address, reason = english, "an RTMP publisher is refused");
                self.session.refuse(*refusal, &format!("{french} / {english}"));
            }
            End::Broken(error) => {
                tracing::info!(%address, reason = %error, "an RTMP connection is refused");
                self.session.refuse(Refusal::Failed, &format!("{} / {}.", french(error), english(error)));
            }
        }
        if self.send().await.is_ok() && self.stream.shutdown().await.is_ok() {
            // Closed while bytes wait to be read it would be reset, and the other side might not read what was said.
            let mut rest = self.stream.take(READ_ON);
            let _ = timeout(PARTING, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
        }
    }

    async fn why_over(&mut self) -> End {
        match &mut self.live {
            Some(live) => match live.publisher.frames(Vec::new()).await {
                Err(publisher::Error::TakenOver) => End::TakenOver,
                _ => End::Over,
            },
            None => End::Over,
        }
    }
}

impl Publishing {
    fn new(live: Arc<Live>, publisher: Publisher) -> Self {
        let now = Instant::now();
        Self {
            live,
            publisher,
            events: Vec::new(),
            bytes: 0,
            store_at: None,
            let_go_at: None,
            heard: now,
            came: 0,
            window_ends: now + WINDOW,
        }
    }

    fn wakes_at(&self) -> Instant {
        let soon = [self.store_at, self.let_go_at].into_iter().flatten().min();
        soon.map_or(self.window_ends, |soon| soon.min(self.window_ends))
    }

    /// Keeps an event to be stored: whether that is due.
    fn keep(&mut self, event: Event) -> bool {
        self.bytes += match &event {
            Event::Frame(frame) => frame.data.len(),
            Event::Unread(unread) => unread.bytes.len(),
            _ => 0,
        };
        self.events.push(event);
        let store_at = *self.store_at.get_or_insert_with(|| Instant::now() + TOGETHER);
        self.bytes >= TOGETHER_BYTES || self.events.len() >= TOGETHER_EVENTS || Instant::now() >= store_at
    }

    /// Stores what came.
    async fn store(&mut self, app: &App) -> Result<(), End> {
        let (events, bytes) = (std::mem::take(&mut self.events), std::mem::take(&mut self.bytes));
        let now = Instant::now();
        (self.store_at, self.let_go_at) = (None, Some(now + SILENCE));
        if now - self.heard >= HEARD_EVERY {
            self.heard = now;
            hear(app, &self.live).await;
        }
        let counted = count(app, &self.live, bytes as u64).await;
        counted.map_err(|problem| End::Refused(Refusal::Failed, problem))?;
        self.publisher.frames(events).await.map_err(failed)?;
        app.recordings.touch(self.live.id);
        Ok(())
    }
}

/// A publisher that cannot go on.
fn failed(error: publisher::Error) -> End {
    match error {
        publisher::Error::TakenOver => End::TakenOver,
        publisher::Error::Storage(error) => End::Refused(Refusal::Failed, storage(&error)),
        _ => End::Over,
    }
}

fn french(error: &rtmp::Error) -> String {
    match error {
        rtmp::Error::Codec(codec) => format!("Le codec {codec} n'est pas pris en charge"),
        rtmp::Error::ChunkSize => "La taille des morceaux va de 1 à 2^31 - 1".into(),
        rtmp::Error::TooLarge { limit } => format!("Un message a plus de {limit} octets"),
        rtmp::Error::TooManyStreams { limit } => format!("Il y a plus de {limit} flux de morceaux"),
        rtmp::Error::Deep | rtmp::Error::Commands => "Une commande dépasse les limites".into(),
        _ => "Le protocole RTMP n'est pas respecté".into(),
    }
}

fn english(error: &rtmp::Error) -> String {
    match error {
        rtmp::Error::Codec(codec) => format!("The codec {codec} is not supported"),
        rtmp::Error::ChunkSize => "The chunk size goes from 1 to 2^31 - 1".into(),
        rtmp::Error::TooLarge { limit } => format!("A message has more than {limit} bytes"),
        rtmp::Error::TooManyStreams { limit } => format!("There are more than {limit} chunk streams"),
        rtmp::Error::Deep | rtmp::Error::Commands => "A command is over the limits".into(),
        _ => "The RTMP protocol is broken".into(),
    }
}
