//! A recording has one length: in the timeline, in the answer to stop, in the live and in lists, and in every file that is
//! offered of it, whatever is odd in its times.

use std::path::PathBuf;

use futures_util::StreamExt;
use promises::{Person, Server, isobmff, recorded, repository, webm};

/// Recordings that are published at once.
const AT_ONCE: usize = 4;
/// Milliseconds by which a file may differ for each take: containers round to their own ticks.
const ROUNDED_MS: f64 = 2.0;

/// Every recording of `testdata` that is taken, by its path there.
fn recordings() -> Vec<String> {
    let root = repository().join("testdata");
    let folders = ["", "made", "found"];
    let paths = folders.iter().flat_map(|folder| std::fs::read_dir(root.join(folder)).expect("testdata"));
    let is_media = |path: &PathBuf| {
        path.extension().is_some_and(|end| ["webm", "mkv", "mp4"].iter().any(|known| end == *known))
    };
    let mut names: Vec<String> = paths
        .flatten()
        .map(|entry| entry.path())
        .filter(is_media)
        .filter_map(|path| Some(path.strip_prefix(&root).ok()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// What is wrong with the lengths of a recording.
async fn complaints(author: &Person, name: &str) -> Vec<String> {
    let live = author.start_live(serde_json::json!({"title": name})).await;
    let mut upload = live.publish(&author.api, &recorded(name)).await;
    upload.complete().await;
    let stopped = live.stop(&author.api).await;
    let timeline = live.timeline(&author.api).await;
    let length = timeline["duration_ms"].as_f64().expect("a length");
    let takes = timeline["takes"].as_array().expect("takes");
    let mut told = vec![
        ("stop", stopped["duration_ms"].as_f64()),
        ("saved", timeline["saved_ms"].as_f64()),
        ("the live", live.shown(&author.api).await["duration_ms"].as_f64()),
        ("takes", takes.iter().map(|take| take["duration_ms"].as_f64()).sum()),
    ];
    let list = author.api.get("/api/posts/live/?mine=true&limit=100").await.expect(200).json();
    let listed = list["results"].as_array().expect("lives").iter().find(|listed| listed["id"] == live.id);
    if let Some(listed) = listed {
        told.push(("the list", listed["duration_ms"].as_f64()));
    }
    let mut wrong: Vec<String> = told
        .iter()
        .filter(|(_, said)| *said != Some(length))
        .map(|(what, said)| format!("{name}: {what} says {said:?}, the timeline {length}"))
        .collect();
    if length <= 0.0 {
        wrong.push(format!("{name}: nothing of it was taken"));
    }
    let has_video = takes.iter().all(|take| take["tracks"][0]["kind"] == "video");
    for file in ["replay.mp4", "replay.webm", "audio.m4a", "audio.webm"] {
        let answer = author.api.get(&live.path(file)).await;
        if answer.status != 200 {
            continue;
        }
        let said = if file.ends_with("webm") {
            webm::check(&answer.body).duration_ms.unwrap_or(0.0)
        } else {
            isobmff::check(&answer.body).duration_ms
        };
        let slack = ROUNDED_MS * takes.len() as f64;
        // The sound alone may end before the picture.
        let is_wrong = if file.starts_with("audio") && has_video {
            said > length + slack
        } else {
            (said - length).abs() > slack
        };
        if is_wrong {
            wrong.push(format!("{name}: {file} says {said}, the timeline {length}"));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recording_is_as_long_wherever_it_is_told() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let names = recordings();
    assert!(names.len() > 60, "only {} recordings", names.len());
    let wrong: Vec<Vec<String>> = futures_util::stream::iter(&names)
        .map(|name| complaints(&author, name))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), names.len(), wrong.join("\n"));
}
