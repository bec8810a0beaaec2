//! The whole server is struck down at random moments, under eight publishers, two encoders, fifty viewers and a hundred
//! messages a second. After each restart everything that was acknowledged is there, exactly once and in order.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use promises::frames::{self, Frames};
use promises::random::Random;
use promises::{Api, Live, Person, Server, Upload, tools};
use tokio::task::JoinSet;

use crate::crowd::{
    Acknowledged, Author, Encoder, OnAir, Publisher, Reader, SOURCES, Shared, Signpost, Source, Stage,
    Stream, lock, saved, watch_anything,
};
use crate::machine::{self, Image};

const PUBLISHERS: usize = 8;
/// Those who publish by RTMP.
const ENCODERS: usize = 2;
const VIEWERS: usize = 50;
const READERS: usize = 5;
/// Authors, and the time between two messages of one: over a hundred messages a second together, also while some wait.
const AUTHORS: (u64, Duration) = (20, Duration::from_millis(150));
/// A server is ready again within this time of its start.
const READY: Duration = Duration::from_secs(2);
/// Leaving takes at most the 10 s of its configuration and what closing takes.
const LEAVING: Duration = Duration::from_secs(11);
/// A second signal ends it within this time.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Of what was acknowledged, so much may still wait for its fragment to be whole.
const UNSHOWN_MS: i64 = 1_000;
/// A long campaign says after so many strikes how far it is.
const PROGRESS: u64 = 100;
/// The header of every recording is longer than this: less is no file that a reader knows.
const HEADER: usize = 200;

/// What strikes.
#[derive(Debug)]
pub(crate) enum Fault {
    /// `kill -9`.
    Kill,
    /// The disk keeps what was synced and nothing else.
    PowerCut(Image),
    /// SIGTERM, every other time twice.
    Leave,
}

/// Strikes so many times; answers what was counted.
pub(crate) async fn run(mut fault: Fault, count: u64, seed: u64) -> String {
    let mut random = Random::new(seed);
    let rtmp = machine::free_address();
    let mut server = Server::configured(
        &["--reserve", "0", "--running-lives", "100000", "--access-token-s", "1000000", "--rtmp", &rtmp],
        &[("COMMUNICONNECT_LOG", "warn")],
    )
    .await;
    if let Fault::PowerCut(image) = &mut fault {
        server.terminate().await;
        image.mount(server.data());
        server.restart().await;
    }
    let signpost = Signpost::new(matches!(fault, Fault::PowerCut(_)));
    let mut scene = Scene::open(&server, &signpost, &rtmp, &mut random).await;
    signpost.point(Some(server.base()));
    let (mut slowest, mut late) = (Duration::ZERO, 0);
    let mut up = Duration::ZERO;
    for strike in 0..count {
        let begin = Instant::now();
        tokio::time::sleep(Duration::from_millis(random.between(100, 1_500) as u64)).await;
        scene.notice_failures();
        up += begin.elapsed();
        signpost.point(None);
        fault.strike(&mut server, strike).await;
        verify(&server).await;
        let begin = Instant::now();
        server.restart().await;
        slowest = slowest.max(begin.elapsed());
        if begin.elapsed() >= READY {
            assert!(machine::is_overloaded(), "strike {strike}: ready after {:?}", begin.elapsed());
            late += 1;
        }
        scene.check(&server, &mut random).await;
        signpost.point(Some(server.base()));
        if (strike + 1) % PROGRESS == 0 {
            eprintln!("{} of {count} strikes", strike + 1);
        }
    }
    let acknowledged = lock(&scene.conversation.acknowledged).len();
    signpost.end();
    let mut told = scene.finish(&server).await;
    server.terminate().await;
    verify(&server).await;
    let rate = acknowledged as f64 / up.as_secs_f64();
    write!(
        told,
        "; {rate:.0} messages a second; {count} strikes, slowest restart {} ms, {late} restarts of over {} s while \
         the machine was overloaded",
        slowest.as_millis(),
        READY.as_secs()
    )
    .expect("a text takes words");
    // The disk goes only after whoever uses it.
    drop(server);
    drop(fault);
    told
}

impl Fault {
    async fn strike(&mut self, server: &mut Server, number: u64) {
        match self {
            Self::Kill => server.kill_nine().await,
            Self::PowerCut(image) => {
                image.cut();
                server.kill_nine().await;
                image.turn_on();
            }
            Self::Leave => {
                let pid = machine::pid(server);
                let begin = Instant::now();
                if number % 2 == 1 {
                    machine::terminate(pid);
                    // The first has to be taken before the second is sent: two at once are one to the kernel.
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    let status = server.terminate().await;
                    let in_time = begin.elapsed() < AT_ONCE || machine::is_overloaded();
                    assert!(in_time, "a second signal took {:?}", begin.elapsed());
                    assert!(matches!(status.code(), Some(0 | 130)), "{status}");
                } else {
                    let status = server.terminate().await;
                    let in_time = begin.elapsed() < LEAVING || machine::is_overloaded();
                    assert!(status.success() && in_time, "{status} after {:?}", begin.elapsed());
                }
            }
        }
    }
}

