use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::app::{App, RtmpDoor};
use crate::config::Config;
use crate::connection::{talk, talk_by_tls};
use crate::error::Error;
use crate::in_use::InUse;
use crate::places::{Place, Places};
use crate::tls::{Settings, Tls, To};
use crate::{data_dir, erasure, http, outboxes, reload, rtmp, summaries, timeout};

/// How long closing may take after the deadline: what is open is to be closed also when a request was cut.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// Connections that may wait to be accepted, where the system allows as many.
const BACKLOG: u32 = 8_192;
/// The answer to a connection from an address that has its share.
const CROWDED: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\
    Content-Type: application/problem+json\r\nContent-Length: 161\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service indisponible\",\"status\":503,\
    \"detail\":\"Trop de connexions de cette adresse.\",\"error\":\"Trop de connexions de cette adresse.\"}";
/// How long to wait when the system refuses a connection (no file descriptor left).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// The same to one that would speak TLS: a fatal alert, `internal_error` (RFC 8446, section 6).
const CROWDED_TLS: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];

/// The listeners of the ports that are configured, with the address of the first.
struct Doors {
    http: TcpListener,
    /// For whoever comes without TLS, where it is spoken.
    redirect: Option<TcpListener>,
    rtmp: Option<TcpListener>,
    rtmps: Option<TcpListener>,
    address: SocketAddr,
}

/// How a connection of HTTP is talked with.
#[derive(Clone)]
enum Talk {
    Plain(Router),
    Tls(Tls, Router, Router),
}

/// Serves until `shutdown` resolves, then leaves: accepts nothing more, lets requests finish within the configured
/// time, closes what is open. `on_ready` hears the address once requests are answered.
///
/// Answers the right to the data directory, to be held until the process ends: what did not finish in time may still
/// write.
///
/// # Errors
/// The data directory is in use or cannot be opened, or the address cannot be listened on.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()>,
    on_ready: impl FnOnce(SocketAddr),
) -> Result<InUse, Error> {
    data_dir::keep_private();
    data_dir::make(&config.data_dir)?;
    let in_use = InUse::take(&config.data_dir)?;
    let mut app = App::open(config).await?;
    let (doors, rtmp) = Doors::open(&app.config)?;
    app.rtmp = rtmp;
    let tls = open_tls(&app)?;
    let router = http::router(&app);
    let redirect = tls.as_ref().map(|tls| tls.redirect(to(&app.config, doors.address)));
    let told = app.config.metrics_listen.map(listen_on).transpose()?;
    let hangup = signal(SignalKind::hangup()).map_err(Error::Signal)?;
    let following = app.listeners.begin().await?;
    app.tasks.spawn(timeout::watch(app.clone()));
    app.tasks.spawn(timeout::let_frames_go(app.clone()));
    app.tasks.spawn(timeout::let_old_lives_go(app.clone()));
    app.tasks.spawn(timeout::let_staged_go(app.clone()));
    app.tasks.spawn(timeout::end_silent_files(app.clone()));
    app.tasks.spawn(summaries::keep(Arc::clone(&app.summaries), app.leaving.clone()));
    app.tasks.spawn(erasure::hear_changes(app.clone(), app.accounts.newest_change().await?));
    app.tasks.spawn(erasure::erase(app.clone()));
    app.tasks.spawn(outboxes::tell(app.clone()));
    app.tasks.spawn(reload::on_hangup(app.clone(), hangup));
    if let Some(spans) = app.spans.clone() {
        let leaving = app.leaving.clone();
        app.tasks.spawn(async move { spans.send(leaving).await });
    }
    // Not one of the tasks that leaving waits for: it says until the end how it stands.
    let told_at = told.as_ref().map(|(_, address)| *address);
    let telling = tokio::spawn(tell(app.clone(), told));
    if let Some(address) = told_at {
        tracing::info!(%address, "metrics are told");
    }
    in_use.tell(&public_url(&app.config, doors.address));
    on_ready(doors.address);
    let (of_http, of_rtmp) = (&app.places, &app.rtmp_places);
    let without_tls = redirect.clone().map(Talk::Plain);
    let http = match (tls.clone(), redirect) {
        (Some(tls), Some(redirect)) => Talk::Tls(tls, router, redirect),
        _ => Talk::Plain(router),
    };
    tokio::select! {
        () = accept(&app, Some(&doors.http), of_http, Some(&http)) => {}
        () = accept(&app, doors.redirect.as_ref(), of_http, without_tls.as_ref()) => {}
        () = accept_rtmp(&app, doors.rtmp.as_ref(), of_rtmp, None) => {}
        () = accept_rtmp(&app, doors.rtmps.as_ref(), of_rtmp, tls.as_ref()) => {}
        () = shutdown => {}
    }
    drop(doors);
    leave(&app).await;
    // Last: a stop that is being answered waits for what follows it.
    following.abort();
    telling.abort();
    Ok(in_use)
}

/// Tells metrics and how the server stands at an address of their own, where there is one.
async fn tell(app: App, listener: Option<(TcpListener, SocketAddr)>) {
    let Some((listener, _)) = listener else { return };
    if let Err(error) = axum::serve(listener, http::metrics_router(&app)).await {
        tracing::error!(%error, "metrics are told no more");
    }
}

