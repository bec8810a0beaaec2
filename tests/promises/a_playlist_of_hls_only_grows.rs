//! What a playlist of a live has said it goes on saying, whatever comes in whatever order; each address in it means the same
//! bytes for ever; and what it says is there when it says so.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use promises::hls::{self, Playlist};
use promises::{Api, Live, Server, Upload, blobs, recorded};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// What a player that asks for each part as it comes was given.
#[derive(Debug, Default)]
struct Followed {
    playlists: Vec<Playlist>,
    /// Seconds from when the end of the newest part was filmed to when it was told of.
    delays: Vec<f64>,
    /// The bytes of each address when it was first named.
    bytes: HashMap<String, Bytes>,
}

/// Follows a playlist to its end, and holds each state of it against the one before.
fn follow(api: &Api, live: &Live, kind: &'static str, skips: bool) -> JoinHandle<Followed> {
    let (api, live) = (api.clone(), live.clone());
    tokio::spawn(async move {
        let mut followed = Followed::default();
        loop {
            let (segment, part) = followed
                .playlists
                .last()
                .map_or((0, 0), |newest| (newest.segments.len() + newest.skipped, newest.open.parts.len()));
            let skip = if skips { "&_HLS_skip=YES" } else { "" };
            let path = live.path(&format!("hls/{kind}.m3u8?_HLS_msn={segment}&_HLS_part={part}{skip}"));
            let answer = api.get(&path).await;
            if answer.status == 503 {
                continue;
            }
            let text = answer.expect(200).whole_text();
            let newest = hls::read(&text).unwrap_or_else(|wrong| panic!("{path}: {wrong}\n{text}"));
            let mut wrong = hls::complaints(&newest);
            if let Some(before) = followed.playlists.last() {
                wrong.extend(hls::growth_complaints(before, &newest));
            }
            assert!(wrong.is_empty(), "{path}: {wrong:#?}\n{text}");
            if newest.is_ended {
                followed.playlists.push(newest);
                return followed;
            }
            let is_there = newest.segments.len() + newest.skipped > segment || newest.open.parts.len() > part;
            assert!(is_there, "{path}: not what was asked for\n{text}");
            followed.delays.extend(delay(&followed.playlists, &newest));
            fetch(&api, &live, &newest, &mut followed.bytes).await;
            followed.playlists.push(newest);
        }
    })
}

/// How long ago the end of a playlist was filmed, where it says when its take began.
fn delay(before: &[Playlist], newest: &Playlist) -> Option<f64> {
    let dated = |playlist: &Playlist| {
        playlist.skipped == 0 && playlist.segments.first().is_some_and(|first| first.date.is_some())
    };
    let whole = before.iter().rev().chain([newest]).find(|playlist| dated(playlist))?;
    let began = whole.segments[0].date.as_deref().map(seconds_of_day)?;
    let all: f64 = whole.segments.iter().map(|segment| segment.duration).sum();
    let after = newest.segments.get(whole.segments.len().checked_sub(newest.skipped)?..)?;
    let after: f64 = after.iter().map(|segment| segment.duration).sum();
    let open: f64 = newest.open.parts.iter().map(|part| part.duration).sum();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs_f64() % 86_400.0;
    Some((now - (began + all + after + open)).rem_euclid(86_400.0))
}

/// The time of day in a date and time of UTC.
fn seconds_of_day(date: &str) -> f64 {
    let time = date.split_once('T').expect("a time").1.trim_end_matches('Z');
    time.split(':')
        .map(|text| text.parse::<f64>().expect("a number"))
        .fold(0.0, |sum, part| sum * 60.0 + part)
}

/// Fetches what is named for the first time.
async fn fetch(api: &Api, live: &Live, playlist: &Playlist, bytes: &mut HashMap<String, Bytes>) {
    let open = [&playlist.open];
    for segment in playlist.segments.iter().chain(open) {
        let parts = segment.parts.iter().map(|part| &part.uri);
        for uri in parts.chain(&segment.map).chain([&segment.uri]).filter(|uri| !uri.is_empty()) {
            if !bytes.contains_key(uri) {
                let answer = api.get(&live.path(&format!("hls/{uri}"))).await.expect(200);
                bytes.insert(uri.clone(), answer.body);
            }
        }
    }
}

