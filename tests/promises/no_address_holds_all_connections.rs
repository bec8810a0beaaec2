//! Whoever opens connections and says nothing, half of something, or reads nothing, holds a share of the places: others are
//! served at once.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use promises::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// From another address of this machine's own network.
async fn connect_from(last: u8, server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).expect("an address of the loopback network");
    socket.connect(server.address().parse().expect("an address")).await.expect("the server listens")
}

/// The head of the answer to a request for the server's health.
async fn health(mut stream: TcpStream) -> String {
    // A refusal may come before the request is read.
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_a_quarter_and_is_told_so() {
    let server = Server::configured(&["--connections", "40"], &[]).await;
    let mut held = Vec::new();
    for half in
        ["", "GET / HT", "POST /api/users/login/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 900\r\n\r\n{"]
    {
        for _ in 0..100 {
            let mut stream = connect_from(2, &server).await;
            let _ = stream.write_all(half.as_bytes()).await;
            held.push(stream);
        }
    }
    let begin = Instant::now();
    let answer = health(connect_from(3, &server).await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    let refused = health(connect_from(2, &server).await).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("Retry-After") && refused.contains("Trop de connexions"), "{refused}");
    let (head, body) = refused.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{refused}");
    serde_json::from_str::<serde_json::Value>(body).expect("a problem in JSON");
    drop(held);
    let mut answer = String::new();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !answer.starts_with("HTTP/1.1 200") && Instant::now() < deadline {
        answer = health(connect_from(2, &server).await).await;
    }
    assert!(answer.starts_with("HTTP/1.1 200"), "the places are free again: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_in_counts_as_a_person() {
    let server = Server::configured(&["--connections", "40", "--connections-per-address", "10"], &[]).await;
    let mut held = Vec::new();
    for name in ["Awa", "Binta", "Cheikh", "Djibril"] {
        let person = server.person(name).await;
        for _ in 0..6 {
            let mut stream = connect_from(2, &server).await;
            let request = format!(
                "GET /api/users/my-profile/ HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer {}\r\n\r\n",
                person.access
            );
            stream.write_all(request.as_bytes()).await.expect("it is taken");
            let mut start = [0; 12];
            stream.read_exact(&mut start).await.expect("an answer");
            assert_eq!(&start, b"HTTP/1.1 200", "{name}");
            held.push(stream);
        }
    }
    let answer = health(connect_from(2, &server).await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "24 people's connections come from one school: {answer}");
}
