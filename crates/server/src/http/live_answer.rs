//! A live as it is answered, with the addresses of all that can be had of it.

use ids::LiveId;
use lives::{Live, RecordedTake, Visibility, Ways, policy};
use wire::Time;
use wire::keeping::KeepDays;
use wire::lives::{self as answers, Cost, Replay, TakeReplay};

use super::access::Keys;
use super::answers::{author_answer, state};
use super::auth::Caller;
use super::links::Base;
use crate::app::App;
use crate::clock::now_ms;
use crate::recorded::Summary;

/// One live as it is answered to this caller, who may see it.
pub(crate) async fn one_answer<'a>(
    app: &App,
    base: &Base,
    live: &'a Live,
    caller: &Caller,
    keys: &Keys,
) -> answers::Live<'a> {
    let messages = message_counts(app, &[live.id]).await.pop().unwrap_or(0);
    let summary = app.recordings.summary(live.id).await;
    let chat = app.chat_costs.measured((&app.chat, &app.recordings), live.id, messages).await;
    live_answer(app, base, live, &summary, (messages, chat), (caller, keys))
}

/// Lives as lists show them to this caller, who may see them: no recording is opened for it.
pub(crate) async fn list_answers<'a>(
    app: &App,
    base: &Base,
    caller: &Caller,
    lives: impl Iterator<Item = &'a Live> + Clone,
) -> Vec<answers::Live<'a>> {
    let ids: Vec<LiveId> = lives.clone().map(|live| live.id).collect();
    let mut listed = Vec::with_capacity(ids.len());
    for (live, messages) in lives.zip(message_counts(app, &ids).await) {
        let summary = app.recordings.listed(live).await;
        let said = (messages, app.chat_costs.about(live.id, messages));
        listed.push(live_answer(app, base, live, &summary, said, (caller, &Keys::default())));
    }
    listed
}

fn live_answer<'a>(
    app: &App,
    base: &Base,
    live: &'a Live,
    summary: &Summary,
    (messages, chat): (i64, u64),
    (caller, keys): (&Caller, &Keys),
) -> answers::Live<'a> {
    let token = media_token(app, live, caller, keys);
    let replay = replay_urls(base, live, summary, token.as_deref());
    let replay = Some(replay).filter(|_| summary.saved_ms > 0);
    let takes = summary.takes.iter().map(|take| take_files(base, live, summary, take, token.as_deref()));
    let poster = summary.poster.as_ref();
    let poster = poster.map(|version| media_url(base, live, "poster.jpg", version, token.as_deref()));
    // A media token is passed on more lightly than the key, so it does not give the key away.
    let knows_key = policy::may_moderate(live, caller.who()) || keys.key.as_ref() == Some(&live.watch_key);
    answers::Live {
        id: live.id.0,
        title: &live.title,
        description: &live.description,
        content: &live.content,
        author: author_answer(&live.author),
        visibility: match live.visibility {
            Visibility::Public => answers::Visibility::Public,
            Visibility::Unlisted => answers::Visibility::Unlisted,
            Visibility::Members => answers::Visibility::Members,
        },
        state: state(live),
        started_at: Time(live.started_ms.0),
        ended_at: live.ended_ms.map(|at| Time(at.0)),
        keep_days: live.keep_ms.map(KeepDays),
        revision: summary.revision,
        saved_ms: summary.saved_ms,
        duration_ms: summary.duration_ms,
        viewers: app.viewers.count(live.id) as u64,
        viewers_total: live.viewers,
        messages,
        cost: cost(summary, chat),
        poster_url: poster,
        watch_url: watch_url(base, live, knows_key),
        tail_url: tail_url(base, live, token.as_deref()),
        hls_url: summary.hls.then(|| hls_url(base, live, token.as_deref())),
        replay,
        takes: takes.collect(),
    }
}

/// What each way of following the replay costs.
fn cost(summary: &Summary, chat: u64) -> Cost {
    let Ways { video, slides, audio } = summary.ways;
    Cost { video, slides, audio, chat }
}

/// The token that addresses of media of this live carry, as good as the right of this caller, who may watch it; those of
/// public ones carry none.
pub(crate) fn media_token(app: &App, live: &Live, caller: &Caller, keys: &Keys) -> Option<String> {
    let holder = || policy::holder(live, caller.who(), keys.key.as_deref());
    (live.visibility != Visibility::Public).then(|| app.media_tokens.make(live, holder(), now_ms()))
}

/// Where one WebSocket carries the tails of a live.
fn tail_url(base: &Base, live: &Live, token: Option<&str>) -> String {
    let token = token.map(|token| format!("?token={token}")).unwrap_or_default();
    let address = base.to(&format!("/api/posts/live/{}/tail/ws/{token}", live.id));
    // From http to ws, from https to wss.
    address.replacen("http", "ws", 1)
}

/// Where the playlists of a live are.
fn hls_url(base: &Base, live: &Live, token: Option<&str>) -> String {
    let token = token.map(|token| format!("?token={token}")).unwrap_or_default();
    base.to(&format!("/api/posts/live/{}/hls/index.m3u8{token}", live.id))
}

/// Messages of the conversation of each live, those deleted left out.
pub(crate) async fn message_counts(app: &App, lives: &[LiveId]) -> Vec<i64> {
    app.chat.message_counts(lives.to_vec()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "could not count the messages of lives");
        vec![0; lives.len()]
    })
}

/// The address of the replay of a live as it is now, if anything of it is recorded.
pub(crate) async fn replay_url(app: &App, base: &Base, live: &Live, caller: &Caller) -> Option<String> {
    let summary = app.recordings.summary(live.id).await;
    let token = media_token(app, live, caller, &Keys::default());
    let Replay { mp4, webm, audio } = replay_urls(base, live, &summary, token.as_deref());
    mp4.or(webm).or(audio)
}

/// The files of a live, where there are such.
pub(crate) fn replay_urls(base: &Base, live: &Live, summary: &Summary, token: Option<&str>) -> Replay {
    let url = |file: &str, version: &String| media_url(base, live, file, version, token);
    let mp4 = summary.mp4.as_ref().map(|version| url("replay.mp4", version));
    let webm = summary.webm.as_ref().map(|version| url("replay.webm", version));
    let audio = summary.audio.as_ref().map(|(ext, version)| url(&format!("audio.{ext}"), version));
    Replay { mp4, webm, audio }
}

/// One take as files.
fn take_files(
    base: &Base,
    live: &Live,
    summary: &Summary,
    files: &RecordedTake,
    token: Option<&str>,
) -> TakeReplay {
    let url = |file: &str| {
        let address = media_url(base, live, file, &summary.version, token);
        format!("{address}&take={}", files.take)
    };
    TakeReplay {
        take: files.take,
        replay: Replay {
            mp4: files.mp4.then(|| url("replay.mp4")),
            webm: files.webm.then(|| url("replay.webm")),
            audio: files.audio.as_ref().map(|extension| url(&format!("audio.{extension}"))),
        },
    }
}

fn media_url(base: &Base, live: &Live, file: &str, version: &str, token: Option<&str>) -> String {
    let token = token.map_or_else(String::new, |token| format!("&token={token}"));
    base.to(&format!("/api/posts/live/{}/{file}?v={version}{token}", live.id))
}

/// The page of a live; with its key for those who may know it.
pub(crate) fn watch_url(base: &Base, live: &Live, knows_key: bool) -> String {
    let key = (live.visibility == Visibility::Unlisted && knows_key).then_some(&live.watch_key);
    let key = key.map_or_else(String::new, |key| format!("?key={key}"));
    base.to(&format!("/live/{}{key}", live.id))
}
