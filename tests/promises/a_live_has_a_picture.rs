//! A live has a poster: what the publisher sent, else a keyframe of the recording in a form that the viewer takes, else a
//! neutral picture. Judged by ffmpeg and by Chromium.

use std::path::{Path, PathBuf};

use promises::{Answer, Api, Live, Person, Server, recorded, recording, tools};
use reqwest::Method;
use serde_json::json;
use tokio::process::Command;

/// What Chromium and Firefox say that they take in an `<img>`.
const BROWSERS: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";

async fn poster(api: &Api, live: &Live, accept: &str) -> Answer {
    let request = api.request(Method::GET, &live.path("poster.jpg")).header("Accept", accept);
    api.send(request).await.expect(200)
}

async fn published(author: &Person, bytes: &[u8]) -> Live {
    let live = author.start_live(json!({})).await;
    live.publish(&author.api, bytes).await.complete().await;
    live
}

fn written(folder: &Path, name: &str, picture: &Answer) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, &picture.body).expect("the picture is written down");
    path
}

/// The neutral picture: that of a live of which nothing has come.
async fn neutral(author: &Person) -> Answer {
    let live = author.start_live(json!({})).await;
    let picture = poster(&author.api, &live, BROWSERS).await;
    assert_eq!(picture.header("content-type"), "image/jpeg");
    picture
}

/// How like two pictures are, in dB; ffmpeg says `inf` of the same.
async fn likeness(one: &Path, other: &Path) -> f64 {
    let mut command = Command::new(tools::ffmpeg());
    command.args(["-v", "info", "-i"]).arg(one).arg("-i").arg(other);
    command.args(["-lavfi", "[0]format=rgb24[a];[1]format=rgb24[b];[a][b]psnr", "-f", "null", "-"]);
    let output = tools::run(&mut command).await;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let average = words.split("average:").nth(1).and_then(|rest| rest.split_whitespace().next());
    average.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no likeness: {words}"))
}

/// The sizes of pictures as Chromium shows them; 0 by 0 for what it does not show.
async fn shown_by_chromium(folder: &Path, pictures: &[PathBuf]) -> String {
    let mut page = String::from("<!doctype html><title>-</title>");
    for picture in pictures {
        page.push_str(&format!("<img src='file://{}'>", picture.display()));
    }
    page.push_str(
        "<script>onload = () => { document.body.textContent = [...document.images]
            .map((image) => `${image.naturalWidth}x${image.naturalHeight}`).join(' '); };</script>",
    );
    let path = folder.join("page.html");
    std::fs::write(&path, page).expect("the page is written down");
    let mut command = Command::new("chromium");
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom", "--timeout=20000"]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.arg(format!("file://{}", path.display()));
    let dom = String::from_utf8(tools::succeed(&mut command).await).expect("a page is text");
    let body = dom.split("<body>").nth(1).and_then(|rest| rest.split("</body>").next());
    body.unwrap_or_else(|| panic!("no body: {dom}")).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn made_of_a_keyframe_for_every_viewer() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let vp8 = published(&author, &recorded("webm_vp8_opus.webm")).await;
    let wrapped = poster(&author.api, &vp8, BROWSERS).await;
    assert_eq!(wrapped.header("content-type"), "image/webp");
    assert_eq!(wrapped.header("vary"), "Accept");
    let webp = written(folder.path(), "vp8.webp", &wrapped);
    let picture = tools::decode_all(&webp, true).await;
    assert!(picture.words.is_empty(), "{:?}", picture.words);
    let of_recording = tools::decode_all(&recording("webm_vp8_opus.webm"), false).await;
    assert!(of_recording.pictures.contains(&picture.pictures[0]), "the very picture of the recording");

    for plain in ["image/jpeg", "*/*", "image/webp;q=0, image/*"] {
        let decoded = poster(&author.api, &vp8, plain).await;
        assert_eq!(decoded.header("content-type"), "image/jpeg", "{plain}");
        assert!(decoded.body.starts_with(&[0xFF, 0xD8, 0xFF]) && decoded.body.len() > 5_000, "{plain}");
    }
    let jpeg = written(folder.path(), "vp8.jpg", &poster(&author.api, &vp8, "image/jpeg").await);
    assert!(tools::decode_all(&jpeg, true).await.words.is_empty());
    let likeness = likeness(&webp, &jpeg).await;
    assert!(likeness > 30.0, "the same picture in another form: {likeness} dB");

    let mut pictures = vec![webp, jpeg];
    for name in ["webm_av1_opus.webm", "mp4_av01_opus.mp4"] {
        let av1 = published(&author, &recorded(name)).await;
        let wrapped = poster(&author.api, &av1, BROWSERS).await;
        assert_eq!(wrapped.header("content-type"), "image/avif", "{name}");
        pictures.push(written(folder.path(), &format!("{name}.avif"), &wrapped));
        let plain = poster(&author.api, &av1, "image/webp,*/*").await;
        assert_eq!(plain.body, neutral(&author).await.body, "no AV1 is decoded here");
    }
    let sizes = shown_by_chromium(folder.path(), &pictures).await;
    assert_eq!(sizes, "640x480 640x480 640x480 640x480");
}

