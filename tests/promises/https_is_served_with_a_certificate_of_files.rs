//! With a certificate in files everything is by https, a changed certificate is served at once and a broken one never; whoever
//! comes without TLS is sent on, and whoever does not finish a handshake holds nothing for long.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use promises::frames;
use promises::talk::Talk;
use promises::tls::{Authority, Files, shown_to};
use promises::{Server, recorded, recording, tools};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;

const NAME: &str = "live.example.org";
/// How long a changed file may take to be seen, and a handshake to be given up.
const SEEN: Duration = Duration::from_secs(10);

/// What is answered to a request as it stands here, until the connection ends.
async fn answered(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// From another address of this machine's own network.
async fn connect_from(last: u8, server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).expect("an address of the loopback network");
    socket.connect(server.socket_address()).await.expect("the server listens")
}

/// Waits until the log has a line.
async fn logged(server: &Server, line: &str) {
    let begin = Instant::now();
    while !server.log().contains(line) {
        assert!(begin.elapsed() < SEEN, "no {line:?} in:\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_is_published_talked_about_and_watched_over_https() {
    let authority = Authority::default();
    let server = Files::of(&authority.pair(&[NAME])).server(&[]).await;
    assert!(server.base().starts_with("https://127.0.0.1:"), "{}", server.base());
    let (author, live) = server.live().await;
    for name in ["upload_url", "watch_url"] {
        let url = live.started[name].as_str().expect("an address");
        assert!(url.starts_with(server.base()), "{name}: {url}");
    }
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;

    let stream =
        authority.connect(NAME, server.socket_address(), &["http/1.1"]).await.expect("it is trusted");
    let mut talk = Talk::over(stream, &server, &live, "").await;
    talk.authenticate(&author).await;
    talk.send(
        json!({"type": "send", "content": "Bonsoir", "client_id": "5e1c1a52-6c6f-4b8c-9d9f-0123456789ab"}),
    )
    .await;
    assert_eq!(talk.messages().await[0]["content"], "Bonsoir");

    live.stop(&author.api).await;
    let replay = live.replay(&author.api, "mp4").await;
    assert_eq!(replay.header("strict-transport-security"), "max-age=31536000");
    let files = tempfile::tempdir().expect("a temporary directory");
    let (path, ca) = (files.path().join("replay.mp4"), files.path().join("ca.pem"));
    std::fs::write(&ca, authority.pem()).expect("a file is written");
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--http2", "--cacert"])
        .arg(&ca)
        .arg("--connect-to")
        .arg(format!("{NAME}:443:{}", server.address()));
    curl.args(["-w", "%{http_version}", "-o"])
        .arg(&path)
        .arg(format!("https://{NAME}{}", live.path("replay.mp4")));
    assert_eq!(tools::succeed(&mut curl).await, b"2", "HTTP/2 by ALPN");
    assert!(std::fs::read(&path).expect("the replay") == replay.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocol_is_agreed_upon_in_the_handshake() {
    let authority = Authority::default();
    let server = Files::of(&authority.pair(&[NAME])).server(&[]).await;
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1"], Some(b"http/1.1")),
        (&["spdy/3", "http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = authority.connect(NAME, server.socket_address(), offered).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed, "{offered:?}");
    }
    for offered in [&["spdy/3"][..], &["acme-tls/1"]] {
        assert!(authority.connect(NAME, server.socket_address(), offered).await.is_err(), "{offered:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_without_tls_is_sent_on() {
    let authority = Authority::default();
    let server = Files::of(&authority.pair(&[NAME])).server(&["--http-listen", "127.0.0.1:0"]).await;
    let port = server.socket_address().port();
    let plain = server.logged_address("sent to https");
    // By mistake on the port of TLS as well.
    for address in [plain, server.socket_address()] {
        let request = format!("GET /live/7?key=x HTTP/1.1\r\nHost: {NAME}:8080\r\nConnection: close\r\n\r\n");
        let answer = answered(address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
        assert!(
            answer.contains(&format!("\r\nlocation: https://{NAME}:{port}/live/7?key=x\r\n")),
            "{answer}"
        );
        let answer = answered(address, b"GET / HTTP/1.0\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.0 400 "), "{answer}");
    }
    let public = ["--http-listen", "127.0.0.1:0", "--public-url", "https://public.example"];
    let server = Files::of(&authority.pair(&[NAME])).server(&public).await;
    let request = b"POST /api/users/login/ HTTP/1.1\r\nHost: 192.0.2.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    let answer = answered(server.logged_address("sent to https"), request).await;
    assert!(answer.contains("\r\nlocation: https://public.example/api/users/login/\r\n"), "{answer}");
    for junk in [&b"\x00\x00\x00\x00"[..], b"\x16\x03\x01\xff\xff\xff\xff", b"\x16hello, hello, hello"] {
        let begin = Instant::now();
        let answer = answered(server.socket_address(), junk).await;
        assert!(begin.elapsed() < SEEN / 2 && !answer.contains("HTTP"), "{junk:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_pair_is_served_without_a_cut_and_a_broken_one_is_not() {
    let authority = Authority::default();
    let files = Files::of(&authority.pair(&[NAME]));
    let server = files.server(&[]).await;
    let address = server.socket_address();
    let client = authority.client(NAME, address);
    let first = shown_to(&client, NAME, address).await;
    let mut open = authority.connect(NAME, address, &["http/1.1"]).await.expect("it is trusted");

    files.write(&authority.pair(&[NAME]));
    let begin = Instant::now();
    let mut second = shown_to(&client, NAME, address).await;
    while second == first {
        assert!(begin.elapsed() < SEEN, "the old one is still shown");
        // A new client: the one before keeps its connection, which is not cut.
        second = shown_to(&authority.client(NAME, address), NAME, address).await;
    }
    open.write_all(b"GET /healthz HTTP/1.1\r\nHost: a.example\r\n\r\n").await.expect("it is not cut");
    let mut start = [0; 12];
    open.read_exact(&mut start).await.expect("an answer");
    assert_eq!(&start, b"HTTP/1.1 200");

    let other = authority.pair(&[NAME]);
    std::fs::write(files.key(), &other.key).expect("a file is written");
    logged(&server, "the key is not that of the certificate").await;
    files.write(&authority.expired(&[NAME]));
    logged(&server, "the certificate has expired: it was good until Wed, 01 Jan 2020").await;
    let last = shown_to(&authority.client(NAME, address), NAME, address).await;
    assert_eq!(last, second, "the one before is served on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_end_is_ended_and_counts_meanwhile() {
    let authority = Authority::default();
    let options = ["--connections", "40", "--connections-per-address", "4"];
    let server = Files::of(&authority.pair(&[NAME])).server(&options).await;
    let begin = Instant::now();
    let mut held = Vec::new();
    // Nothing, the first byte of a record, and records that do not end.
    for half in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01", b"\x16\x03\x01\x00"] {
        let mut stream = connect_from(2, &server).await;
        stream.write_all(half).await.expect("it is taken");
        held.push(stream);
    }
    let mut alert = Vec::new();
    let _ = connect_from(2, &server).await.read_to_end(&mut alert).await;
    assert_eq!(alert, [21, 3, 3, 0, 2, 2, 80], "an alert of TLS");
    let client = authority.client(NAME, server.socket_address());
    shown_to(&client, NAME, server.socket_address()).await;
    for mut stream in held {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout_at((begin + SEEN + SEEN / 4).into(), stream.read_to_end(&mut rest));
        let _ = ended.await.expect("it is ended after 10 s");
    }
    assert!(begin.elapsed() > SEEN / 2, "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_at_the_start_is_said() {
    let authority = Authority::default();
    let files = Files::of(&authority.pair(&[NAME]));
    std::fs::write(files.key(), authority.pair(&[NAME]).key).expect("a file is written");
    let (certificate, key) = (files.certificate(), files.key());
    let (certificate, key) = (certificate.to_string_lossy(), key.to_string_lossy());
    let data = tempfile::tempdir().expect("a temporary directory");
    let data = data.path().to_string_lossy();
    for (options, sentence) in [
        (&["--tls-cert", &certificate, "--tls-key", &key][..], "the key is not that of the certificate"),
        (&["--tls-cert", &certificate, "--tls-key", "/nowhere.pem"], "/nowhere.pem cannot be read"),
        (&["--tls-cert", &certificate], "give tls_key too"),
        (&["--tls", "*.example.org"], "wildcard"),
        (&["--http-listen", "127.0.0.1:0"], "http_listen: give tls"),
    ] {
        let mut command = Command::new(promises::server::program());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir", &data]).args(options);
        let output = command.output().await.expect("the program can be started");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(sentence), "{options:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_publishes_by_rtmps_with_the_same_certificate() {
    let authority = Authority::default();
    let files = Files::of(&authority.pair(&[NAME, "127.0.0.1"]));
    let server = files.server(&["--rtmps", "127.0.0.1:0", "--rtmp", "127.0.0.1:0"]).await;
    let (author, live) = server.live().await;
    let url = live.started["rtmp_url"].as_str().expect("RTMPS is on");
    assert!(url.starts_with("rtmps://127.0.0.1:"), "{url}");
    let file = recording("made/gst_avc1_aac.mp4");
    let mut ffmpeg = Command::new(tools::ffmpeg());
    ffmpeg.args(["-v", "error", "-i"]).arg(&file).args([
        "-c",
        "copy",
        "-f",
        "flv",
        &format!("{url}/{}", live.key),
    ]);
    tools::succeed(&mut ffmpeg).await;
    live.stop(&author.api).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("replay.mp4");
    std::fs::write(&path, &live.replay(&author.api, "mp4").await.body).expect("the replay is written down");
    frames::must_equal(&frames::by_ffmpeg(&file).await, &frames::by_ffmpeg(&path).await, 1);

    // Whoever speaks without TLS, or in the middle of its handshake no more, is let go.
    let address: SocketAddr =
        url.trim_start_matches("rtmps://").trim_end_matches("/live").parse().expect("an address");
    let begin = Instant::now();
    assert!(!answered(address, b"\x03hello, is this RTMP?").await.contains("RTMP"));
    assert!(begin.elapsed() < SEEN, "{:?}", begin.elapsed());
}
