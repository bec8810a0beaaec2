//! A disk that fills up in the middle of a live: the publisher is told, nothing acknowledged is lost, and all goes
//! on when there is room again. Needs root, to mount a small file system.

use std::path::Path;
use std::time::{Duration, Instant};

use promises::small_disk::SmallDisk;
use promises::{Server, Upload, blobs, frames, recorded};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_live() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let Some(disk) = SmallDisk::mount(place.path(), 12) else {
        eprintln!("SKIPPED: a small file system can be mounted by root only");
        return;
    };
    let server = Server::in_directory(disk.path(), &["--reserve", "1048576"]).await;
    let (author, live) = server.live().await;
    let name = "webm_vp9_opus.webm";
    let blobs = blobs(name);
    let mut upload = Upload::create(&author.api, &live).await;
    for blob in &blobs[..6] {
        upload.append(blob).await;
    }
    let ballast = disk.path().join("ballast");
    fill(&ballast);

    let begin = Instant::now();
    let mut at = 6;
    let refusal = loop {
        let answer = upload.patch_at(upload.offset, &blobs[at], &[]).await;
        if answer.status != 204 {
            break answer;
        }
        upload.offset += blobs[at].len() as u64;
        at += 1;
        assert!(at < blobs.len(), "a full disk was not noticed");
    };
    assert!(begin.elapsed() < Duration::from_secs(2), "told after {:?}", begin.elapsed());
    let _ = refusal.refusal(507);
    let message = author.api.post(&live.path("chat/"), json!({"content": "Encore là ?"})).await;
    assert!(matches!(message.status, 201 | 503 | 507), "{} {}", message.status, message.text());
    assert_eq!(live.shown(&author.api).await["state"], "live", "the live goes on");

    std::fs::remove_file(&ballast).expect("room is made");
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        upload.offset = upload.durable().await;
        let sent: u64 = blobs[..at].iter().map(|blob| blob.len() as u64).sum();
        assert!(upload.offset >= sent, "{} bytes are left of {sent} acknowledged", upload.offset);
        let bytes = recorded(name);
        let rest = &bytes[usize::try_from(upload.offset).expect("fits")..];
        let answer = upload.patch_at(upload.offset, rest, &[]).await;
        if answer.status == 204 {
            break;
        }
        assert!(matches!(answer.status, 503 | 507), "{} {}", answer.status, answer.text());
        assert!(Instant::now() < deadline, "it does not go on when there is room");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    live.stop(&author.api).await;
    let timeline = live.timeline(&author.api).await;
    let sent = frames::by_our_reader(&recorded(name));
    let frames_sent: u64 = sent.iter().map(|track| track.frames.len() as u64).sum();
    let takes = timeline["takes"].as_array().expect("takes");
    let tracks = takes.iter().flat_map(|take| take["tracks"].as_array().expect("tracks"));
    let frames_kept: u64 = tracks.map(|track| track["frames"].as_u64().expect("frames")).sum();
    assert_eq!(frames_kept, frames_sent, "every frame is there once: {timeline}");
    drop(server);
}

/// Fills the rest of a file system.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).expect("the ballast is created");
    for block in [1 << 16, 1 << 12, 1] {
        let bytes = vec![7; block];
        while file.write_all(&bytes).is_ok() {}
    }
}