#[tokio::test(flavor = "multi_thread")]
async fn and_not_the_dark_one_that_a_camera_starts_with() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let path = folder.path().join("dark.webm");
    let mut command = Command::new(tools::ffmpeg());
    command.args(["-v", "error", "-f", "lavfi", "-i", "color=black:s=160x90:r=10:d=2"]);
    command.args(["-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=2"]);
    command.args(["-lavfi", "[0][1]concat", "-c:v", "libvpx", "-g", "10", "-auto-alt-ref", "0"]);
    command.args(["-deadline", "realtime", "-threads", "1"]).arg(&path);
    tools::succeed(&mut command).await;
    let live = published(&author, &std::fs::read(&path).expect("ffmpeg wrote it")).await;
    let webp = written(folder.path(), "poster.webp", &poster(&author.api, &live, BROWSERS).await);
    let mut command = Command::new(tools::ffmpeg());
    command.args(["-v", "error", "-i"]).arg(&webp).args(["-pix_fmt", "gray", "-f", "rawvideo", "-"]);
    let grey = tools::succeed(&mut command).await;
    let bright = grey.iter().filter(|level| **level > 64).count();
    assert!(bright * 4 > grey.len(), "{bright} of {} points are bright", grey.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn neutral_where_no_keyframe_can_be_shown() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let neutral = neutral(&author).await;
    let h264 = published(&author, &recorded("mkv_avc1_opus.mkv")).await;
    let sound = published(&author, &recorded("audio_webm_opus.webm")).await;
    // A keyframe that says it is 16,383 points wide and high: wrapped it costs nothing, decoded it would.
    let mut huge = recorded("made/gst_vp8_opus.webm");
    for at in 0..huge.len() - 7 {
        if huge[at..at + 3] == [0x9D, 0x01, 0x2A] {
            huge[at + 3..at + 7].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
        }
    }
    let huge = published(&author, &huge).await;
    for live in [&h264, &sound, &huge] {
        assert_eq!(poster(&author.api, live, "image/jpeg").await.body, neutral.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_by_its_author_and_by_nobody_else() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let stranger = server.person("Modou").await;
    let live = published(&author, &recorded("made/gst_vp8_opus.webm")).await;
    let put = async |api: &Api, body: Vec<u8>| {
        api.send(api.request(Method::PUT, &live.path("poster.jpg")).body(body)).await
    };
    let jpeg = neutral(&author).await.body.to_vec();
    let own = [&jpeg[..], b"of the publisher"].concat();
    assert!(!put(&stranger.api, own.clone()).await.refusal(403).is_empty());
    assert!(!put(&server.anonymous(), own.clone()).await.refusal(401).is_empty());
    let with_key = author.api.with_token(&live.key);
    for wrong in [&b"GIF89a and so on"[..], b"<svg/>", b""] {
        let sentence = put(&with_key, wrong.to_vec()).await.refusal(415);
        assert!(sentence.contains("JPEG"), "{sentence}");
    }
    let too_large = [&jpeg[..], &vec![0; 1 << 20]].concat();
    assert!(!put(&author.api, too_large).await.refusal(413).is_empty());
    assert_eq!(
        poster(&author.api, &live, BROWSERS).await.header("content-type"),
        "image/webp",
        "nothing was kept"
    );

    put(&with_key, own.clone()).await.must_be(204);
    for accept in [BROWSERS, "image/jpeg"] {
        let shown = poster(&server.anonymous(), &live, accept).await;
        assert_eq!((shown.header("content-type"), &shown.body[..]), ("image/jpeg", &own[..]));
    }
    let png = b"\x89PNG\r\n\x1a\nthe newest picture counts";
    put(&author.api, png.to_vec()).await.must_be(204);
    let shown = poster(&server.anonymous(), &live, "image/jpeg").await;
    assert_eq!((shown.header("content-type"), &shown.body[..]), ("image/png", &png[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn not_sent_again_to_who_has_it() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let live = published(&author, &recorded("made/gst_vp8_opus.webm")).await;
    let ask = async |accept: &'static str, etag: &str| {
        let request = author.api.request(Method::GET, &live.path("poster.jpg"));
        author.api.send(request.header("Accept", accept).header("If-None-Match", etag)).await
    };
    let webp = poster(&author.api, &live, BROWSERS).await.header("etag").to_owned();
    let jpeg = poster(&author.api, &live, "image/jpeg").await.header("etag").to_owned();
    assert!(webp.starts_with('"') && webp != jpeg, "{webp} {jpeg}");
    let again = ask(BROWSERS, &webp).await.expect(304);
    assert!(again.body.is_empty() && again.header("etag") == webp);
    ask("image/jpeg", &format!("\"another\", {jpeg}")).await.must_be(304);
    ask("image/jpeg", &webp).await.must_be(200);
    let head = author.api.head(&live.path("poster.jpg")).await.expect(200);
    assert_eq!(head.header("etag"), jpeg);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_unlisted_live_with_its_key_only() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let live = author.start_live(json!({"visibility": "unlisted"})).await;
    live.publish(&author.api, &recorded("made/gst_vp8_opus.webm")).await.complete().await;
    let url = live.shown(&author.api).await["poster_url"].as_str().expect("a poster").to_owned();
    let anonymous = server.anonymous();
    assert!(!anonymous.get(&live.path("poster.jpg")).await.refusal(404).is_empty());
    let shown = anonymous.get(&url).await.expect(200);
    assert_eq!(shown.header("content-type"), "image/jpeg");
}