impl Doors {
    /// Listens, and says where RTMP is taken: by TLS where it can be.
    fn open(config: &Config) -> Result<(Self, RtmpDoor), Error> {
        let (http, address) = listen_on(config.listen)?;
        let redirect = config.http_listen.map(listen_on).transpose()?;
        let rtmp = config.rtmp.map(listen_on).transpose()?;
        let rtmps = config.rtmps.map(listen_on).transpose()?;
        if let Some((_, address)) = &redirect {
            tracing::info!(%address, "whoever comes without TLS is sent to https");
        }
        let by_tls = rtmps.as_ref().map(|(_, address)| ("rtmps", address.port()));
        let plain = rtmp.as_ref().map(|(_, address)| ("rtmp", address.port()));
        let [redirect, rtmp, rtmps] = [redirect, rtmp, rtmps].map(|door| door.map(|(listener, _)| listener));
        Ok((Self { http, redirect, rtmp, rtmps, address }, RtmpDoor(by_tls.or(plain))))
    }
}

fn open_tls(app: &App) -> Result<Option<Tls>, Error> {
    let Some(settings) = &app.config.tls else { return Ok(None) };
    let by_http = app.config.http_listen.is_some();
    Ok(Some(Tls::open(settings, &app.config.data_dir, by_http, (&app.tasks, &app.leaving))?))
}

/// Where whoever comes without TLS is sent.
fn to(config: &Config, address: SocketAddr) -> To {
    let names = config.tls.as_ref().map(Settings::names).unwrap_or_default();
    To { public_url: config.public_url.clone(), names: names.to_vec(), port: address.port() }
}

fn listen_on(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let listening = |error| Error::Listen(wanted, error);
    let listener = listen(wanted).map_err(listening)?;
    let address = listener.local_addr().map_err(listening)?;
    Ok((listener, address))
}

/// Where people find this server.
pub(crate) fn public_url(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let named = || to(config, address).base(None);
    config.public_url.clone().or_else(named).unwrap_or_else(|| format!("{scheme}://{address}"))
}

/// Listens so that a crowd that comes back at once is not turned away for a second.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that starts again takes its address at once, as a listener of tokio's does.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// One order, one deadline: what the deadline cuts is what a crash would cut.
async fn leave(app: &App) {
    let deadline = Instant::now() + app.settings.now().leaving;
    app.leaving.cancel();
    app.tasks.close();
    if tokio::time::timeout_at(deadline, app.tasks.wait()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    if tokio::time::timeout_at(deadline + LAST_WAIT, app.publishers.leave()).await.is_err() {
        tracing::warn!("the last frames of some publishers could not be stored in time");
    }
    if tokio::time::timeout_at(deadline + LAST_WAIT, app.close()).await.is_err() {
        tracing::warn!("not everything could be closed in time");
    }
}

/// Takes connections of HTTP, where there is such a door.
async fn accept(app: &App, listener: Option<&TcpListener>, places: &Places, how: Option<&Talk>) {
    let (Some(listener), Some(how)) = (listener, how) else { return std::future::pending().await };
    loop {
        let Some(free) = places.free().await else { return };
        match listener.accept().await {
            Ok((stream, address)) => {
                let place = if app.config.trust_proxy {
                    places.give_to_proxy(free)
                } else {
                    places.give(free, address.ip())
                };
                match place {
                    Some(place) => begin(app, how, stream, address, place),
                    None => refuse(&stream, address, how),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn begin(app: &App, how: &Talk, stream: TcpStream, address: SocketAddr, place: Place) {
    let (leaving, traffic) = (app.leaving.clone(), app.metrics.traffic("http"));
    match how.clone() {
        Talk::Plain(router) => app.tasks.spawn(talk(stream, address, router, leaving, place, traffic)),
        Talk::Tls(tls, router, redirect) => {
            app.tasks.spawn(talk_by_tls(stream, address, (tls, router, redirect), leaving, place, traffic))
        }
    };
}

/// Takes connections of RTMP, where it is taken, by TLS where that is given. Their places are their own: whoever holds them keeps no viewer out.
async fn accept_rtmp(app: &App, listener: Option<&TcpListener>, places: &Places, tls: Option<&Tls>) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        let Some(free) = places.free().await else { return };
        match listener.accept().await {
            Ok((stream, address)) => match places.give(free, address.ip()) {
                Some(place) => {
                    match tls.cloned() {
                        None => app.tasks.spawn(rtmp::talk(app.clone(), stream, address, place)),
                        Some(tls) => {
                            app.tasks.spawn(rtmp::talk_by_tls(app.clone(), tls, stream, address, place))
                        }
                    };
                }
                None => tracing::debug!(%address, "an address has all the RTMP connections that are for one"),
            },
            Err(error) => {
                tracing::warn!(%error, "could not accept an RTMP connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Says why, as far as the system takes it at once: an address that has its share is not waited for.
fn refuse(stream: &TcpStream, address: SocketAddr, how: &Talk) {
    tracing::debug!(%address, "an address has all the connections that are for one");
    let _ = stream.try_write(match how {
        Talk::Plain(_) => CROWDED.as_bytes(),
        Talk::Tls(..) => &CROWDED_TLS,
    });
}
