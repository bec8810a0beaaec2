//! Clients that keep to the letter of RFC 9110, tus 1.0 and RFC 6455 in ways that others do not.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use promises::{Live, Server, Upload, frames, recorded};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_equal_patches_at_once_each_is_told_where_to_go_on() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let bytes = recorded("webm_vp9_opus.webm");
    for _ in 0..12 {
        let live = author.start_live(json!({})).await;
        let mut upload = Upload::create(&author.api, &live).await;
        let (one, two) = tokio::join!(upload.patch_at(0, &bytes, &[]), upload.patch_at(0, &bytes, &[]));
        for answer in [one, two] {
            assert!(matches!(answer.status, 204 | 409), "{}: {}", answer.status, answer.text());
            if answer.status == 409 {
                let offset: usize = answer.header("upload-offset").parse().expect("it says where it stands");
                assert!(offset <= bytes.len());
                let _ = answer.refusal(409);
            }
        }
        upload.offset = upload.durable().await;
        upload.append(&bytes[usize::try_from(upload.offset).expect("fits")..]).await;
        live.stop(&author.api).await;
        let replay = live.replay(&author.api, "mp4").await;
        frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_would_have_to_be_unpacked_are_refused() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    for coding in ["gzip", "br", "identity, zstd"] {
        let answer = upload.patch_at(0, &bytes[..10_000], &[("Content-Encoding", coding)]).await;
        assert_eq!(answer.header("accept-encoding"), "identity");
        let _ = answer.refusal(415);
    }
    assert_eq!(upload.durable().await, 0);
    upload.patch_at(0, &bytes[..10_000], &[("Content-Encoding", "identity")]).await.must_be(204);
    upload.offset = 10_000;
    upload.append(&bytes[10_000..]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_checksums_and_of_range_units_ignore_case() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let upload = Upload::create(&author.api, &live).await;
    let sum = format!("SHA1 {}", BASE64_STANDARD.encode(Sha1::digest(&bytes)));
    upload.patch_at(0, &bytes, &[("Upload-Checksum", &sum)]).await.must_be(204);
    live.stop(&author.api).await;
    let whole = live.replay(&author.api, "mp4").await.body;
    let request = author.api.request(Method::GET, &live.path("replay.mp4")).header("Range", "Bytes=100-199");
    assert_eq!(author.api.send(request).await.expect(206).body, whole.slice(100..200));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_another_version_only_is_told_that_it_is_gone() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    live.stop(&author.api).await;
    author.api.post(&live.path("chat/"), json!({"content": "Bonsoir"})).await.must_be(201);
    for path in ["replay.mp4", "audio.m4a", "poster.jpg", "chat/messages/"] {
        let path = live.path(path);
        let etag = author.api.get(&path).await.expect(200).header("etag").to_owned();
        assert!(etag.starts_with('"'), "{path}: {etag}");
        for (condition, status) in [
            ("\"none\"".to_owned(), 412),
            (format!("W/{etag}"), 412),
            (format!("\"x\", {etag}"), 200),
            ("*".into(), 200),
        ] {
            let request = author.api.request(Method::GET, &path).header("If-Match", &condition);
            assert_eq!(author.api.send(request).await.status, status, "{path} {condition}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_two_recordings_is_refused_and_keeps_neither() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let part = || Part::bytes(recorded("made/gst_vp9_opus.webm")).file_name("a.webm");
    let form = Form::new().part("video", part()).text("title", "x").part("video", part());
    let request = author.api.request(Method::POST, &live.path("upload-video/")).multipart(form);
    let _ = author.api.send(request).await.refusal(400);
    let timeline = live.timeline(&author.api).await;
    assert_eq!((&timeline["takes"], &timeline["unread"]), (&json!([]), &json!([])));
    let folder = server.data().join(format!("lives/{}", live.id));
    let is_left = ["takes", "unread", "uploads"]
        .map(|name| std::fs::read_dir(folder.join(name)).is_ok_and(|mut entries| entries.next().is_some()));
    assert_eq!(is_left, [false; 3], "takes, unread, uploads");
    let form = Form::new().text("title", "x").part("video", part()).text("video_title", "y");
    let request = author.api.request(Method::POST, &live.path("upload-video/")).multipart(form);
    author.api.send(request).await.must_be(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_is_answered_by_a_close_with_the_right_code() {
    let server = Server::start().await;
    let (_, live) = server.live().await;
    let masked = |first: u8, payload: &[u8]| {
        let mut frame = vec![first];
        match u8::try_from(payload.len()).ok().filter(|len| *len < 126) {
            Some(len) => frame.push(0x80 | len),
            None => {
                frame.push(0x80 | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ [1, 2, 3, 4][at % 4]));
        frame
    };
    for (what, frame, code) in [
        ("a Close", masked(0x88, &1000_u16.to_be_bytes()), Some(1000)),
        ("a Close of going away", masked(0x88, &1001_u16.to_be_bytes()), Some(1001)),
        ("a Close without a code", masked(0x88, b""), None),
        ("a Close with a code that nobody may send", masked(0x88, &1005_u16.to_be_bytes()), Some(1002)),
        ("a frame that is not masked", vec![0x81, 2, b'h', b'i'], Some(1002)),
        ("a reserved bit", masked(0xC1, b"{}"), Some(1002)),
        ("an unknown opcode", masked(0x83, b"{}"), Some(1002)),
        ("a Ping in pieces", masked(0x09, b"x"), Some(1002)),
        ("a continuation of nothing", masked(0x80, b"x"), Some(1002)),
        ("text that is no UTF-8", masked(0x81, &[0xC3, 0x28]), Some(1007)),
        ("binary", masked(0x82, b"x"), Some(1003)),
        ("a message that is too long", masked(0x81, &vec![b'x'; 70_000]), Some(1009)),
    ] {
        assert_eq!(closed(&server, &live, &frame).await, Some(code), "{what}");
    }
}

/// The code of the Close with which a connection to a conversation ends after a frame; inner `None` where the Close has
/// none, outer where there is no Close.
async fn closed(server: &Server, live: &Live, frame: &[u8]) -> Option<Option<u16>> {
    let mut socket = TcpStream::connect(server.address()).await.expect("a connection");
    let hello = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        live.path("chat/ws/"),
        server.address()
    );
    socket.write_all(hello.as_bytes()).await.expect("the request is sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("an answer"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    socket.write_all(frame).await.expect("the frame is sent");
    loop {
        let first = socket.read_u8().await.ok()?;
        let len = match socket.read_u8().await.ok()? {
            126 => usize::from(socket.read_u16().await.ok()?),
            127 => usize::try_from(socket.read_u64().await.ok()?).ok()?,
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        socket.read_exact(&mut payload).await.ok()?;
        if first & 0x0F == 8 {
            return Some(payload.first_chunk().map(|code| u16::from_be_bytes(*code)));
        }
    }
}
