//! Whoever may not do a thing hears so before the body of the request has come.

use std::time::Duration;

use promises::{Person, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The status of a request of which only the first byte of a body of 1,000 comes.
async fn half_sent(server: &Server, method: &str, path: &str, who: Option<&Person>) -> u16 {
    let mut stream = TcpStream::connect(server.address()).await.expect("it listens");
    let bearer =
        who.map_or_else(String::new, |person| format!("Authorization: Bearer {}\r\n", person.access));
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: a.example\r\n{bearer}Content-Type: application/offset+octet-stream\r\n\
         Upload-Offset: 0\r\nUpload-Defer-Length: 1\r\nContent-Length: 1000\r\n\r\n{{"
    );
    stream.write_all(request.as_bytes()).await.expect("it is taken");
    let mut answer = [0; 12];
    let reading = tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut answer));
    reading.await.unwrap_or_else(|_| panic!("no answer to {method} {path}")).expect("an answer");
    String::from_utf8_lossy(&answer[9..]).parse().expect("a status")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_right_half_a_body_is_answered() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let other = server.person("Binta").await;
    let upload = promises::Upload::create(&author.api, &live).await;
    let upload = upload.location.clone();
    let upload = upload[upload.find("/api/").expect("a path")..].to_owned();
    let requests = [
        ("POST", "/api/posts/live/start/".to_owned(), None),
        ("PATCH", live.path(""), Some(403)),
        ("PUT", live.path("poster.jpg"), Some(403)),
        ("POST", live.path("chat/"), None),
        ("PATCH", live.path("chat/rules/"), Some(403)),
        ("POST", live.path("upload/"), Some(403)),
        ("POST", live.path("upload-video/"), Some(403)),
        ("PATCH", upload, Some(403)),
        ("PATCH", "/api/users/my-profile/".to_owned(), None),
        ("POST", "/api/users/password/".to_owned(), None),
    ];
    for (method, path, others) in &requests {
        assert_eq!(half_sent(&server, method, path, None).await, 401, "{method} {path}");
        if let Some(status) = others {
            assert_eq!(half_sent(&server, method, path, Some(&other)).await, *status, "{method} {path}");
        }
    }
}