/// `communiconnect verify` finds nothing wrong with the directory of a server that is down.
pub(crate) async fn verify(server: &Server) {
    let (status, text) = server.command(&["verify"]).await;
    assert!(status.success(), "verify: {text}");
}

/// Everybody who uses the server, and what they were told.
struct Scene {
    publishers: JoinSet<u64>,
    encoders: JoinSet<u64>,
    on_air: Vec<Shared<Option<OnAir>>>,
    authors: JoinSet<u64>,
    viewers: JoinSet<u64>,
    readers: JoinSet<()>,
    stages: Vec<(Shared<Option<Stage>>, Arc<Source>)>,
    conversation: Conversation,
    checked_frames: usize,
    checked_bytes: u64,
}

impl Scene {
    async fn open(server: &Server, signpost: &Signpost, rtmp: &str, random: &mut Random) -> Self {
        let (host, talk) = server.live().await;
        let mut publishers = JoinSet::new();
        let mut stages = Vec::new();
        for number in 0..PUBLISHERS {
            let source = Arc::new(Source::read(SOURCES[number % SOURCES.len()]));
            let stage: Shared<Option<Stage>> = Shared::default();
            stages.push((Arc::clone(&stage), Arc::clone(&source)));
            let author = server.person("Awa").await;
            let random = Random::new(random.number());
            publishers.spawn(
                Publisher { author, source, stage, random, pace: (20_000, 120) }.run(signpost.place()),
            );
        }
        let (mut encoders, mut on_air) = (JoinSet::new(), Vec::new());
        let stream = Arc::new(Stream::read().await);
        for _ in 0..ENCODERS {
            let (author, shown) = (server.person("Fanta").await, Shared::<Option<OnAir>>::default());
            on_air.push(Arc::clone(&shown));
            let (stream, host) = (Arc::clone(&stream), rtmp.to_owned());
            let random = Random::new(random.number());
            encoders.spawn(Encoder { author, stream, on_air: shown, host, random }.run(signpost.place()));
        }
        let mut viewers = JoinSet::new();
        let watched: Vec<_> =
            stages.iter().map(|(stage, source)| (Arc::clone(stage), source.container)).collect();
        for _ in 0..VIEWERS {
            viewers.spawn(watch_anything(signpost.place(), watched.clone(), Random::new(random.number())));
        }
        let conversation = Conversation::of(host, talk);
        let mut authors = JoinSet::new();
        for number in 0..AUTHORS.0 {
            let person = server.person("Binta").await;
            let acknowledged = Arc::clone(&conversation.acknowledged);
            let live = conversation.live.clone();
            authors
                .spawn(Author { number, person, live, every: AUTHORS.1, acknowledged }.run(signpost.place()));
        }
        let mut readers = JoinSet::new();
        for seen in &conversation.seen {
            let (live, seen) = (conversation.live.clone(), Arc::clone(seen));
            readers.spawn(Reader { live, seen }.run(signpost.place()));
        }
        Self {
            publishers,
            encoders,
            on_air,
            authors,
            viewers,
            readers,
            stages,
            conversation,
            checked_frames: 0,
            checked_bytes: 0,
        }
    }

