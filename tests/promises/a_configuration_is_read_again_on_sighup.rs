//! SIGHUP: origins, limits and how much is logged change while the server runs; what needs a restart is named; a mistake
//! changes nothing.

use std::path::{Path, PathBuf};

use promises::Server;
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

const ORIGIN: &str = "https://pages.example";

fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("communiconnect.toml");
    std::fs::write(&path, text).expect("a file can be written");
    (directory, path)
}

async fn reread(server: &Server, path: &Path, text: &str, said: &str) -> String {
    std::fs::write(path, text).expect("the file can be written");
    server.hang_up();
    server.logged(said).await
}

async fn lets_in(server: &Server) -> bool {
    let api = server.anonymous();
    let answer = api.send(api.request(Method::GET, "/api/posts/live/").header("Origin", ORIGIN)).await;
    answer.header("access-control-allow-origin") == ORIGIN
}

#[tokio::test(flavor = "multi_thread")]
async fn origins_limits_and_the_log_change_and_the_rest_is_named() {
    let (_directory, path) = file("running_lives = 1\n");
    let server = Server::configured(&["--config", path.to_str().expect("a path is text")], &[]).await;
    let (author, _live) = server.live().await;
    let again = || author.api.post("/api/posts/live/start/", json!({"title": "Encore"}));
    again().await.must_be(429);
    assert!(!lets_in(&server).await);

    let text = format!(
        "running_lives = 3\ncors_origins = ['{ORIGIN}']\nlog = 'debug'\nrtmp = '127.0.0.1:0'\n\
         reserve = 9000000000000000000\nregistration = 'closed'\nconnections = 500\n"
    );
    let line = reread(&server, &path, &text, "needs a restart").await;
    assert!(line.contains("rtmp") && !line.contains("running_lives"), "{line}");
    let line = server.logged("the configuration was read again").await;
    for name in ["running_lives", "cors_origins", "log", "reserve", "registration", "connections"] {
        assert!(line.contains(name), "{name}: {line}");
    }
    assert!(lets_in(&server).await);
    again().await.must_be(201);
    let readiness = server.anonymous().get("/readyz").await.expect(503).json();
    assert_eq!(readiness["recordings"], "full", "the reserve counts at once");
    let registration = server.anonymous().get("/api/users/registration/").await.expect(200).json();
    assert_eq!(registration["registration"], "closed");
    server.logged("answered").await;

    let line = reread(&server, &path, "running_lives = 'many'\nnonsense = 1\n", "nonsense").await;
    assert!(line.contains("the one before stays"), "{line}");
    server.logged("running_lives: ").await;
    assert!(lets_in(&server).await, "a mistake changes nothing");
}
