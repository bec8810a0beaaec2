//! What one person may store, and what all may store together, holds by every way in: nobody gets past it in pieces, at once, by
//! a form, by files that are read only when whole, by bytes that cannot be read, by pictures or by RTMP. Nothing that was
//! acknowledged is lost by it, and nobody else is held back.

use std::path::Path;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use promises::random::Random;
use promises::rtmp::Rtmp;
use promises::small_disk::SmallDisk;
use promises::{Live, Person, Server, Upload, flv, recorded, recording, tools};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::json;

/// Bytes that one person may store here.
const QUOTA: u64 = 300_000;
/// What indexes and journals may take beside what is counted as it comes, and what is in hand when the limit is met.
const BESIDE: u64 = 150_000;

async fn server() -> Server {
    let arguments = ["--storage-per-person", "300000", "--rtmp", "127.0.0.1:0", "--reserve", "0"];
    Server::configured(&arguments, &[]).await
}

/// Bytes of all files below a folder, but for the journals: they hold what stands in the bodies too.
fn stored(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let entries = entries.filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.path().extension().is_none_or(|end| end != "journal"))
    });
    let sizes = entries.map(|entry| {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            stored(&entry.path())
        } else {
            entry.metadata().map_or(0, |file| file.len())
        }
    });
    sizes.sum()
}

#[track_caller]
fn must_hold(server: &Server) {
    let stored = stored(&server.data().join("lives"));
    assert!(stored <= QUOTA + BESIDE, "{stored} bytes are stored, and {QUOTA} may be");
}

/// Its length is not told: it comes in pieces.
fn chunked(bytes: &[u8]) -> Body {
    let pieces: Vec<_> =
        bytes.chunks(10_000).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))).collect();
    Body::wrap_stream(stream::iter(pieces))
}

