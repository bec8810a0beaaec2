//! An encoder as OBS is one: it publishes by RTMP, and after a cut it connects again and goes on with a new stream of the
//! same live. It believes only what the server says is saved.

use std::time::{Duration, Instant};

use promises::flv::{self, Tag};
use promises::frames::{self, Frames};
use promises::random::Random;
use promises::rtmp::Rtmp;
use promises::{Api, Live, Person, recording, tools};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Place, Shared, lock};

/// What an encoder sends: frames out of order, and sound.
const SENT: &str = "made/obs_avc1_aac.mkv";
/// It asks after so many messages how much is saved.
const ASKS_AFTER: usize = 40;

/// What is sent by RTMP, and its frames.
#[derive(Debug)]
pub(crate) struct Stream {
    tags: Vec<Tag>,
    frames: Vec<Frames>,
}

impl Stream {
    pub(crate) async fn read() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = flv::remux(&tools::ffmpeg(), &recording(SENT), folder.path()).await;
        let bytes = std::fs::read(recording(SENT)).expect("a recording is read");
        Self { tags: flv::tags(&path), frames: frames::by_our_reader(&bytes) }
    }
}

/// A live that an encoder is at, and the most of it that was said to be saved, in milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct OnAir {
    pub(crate) live: Live,
    pub(crate) saved_ms: u64,
}

/// Publishes the same stream again and again, each time as a new live, and compares each replay with it.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) author: Person,
    pub(crate) stream: std::sync::Arc<Stream>,
    pub(crate) on_air: Shared<Option<OnAir>>,
    /// Where RTMP is listened to, after each start of the server: `host:port`.
    pub(crate) host: String,
    pub(crate) random: Random,
}

impl Encoder {
    /// Until the end of the campaign; answers how many streams were published whole.
    pub(crate) async fn run(mut self, place: Place) -> u64 {
        let mut finished = 0;
        while !place.is_over() {
            self.record(&place).await;
            finished += 1;
        }
        finished
    }

    /// One live, from its start to its comparison and removal. Each cut begins a new take; the last is whole.
    async fn record(&mut self, place: &Place) {
        let live = self.start(place).await;
        *lock(&self.on_air) = Some(OnAir { live: live.clone(), saved_ms: 0 });
        let begin = Instant::now();
        while !self.send(place, &live).await {
            assert!(begin.elapsed() < 4 * super::PATIENCE, "no stream came through");
            tokio::time::sleep(super::AGAIN).await;
        }
        let path = live.path("stop/");
        place.ask(&self.author.api, &[200], |api| api.request(Method::POST, &path).json(&json!({}))).await;
        self.compare(place, &live).await;
        *lock(&self.on_air) = None;
        let path = live.path("");
        place.ask(&self.author.api, &[204, 404], |api| api.request(Method::DELETE, &path)).await;
    }

    async fn start(&self, place: &Place) -> Live {
        let path = "/api/posts/live/start/";
        let answer =
            place.ask(&self.author.api, &[201], |api| api.request(Method::POST, path).json(&json!({}))).await;
        Live::of(answer.json())
    }

    /// Sends all of it; false if the connection was cut before the server had it.
    async fn send(&mut self, place: &Place, live: &Live) -> bool {
        place.base().await;
        let Some(mut rtmp) = Rtmp::let_in(&self.host, &live.key).await else { return false };
        // Faster than an encoder, so that streams end between two strikes.
        let pace = Duration::from_micros(self.random.between(500, 4_000) as u64);
        let stream = std::sync::Arc::clone(&self.stream);
        for (number, tag) in stream.tags.iter().enumerate() {
            let id = if tag.kind == 8 { 4 } else { 6 };
            if rtmp.try_message(id, tag.kind, tag.time, &tag.body).await.is_err() {
                return false;
            }
            if number % ASKS_AFTER == 0 {
                self.ask_what_is_saved(place, live).await;
            }
            tokio::time::sleep(pace).await;
        }
        rtmp.ended().await
    }

    async fn ask_what_is_saved(&self, place: &Place, live: &Live) {
        let api = self.author.api.moved_to(&place.base().await);
        let request = api.request(Method::GET, &live.path(""));
        let Ok(Ok(answer)) = tokio::time::timeout(place.attempt, api.try_send(request)).await else { return };
        if answer.status == 200
            && let Some(on_air) = lock(&self.on_air).as_mut()
        {
            on_air.saved_ms = on_air.saved_ms.max(saved_ms(&answer.json()));
        }
    }

    /// The replay of each take is the beginning of what was sent; that of the last is all of it.
    async fn compare(&self, place: &Place, live: &Live) {
        let api = &self.author.api;
        let path = live.path("timeline/");
        let timeline = place.ask(api, &[200], |api| api.request(Method::GET, &path)).await.json();
        let takes = timeline["takes"].as_array().expect("a timeline has takes");
        let mut last = Vec::new();
        for take in takes {
            let path = live.path(&format!("replay.mp4?take={}", take["take"]));
            let replay = place.ask(api, &[200], |api| api.request(Method::GET, &path)).await;
            last = frames::by_our_reader(&replay.body);
            frames::must_begin(&self.stream.frames, &last, &path);
        }
        let counts = |tracks: &[Frames]| tracks.iter().map(|track| track.frames.len()).sum::<usize>();
        assert_eq!(counts(&last), counts(&self.stream.frames), "{}: the last take is whole", live.path(""));
    }
}

/// What a live's JSON says is saved, in milliseconds.
pub(crate) fn saved_ms(live: &Value) -> u64 {
    live["saved_ms"].as_u64().unwrap_or(0)
}

/// How much of a live is saved, by anybody.
pub(crate) async fn saved(api: &Api, live: &Live) -> u64 {
    saved_ms(&api.get(&live.path("")).await.expect(200).json())
}
