//! A crowd that watches by HLS through a cache costs the server one answer for each address: `docs/CDN.md` says how, and its
//! nginx is started as it stands there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use promises::{Api, Live, Server, Upload, blobs, hls, repository};
use tokio::process::{Child, Command};

/// Players at once.
const VIEWERS: usize = 1_000;
/// Parts that each of them fetches.
const PARTS: usize = 4;

/// nginx as the documentation has it, in front of a server.
struct Cache {
    _child: Child,
    base: String,
    folder: tempfile::TempDir,
}

impl Cache {
    async fn before(server: &Server) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let page = std::fs::read_to_string(repository().join("docs/CDN.md")).expect("the page");
        let (_, block) = page.split_once("```nginx\n").expect("a configuration");
        let (block, _) = block.split_once("```").expect("the end of the configuration");
        let port = free_port();
        let here = |name: &str| folder.path().join(name).display().to_string();
        let block = block
            .replace("/var/cache/nginx/live", &here("cache"))
            .replace("127.0.0.1:8080", server.address())
            .replace("listen 8000", &format!("listen 127.0.0.1:{port}"));
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};\n", here(name)))
            .concat();
        let whole = format!(
            "daemon off; master_process off; worker_rlimit_nofile 8192; pid {};\n\
             error_log {} warn;\nevents {{ worker_connections 4096; }}\nhttp {{\n{temporary}\
             log_format told '$upstream_cache_status $status $request_uri';\naccess_log {} told;\n{block}}}\n",
            here("pid"),
            here("errors"),
            here("log")
        );
        std::fs::write(folder.path().join("nginx.conf"), whole).expect("a configuration");
        let mut command = Command::new("nginx");
        command.arg("-e").arg(folder.path().join("errors")).arg("-c").arg(folder.path().join("nginx.conf"));
        command.arg("-p").arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().expect("nginx starts: run scripts/setup-tests.sh");
        let address = format!("127.0.0.1:{port}");
        let listening = async {
            while tokio::net::TcpStream::connect(&address).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), listening).await.expect("nginx listens");
        Self { _child: child, base: format!("http://{address}"), folder }
    }

    /// How often each address was asked of the server.
    fn asked(&self) -> BTreeMap<String, usize> {
        let log = std::fs::read_to_string(Path::new(self.folder.path()).join("log")).expect("the log");
        let mut asked = BTreeMap::new();
        for line in log.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            *asked.entry(words[2].to_owned()).or_insert(0) += usize::from(words[0] != "HIT");
        }
        asked
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A player that follows the picture for some parts: how many it fetched.
async fn watch(api: Api, live: Live, from: (usize, usize)) -> usize {
    let (mut segment, mut part) = from;
    for fetched in 0..PARTS {
        let path = live.path(&format!("hls/video.m3u8?_HLS_msn={segment}&_HLS_part={part}"));
        let newest = hls::read(&api.get(&path).await.expect(200).whole_text()).expect("a playlist");
        let uri = match newest.segments.get(segment) {
            Some(whole) => whole.parts.get(part).map(|part| &part.uri),
            None => newest.open.parts.get(part).map(|part| &part.uri),
        };
        let Some(uri) = uri else { return fetched };
        api.get(&live.path(&format!("hls/{uri}"))).await.must_be(200);
        (segment, part) = match newest.segments.get(segment) {
            Some(whole) if part + 1 >= whole.parts.len() => (segment + 1, 0),
            _ => (segment, part + 1),
        };
    }
    PARTS
}

#[tokio::test(flavor = "multi_thread")]
async fn and_the_server_answers_each_part_once() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut upload = Upload::create(&author.api, &live).await;
    let blobs = blobs("webm_vp9_opus.webm");
    let (first, rest) = blobs.split_at(blobs.len() / 2);
    for blob in first {
        upload.append(blob).await;
    }
    let cache = Cache::before(&server).await;
    let api = Api::new(&cache.base);
    let newest = author.api.get(&live.path("hls/video.m3u8")).await.expect(200).whole_text();
    let newest = hls::read(&newest).expect("a playlist");
    let from = (newest.segments.len(), newest.open.parts.len());
    let viewers: Vec<_> =
        (0..VIEWERS).map(|_| tokio::spawn(watch(api.clone(), live.clone(), from))).collect();
    for blob in rest {
        upload.append(blob).await;
    }
    live.stop(&author.api).await;
    let mut fetched = 0;
    for viewer in viewers {
        fetched += viewer.await.expect("a viewer comes to the end");
    }
    let asked = cache.asked();
    let often: Vec<_> = asked.iter().filter(|(_, count)| **count != 1).collect();
    println!("{fetched} parts for {VIEWERS} viewers, {} addresses asked of the server", asked.len());
    assert!(often.is_empty(), "asked of the server more than once: {often:?}");
    assert!(fetched >= VIEWERS, "{fetched} parts were fetched");
}
