//! A phone, a television, a player of somebody else's watches by HLS: while the live runs, and under the same addresses the
//! whole of it once it has ended, with every frame that the replay has.

use std::path::Path;
use std::time::Duration;

use promises::hls::{self, Playlist};
use promises::random::Random;
use promises::tools::{self, Packet};
use promises::{Api, Live, Server, Upload, recorded, repository};
use serde_json::{Value, json};

/// Recordings of every recorder, codec and shape that HLS takes.
const RECORDINGS: [&str; 26] = [
    "webm_vp9_opus.webm",
    "webm_av1_opus.webm",
    "mkv_avc1_opus.mkv",
    "mp4_vp9_opus.mp4",
    "mp4_av01_opus.mp4",
    "mp4_avc1_kf1s.mp4",
    "audio_webm_opus.webm",
    "resize_webm_vp9.webm",
    "made/gst_av1_opus.webm",
    "made/gst_avc1_aac.mp4",
    "made/gst_avc1_opus.mkv",
    "made/gst_avc3_opus.mp4",
    "made/gst_hevc_aac.mkv",
    "made/gst_hvc1_aac.mp4",
    "made/gst_vp9_opus.mp4",
    "made/obs_avc1_aac.mkv",
    "made/obs_avc1_aac_fragmented.mp4",
    "made/obs_hvc1_aac.mp4",
    "made/safari_avc1_aac_rotated.mp4",
    "made/finished_avc1_aac_moov_first.mp4",
    "made/delay_avc1_aac.mkv",
    "made/rotated_vp9_opus.mp4",
    "made/audio_aac.mp4",
    "made/video_avc1.mp4",
    "made/gap_vp9_opus.webm",
    "made/sound_ends_avc1_aac.mp4",
];

/// A recording published and stopped.
async fn ended(author: &Api, live: &Live, names: &[&str]) {
    let mut upload = Upload::create(author, live).await;
    for name in names {
        let bytes = recorded(name);
        for slice in Random::new(bytes.len() as u64).cut(&bytes, 1, 60_000) {
            upload.append(slice).await;
        }
    }
    upload.complete().await;
    live.stop(author).await;
}

async fn playlist(api: &Api, address: &str) -> Playlist {
    let text = api.get(address).await.expect(200).whole_text();
    let playlist = hls::read(&text).unwrap_or_else(|wrong| panic!("{address}: {wrong}\n{text}"));
    let wrong = hls::complaints(&playlist);
    assert!(wrong.is_empty(), "{address}: {wrong:?}\n{text}");
    playlist
}

/// The playlists that the multivariant one names, with the attributes of their variants.
async fn variants(api: &Api, live: &Live) -> Vec<(String, Value)> {
    let text = api.get(&live.path("hls/index.m3u8")).await.expect(200).whole_text();
    let mut variants = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(said) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            let said = hls::attributes(said).unwrap_or_else(|wrong| panic!("{wrong}: {line}"));
            variants.push((lines.next().expect("an address").to_owned(), json!(said)));
        }
    }
    variants
}

/// The packets of a kind that ffprobe reads, in the order of decoding.
async fn packets(api: &Api, address: &str, kind: &str) -> Vec<Packet> {
    tools::probe_all(Path::new(&api.url(address))).await.of(kind).cloned().collect()
}

/// Holds what ffprobe reads of a playlist against what it reads of the replay, or of the takes one by one.
async fn same_frames(api: &Api, live: &Live, kind: &str, name: &str) {
    let shown = live.shown(api).await;
    let file = |replay: &Value| {
        let file = if replay["mp4"].is_string() { &replay["mp4"] } else { &replay["audio"] };
        file.as_str().map(str::to_owned)
    };
    let takes = shown["takes"].as_array().filter(|takes| !takes.is_empty());
    let files: Vec<String> = match takes {
        Some(takes) => takes.iter().filter_map(|take| file(&take["replay"])).collect(),
        None => file(&shown["replay"]).into_iter().collect(),
    };
    let mut wanted = Vec::new();
    for file in &files {
        wanted.extend(packets(api, file, kind).await);
    }
    let got = packets(api, &live.path(&format!("hls/{kind}.m3u8")), kind).await;
    assert_eq!(got.len(), wanted.len(), "{name}: packets of {kind}");
    let other = got.iter().zip(&wanted).position(|(got, wanted)| got.md5 != wanted.md5);
    assert_eq!(other, None, "{name}: a packet of {kind} is another");
    if takes.is_none() {
        let zero = (got[0].pts_ms, wanted[0].pts_ms);
        for (got, wanted) in got.iter().zip(&wanted) {
            let drift = (got.pts_ms - zero.0) - (wanted.pts_ms - zero.1);
            assert!(drift.abs() <= 1.1, "{name}: {kind} at {} ms, is {} off", wanted.pts_ms, drift);
        }
    }
}

