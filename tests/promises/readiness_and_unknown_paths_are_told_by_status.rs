//! Programs see by the status alone whether publishing is taken and whether a path is there.

use std::process::Stdio;

use promises::{Api, Server};
use reqwest::Method;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::metrics_tell_how_the_server_does::address_of_metrics;

#[tokio::test(flavor = "multi_thread")]
async fn ready_is_told_by_engine_and_not_ready_is_503() {
    let server = Server::start().await;
    let answer = server.anonymous().get("/readyz").await.expect(200).json();
    assert_eq!(answer, serde_json::json!({"database": "ok", "recordings": "ok", "shutting_down": false}));
    // All of the disk is kept free: nothing may be recorded.
    let server = Server::configured(&["--reserve", "9000000000000000000"], &[]).await;
    let answer = server.anonymous().get("/readyz").await.expect(503).json();
    assert_eq!(answer["recordings"], "full");
    server.anonymous().get("/healthz").await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_404_for_programs_and_browsers() {
    let server = Server::start().await;
    let api = server.anonymous();
    for path in
        ["/healthzz", "/readyz/x", "/wp-login.php", "/live/", "/live/abc", "/live/1/x", "/api/x", "/studio/x"]
    {
        let answer = api.get(path).await.expect(404);
        assert!(answer.header("content-type").contains("problem+json"), "{path}");
        let request = api.request(Method::GET, path).header("Accept", "text/html,*/*;q=0.8");
        api.send(request).await.must_be(404);
    }
    for path in ["/", "/login", "/register/", "/studio", "/live/7", "/live/7/"] {
        let answer = api.get(path).await.expect(200);
        assert!(answer.header("content-type").contains("text/html"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_nothing_is_gone_and_comes_back() {
    let server = Server::start().await;
    let api = server.anonymous();
    let mut other = holding_the_database(&server).await;
    // What was asked a moment ago is good for a second.
    let mut answer = api.get("/readyz").await;
    while answer.status == 200 {
        answer = api.get("/readyz").await;
    }
    assert_eq!(answer.expect(503).json()["database"], "failed");
    api.get("/healthz").await.must_be(200);
    drop(other.stdin.take());
    other.wait().await.expect("it ends");
    while api.get("/readyz").await.status == 503 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_leaves_says_so_where_metrics_are_told() {
    let mut server = Server::configured(&["--metrics-listen", "127.0.0.1:0", "--leaving-s", "1"], &[]).await;
    let apart = Api::new(&format!("http://{}", address_of_metrics(&server).await));
    apart.get("/readyz").await.must_be(200);
    // A request in hand keeps it for as long as leaving may take; that it is in hand is said by asking for its body.
    let mut slow = TcpStream::connect(server.address()).await.expect("a connection is taken");
    let head =
        "POST /api/users/login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n";
    slow.write_all(head.as_bytes()).await.expect("it is sent");
    let mut go_on = [0; 12];
    slow.read_exact(&mut go_on).await.expect("it is asked for");
    assert_eq!(&go_on, b"HTTP/1.1 100");
    let asked = async {
        loop {
            let answer = apart.get("/readyz").await;
            if answer.status == 503 {
                return answer.json();
            }
        }
    };
    let (answer, _) = tokio::join!(asked, server.terminate());
    assert_eq!(answer["shutting_down"], true, "{answer}");
}

/// Another process that writes to a server's database, and does not end it until it hears that its input has ended.
async fn holding_the_database(server: &Server) -> Child {
    let script = "import sqlite3, sys\n\
        db = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        db.execute('BEGIN IMMEDIATE')\n\
        print('held', flush=True)\n\
        sys.stdin.read()\n\
        db.execute('ROLLBACK')\n";
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(server.data().join("communiconnect.sqlite"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("python3 runs");
    let mut said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    assert_eq!(said.next_line().await.expect("it speaks").as_deref(), Some("held"));
    child
}
