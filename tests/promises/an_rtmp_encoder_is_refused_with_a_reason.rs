//! Who publishes by RTMP and may not, or not so, is told why in a status that encoders show; whatever else comes there costs
//! nothing and nobody.

use std::time::{Duration, Instant};

use promises::rtmp::{Rtmp, Status, amf, host, message};
use promises::{Live, Person, Server, flv, frames, recording, tools};
use serde_json::json;
use tokio::process::Command;

const BAD_NAME: &str = "NetStream.Publish.BadName";
const FAILED: &str = "NetStream.Publish.Failed";

async fn server() -> Server {
    Server::configured(&["--rtmp", "127.0.0.1:0"], &[]).await
}

/// What a name is answered.
async fn asked(live: &Live, name: &str) -> Status {
    let mut rtmp = Rtmp::connected(&host(live)).await;
    let status = rtmp.publish(name).await;
    if status.code != "NetStream.Publish.Start" {
        rtmp.must_close().await;
    }
    status
}

fn must_be(status: &Status, code: &str, french: &str, english: &str) {
    assert_eq!(status.code, code, "{status:?}");
    assert!(status.description.contains(french) && status.description.contains(english), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_its_own_live_while_it_is_not_stopped() {
    let server = server().await;
    let (author, live) = server.live().await;
    let other = author.start_live(json!({})).await;
    let by_id = |live: &Live, key: &str| format!("{}?key={key}", live.id);
    for name in ["", "sk_nobody", &by_id(&live, "sk_nobody"), &by_id(&live, &other.key), "999999?key=sk_x"] {
        must_be(&asked(&live, name).await, BAD_NAME, "Cette clé de diffusion", "This stream key");
    }
    for name in [live.key.clone(), by_id(&live, &live.key)] {
        assert_eq!(asked(&live, &name).await.code, "NetStream.Publish.Start", "{name}");
    }
    live.stop(&author.api).await;
    must_be(&asked(&live, &live.key).await, BAD_NAME, "terminé", "has ended");
    author.api.delete(&other.path("")).await.must_be(204);
    must_be(&asked(&other, &other.key).await, BAD_NAME, "Cette clé de diffusion", "This stream key");
    for key in [&live.key, &other.key, "sk_nobody"] {
        assert!(!server.log().contains(key), "a key stands in the log");
    }
    assert!(server.log().contains("refused"), "a refusal stands in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_shows_the_reason_to_whoever_runs_it() {
    let server = server().await;
    let (_, live) = server.live().await;
    let url = format!("{}/sk_nobody", live.started["rtmp_url"].as_str().expect("RTMP is on"));
    let mut command = Command::new(tools::ffmpeg());
    command.args(["-v", "error", "-i"]).arg(recording("made/gst_avc1_aac.mp4"));
    command.args(["-c", "copy", "-f", "flv", &url]);
    let output = tools::run(&mut command).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("This stream key is of no live"), "{said}");
}

/// Sends all of a recording.
async fn send(rtmp: &mut Rtmp, name: &str) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = flv::remux(&tools::ffmpeg(), &recording(name), directory.path()).await;
    for tag in flv::tags(&path) {
        rtmp.message(6, tag.kind, tag.time, &tag.body).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_codec_that_is_not_taken_is_named_and_what_came_before_stays() {
    let server = server().await;
    let (author, live) = server.live().await;
    for (kind, body, codec) in
        [(8, &b"\x2f\x01\x02"[..], "MP3"), (9, b"\x14\x01", "VP6"), (8, b"\x91ac-3\x01", "ac-3")]
    {
        let mut rtmp = Rtmp::publishing(&live).await;
        send(&mut rtmp, "made/gst_avc1_aac.mp4").await;
        rtmp.message(4, kind, 3_100, body).await;
        let status = rtmp.status().await.expect("a reason");
        must_be(&status, FAILED, &format!("Le codec {codec}"), &format!("The codec {codec}"));
        rtmp.must_close().await;
    }
    let sent = frames::by_ffmpeg(&recording("made/gst_avc1_aac.mp4")).await;
    let answer = author.api.get(&live.path("replay.mp4?take=1")).await.expect(200);
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), &answer.body).expect("written");
    frames::must_equal(&sent, &frames::by_ffmpeg(file.path()).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_and_a_deletion_end_who_publishes() {
    let server = server().await;
    let (author, live) = server.live().await;
    let mut rtmp = Rtmp::publishing(&live).await;
    send(&mut rtmp, "made/gst_avc1_aac.mp4").await;
    live.stop(&author.api).await;
    let status = rtmp.status().await.expect("it is told");
    assert_eq!(status.code, "NetStream.Unpublish.Success");
    rtmp.must_close().await;
    let other = author.start_live(json!({})).await;
    let mut rtmp = Rtmp::publishing(&other).await;
    send(&mut rtmp, "made/gst_avc1_aac.mp4").await;
    author.api.delete(&other.path("")).await.must_be(204);
    while rtmp.status().await.is_some() {}
    let left = server.data().join("lives").join(other.id.to_string());
    assert!(!left.exists(), "{} is left", left.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_has_stored_all_they_may_is_told() {
    let arguments = ["--rtmp", "127.0.0.1:0", "--storage-per-person", "60000"];
    let server = Server::configured(&arguments, &[]).await;
    let (_, live) = server.live().await;
    let mut rtmp = Rtmp::publishing(&live).await;
    for _ in 0..4 {
        send(&mut rtmp, "made/obs_avc1_aac.mkv").await;
    }
    must_be(
        &rtmp.status().await.expect("a reason"),
        FAILED,
        "la limite de 60000 octets",
        "the limit of 60000 bytes",
    );
    rtmp.must_close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told() {
    let arguments = ["--rtmp", "127.0.0.1:0", "--reserve", "9000000000000000"];
    let server = Server::configured(&arguments, &[]).await;
    let author: Person = server.person("Awa").await;
    let live = author.start_live(json!({})).await;
    must_be(&asked(&live, &live.key).await, FAILED, "disque du serveur est plein", "disk is full");
}

/// Sends something as a connection that publishes, or before it does; what it is told.
async fn told(live: &Live, publishing: bool, bytes: &[u8]) -> Option<Status> {
    let mut rtmp = if publishing { Rtmp::publishing(live).await } else { Rtmp::connected(&host(live)).await };
    rtmp.raw(bytes).await;
    let status = rtmp.status().await;
    rtmp.must_close().await;
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_protocol_or_a_limit_is_told_before_and_after_a_publisher_was_let_in() {
    let server = server().await;
    let (_, live) = server.live().await;
    let deep = [amf::text("onMetaData"), amf::nested(10_000)].concat();
    let deep_command = [amf::text("connect"), amf::number(1.0), amf::nested(10_000)].concat();
    let many = [amf::text("x"), amf::number(0.0), amf::null().repeat(5_000)].concat();
    let open: Vec<u8> = (10..30).flat_map(|id| message(id, 9, 0, &[0; 1_000])[..140].to_vec()).collect();
    let used: Vec<u8> = (3..60).flat_map(|id| message(id, 4, 0, &[0])).collect();
    let publish = [amf::text("publish"), amf::number(5.0), amf::null(), amf::text("x")].concat();
    for (bytes, french, english) in [
        (message(2, 1, 0, &[0; 4]), "morceaux va de 1", "chunk size goes from 1"),
        (message(2, 1, 0, &[0x80, 0, 0, 0]), "morceaux va de 1", "chunk size goes from 1"),
        (message(3, 18, 0, &deep), "Une commande dépasse", "A command is over"),
        (message(3, 20, 0, &deep_command), "Une commande dépasse", "A command is over"),
        (message(3, 20, 0, &many), "Une commande dépasse", "A command is over"),
        (message(3, 20, 0, &[7; 20]), "Le protocole RTMP", "The RTMP protocol"),
        (vec![0xc0 | 40], "Le protocole RTMP", "The RTMP protocol"),
        (open, "flux de morceaux", "chunk streams"),
        (used, "flux de morceaux", "chunk streams"),
    ] {
        for publishing in [false, true] {
            let status = told(&live, publishing, &bytes).await.expect("a reason");
            must_be(&status, FAILED, french, english);
        }
    }
    let status = told(&live, true, &message(3, 20, 0, &publish)).await.expect("a reason");
    must_be(&status, FAILED, "Le protocole RTMP", "The RTMP protocol");
    let large = &message(6, 9, 0, &vec![0; 300_000])[..20];
    must_be(
        &told(&live, false, large).await.expect("a reason"),
        FAILED,
        "plus de 131072 octets",
        "more than 131072 bytes",
    );
    // All but the last chunk of nearly the largest message, and the beginning of another one.
    let one = message(6, 9, 0, &vec![0; 0xff_fff0]);
    let both = [&one[..one.len() - 113], &message(7, 9, 0, &[0; 1_000])[..300]].concat();
    must_be(&told(&live, true, &both).await.expect("a reason"), FAILED, "16777216 octets", "16777216 bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_applications_and_players_are_told() {
    let server = server().await;
    let (_, live) = server.live().await;
    let mut rtmp = Rtmp::shaken(&host(&live)).await;
    rtmp.command(&[amf::text("connect"), amf::number(1.0), amf::object(&[("app", "vod")])]).await;
    let status = rtmp.status().await.expect("a reason");
    must_be(&status, "NetConnection.Connect.Rejected", "finit par /live", "ends in /live");
    let mut rtmp = Rtmp::connected(&host(&live)).await;
    rtmp.command(&[amf::text("play"), amf::number(0.0), amf::null(), amf::text("x")]).await;
    must_be(
        &rtmp.status().await.expect("a reason"),
        "NetStream.Play.Failed",
        "que publier",
        "publishing only",
    );
    assert_eq!(rtmp.publish(&live.key).await.code, "NetStream.Publish.Start", "it may publish all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_may_not_be_what_was_meant_and_other_protocols_are_closed_at_once() {
    let server = server().await;
    let (_, live) = server.live().await;
    for first in [&b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"[..], &[0x16, 3, 1, 2, 0, 1], &[6; 2_000]] {
        let begin = Instant::now();
        let mut rtmp = Rtmp::open(&host(&live)).await;
        rtmp.raw(first).await;
        rtmp.must_close().await;
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_that_say_nothing_or_half_of_something_cost_little_and_are_closed() {
    let server = server().await;
    let (author, live) = server.live().await;
    let host = host(&live);
    let before = server.resident_memory();
    let begin = Instant::now();
    let mut held = Vec::new();
    for number in 0..1_000 {
        let mut rtmp = Rtmp::open(&host).await;
        match number % 4 {
            0 => {}
            1 => rtmp.raw(&[3; 700]).await,
            2 => rtmp.raw(&[3; 1_537]).await,
            // All that may be held before somebody was let in.
            _ => {
                rtmp.raw(&[3; 1 + 2 * 1_536]).await;
                rtmp.raw(&message(6, 9, 0, &vec![0; 65_000])[..60_000]).await;
            }
        }
        held.push(rtmp);
    }
    let mut publisher = Rtmp::publishing(&live).await;
    let used = server.resident_memory().saturating_sub(before);
    assert!(used < 1_000 * (256 << 10), "{used} bytes for a thousand connections");
    send(&mut publisher, "made/gst_avc1_aac.mp4").await;
    for rtmp in held {
        rtmp.must_close().await;
    }
    let took = begin.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(25)).contains(&took), "{took:?}");
    let saved = live.shown(&author.api).await["saved_ms"].as_u64().expect("saved_ms");
    assert!(saved > 2_000, "the publisher between them is recorded: {saved} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_share_of_the_connections() {
    let arguments = ["--rtmp", "127.0.0.1:0", "--connections", "40", "--connections-per-address", "10"];
    let server = Server::configured(&arguments, &[]).await;
    let (_, live) = server.live().await;
    let host = host(&live);
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(Rtmp::shaken(&host).await);
    }
    let begin = Instant::now();
    Rtmp::open(&host).await.must_close().await;
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    server.anonymous().get("/healthz").await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bytes_at_all_behind_the_handshake_leave_the_server_well() {
    let server = server().await;
    let (author, live) = server.live().await;
    let mut random = promises::random::Random::new(17);
    for round in 0..40 {
        let mut rtmp =
            if round % 2 == 0 { Rtmp::shaken(&host(&live)).await } else { Rtmp::publishing(&live).await };
        let bytes: Vec<u8> = (0..20_000).map(|_| random.between(0, 255) as u8).collect();
        rtmp.raw(&bytes).await;
        rtmp.cut();
    }
    let mut rtmp = Rtmp::publishing(&live).await;
    send(&mut rtmp, "made/gst_avc1_aac.mp4").await;
    live.stop(&author.api).await;
    let (status, said) = server.command(&["verify"]).await;
    assert!(status.success(), "{said}");
    assert!(!server.log().contains("panicked"));
}
