//! A directory that an earlier version left, with uploads open in the middle: it plays as before, and nothing acknowledged is
//! lost. `testdata/old-data` was written by the program of 28 November 2026, which was killed while it recorded.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use promises::{Person, Server, Upload, frames, recorded, recording};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::Builder;

#[tokio::test(flavor = "multi_thread")]
async fn lives_messages_and_replays_are_what_they_were() {
    let (server, author, expected) = old().await;
    for live in lives(&expected) {
        let path = |rest: &str| format!("/api/posts/live/{}/{rest}", live["id"]);
        let timeline = author.api.get(&path("timeline/")).await.expect(200).json();
        for field in ["state", "gaps", "takes"] {
            must_hold(&timeline[field], &live["timeline"][field], &format!("{} {field}", live["title"]));
        }
        let messages = author.api.get(&path("chat/messages/")).await.expect(200).json();
        assert_eq!(messages, live["messages"], "{}", live["title"]);
        for (name, sum) in live["replays"].as_object().expect("replays") {
            let (take, container) = name.split_once('.').expect("take and container");
            let replay = author.api.get(&path(&format!("replay.{container}?take={take}"))).await.expect(200);
            assert_eq!(format!("{:x}", Sha256::digest(&replay.body)), sum.as_str().expect("a sum"), "{name}");
        }
    }
    let (status, text) = server.command(&["verify"]).await;
    assert!(status.success(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_earlier_version_could_not_find_is_found() {
    let (_server, author, expected) = old().await;
    let id = &lives(&expected)[0]["id"];
    for asked in ["hauptstrasse", "图书馆", "🎉"] {
        let query = reqwest::Url::parse_with_params("http://x/", [("q", asked)]).expect("an address");
        let path = format!("/api/posts/live/{id}/chat/messages/?{}", query.query().expect("a query"));
        let found = author.api.get(&path).await.expect(200).json();
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_upload_goes_on_or_ends_with_all_that_it_held() {
    let (server, author, expected) = old().await;
    for live in lives(&expected) {
        let Some(location) = live["location"].as_str() else { continue };
        let upload = Upload { api: author.api.clone(), location: location.to_owned(), offset: 0 };
        let request = author.api.request(reqwest::Method::HEAD, location).header("Tus-Resumable", "1.0.0");
        let answer = author.api.send(request).await;
        let unread = format!("/api/posts/live/{}/timeline/", live["id"]);
        let unread = author.api.get(&unread).await.expect(200).json()["unread"].clone();
        let kept: u64 =
            unread.as_array().expect("a list").iter().filter_map(|one| one["bytes"].as_u64()).sum();
        match answer.status {
            200 => {
                let offset = answer.header("upload-offset").parse::<u64>().expect("an offset");
                assert_eq!(Some(offset), live["offset"].as_u64(), "{live}");
                let bytes = recorded(live["file"].as_str().expect("a file"));
                if offset < bytes.len() as u64 {
                    let rest = &bytes[usize::try_from(offset).expect("fits")..];
                    upload.patch_at(offset, rest, &[]).await.must_be(204);
                    let stop = format!("/api/posts/live/{}/stop/", live["id"]);
                    author.api.post(&stop, json!({})).await.must_be(200);
                    let shown =
                        author.api.get(&format!("/api/posts/live/{}/", live["id"])).await.expect(200).json();
                    let [mp4, webm] = ["mp4", "webm"].map(|form| shown["replay"][form].as_str());
                    let replay = author.api.get(path_of(mp4.or(webm).expect("one file"))).await.expect(200);
                    frames::must_equal(
                        &frames::by_our_reader(&bytes),
                        &frames::by_our_reader(&replay.body),
                        1,
                    );
                }
            }
            410 => assert!(kept > 0, "{}: what waited in it is kept: {unread}", live["title"]),
            status => panic!("{}: {status}", live["title"]),
        }
    }
    let (status, text) = server.command(&["verify"]).await;
    assert!(status.success(), "{text}");
}

/// The path of an address of the server.
fn path_of(address: &str) -> &str {
    &address[address.find("/api/").expect("an address of the interface")..]
}

/// A server on a copy of the old directory, and its author.
async fn old() -> (Server, Person, Value) {
    let closed = Permissions::from_mode(0o700);
    let directory = Builder::new().permissions(closed).tempdir().expect("a temporary directory");
    copy(&recording("old-data/data"), directory.path());
    // No key is kept with the tests: whoever was signed in signs in again.
    std::fs::write(directory.path().join("signing.key"), [7; 32]).expect("a key");
    let expected: Value = serde_json::from_slice(&recorded("old-data/expected.json")).expect("it is JSON");
    let server = Server::on(directory).await;
    let email = "awa@exemple.sn";
    let body = json!({"email": email, "password": expected["password"]});
    let answer = server.anonymous().post("/api/users/login/", body).await.expect(200).json();
    let author = Person::signed_in(&server.anonymous(), email, &answer);
    (server, author, expected)
}

fn lives(expected: &Value) -> Vec<Value> {
    expected["lives"].as_array().expect("lives").clone()
}

/// That all that was told is told: later versions may tell more.
fn must_hold(now: &Value, before: &Value, what: &str) {
    match before {
        // How long a take lasts whose pictures are not shown in the order in which they came is told better now.
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !name.ends_with("_ms"));
            kept.for_each(|(name, value)| must_hold(&now[name], value, what));
        }
        Value::Array(items) => {
            assert_eq!(now.as_array().map(Vec::len), Some(items.len()), "{what}: {now}");
            items.iter().enumerate().for_each(|(at, value)| must_hold(&now[at], value, what));
        }
        _ => assert_eq!(now, before, "{what}"),
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the fixture is there") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}
