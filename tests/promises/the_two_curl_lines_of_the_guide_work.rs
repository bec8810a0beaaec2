//! The app's guide gives two `curl` lines; they work as they stand, though curl announces a form there.

use promises::{Server, tools};
use serde_json::{Value, json};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn as_they_stand() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    assert_eq!(live.id, 1, "the guide's first live is number 1");
    let guide = |line: &str| {
        let line = line.replace("BASE", server.base()).replace("TOKEN", &author.access);
        let mut command = Command::new("bash");
        command.args(["-c", &line]);
        command
    };
    let mut post = guide(
        "curl -sS --fail-with-body -X POST BASE/api/posts/live/1/chat/ -H \"Authorization: Bearer TOKEN\" \
         -d '{\"content\": \"Test message\"}'",
    );
    let message: Value = serde_json::from_slice(&tools::succeed(&mut post).await).expect("JSON");
    assert_eq!(message["content"], "Test message");
    assert_eq!(message["seq"], 1);
    assert_eq!(message["author"]["id"], author.id);
    let mut get = guide(
        "curl -sS --fail-with-body -X GET BASE/api/posts/live/1/chat/messages/ -H \"Authorization: Bearer TOKEN\"",
    );
    let history: Value = serde_json::from_slice(&tools::succeed(&mut get).await).expect("JSON");
    assert_eq!(history, json!([message]));
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_publishes_a_file_in_slices() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let file = promises::recording("webm_vp9_opus.webm");
    let script = format!(
        r#"set -eu
        at() {{ tr -d '\r' | awk -v name="$1:" 'tolower($1) == name {{ print $2 }}'; }}
        H="Authorization: Bearer {token}"; T="Tus-Resumable: 1.0.0"
        L=$(curl -sS -D - -o /dev/null -X POST {base}{upload} -H "$H" -H "$T" -H "Upload-Defer-Length: 1" | at location)
        case "$L" in http*) ;; *) L="{base}$L" ;; esac
        size=$(stat -c %s {file}); offset=0
        while [ "$offset" -lt "$size" ]; do
          offset=$(tail -c +$((offset + 1)) {file} | head -c 100000 | curl -sS -D - -o /dev/null -X PATCH "$L" -H "$H" -H "$T" \
            -H "Content-Type: application/offset+octet-stream" -H "Upload-Offset: $offset" --data-binary @- | at upload-offset)
        done
        echo "$offset""#,
        token = author.access,
        base = server.base(),
        upload = live.path("upload/"),
        file = file.display(),
    );
    let mut command = Command::new("bash");
    command.args(["-c", &script]);
    let printed = tools::succeed(&mut command).await;
    let size = std::fs::metadata(&file).expect("the recording is there").len();
    assert_eq!(String::from_utf8_lossy(&printed).trim(), size.to_string());
    live.stop(&author.api).await;
    tools::decode(&author.api.url(&live.path("replay.mp4"))).await;
}