/// A sample of a fragment: how long it lasts, and its bytes.
type Sample = (u32, Bytes);

/// The samples of a segment or part, read from its one `trun` (ISO/IEC 14496-12, 8.8.8), and its first decoding time.
fn samples(fragment: &Bytes) -> (u64, Vec<Sample>) {
    let word = |at: usize| u32::from_be_bytes(fragment[at..at + 4].try_into().expect("four bytes"));
    let find = |name: &[u8]| fragment.windows(4).position(|four| four == name).expect("a box");
    let tfdt = find(b"tfdt");
    let time = u64::from(word(tfdt + 8)) << 32 | u64::from(word(tfdt + 12));
    let run = find(b"trun");
    let row = if word(run + 4) & 0x800 == 0 { 12 } else { 16 };
    let mut at = word(run + 12) as usize;
    let rows = (0..word(run + 8) as usize).map(|number| {
        let row = run + 16 + number * row;
        let size = word(row + 4) as usize;
        at += size;
        (word(row), fragment.slice(at - size..at))
    });
    let rows: Vec<Sample> = rows.collect();
    assert_eq!(rows.last().map(|_| at), Some(fragment.len()), "a fragment ends with its last sample");
    (time, rows)
}

fn data(samples: &[Sample]) -> impl Iterator<Item = &Bytes> {
    samples.iter().map(|(_, data)| data)
}

fn timescale(init: &Bytes) -> f64 {
    let header = init.windows(4).position(|four| four == b"mdhd").expect("a box");
    f64::from(u32::from_be_bytes(init[header + 16..header + 20].try_into().expect("four bytes")))
}

impl Followed {
    /// Holds the parts of each segment against the segment, and their lengths against the target.
    fn parts_make_segments(&self) -> usize {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut checked = 0;
        let mut scale = 1.0;
        for playlist in &self.playlists {
            for segment in playlist.segments.iter() {
                scale = segment.map.as_ref().map_or(scale, |map| timescale(&self.bytes[map]));
                if segment.parts.is_empty() || !seen.insert(&segment.uri) {
                    continue;
                }
                let (time, whole) = samples(&self.bytes[&segment.uri]);
                let parts: Vec<_> =
                    segment.parts.iter().map(|part| samples(&self.bytes[&part.uri])).collect();
                assert_eq!(parts[0].0, time, "{}", segment.uri);
                let joined: Vec<&Bytes> = parts.iter().flat_map(|(_, samples)| data(samples)).collect();
                assert!(
                    joined.iter().copied().eq(data(&whole)),
                    "{}: its parts are other frames",
                    segment.uri
                );
                for (at, part) in segment.parts.iter().enumerate() {
                    let next = parts.get(at + 1).and_then(|(_, samples)| samples.first());
                    let next = next.map_or(0.0, |(duration, _)| f64::from(*duration) / scale);
                    let is_last = at + 1 == parts.len();
                    let target = playlist.part_target.expect("a target");
                    let wrong = hls::part_complaint(part, target, parts[at].1.len(), is_last, next);
                    assert_eq!(wrong, None);
                }
                checked += parts.len();
            }
        }
        checked
    }

    /// Asks for each address again.
    async fn bytes_are_the_same(&self, api: &Api, live: &Live) {
        for (uri, bytes) in &self.bytes {
            let again = api.get(&live.path(&format!("hls/{uri}"))).await.expect(200);
            assert!(again.body == *bytes, "{uri}: {} bytes, were {}", again.body.len(), bytes.len());
        }
    }

    fn median_delay(&self) -> f64 {
        let mut delays = self.delays.clone();
        delays.sort_by(f64::total_cmp);
        delays[delays.len() / 2]
    }
}

/// All frames of the last state of a playlist, in order.
async fn all_samples(api: &Api, live: &Live, playlist: &Playlist) -> Vec<Bytes> {
    let mut all = Vec::new();
    for segment in playlist.segments.iter().filter(|segment| !segment.is_gap) {
        let bytes = api.get(&live.path(&format!("hls/{}", segment.uri))).await.expect(200).body;
        all.extend(samples(&bytes).1.into_iter().map(|(_, data)| data));
    }
    all
}

