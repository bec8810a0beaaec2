//! The whole of tus 1.0 that is promised: discovery, creation with bytes, expiration, termination, checksums.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use promises::upload::SLICE;
use promises::{Server, Upload, frames, recorded};
use reqwest::Method;
use sha1::{Digest, Sha1};

#[tokio::test(flavor = "multi_thread")]
async fn discovery() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let answer = author.api.send(author.api.request(Method::OPTIONS, &live.path("upload/"))).await;
    assert!(matches!(answer.status, 200 | 204), "{}", answer.status);
    assert_eq!(answer.header("tus-resumable"), "1.0.0");
    assert!(answer.header("tus-version").split(',').any(|version| version.trim() == "1.0.0"));
    let extensions: Vec<_> = answer.header("tus-extension").split(',').map(str::trim).collect();
    for wanted in
        ["creation", "creation-with-upload", "creation-defer-length", "expiration", "termination", "checksum"]
    {
        assert!(extensions.contains(&wanted), "{wanted} is not in {extensions:?}");
    }
    let algorithms = answer.header("tus-checksum-algorithm");
    assert!(algorithms.contains("sha1") && algorithms.contains("sha256"), "{algorithms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn creation_with_bytes_expiration_and_what_head_says() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let request = author.api.request(Method::POST, &live.path("upload/"));
    let request = request.header("Tus-Resumable", "1.0.0").header("Upload-Defer-Length", "1");
    let created = author.api.send(request.header("Content-Type", SLICE).body(bytes[..90_000].to_vec())).await;
    let created = created.expect(201);
    assert_eq!(created.header("upload-offset"), "90000");
    assert!(created.header("upload-expires").contains("GMT"), "{}", created.header("upload-expires"));
    let location = created.header("location").to_owned();
    let mut upload = Upload { api: author.api.clone(), location, offset: 90_000 };
    let head = || {
        author.api.send(author.api.request(Method::HEAD, &upload.location).header("Tus-Resumable", "1.0.0"))
    };
    let answer = head().await;
    assert_eq!(answer.header("upload-defer-length"), "1");
    assert_eq!(answer.header("upload-length"), "");
    assert!(answer.header("cache-control").contains("no-store"));
    let mut copy = upload.clone();
    copy.append(&bytes[90_000..]).await;
    copy.complete().await;
    upload.offset = copy.offset;
    let answer = head().await;
    assert_eq!(answer.header("upload-length"), bytes.len().to_string());
    assert_eq!(answer.header("upload-offset"), bytes.len().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_in_a_header() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let upload = Upload::create(&author.api, &live).await;
    let request =
        author.api.request(Method::POST, &upload.location).header("X-HTTP-Method-Override", "PATCH");
    let request =
        request.header("Tus-Resumable", "1.0.0").header("Content-Type", SLICE).header("Upload-Offset", "0");
    let answer = author.api.send(request.body(bytes[..70_000].to_vec())).await.expect(204);
    assert_eq!(answer.header("upload-offset"), "70000");
}

#[tokio::test(flavor = "multi_thread")]
async fn checksums_make_a_slice_all_or_nothing() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    for slice in bytes.chunks(150_000) {
        let mut wrong = slice.to_vec();
        wrong[100] ^= 1;
        let sum = format!("sha1 {}", BASE64_STANDARD.encode(Sha1::digest(slice)));
        let _ = upload.patch_at(upload.offset, &wrong, &[("Upload-Checksum", &sum)]).await.refusal(460);
        assert_eq!(upload.durable().await, upload.offset);
        upload.patch_at(upload.offset, slice, &[("Upload-Checksum", &sum)]).await.must_be(204);
        upload.offset += slice.len() as u64;
    }
    live.stop(&author.api).await;
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_given_up_keeps_what_is_durable() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let upload = live.publish(&author.api, &bytes[..500_000]).await;
    let request = author.api.request(Method::DELETE, &upload.location).header("Tus-Resumable", "1.0.0");
    author.api.send(request).await.must_be(204);
    let answer = upload.patch_at(500_000, &bytes[500_000..], &[]).await;
    assert!(matches!(answer.status, 403 | 404 | 410), "{}", answer.status);
    live.stop(&author.api).await;
    let sent = frames::by_our_reader(&bytes[..500_000]);
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&sent, &frames::by_our_reader(&replay.body), 0);
}
