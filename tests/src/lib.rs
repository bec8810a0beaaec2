//! The harness of the promises: the real server, real clients, real players, no mock of any part of ours.
//!
//! * [`server`]: starts the built program on a free port with a directory of its own; kills, leaves, restarts it.
//! * [`http`]: requests whose failure message says what was asked and what came.
//! * [`contract`]: holds every answer of theirs against the schema.
//! * [`people`]: persons and their lives.
//! * [`rtmp`], [`flv`]: a publisher by RTMP, and what it sends.
//! * [`receiver`]: somebody who is told what happens, by webhooks.
//! * [`upload`]: a tus publisher, cut into any slices.
//! * [`tools`]: ffmpeg and ffprobe, as outside judges.
//! * [`files`]: what stands in the files of a data directory.
//! * [`frames`]: coded frames of a file, read by us and, independently, by ffmpeg.
//! * [`isobmff`], [`webm`]: checkers of files that share nothing with the product.
//! * [`outputs`]: publishes a recording and judges everything that comes out.
//! * [`carried`]: the tails of a live over their WebSocket.
//! * [`hls`]: a checker of HLS playlists that shares nothing with the product.
//! * [`proxies`]: nginx and Caddy in front of the server, as the documents have them.
//! * [`small_disk`]: a file system that fills up.
//! * [`talk`]: the conversation over its WebSocket.
//! * [`tls`], [`pebble`]: certificates of the tests' own, and an authority that speaks ACME.

pub mod carried;
pub mod contract;
pub mod files;
pub mod flv;
pub mod frames;
pub mod hls;
pub mod http;
pub mod isobmff;
pub mod outputs;
pub mod pebble;
pub mod people;
pub mod proxies;
pub mod random;
pub mod receiver;
pub mod rtmp;
pub mod server;
pub mod small_disk;
pub mod talk;
pub mod tls;
pub mod tools;
pub mod upload;
pub mod webm;

use std::path::PathBuf;
use std::time::Duration;

pub use http::{Answer, Api};
pub use people::{Live, Person};
pub use server::Server;
pub use upload::Upload;

/// The directory of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the package stands in the repository").to_path_buf()
}

/// Waits until something is so, and fails when it is not within this time.
///
/// # Panics
/// It is not so within the time.
pub async fn within(time: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + time;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "{what}: not within {time:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The path of a recording of `testdata`.
#[must_use]
pub fn recording(name: &str) -> PathBuf {
    repository().join("testdata").join(name)
}

/// The bytes of a recording of `testdata`.
#[must_use]
pub fn recorded(name: &str) -> Vec<u8> {
    let path = recording(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}

/// Where the recorder's blobs ended in a recording of `testdata`: its bytes as the browser delivered them.
#[must_use]
pub fn blobs(name: &str) -> Vec<Vec<u8>> {
    let bytes = recorded(name);
    let path = recording(name).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let description: serde_json::Value = serde_json::from_str(&text).expect("the description is JSON");
    let mut rest = bytes.as_slice();
    let mut blobs = Vec::new();
    for size in description["chunk_bytes"].as_array().expect("chunk_bytes is a list") {
        let size = size.as_u64().expect("a size is a number") as usize;
        let (blob, after) = rest.split_at(size.min(rest.len()));
        blobs.push(blob.to_vec());
        rest = after;
    }
    if !rest.is_empty() {
        blobs.push(rest.to_vec());
    }
    blobs
}