    /// Somebody who found a promise broken ends the campaign.
    fn notice_failures(&mut self) {
        for crowd in [&mut self.publishers, &mut self.encoders, &mut self.authors, &mut self.viewers] {
            if let Some(Err(error)) = crowd.try_join_next() {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        if let Some(Err(error)) = self.readers.try_join_next() {
            std::panic::resume_unwind(error.into_panic());
        }
    }

    /// What has to hold after a restart, before anybody goes on.
    async fn check(&mut self, server: &Server, random: &mut Random) {
        self.conversation.check(server).await;
        for on_air in &self.on_air {
            let Some(OnAir { live, saved_ms }) = lock(on_air).clone() else { continue };
            let saved_ms_now = saved(&server.anonymous(), &live).await;
            assert!(
                saved_ms_now >= saved_ms,
                "{}: {saved_ms} ms were saved, {saved_ms_now} are",
                live.path("")
            );
        }
        let probed = random.between(0, self.stages.len() - 1);
        for number in 0..self.stages.len() {
            let (stage, source) = &self.stages[number];
            let Some(stage) = lock(stage).clone() else { continue };
            let key = server.anonymous().with_token(&stage.live.key);
            let offset = durable(&key, &stage.location).await;
            assert!(
                offset >= stage.acknowledged,
                "{}: {} acknowledged, {offset} kept",
                stage.location,
                stage.acknowledged
            );
            let path = stage.live.path(&format!("replay.{}", source.container));
            let answer = server.anonymous().get(&path).await;
            let acknowledged = &source.bytes[..usize::try_from(stage.acknowledged).expect("it fits")];
            let sent =
                if acknowledged.len() < HEADER { Vec::new() } else { frames::by_our_reader(acknowledged) };
            let last_sent = last_ms(&sent);
            if answer.status != 200 {
                assert!(last_sent < UNSHOWN_MS, "{path}: {} after {last_sent} ms were sent", answer.status);
                continue;
            }
            let kept = frames::by_our_reader(&answer.body);
            let last_kept = last_ms(&kept);
            frames::must_begin(&source.frames, &kept, &path);
            assert!(last_kept >= last_sent - UNSHOWN_MS, "{path}: {last_sent} ms sent, {last_kept} ms kept");
            self.checked_frames += kept.iter().map(|track| track.frames.len()).sum::<usize>();
            self.checked_bytes += offset;
            if number == probed {
                let found = tools::probe(&format!("{}{path}", server.base())).await;
                let duration = found["format"]["duration"].as_str().and_then(|word| word.parse::<f64>().ok());
                assert!(duration.is_some_and(|s| s.is_finite() && s >= 0.0), "ffprobe on {path}: {found}");
            }
        }
    }

    /// Everybody finishes; the last look at all that was kept.
    async fn finish(mut self, server: &Server) -> String {
        let recordings = total(self.publishers).await;
        let streams = total(self.encoders).await;
        let messages = total(self.authors).await;
        let watched = total(self.viewers).await;
        while let Some(ended) = self.readers.join_next().await {
            ended.expect("a reader finds nothing wrong");
        }
        self.conversation.check(server).await;
        let kept = self.conversation.kept.len() as u64;
        assert_eq!(kept, messages, "each message is stored once");
        self.conversation.kept.clear();
        self.conversation.next.clear();
        self.conversation.check(server).await;
        assert_eq!(self.conversation.kept.len() as u64, kept, "the whole history again");
        let all = [recordings, streams, messages, watched];
        assert!(all.iter().all(|count| *count > 0), "{all:?}");
        format!(
            "{recordings} recordings and {streams} streams by RTMP published whole with every frame, {messages} messages kept once and in order, \
             {watched} viewings; at restarts {} bytes and {} frames checked; nothing acknowledged was lost",
            self.checked_bytes, self.checked_frames
        )
    }
}

async fn durable(key: &Api, location: &str) -> u64 {
    let upload = Upload { api: key.clone(), location: location.to_owned(), offset: 0 };
    upload.durable().await
}

async fn total(mut crowd: JoinSet<u64>) -> u64 {
    let mut sum = 0;
    while let Some(ended) = crowd.join_next().await {
        sum += ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
    sum
}

/// The conversation as it was read after the last fault.
struct Conversation {
    host: Person,
    live: Live,
    acknowledged: Acknowledged,
    seen: Vec<Shared<Vec<String>>>,
    kept: Vec<String>,
    /// The number that each author's next message has.
    next: HashMap<u64, u64>,
}

impl Conversation {
    fn of(host: Person, live: Live) -> Self {
        let seen = (0..READERS).map(|_| Shared::default()).collect();
        let (acknowledged, kept, next) = (Acknowledged::default(), Vec::new(), HashMap::new());
        Self { host, live, acknowledged, seen, kept, next }
    }

    /// Reads what is new; each number once, each author's messages once and in order, all that anybody was told.
    async fn check(&mut self, server: &Server) {
        loop {
            let path = self.live.path(&format!("chat/messages/?after={}&limit=200", self.kept.len()));
            let page = server.anonymous().get(&path).await.expect(200).json();
            let page = page.as_array().expect("messages");
            for message in page {
                assert_eq!(
                    message["seq"].as_u64(),
                    Some(self.kept.len() as u64 + 1),
                    "a hole or a double: {message}"
                );
                let content = message["content"].as_str().expect("a message has a content");
                let (author, number) = content.split_once(' ').expect("a message of the campaign");
                let next = self.next.entry(author.parse().expect("a number")).or_default();
                assert_eq!(number.parse(), Ok(*next), "a message of author {author} is missing or doubled");
                *next += 1;
                self.kept.push(content.to_owned());
            }
            if page.is_empty() {
                break;
            }
        }
        for (seq, content) in lock(&self.acknowledged).iter() {
            let kept = usize::try_from(seq - 1).ok().and_then(|at| self.kept.get(at));
            assert_eq!(kept, Some(content), "message {seq} was acknowledged to {}", self.host.email);
        }
        for seen in &self.seen {
            let seen = lock(seen);
            assert!(self.kept.starts_with(&seen), "a reader was shown what is not kept");
        }
    }
}

fn last_ms(tracks: &[Frames]) -> i64 {
    tracks.iter().filter_map(|track| track.frames.last()).map(|frame| frame.ms).max().unwrap_or(0)
}