/// Holds what the multivariant playlist says of the rates against the bytes.
async fn right_rates(api: &Api, live: &Live, name: &str) {
    for (address, said) in variants(api, live).await {
        let mut kinds = vec![address.trim_end_matches(".m3u8")];
        if address == "video.m3u8" && said.get("AUDIO").is_some() {
            kinds.push("audio");
        }
        let (mut average, mut peak) = (0.0, 0.0);
        for kind in kinds {
            let playlist = playlist(api, &live.path(&format!("hls/{kind}.m3u8"))).await;
            let mut sizes = Vec::new();
            for segment in playlist.segments.iter().filter(|segment| !segment.is_gap) {
                let segment_at = live.path(&format!("hls/{}", segment.uri));
                let len: f64 = api
                    .head(&segment_at)
                    .await
                    .expect(200)
                    .header("content-length")
                    .parse()
                    .expect("a length");
                sizes.push((len * 8.0, segment.duration));
            }
            let (bits, seconds) = sizes.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            average += bits / seconds;
            let mut densest = bits / seconds;
            for from in 0..sizes.len() {
                let (mut bits, mut seconds) = (0.0, 0.0);
                for (more, longer) in &sizes[from..] {
                    (bits, seconds) = (bits + more, seconds + longer);
                    if (3.0..=9.0).contains(&seconds) {
                        densest = f64::max(densest, bits / seconds);
                    }
                }
            }
            peak += densest;
        }
        for (word, right) in [("AVERAGE-BANDWIDTH", average), ("BANDWIDTH", peak)] {
            let told: f64 = said[word].as_str().and_then(|text| text.parse().ok()).expect("a number");
            assert!((told / right - 1.0).abs() < 0.1, "{name}: {word} {told} of {address}, is {right}");
        }
    }
}

/// The tracks that a live has, and their codecs.
async fn tracks(api: &Api, live: &Live) -> (Vec<String>, Vec<String>) {
    let timeline = live.timeline(api).await;
    let (mut kinds, mut codecs) = (Vec::new(), Vec::new());
    for track in timeline["takes"]
        .as_array()
        .expect("takes")
        .iter()
        .flat_map(|take| take["tracks"].as_array())
        .flatten()
    {
        let (kind, codec) =
            (track["kind"].as_str().expect("a kind"), track["codec"].as_str().expect("a codec"));
        if !kinds.contains(&kind.to_owned()) {
            kinds.push(kind.to_owned());
        }
        codecs.push(codec.to_owned());
    }
    (kinds, codecs)
}

async fn judge(server: &Server, author: &Api, names: &[&str]) {
    let owner = Api::clone(author);
    let person = server.person("Fatou").await;
    let live = person.start_live(json!({"title": names.join(" + ")})).await;
    let name = names.join(" + ");
    ended(&person.api, &live, names).await;
    let shown = live.shown(&owner).await;
    let index = shown["hls_url"].as_str().unwrap_or_else(|| panic!("{name}: no hls_url")).to_owned();
    let (kinds, codecs) = tracks(&owner, &live).await;
    let variants = variants(&owner, &live).await;
    assert_eq!(variants.len(), kinds.len(), "{name}: {variants:?}");
    let told = variants[0].1["CODECS"].as_str().expect("codecs");
    let mut told: Vec<&str> = told.split(',').collect();
    told.sort_unstable();
    let mut codecs: Vec<&str> = codecs.iter().map(String::as_str).collect();
    codecs.sort_unstable();
    codecs.dedup();
    assert_eq!(told, codecs, "{name}");
    for kind in &kinds {
        same_frames(&owner, &live, kind, &name).await;
    }
    right_rates(&owner, &live, &name).await;
    let decoded = tools::decode_all(Path::new(&owner.url(&index)), true).await;
    // ffmpeg reads the first init and says so of the others.
    let is_of_inits = |words: &str| words.contains("duplicated MOOV") || words.contains("message repeated");
    let words: Vec<_> = decoded.words.iter().filter(|words| !is_of_inits(words)).collect();
    assert!(words.is_empty(), "{name}: {words:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn and_all_that_is_recorded_is_there_after_the_stop() {
    let server = Server::start().await;
    for name in RECORDINGS {
        judge(&server, &server.anonymous(), &[name]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_recorder_after_the_other_as_well() {
    let server = Server::start().await;
    for names in [
        ["webm_vp9_opus.webm", "made/gst_vp9_opus.mp4"],
        ["made/gst_avc1_aac.mp4", "made/obs_avc1_aac.mkv"],
        ["resize_mkv_avc1.mkv", "resize_mkv_avc1.mkv"],
    ] {
        judge(&server, &server.anonymous(), &names).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_of_a_codec_without_hls_has_no_address() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    assert_eq!(live.started["hls_url"], Value::Null);
    live.publish(&author.api, &recorded("webm_vp8_opus.webm")).await;
    assert_eq!(live.shown(&author.api).await["hls_url"], Value::Null);
    for file in ["index.m3u8", "video.m3u8", "audio.m3u8"] {
        let _ = author.api.get(&live.path(&format!("hls/{file}"))).await.refusal(406);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_that_follows_the_live_sees_it_to_its_end() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = std::fs::read(repository().join("testdata/mp4_avc1_kf1s.mp4")).expect("a recording");
    let mut upload = Upload::create(&author.api, &live).await;
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    upload.append(first).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let copy = directory.path().join("copy.mkv");
    let mut command = tokio::process::Command::new(tools::ffmpeg());
    let index = author.api.url(&live.path("hls/index.m3u8"));
    command.args(["-v", "error", "-live_start_index", "0", "-i", &index]);
    command.args(["-map", "0:v:0", "-map", "0:a:0", "-c", "copy", "-y"]).arg(&copy);
    let player = tokio::spawn(async move { tools::succeed(&mut command).await });
    for slice in rest.chunks(20_000) {
        upload.append(slice).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    live.stop(&author.api).await;
    let ended = tokio::time::timeout(Duration::from_secs(30), player).await;
    ended.expect("it comes to the end").expect("ffmpeg plays the live");
    tools::decode(copy.to_str().expect("text")).await;
    let replay = live.shown(&author.api).await["replay"]["mp4"].as_str().expect("a replay").to_owned();
    for kind in ["video", "audio"] {
        let wanted = packets(&author.api, &replay, kind).await;
        let got: Vec<_> = tools::probe_all(&copy).await.of(kind).cloned().collect();
        assert_eq!(got.len(), wanted.len(), "{kind}");
    }
}