fn frames_told(timeline: &Value, kind: &str) -> u64 {
    let takes = timeline["takes"].as_array().expect("takes");
    let tracks = takes.iter().flat_map(|take| take["tracks"].as_array().expect("tracks"));
    tracks
        .filter(|track| track["kind"] == kind)
        .map(|track| track["frames"].as_u64().expect("a number"))
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_slices_come_take_after_take() {
    let server = Server::start().await;
    for names in [
        &["webm_vp9_opus.webm", "mkv_avc1_opus.mkv"][..],
        &["mp4_avc1_kf1s.mp4", "webm_av1_opus.webm"],
        &["resize_mkv_avc1.mkv", "audio_webm_opus.webm", "mp4_vp9_opus.mp4"],
    ] {
        let (author, live) = server.live().await;
        let mut upload = Upload::create(&author.api, &live).await;
        let followers = [
            follow(&author.api, &live, "video", false),
            follow(&author.api, &live, "audio", false),
            follow(&author.api, &live, "video", true),
            follow(&author.api, &live, "audio", true),
        ];
        for name in names {
            for blob in blobs(name) {
                for slice in blob.chunks(12_000) {
                    upload.append(slice).await;
                }
            }
        }
        live.stop(&author.api).await;
        let timeline = live.timeline(&author.api).await;
        for (follower, kind) in followers.into_iter().zip(["video", "audio", "video", "audio"]) {
            let followed = follower.await.expect("a follower comes to the end");
            let (states, parts) = (followed.playlists.len(), followed.parts_make_segments());
            println!("{names:?} {kind}: {states} states, {parts} parts");
            assert!(states > 5 && parts > 10, "{names:?} {kind}: {states} states, {parts} parts");
            followed.bytes_are_the_same(&author.api, &live).await;
            let whole = followed.playlists.last().expect("a playlist");
            let all = all_samples(&author.api, &live, whole).await;
            assert_eq!(all.len() as u64, frames_told(&timeline, kind), "{names:?} {kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_repair_does_not_move_what_was_said_and_is_there_after_the_stop() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let first = blobs("webm_vp9_opus.webm");
    let mut early = Upload::create(&author.api, &live).await;
    for blob in &first[..first.len() / 2] {
        early.append(blob).await;
    }
    let mut newest: HashMap<&str, Playlist> = HashMap::new();
    let mut must_only_grow = async || {
        for kind in ["video", "audio"] {
            let text = author.api.get(&live.path(&format!("hls/{kind}.m3u8"))).await.expect(200).whole_text();
            let playlist = hls::read(&text).expect("a playlist");
            let mut wrong = hls::complaints(&playlist);
            if let Some(before) = newest.get(kind) {
                wrong.extend(hls::growth_complaints(before, &playlist));
            }
            assert!(wrong.is_empty(), "{kind}: {wrong:#?}\n{text}");
            newest.insert(kind, playlist);
        }
    };
    must_only_grow().await;
    let mut late = Upload::create(&author.api, &live).await;
    let second = blobs("mp4_vp9_opus.mp4");
    for blob in &second[..second.len() / 2] {
        late.append(blob).await;
        must_only_grow().await;
    }
    // Both go on at once: the first of them is the past by now.
    for blob in &first[first.len() / 2..] {
        early.append(blob).await;
        must_only_grow().await;
    }
    early.complete().await;
    for blob in &second[second.len() / 2..] {
        late.append(blob).await;
        must_only_grow().await;
    }
    late.complete().await;
    must_only_grow().await;
    live.stop(&author.api).await;
    let timeline = live.timeline(&author.api).await;
    for kind in ["video", "audio"] {
        let text = author.api.get(&live.path(&format!("hls/{kind}.m3u8"))).await.expect(200).whole_text();
        let playlist = hls::read(&text).expect("a playlist");
        assert_eq!(hls::complaints(&playlist), Vec::<String>::new());
        let all = all_samples(&author.api, &live, &playlist).await;
        assert_eq!(all.len() as u64, frames_told(&timeline, kind), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_it_was() {
    let mut server = Server::start().await;
    let (mut author, live) = server.live().await;
    let mut upload = Upload::create(&author.api, &live).await;
    let blobs = blobs("mp4_avc1_kf1s.mp4");
    for blob in &blobs[..blobs.len() / 2] {
        upload.append(blob).await;
    }
    let state = async |api: &Api| {
        let text = api.get(&live.path("hls/video.m3u8")).await.expect(200).whole_text();
        hls::read(&text).expect("a playlist")
    };
    let before = state(&author.api).await;
    server.kill_nine().await;
    server.restart().await;
    author.follow(&server);
    upload.api = author.api.clone();
    let after = state(&author.api).await;
    assert_eq!(hls::growth_complaints(&before, &after), Vec::<String>::new());
    upload.offset = upload.durable().await;
    let sent: usize = blobs.iter().map(Vec::len).take(blobs.len() / 2).sum();
    assert_eq!(upload.offset, sent as u64);
    for blob in &blobs[blobs.len() / 2..] {
        upload.append(blob).await;
    }
    let later = state(&author.api).await;
    assert_eq!(hls::growth_complaints(&after, &later), Vec::<String>::new());
    assert!(later.segments.len() > before.segments.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn and_tells_of_a_part_within_a_second_of_its_end() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    // The recording lasts twenty seconds; a slice comes four times a second.
    let slices: Vec<&[u8]> = bytes.chunks(bytes.len().div_ceil(80)).collect();
    let follower = follow(&author.api, &live, "audio", true);
    let mut pace = tokio::time::interval(Duration::from_millis(250));
    pace.tick().await;
    for slice in slices {
        pace.tick().await;
        upload.append(slice).await;
    }
    live.stop(&author.api).await;
    let followed = follower.await.expect("the follower comes to the end");
    println!("median delay {:.3} s of {} parts", followed.median_delay(), followed.delays.len());
    // Players stay a second behind the end: this and that are the delay.
    assert!(followed.median_delay() <= 1.0, "{:?}", followed.delays);
}

#[tokio::test(flavor = "multi_thread")]
async fn and_hls_parser_reads_each_state() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let mut upload = Upload::create(&author.api, &live).await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut count = 0;
    for name in ["webm_vp9_opus.webm", "mkv_avc1_opus.mkv"] {
        for blob in blobs(name) {
            upload.append(&blob).await;
            if live.shown(&author.api).await["saved_ms"].as_u64() < Some(7_000) {
                continue;
            }
            for file in ["index", "video", "audio", "video.m3u8?_HLS_skip=YES&x="] {
                let answer = author.api.get(&live.path(&format!("hls/{file}.m3u8"))).await.expect(200);
                std::fs::write(folder.path().join(format!("{count:04}.m3u8")), &answer.body).expect("a file");
                count += 1;
            }
        }
    }
    live.stop(&author.api).await;
    for file in ["index", "video", "audio"] {
        let answer = author.api.get(&live.path(&format!("hls/{file}.m3u8"))).await.expect(200);
        std::fs::write(folder.path().join(format!("{count:04}.m3u8")), &answer.body).expect("a file");
        count += 1;
    }
    let script = "import HLS from 'hls-parser'; import { readdirSync, readFileSync } from 'node:fs';
        HLS.setOptions({ strictMode: true });
        const folder = process.argv[1];
        for (const name of readdirSync(folder)) {
          const text = readFileSync(`${folder}/${name}`, 'utf8');
          try { HLS.parse(text); } catch (error) { console.log(`${error.message}\\n${text}`); process.exit(1); }
        }
        console.log(readdirSync(folder).length);";
    let mut command = tokio::process::Command::new("node");
    command
        .current_dir(promises::repository())
        .args(["--input-type=module", "-e", script])
        .arg(folder.path());
    let output = promises::tools::run(&mut command).await;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    println!("{} playlists", said.trim());
    assert_eq!(said.trim(), count.to_string());
    assert!(json!(count).as_u64() > Some(40));
}
