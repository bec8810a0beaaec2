//! A publisher as tus wants it: asks where the upload stands, goes on from there, believes only what was acknowledged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use promises::frames::{self, Frames};
use promises::random::Random;
use promises::upload::SLICE;
use promises::{Api, Live, Person, recorded};
use reqwest::Method;
use serde_json::json;

use super::{Place, Shared, lock};

/// Recordings of real browsers, and a container that their replay fits in.
pub(crate) const SOURCES: &[(&str, &str)] = &[
    ("webm_vp9_opus.webm", "mp4"),
    ("mkv_avc1_opus.mkv", "mp4"),
    ("webm_vp8_opus.webm", "webm"),
    ("mp4_av01_opus.mp4", "mp4"),
    ("ff_webm_vp8_opus.webm", "webm"),
    ("mp4_vp9_opus.mp4", "mp4"),
    ("webm_av1_opus.webm", "webm"),
    ("audio_webm_opus.webm", "mp4"),
];

/// What is published, with its frames as sent.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) bytes: Bytes,
    pub(crate) frames: Vec<Frames>,
    pub(crate) container: &'static str,
}

impl Source {
    pub(crate) fn read((name, container): (&str, &'static str)) -> Self {
        let bytes = recorded(name);
        Self { frames: frames::by_our_reader(&bytes), bytes: bytes.into(), container }
    }
}

/// The live that a publisher is at, for everybody else.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) live: Live,
    pub(crate) location: String,
    /// The greatest offset that an answer named.
    pub(crate) acknowledged: u64,
}

/// Publishes a recording again and again, each time as a new live, and compares each replay with it.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) author: Person,
    pub(crate) source: Arc<Source>,
    pub(crate) stage: Shared<Option<Stage>>,
    pub(crate) random: Random,
    /// Slices have at most this many bytes and follow one another after at most this many milliseconds.
    pub(crate) pace: (usize, usize),
}

impl Publisher {
    /// Until the end of the campaign; answers how many recordings were published whole.
    pub(crate) async fn run(mut self, place: Place) -> u64 {
        let mut finished = 0;
        while !place.is_over() {
            self.record(&place).await;
            finished += 1;
        }
        finished
    }

    /// One live, from its start to its comparison and removal.
    pub(crate) async fn record(&mut self, place: &Place) {
        let live = self.start(place).await;
        let key = self.author.api.with_token(&live.key);
        let location = create(place, &key, &live).await;
        *lock(&self.stage) = Some(Stage { live: live.clone(), location: location.clone(), acknowledged: 0 });
        let len = self.source.bytes.len() as u64;
        loop {
            let offset = self.where_it_stands(place, &key, &location).await;
            if offset < len {
                self.send_from(offset, place, &key, &location).await;
            } else if complete(place, &key, &location, len).await {
                break;
            }
        }
        stop(place, &self.author.api, &live).await;
        let replay = replay(place, &self.author.api, &live, self.source.container).await;
        frames::must_equal(&self.source.frames, &frames::by_our_reader(&replay), 0);
        *lock(&self.stage) = None;
        let path = live.path("");
        place.ask(&self.author.api, &[204, 404], |api| api.request(Method::DELETE, &path)).await;
    }

    async fn start(&self, place: &Place) -> Live {
        let path = "/api/posts/live/start/";
        let answer =
            place.ask(&self.author.api, &[201], |api| api.request(Method::POST, path).json(&json!({}))).await;
        Live::of(answer.json())
    }

    /// HEAD: never less than was acknowledged.
    async fn where_it_stands(&self, place: &Place, key: &Api, location: &str) -> u64 {
        let offset = offset_of(place, key, location).await;
        let acknowledged = lock(&self.stage).as_ref().map_or(0, |stage| stage.acknowledged);
        assert!(
            offset >= acknowledged,
            "{location}: {acknowledged} bytes were acknowledged, {offset} are kept"
        );
        offset
    }

    /// PATCH after PATCH, until one fails or all is sent.
    async fn send_from(&mut self, mut offset: u64, place: &Place, key: &Api, location: &str) {
        let bytes = self.source.bytes.clone();
        while offset < bytes.len() as u64 {
            let key = key.moved_to(&place.base().await);
            let from = usize::try_from(offset).expect("an offset of a recording fits");
            let to = bytes.len().min(from + self.random.between(1, self.pace.0));
            let sent = tokio::time::timeout(
                place.attempt,
                patch(place, &key, location, from, bytes.slice(from..to)),
            )
            .await;
            let Ok(Some(acknowledged)) = sent else { return };
            assert_eq!(acknowledged, to as u64, "every byte of a 204 counts");
            if let Some(stage) = lock(&self.stage).as_mut() {
                stage.acknowledged = stage.acknowledged.max(acknowledged);
            }
            offset = acknowledged;
            if !place.is_over() {
                tokio::time::sleep(Duration::from_millis(self.random.between(1, self.pace.1) as u64)).await;
            }
        }
    }
}

/// The offset that a 204 names; `None` is a reason to ask.
async fn patch(place: &Place, key: &Api, location: &str, offset: usize, body: Bytes) -> Option<u64> {
    let request = key
        .request(Method::PATCH, location)
        .header("Tus-Resumable", "1.0.0")
        .header("Content-Type", SLICE)
        .header("Upload-Offset", offset.to_string())
        .body(body);
    let answer = key.try_send(request).await.ok()?;
    // 409: an earlier request that was thought lost came through. 400: this one was cut on its way.
    let answer = place.expect(answer, &[204, 409, 400]).ok()?;
    if answer.status != 204 {
        return None;
    }
    Some(answer.header("upload-offset").parse().expect("an upload says its offset"))
}

/// What HEAD says.
async fn offset_of(place: &Place, key: &Api, location: &str) -> u64 {
    let head = |api: &Api| api.request(Method::HEAD, location).header("Tus-Resumable", "1.0.0");
    let answer = place.ask(key, &[200, 204], head).await;
    answer.header("upload-offset").parse().expect("an upload says its offset")
}

async fn create(place: &Place, key: &Api, live: &Live) -> String {
    let path = live.path("upload/");
    let post = |api: &Api| {
        let request = api.request(Method::POST, &path);
        request.header("Tus-Resumable", "1.0.0").header("Upload-Defer-Length", "1")
    };
    place.ask(key, &[201], post).await.header("location").to_owned()
}

/// Says that nothing more comes; false if that has to be said again.
async fn complete(place: &Place, key: &Api, location: &str, len: u64) -> bool {
    let request = key
        .moved_to(&place.base().await)
        .request(Method::PATCH, location)
        .header("Tus-Resumable", "1.0.0")
        .header("Content-Type", SLICE)
        .header("Upload-Offset", len.to_string())
        .header("Upload-Length", len.to_string());
    let Ok(Ok(answer)) = tokio::time::timeout(place.attempt, key.try_send(request)).await else {
        return false;
    };
    place.expect(answer, &[204, 400, 409]).is_ok_and(|answer| answer.status == 204)
}

async fn stop(place: &Place, api: &Api, live: &Live) {
    let path = live.path("stop/");
    place.ask(api, &[200], |api| api.request(Method::POST, &path).json(&json!({}))).await;
}

/// The whole replay.
async fn replay(place: &Place, api: &Api, live: &Live, container: &str) -> Bytes {
    let path = live.path(&format!("replay.{container}"));
    place.ask(api, &[200], |api| api.request(Method::GET, &path)).await.body
}
