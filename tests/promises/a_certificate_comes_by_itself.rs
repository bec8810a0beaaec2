//! A server that is told its names gets their certificates, keeps them over restarts and renews them; an authority that is
//! away or refuses costs nobody the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use promises::Server;
use promises::pebble::{Place, Settings};
use promises::tls::shown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const NAME: &str = "live.example.org";
const HTTP: u16 = 5_002;
/// How long a certificate may take to come, three failures in between.
const COMES: Duration = Duration::from_secs(60);
const HOUR: u32 = 3_600;

/// Whether what is shown is of Pebble, and not one that the server made for itself.
fn is_of_pebble(certificate: &[u8]) -> bool {
    certificate.windows(6).any(|bytes| bytes == b"Pebble")
}

/// Waits until a certificate of Pebble's is shown that is not this one.
async fn another_than(before: &[u8], address: SocketAddr) -> Vec<u8> {
    let begin = Instant::now();
    loop {
        let certificate = shown(NAME, address).await;
        if is_of_pebble(&certificate) && certificate != before {
            return certificate;
        }
        assert!(begin.elapsed() < COMES, "no certificate came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn server(place: &Place, names: &str, more: &[&str]) -> Server {
    let options = place.options();
    let mut arguments = vec!["--tls", names, "--acme-email", "somebody@example.org"];
    arguments.extend(options.iter().map(String::as_str));
    arguments.extend(more);
    Server::configured(&arguments, &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_proved_by_tls_and_kept_over_a_restart() {
    let place = Place::default();
    let names = format!("{NAME},second.example.org");
    let mut server = server(&place, &names, &[]).await;
    let own = shown(NAME, server.socket_address()).await;
    assert!(!is_of_pebble(&own), "the authority is away, and the server serves");
    let begin = Instant::now();
    while !server.log().contains("no certificate came") {
        assert!(begin.elapsed() < COMES, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let tls_port = server.socket_address().port();
    let settings = Settings { names_at: Ipv4Addr::LOCALHOST, http_port: HTTP, tls_port, life_s: HOUR };
    let pebble = place.start(settings).await;
    let certificate = another_than(&own, server.socket_address()).await;
    let begin = Instant::now();
    // Each name has its own; until it comes, the first's is shown.
    loop {
        let second = shown("second.example.org", server.socket_address()).await;
        if is_of_pebble(&second) && second != certificate {
            break;
        }
        assert!(begin.elapsed() < COMES, "no certificate of the second name came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        shown("somebody.example", server.socket_address()).await,
        certificate,
        "the first is for all others"
    );
    let issued = pebble.issued();

    server.terminate().await;
    server.restart().await;
    assert_eq!(shown(NAME, server.socket_address()).await, certificate, "at once");
    assert_eq!(pebble.issued(), issued, "nothing was ordered again");
    let mut kept = 0;
    for_each_file(&server.data().join("acme"), &mut |path| {
        kept += 1;
        let mode = std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    });
    assert_eq!(kept, 3, "an account and two certificates");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_proved_over_http_and_renewed_without_a_cut() {
    let place = Place::default();
    let settings = Settings { names_at: place.address, http_port: HTTP, tls_port: 1, life_s: 6 };
    let _pebble = place.start(settings).await;
    let server = server(&place, NAME, &["--http-listen", &format!("{}:{HTTP}", place.address)]).await;
    let address = server.socket_address();
    let first = another_than(&[], address).await;

    // By the name, whatever was asked for.
    let mut plain = TcpStream::connect((place.address, HTTP)).await.expect("the server listens");
    plain
        .write_all(b"GET /a HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: close\r\n\r\n")
        .await
        .expect("it is taken");
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.contains(&format!("\r\nlocation: https://{NAME}:{}/a\r\n", address.port())), "{answer}");

    let begin = Instant::now();
    let second = another_than(&first, address).await;
    assert!(begin.elapsed() > Duration::from_secs(1), "not before a third of its life is left");
    assert_ne!(second, first);
}

fn for_each_file(folder: &Path, each: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { for_each_file(&path, each) } else { each(&path) }
    }
}
