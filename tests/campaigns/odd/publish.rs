//! Publishing a changed file to the server, and everything that the server then says and gives.

use bytes::Bytes;
use promises::random::Random;
use promises::{Live, Person, Upload};
use serde_json::{Value, json};

/// What became of a published file.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The refusal, and how many bytes had been acknowledged before it.
    pub(crate) refused: Option<Refused>,
    /// The answer to stop.
    pub(crate) stopped: Value,
    pub(crate) timeline: Value,
    /// The replay: one file, or one of each take.
    pub(crate) replays: Vec<Replay>,
}

/// A refusal.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) sentence: String,
    pub(crate) offset: u64,
}

/// A file of the replay.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) container: &'static str,
    pub(crate) bytes: Bytes,
}

/// Publishes a file in random slices, stops, fetches the replay and deletes the live.
pub(crate) async fn publish(author: &Person, file: &[u8], way: u64) -> Outcome {
    let mut random = Random::new(way);
    let live = author.start_live(json!({"title": "Marché de Sandaga"})).await;
    let length = file.len().to_string();
    let is_declared = random.between(0, 1) == 1;
    let head = if is_declared { ("Upload-Length", length.as_str()) } else { ("Upload-Defer-Length", "1") };
    let mut upload = Upload::create_with(&author.api, &live, &[head]).await;
    let refused = send(&mut upload, &mut random, file, is_declared).await;
    let stopped = live.stop(&author.api).await;
    let timeline = live.timeline(&author.api).await;
    let replays = replays(author, &live, &timeline).await;
    author.api.delete(&live.path("")).await.must_be(204);
    Outcome { refused, stopped, timeline, replays }
}

/// Sends everything, or until it is refused.
async fn send(upload: &mut Upload, random: &mut Random, file: &[u8], is_declared: bool) -> Option<Refused> {
    let most = match random.between(0, 3) {
        0 => file.len(),
        1 => 2_000 + file.len() / 8,
        _ => file.len() / 2,
    };
    for slice in random.cut(file, 1, most.max(1)) {
        let answer = upload.patch_at(upload.offset, slice, &[]).await;
        if answer.status == 204 {
            upload.offset += slice.len() as u64;
            assert_eq!(
                answer.header("upload-offset"),
                upload.offset.to_string(),
                "every byte of a 204 counts"
            );
            continue;
        }
        return Some(refusal(upload, answer).await);
    }
    if is_declared {
        return None;
    }
    let length = upload.offset.to_string();
    let answer = upload.patch_at(upload.offset, b"", &[("Upload-Length", &length)]).await;
    if answer.status == 204 { None } else { Some(refusal(upload, answer).await) }
}

async fn refusal(upload: &Upload, answer: promises::Answer) -> Refused {
    let status = answer.status;
    let sentence = answer.refusal_of(&[413, 415, 422]);
    let request =
        upload.api.request(reqwest::Method::HEAD, &upload.location).header("Tus-Resumable", "1.0.0");
    let head = upload.api.send(request).await;
    let offset = head.header("upload-offset").parse().unwrap_or(upload.offset);
    Refused { status, sentence, offset }
}

async fn replays(author: &Person, live: &Live, timeline: &Value) -> Vec<Replay> {
    let takes = timeline["takes"].as_array().expect("a list of takes");
    if takes.is_empty() {
        return Vec::new();
    }
    if let Some(replay) = replay(author, live, "").await {
        return vec![replay];
    }
    let mut replays = Vec::new();
    for take in takes {
        let number = &take["take"];
        let found = replay(author, live, &format!("?take={number}")).await;
        replays.push(found.unwrap_or_else(|| panic!("take {number} has no replay: {timeline}")));
    }
    replays
}

async fn replay(author: &Person, live: &Live, query: &str) -> Option<Replay> {
    for container in ["mp4", "webm"] {
        let answer = author.api.get(&live.path(&format!("replay.{container}{query}"))).await;
        match answer.status {
            200 => return Some(Replay { container, bytes: answer.body }),
            406 => {}
            _ => panic!("{}: {} {}", answer.what, answer.status, answer.text()),
        }
    }
    None
}
