//! Metrics: everything an operator looks for is told, to those who may ask, in the form that Prometheus expects; the dashboard
//! and the alerts beside the code name what is there.

use std::collections::BTreeSet;
use std::process::Stdio;

use promises::talk::Talk;
use promises::tools::promtool;
use promises::{Api, Server, recorded, repository};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A server on which a little of everything has happened, and what it tells.
async fn scraped() -> (Server, String) {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    live.publish(&author.api, &bytes[..300_000]).await;
    let mut talk = Talk::open(&server, &live, "?after=0").await;
    // Whoever was answered waits for what is new.
    talk.authenticate(&author).await;
    for word in ["Un", "Deux"] {
        author.api.post(&live.path("chat/"), json!({"content": word})).await.must_be(201);
        talk.collect(1).await;
    }
    let wrong = json!({"email": author.email, "password": "pas la bonne phrase"});
    server.anonymous().post("/api/users/login/", wrong).await.must_be(401);
    server.anonymous().get("/live/none").await.must_be(404);
    let text = server.anonymous().get("/metrics").await.expect(200).whole_text();
    (server, text)
}

/// The value of a metric with its labels.
fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

/// The names of all that is told.
fn names(text: &str) -> BTreeSet<String> {
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    samples.map(|line| line.split(['{', ' ']).next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_counted_and_prometheus_finds_nothing_to_say() {
    let (server, text) = scraped().await;
    for (name, at_least) in [
        ("communiconnect_http_request_duration_seconds_count{method=\"PATCH\",status=\"2xx\"}", 1.0),
        ("communiconnect_upload_patch_seconds_count", 1.0),
        ("communiconnect_fsync_seconds_count{engine=\"disk\"}", 2.0),
        ("communiconnect_commit_seconds_count{engine=\"sqlite\"}", 4.0),
        ("communiconnect_fan_out_seconds_count", 1.0),
        ("communiconnect_open_uploads", 1.0),
        ("communiconnect_disk_free_bytes", 1.0),
        ("communiconnect_received_bytes_total{door=\"http\"}", 300_000.0),
        ("communiconnect_sent_bytes_total{door=\"http\"}", 1_000.0),
        ("communiconnect_sign_ins_failed_total", 1.0),
        ("communiconnect_refused_total{status=\"401\"}", 1.0),
        ("communiconnect_refused_total{status=\"404\"}", 1.0),
        ("communiconnect_wal_bytes{engine=\"sqlite\"}", 1.0),
        ("communiconnect_write_queue_length{engine=\"sqlite\"}", 0.0),
        ("communiconnect_messages_total", 2.0),
        ("communiconnect_viewers", 0.0),
        ("process_cpu_seconds_total", 0.0),
        ("process_resident_memory_bytes", 1_000_000.0),
        ("process_open_fds", 3.0),
        ("process_max_fds", 3.0),
        ("process_start_time_seconds", 1_767_225_600.0),
    ] {
        assert!(value(&text, name) >= at_least, "{name} is {}", value(&text, name));
    }
    for (name, exactly) in [
        ("communiconnect_engine_up{engine=\"sqlite\"}", 1.0),
        ("communiconnect_engine_up{engine=\"disk\"}", 1.0),
        ("communiconnect_disk_reserve_bytes", f64::from(1 << 30)),
        ("communiconnect_lives_running", 1.0),
        (&format!("communiconnect_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
    ] {
        assert!((value(&text, name) - exactly).abs() < 0.5, "{name} is {}", value(&text, name));
    }
    let mut check = Command::new(promtool());
    check.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.spawn().expect("promtool runs: scripts/setup-tests.sh brings it");
    let mut input = check.stdin.take().expect("it is piped");
    input.write_all(text.as_bytes()).await.expect("promtool reads");
    drop(input);
    let output = check.wait_with_output().await.expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_and_the_alerts_name_what_is_told() {
    let (_server, text) = scraped().await;
    let told = names(&text);
    for file in ["operations/dashboard.json", "operations/alerts.yml"] {
        let content = std::fs::read_to_string(repository().join(file)).expect("the file is there");
        let words = content.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let named: BTreeSet<&str> = words
            .filter(|word| word.starts_with("communiconnect_") || word.starts_with("process_"))
            .collect();
        assert!(named.len() > 5, "{file} names metrics");
        let unknown: Vec<_> = named.into_iter().filter(|name| !told.contains(*name)).collect();
        assert!(unknown.is_empty(), "{file} names what is not told: {unknown:?}");
    }
    let dashboard = std::fs::read(repository().join("operations/dashboard.json")).expect("the file is there");
    serde_json::from_slice::<serde_json::Value>(&dashboard).expect("the dashboard is JSON");
    let mut check = Command::new(promtool());
    let alerts = repository().join("operations/alerts.yml");
    let output = check.args(["check", "rules"]).arg(alerts).output().await.expect("promtool runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_told_at_an_address_of_their_own_and_for_a_token() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("token");
    std::fs::write(&file, "a token of some length\n").expect("a file can be written");
    let file = file.to_str().expect("a path is text");
    let server =
        Server::configured(&["--metrics-listen", "127.0.0.1:0", "--metrics-token-file", file], &[]).await;
    let public = server.anonymous();
    public.get("/metrics").await.must_be(404);
    public.with_token("a token of some length").get("/metrics").await.must_be(404);
    let apart = Api::new(&format!("http://{}", address_of_metrics(&server).await));
    let refused = apart.get("/metrics").await.expect(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    apart.with_token("a token of some lengtH").get("/metrics").await.must_be(401);
    apart.with_token("a token").get("/metrics").await.must_be(401);
    let text = apart.with_token("a token of some length").get("/metrics").await.expect(200).whole_text();
    assert!(text.contains("communiconnect_build_info"), "{text}");
    apart.get("/healthz").await.must_be(200);
    apart.get("/readyz").await.must_be(200);

    let server = Server::configured(&["--metrics-token-file", file], &[]).await;
    server.anonymous().get("/metrics").await.must_be(401);
    server.anonymous().with_token("a token of some length").get("/metrics").await.must_be(200);
}

/// Where a server tells its metrics.
pub(crate) async fn address_of_metrics(server: &Server) -> String {
    let line = server.logged("metrics are told").await;
    line.rsplit_once("address=").expect("the address is logged").1.trim().to_owned()
}
