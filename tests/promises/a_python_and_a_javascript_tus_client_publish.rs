//! Existing tus clients are publishers as they are.

use promises::{Server, frames, recorded, recording, repository, tools};
use tokio::process::Command;

const PYTHON: &str = r"
import sys
from tusclient import client
base, path, token, chunk = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
tus = client.TusClient(base, headers={'Authorization': 'Bearer ' + token})
tus.uploader(path, chunk_size=chunk, metadata={'filetype': 'video/webm', 'filename': 'live.webm'}).upload()
";

const JAVASCRIPT: &str = r"
import { readFileSync } from 'node:fs';
import * as tus from 'tus-js-client';
const [endpoint, path, token, chunk, length] = process.argv.slice(2);
const upload = new tus.Upload(readFileSync(path), {
  endpoint,
  chunkSize: Number(chunk),
  uploadLengthDeferred: length === 'deferred',
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filetype: 'video/webm' },
  retryDelays: [],
  onError: (error) => { console.error(error); process.exit(1); },
  onSuccess: () => process.exit(0),
});
upload.start();
";

#[tokio::test(flavor = "multi_thread")]
async fn in_python() {
    let python = tools::python().expect("scripts/setup-tests.sh makes a Python environment");
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let bytes = recorded("webm_vp9_opus.webm");
    for chunk in ["1000", "77777", "10000000"] {
        let live = author.start_live(serde_json::json!({})).await;
        let mut command = Command::new(&python);
        let endpoint = format!("{}{}", server.base(), live.path("upload/"));
        let file = recording("webm_vp9_opus.webm");
        command.args(["-c", PYTHON, &endpoint]).arg(file).args([&author.access, chunk]);
        tools::succeed(&mut command).await;
        live.stop(&author.api).await;
        let replay = live.replay(&author.api, "mp4").await;
        frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_javascript() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let bytes = recorded("mkv_avc1_opus.mkv");
    let script = repository().join(".tools").join("tus.mjs");
    std::fs::write(&script, JAVASCRIPT).expect("scripts/setup-tests.sh makes .tools");
    for length in ["deferred", "known"] {
        let live = author.start_live(serde_json::json!({})).await;
        let endpoint = format!("{}{}", server.base(), live.path("upload/"));
        let mut command = Command::new("node");
        command.arg(&script).arg(endpoint).arg(recording("mkv_avc1_opus.mkv")).args([
            &author.access,
            "50000",
            length,
        ]);
        tools::succeed(&mut command).await;
        live.stop(&author.api).await;
        let replay = live.replay(&author.api, "mp4").await;
        frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
    }
}