/// A file whose index would come last: so many bytes of its media.
fn moov_last(media: usize) -> Vec<u8> {
    let mut file = b"\0\0\0\x18ftypisom\0\0\x02\0isommp42".to_vec();
    file.extend_from_slice(&50_000_000_u32.to_be_bytes());
    file.extend_from_slice(b"mdat");
    let mut random = Random::new(3);
    file.extend((0..media).map(|_| random.between(0, 255) as u8));
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn by_bodies_that_do_not_say_how_long_they_are_also_at_once() {
    let server = server().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let upload = Upload::create(&author.api, &live).await;
    let sentence = author.api.send(upload.patch_request(0, chunked(&bytes), &[])).await.refusal(507);
    assert!(sentence.contains("300000 octets"), "{sentence}");
    must_hold(&server);
    assert!(upload.durable().await > 0, "what came before is kept");
    assert!(live.shown(&author.api).await["saved_ms"].as_u64() > Some(1_000));

    let greedy = server.person("Modou").await;
    let mut uploads = Vec::new();
    for _ in 0..6 {
        let live = greedy.start_live(json!({})).await;
        uploads.push(Upload::create(&greedy.api, &live).await);
    }
    let at_once = uploads
        .iter()
        .map(|upload| greedy.api.send(upload.patch_request(0, chunked(&bytes[..200_000]), &[])));
    let statuses: Vec<u16> = join_all(at_once).await.iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().filter(|status| **status == 507).count() >= 4, "{statuses:?}");
    let theirs =
        stored(&server.data().join("lives")) - stored(&server.data().join(format!("lives/{}", live.id)));
    assert!(theirs <= QUOTA + BESIDE, "{theirs}");
    let third = server.person("Zoe").await;
    third.start_live(json!({})).await.publish(&third.api, &bytes[..200_000]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_form_and_by_files_that_are_read_only_when_whole() {
    let server = server().await;
    let (author, live) = server.live().await;
    let file = moov_last(2_000_000);
    let form = Form::new().part("video", Part::stream(chunked(&file)).file_name("film.mp4"));
    let request = author.api.request(Method::POST, &live.path("upload-video/")).multipart(form);
    let _ = author.api.send(request).await.refusal(507);
    must_hold(&server);

    let other = server.person("Modou").await;
    let live = other.start_live(json!({})).await;
    let mut upload = Upload::create(&other.api, &live).await;
    let refusal = loop {
        let at = usize::try_from(upload.offset).expect("fits");
        let answer = upload.patch_at(upload.offset, &file[at..at + 40_000], &[]).await;
        if answer.status != 204 {
            break answer;
        }
        upload.offset += 40_000;
        assert!(upload.offset < 400_000, "nothing was refused");
    };
    let _ = refusal.refusal(507);
    assert_eq!(upload.durable().await, upload.offset, "nothing acknowledged is lost");
    let long = other.api.request(Method::POST, &live.path("upload/")).header("Tus-Resumable", "1.0.0");
    let _ = other.api.send(long.header("Upload-Length", "400000")).await.refusal(507);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_bytes_that_nobody_can_read_and_by_pictures() {
    let server = server().await;
    let (author, live) = server.live().await;
    let mut damaged = recorded("webm_vp9_opus.webm")[..50_000].to_vec();
    let mut random = Random::new(5);
    damaged.extend((0..30_000).map(|_| random.between(0, 255) as u8));
    let mut refused = 0;
    for _ in 0..12 {
        let upload = Upload::create(&author.api, &live).await;
        refused += u32::from(upload.patch_at(0, &damaged, &[]).await.status == 507);
        if refused > 0 {
            break;
        }
    }
    assert_eq!(refused, 1, "nothing was refused");
    must_hold(&server);

    let painter = server.person("Modou").await;
    let mut picture = b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec();
    picture.resize(90_000, 7);
    let mut last = 204;
    for _ in 0..6 {
        let live = painter.start_live(json!({})).await;
        let request = painter.api.request(Method::PUT, &live.path("poster.jpg")).body(picture.clone());
        last = painter.api.send(request).await.status;
    }
    assert_eq!(last, 507, "pictures count");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_rtmp() {
    let server = server().await;
    let (author, live) = server.live().await;
    author.start_live(json!({})).await.publish(&author.api, &recorded("webm_vp9_opus.webm")[..280_000]).await;
    let mut rtmp = Rtmp::publishing(&live).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = flv::remux(&tools::ffmpeg(), &recording("made/gst_avc1_aac.mp4"), directory.path()).await;
    for tag in &flv::tags(&path) {
        if rtmp.try_message(5, tag.kind, tag.time, &tag.body).await.is_err() {
            break;
        }
    }
    let refused = loop {
        let Some(status) = rtmp.status().await else { panic!("it ends without a word") };
        if status.code != "NetStream.Publish.Start" {
            break status;
        }
    };
    assert!(
        refused.code == "NetStream.Publish.Failed" && refused.description.contains("300000"),
        "{refused:?}"
    );
    must_hold(&server);
}

/// Publishes 20,000 bytes at a time until it is refused, up to a limit: how much was taken, and the refusal.
async fn fill(author: &Person, live: &Live, most: usize) -> (u64, Option<String>) {
    let bytes = recorded("webm_vp9_opus.webm");
    let begin = author.api.request(Method::POST, &live.path("upload/")).header("Tus-Resumable", "1.0.0");
    let begun = author.api.send(begin.header("Upload-Defer-Length", "1")).await;
    if begun.status != 201 {
        return (0, Some(begun.refusal(507)));
    }
    let mut upload =
        Upload { api: author.api.clone(), location: begun.header("location").to_owned(), offset: 0 };
    while (upload.offset as usize) < most {
        let at = upload.offset as usize;
        let answer = upload.patch_at(upload.offset, &bytes[at..at + 20_000], &[]).await;
        if answer.status != 204 {
            return (upload.offset, Some(answer.refusal(507)));
        }
        upload.offset += 20_000;
    }
    (upload.offset, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_together_have_one_too_and_who_takes_most_is_refused_first() {
    let server = Server::configured(&["--storage", "700000", "--reserve", "0"], &[]).await;
    let (much, live) = server.live().await;
    let (taken, refusal) = fill(&much, &live, 760_000).await;
    let sentence = refusal.expect("all is not for one");
    assert!((560_000..700_000).contains(&taken) && sentence.contains("peu de place"), "{taken}: {sentence}");
    let little = server.person("Modou").await;
    let theirs = little.start_live(json!({})).await;
    let (taken, refusal) = fill(&little, &theirs, 20_000).await;
    assert_eq!((taken, refusal), (20_000, None), "who takes little is not held back by who takes much");
    let mut sentence = None;
    for number in 0..8 {
        let one = server.person(&format!("Zoe{number}")).await;
        let live = one.start_live(json!({})).await;
        sentence = fill(&one, &live, 20_000).await.1;
        if sentence.is_some() {
            break;
        }
    }
    let sentence = sentence.expect("all together have a limit");
    assert!(sentence.contains("700000") || sentence.contains("peu de place"), "{sentence}");
    let all = stored(&server.data().join("lives"));
    assert!(all <= 700_000 + BESIDE, "{all}");
    assert!(live.shown(&much.api).await["saved_ms"].as_u64() > Some(1_000), "nothing is lost");
    much.api.delete(&live.path("")).await.must_be(204);
    let again = much.start_live(json!({})).await;
    assert_eq!(fill(&much, &again, 100_000).await.1, None, "what was deleted makes room");
}

#[tokio::test(flavor = "multi_thread")]
async fn near_the_reserve_of_the_disk_who_takes_most_is_refused_first() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let Some(disk) = SmallDisk::mount(place.path(), 12) else {
        eprintln!("SKIPPED: a small file system can be mounted by root only");
        return;
    };
    let server = Server::in_directory(disk.path(), &["--reserve", "1000000"]).await;
    let (much, live) = server.live().await;
    let (taken, refusal) = fill(&much, &live, 600_000).await;
    assert_eq!((taken, refusal), (600_000, None));
    let little = server.person("Modou").await;
    let theirs = little.start_live(json!({})).await;
    // Others write until 1.4 MB are free, of which 0.4 are not the reserve's.
    let mut df = tokio::process::Command::new("df");
    let said = tools::succeed(df.args(["-B1", "--output=avail"]).arg(disk.path())).await;
    let free: u64 = String::from_utf8_lossy(&said)
        .lines()
        .nth(1)
        .and_then(|line| line.trim().parse().ok())
        .expect("bytes");
    std::fs::write(disk.path().join("ballast"), vec![7; usize::try_from(free - 1_400_000).expect("fits")])
        .expect("there is room");
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let refused = fill(&much, &live, 20_000).await.1.expect("who takes most is refused");
    assert!(refused.contains("peu de place"), "{refused}");
    assert_eq!(fill(&little, &theirs, 40_000).await.1, None);
    std::fs::remove_file(disk.path().join("ballast")).expect("room is made");
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(fill(&much, &live, 40_000).await.1, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_that_is_never_stopped_lets_its_staged_file_go() {
    let mut server = Server::configured(&["--staged-hours", "0.0001"], &[]).await;
    let (mut author, live) = server.live().await;
    let mut upload = Upload::create(&author.api, &live).await;
    let file = moov_last(60_000);
    upload.append(&file).await;
    let recent = author.start_live(json!({})).await;
    // Longer than a staged file waits here.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    server.terminate().await;
    server.restart().await;
    author.follow(&server);
    upload.api = author.api.clone();
    promises::within(std::time::Duration::from_secs(10), "it is ended", async || {
        live.timeline(&author.api).await["unread"].as_array().is_some_and(|unread| !unread.is_empty())
    })
    .await;
    let unread = live.timeline(&author.api).await["unread"].clone();
    assert_eq!(unread[0]["bytes"], file.len(), "what cannot be read is kept and told: {unread}");
    let request = author.api.request(Method::HEAD, &upload.location).header("Tus-Resumable", "1.0.0");
    assert_eq!(author.api.send(request).await.status, 410);
    let path = live.path(&format!("unread/{}/", unread[0]["id"]));
    author.api.delete(&path).await.must_be(204);
    let uploads = server.data().join(format!("lives/{}/uploads", live.id));
    let staged = std::fs::read_dir(uploads).expect("the folder is there");
    assert!(!staged.flatten().any(|entry| entry.path().extension().is_some_and(|end| end == "staged")));
    assert_eq!(recent.shown(&author.api).await["state"], "live");
}
