//! What is kept is its owner's alone: the directory, and every file in it.

use std::fs::{Permissions, metadata, read_dir, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use promises::{Server, recorded, server};
use tokio::process::Command;

fn mode(path: &Path) -> u32 {
    metadata(path).expect("it is there").permissions().mode() & 0o777
}

fn must_be_private(path: &Path) {
    assert_eq!(mode(path) & 0o077, 0, "{}: {:o}", path.display(), mode(path));
    if path.is_dir() {
        for entry in read_dir(path).expect("it can be read") {
            must_be_private(&entry.expect("an entry").path());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_server_writes_is_closed_to_others() {
    let directory = tempfile::tempdir().expect("a directory");
    set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("it is ours");
    let server = Server::on(directory).await;
    let (author, live) = server.live().await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
    live.stop(&author.api).await;
    let take = server.data().join("lives").join(live.id.to_string()).join("takes/1");
    assert!(take.is_dir(), "there is something to look at");
    // The test's own log lies there too, made by the test.
    for entry in read_dir(server.data()).expect("it can be read") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "log") {
            must_be_private(&path);
        }
    }
    assert_eq!(mode(server.data()), 0o700, "an empty directory was closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_with_data_that_others_can_read_is_refused_with_what_closes_it() {
    let mut server = Server::start().await;
    server.terminate().await;
    let data = server.data();
    set_permissions(data, Permissions::from_mode(0o750)).expect("it is ours");
    let mut serve = Command::new(server::program());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    let output = serve.stdin(Stdio::null()).output().await.expect("it starts");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    let command = format!("chmod 700 '{}'", data.display());
    assert!(said.contains(&command), "{said}");
    let closed = Command::new("sh").args(["-c", &command]).status().await.expect("a shell");
    assert!(closed.success());
    server.restart().await;
}
