//! What others' programs send by RTMP is recorded as it was sent: each frame, in order, at its time.

use std::path::Path;
use std::time::{Duration, Instant};

use promises::flv::{self, Tag};
use promises::frames::{self, Frames};
use promises::rtmp::Rtmp;
use promises::{Api, Live, Server, recording, tools};
use serde_json::{Value, json};
use tokio::process::Command;

async fn server() -> Server {
    Server::configured(&["--rtmp", "127.0.0.1:0"], &[]).await
}

/// Sends a recording by RTMP, as it is and as fast as it goes.
async fn publish(ffmpeg: &Path, file: &Path, live: &Live) {
    let url = format!("{}/{}", live.started["rtmp_url"].as_str().expect("RTMP is on"), live.key);
    let mut command = Command::new(ffmpeg);
    command.args(["-v", "error", "-i"]).arg(file);
    command.args(["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", "flv", &url]);
    tools::succeed(&mut command).await;
}

/// The replay, or that of one take, as ffmpeg reads it.
async fn kept(api: &Api, live: &Live, query: &str) -> Vec<Frames> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("replay.mp4");
    let answer = api.get(&live.path(&format!("replay.mp4{query}"))).await.expect(200);
    std::fs::write(&path, &answer.body).expect("the replay is written down");
    frames::by_ffmpeg(&path).await
}

/// Times count from the first frame of each track: ffmpeg takes the delay of Opus off in some containers.
fn each_from_its_first(mut tracks: Vec<Frames>) -> Vec<Frames> {
    for track in &mut tracks {
        let first = track.frames.first().map_or(0, |frame| frame.ms);
        track.frames.iter_mut().for_each(|frame| frame.ms -= first);
    }
    tracks
}

async fn equals_what_was_sent(ffmpeg: &Path, file: &Path) {
    let server = server().await;
    let (author, live) = server.live().await;
    publish(ffmpeg, file, &live).await;
    live.stop(&author.api).await;
    let (sent, got) = (frames::by_ffmpeg(file).await, kept(&author.api, &live, "").await);
    let is_opus = |tracks: &[Frames]| file.to_string_lossy().contains("opus") && tracks.len() > 1;
    // RTMP counts milliseconds, and ffmpeg moves all of a file so that nothing is before 0.
    match is_opus(&sent) {
        true => frames::must_equal(&each_from_its_first(sent), &each_from_its_first(got), 1),
        false => frames::must_equal(&sent, &got, 1),
    }
    let (status, said) = server.command(&["verify"]).await;
    assert!(status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h264_and_aac_of_ffmpeg_with_and_without_frames_out_of_order() {
    for name in ["gst_avc1_aac.mp4", "obs_avc1_aac.mkv", "obs_avc1_aac_hybrid.mp4", "delay_avc1_aac.mkv"] {
        equals_what_was_sent(&tools::ffmpeg(), &recording(&format!("made/{name}"))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_alone_and_pictures_alone() {
    for name in ["audio_aac.mp4", "video_avc1.mp4"] {
        equals_what_was_sent(&tools::ffmpeg(), &recording(&format!("made/{name}"))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hevc_av1_vp9_and_opus_of_a_newer_ffmpeg() {
    let ffmpeg = tools::newer_ffmpeg().await;
    for name in ["made/gst_hvc1_aac.mp4", "made/obs_hvc1_aac.mp4", "mp4_av01_opus.mp4", "mp4_vp9_opus.mp4"] {
        equals_what_was_sent(&ffmpeg, &recording(name)).await;
    }
}

/// The tags of a recording of H.264 and AAC with frames out of order, and what ffmpeg reads of them.
async fn sent(name: &str) -> (Vec<Tag>, Vec<Frames>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = flv::remux(&tools::ffmpeg(), &recording(name), directory.path()).await;
    (flv::tags(&path), frames::by_ffmpeg(&path).await)
}

const OBS: &str = "made/obs_avc1_aac.mkv";
const GSTREAMER: &str = "made/gst_avc1_aac.mp4";

async fn send(rtmp: &mut Rtmp, tags: &[Tag], time: impl Fn(&Tag) -> u32) {
    for tag in tags {
        let id = if tag.kind == 8 { 4 } else { 6 };
        rtmp.message(id, tag.kind, time(tag), &tag.body).await;
    }
}

/// The same at the pace at which an encoder makes them.
async fn send_in_time(rtmp: &mut Rtmp, tags: &[Tag], until_ms: u32) {
    let begin = Instant::now();
    for tag in tags.iter().filter(|tag| tag.time < until_ms) {
        let due = Duration::from_millis(tag.time.into());
        tokio::time::sleep(due.saturating_sub(begin.elapsed())).await;
        send(rtmp, std::slice::from_ref(tag), |tag| tag.time).await;
    }
}

/// Says that the stream has ended, and waits until the server knows.
async fn end(rtmp: Rtmp, api: &Api, live: &Live) -> Value {
    assert!(rtmp.ended().await, "the server took all of it");
    live.timeline(api).await
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_wrap_go_on() {
    let server = server().await;
    let (author, live) = server.live().await;
    let (tags, expected) = sent(OBS).await;
    let begin = u32::MAX - 4_999;
    assert!(tags.last().is_some_and(|tag| tag.time > 5_000), "it goes over the wrap");
    let mut rtmp = Rtmp::publishing(&live).await;
    send(&mut rtmp, &tags, |tag| begin.wrapping_add(tag.time)).await;
    let timeline = end(rtmp, &author.api, &live).await;
    assert_eq!(timeline["takes"].as_array().map(Vec::len), Some(1), "{timeline}");
    frames::must_equal(&expected, &kept(&author.api, &live, "").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_of_the_clock_takes_no_time_and_no_frame() {
    let (tags, expected) = sent(OBS).await;
    for jump in [10_000, 3_600_000, 0_u32.wrapping_sub(3_000), 0x7000_0000] {
        let server = server().await;
        let (author, live) = server.live().await;
        let mut rtmp = Rtmp::publishing(&live).await;
        send(&mut rtmp, &tags, |tag| tag.time.wrapping_add(if tag.time < 3_300 { 0 } else { jump })).await;
        let timeline = end(rtmp, &author.api, &live).await;
        let takes = timeline["takes"].as_array().expect("takes");
        assert!(takes.len() == 1 && timeline["gaps"] == json!([]), "{timeline}");
        // A frame lasts as long as the one before where its own end is not known.
        frames::must_equal(&expected, &kept(&author.api, &live, "").await, 35);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_configuration_is_another_take_of_the_same_live() {
    let server = server().await;
    let (author, live) = server.live().await;
    let ((first, one), (second, other)) = (sent(GSTREAMER).await, sent(OBS).await);
    let later = first.last().map_or(0, |tag| tag.time) + 40;
    let mut rtmp = Rtmp::publishing(&live).await;
    send(&mut rtmp, &first, |tag| tag.time).await;
    send(&mut rtmp, &second, |tag| later + tag.time).await;
    let timeline = end(rtmp, &author.api, &live).await;
    assert_eq!(timeline["takes"].as_array().map(Vec::len), Some(2), "{timeline}");
    frames::must_equal(&one, &kept(&author.api, &live, "?take=1").await, 1);
    frames::must_equal(&other, &kept(&author.api, &live, "?take=2").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_encoder_says_of_itself_may_come_before_after_or_never() {
    use promises::rtmp::amf;
    let (tags, expected) = sent(GSTREAMER).await;
    let media: Vec<Tag> = tags.into_iter().filter(|tag| tag.kind != 18).collect();
    let said = amf::object(&[("encoder", "a camera"), ("width", "many")]);
    let said = [amf::text("@setDataFrame"), amf::text("onMetaData"), said].concat();
    let metadata = Tag { kind: 18, time: 0, body: said };
    for at in [None, Some(0), Some(2), Some(media.len() / 2), Some(media.len())] {
        let mut tags = media.clone();
        tags.splice(at.unwrap_or(0)..at.unwrap_or(0), at.map(|_| metadata.clone()));
        let server = server().await;
        let (author, live) = server.live().await;
        let mut rtmp = Rtmp::publishing(&live).await;
        send(&mut rtmp, &tags, |tag| tag.time).await;
        end(rtmp, &author.api, &live).await;
        frames::must_equal(&expected, &kept(&author.api, &live, "").await, 1);
    }
}

/// Tags in one message (RTMP 1.0, 7.1.6).
fn aggregate(tags: &[Tag]) -> Vec<u8> {
    let mut body = Vec::new();
    for tag in tags {
        let (length, time) = ((tag.body.len() as u32).to_be_bytes(), tag.time.to_be_bytes());
        body.push(tag.kind);
        body.extend_from_slice(&length[1..]);
        body.extend_from_slice(&time[1..]);
        body.extend([time[0], 0, 0, 0]);
        body.extend_from_slice(&tag.body);
        body.extend((tag.body.len() as u32 + 11).to_be_bytes());
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_in_one_are_each_taken_and_one_that_is_aborted_is_not() {
    let server = server().await;
    let (author, live) = server.live().await;
    let (tags, expected) = sent(GSTREAMER).await;
    let mut rtmp = Rtmp::publishing(&live).await;
    for some in tags.chunks(9) {
        // The beginning of a picture that the encoder then thinks better of.
        let torn = promises::rtmp::message(7, 9, some[0].time, &[0x17; 300]);
        rtmp.raw(&torn[..140]).await;
        rtmp.message(2, 2, 0, &7_u32.to_be_bytes()).await;
        rtmp.message(5, 22, some[0].time, &aggregate(some)).await;
    }
    end(rtmp, &author.api, &live).await;
    frames::must_equal(&expected, &kept(&author.api, &live, "").await, 1);
}

/// How many of the frames that were sent stand in a take: they must be its first ones.
fn first_ones(sent: &[Frames], got: &[Frames]) -> Vec<usize> {
    assert_eq!(sent.len(), got.len());
    let count = |(sent, got): (&Frames, &Frames)| {
        for (at, (before, after)) in sent.frames.iter().zip(&got.frames).enumerate() {
            assert!(before.units == after.units, "frame {at} of {:?}", sent.kind);
        }
        got.frames.len()
    };
    sent.iter().zip(got).map(count).collect()
}

/// The end of what was shown of a track, in milliseconds from its first frame.
fn last_ms(frames: &Frames, count: usize) -> i64 {
    frames.frames[..count].iter().map(|frame| frame.ms).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_costs_less_than_a_second_and_is_told_as_a_gap() {
    let server = server().await;
    let (author, live) = server.live().await;
    let (tags, expected) = sent(OBS).await;
    let mut rtmp = Rtmp::publishing(&live).await;
    send_in_time(&mut rtmp, &tags, 3_000).await;
    rtmp.cut();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut rtmp = Rtmp::publishing(&live).await;
    send(&mut rtmp, &tags, |tag| tag.time).await;
    let timeline = end(rtmp, &author.api, &live).await;
    assert_eq!(timeline["takes"].as_array().map(Vec::len), Some(2), "{timeline}");
    let lost = timeline["gaps"][0]["lost_ms"].as_u64().unwrap_or(0);
    assert!((1_000..3_500).contains(&lost), "{timeline}");
    let first = kept(&author.api, &live, "?take=1").await;
    for (track, count) in expected.iter().zip(first_ones(&expected, &first)) {
        let last = last_ms(track, count);
        assert!(last >= 2_000, "{:?}: 3,000 ms were sent, {last} ms are kept", track.kind);
    }
    frames::must_equal(&expected, &kept(&author.api, &live, "?take=2").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_has_all_but_the_last_second() {
    let mut server = server().await;
    let (mut author, live) = server.live().await;
    let (tags, expected) = sent(OBS).await;
    let mut rtmp = Rtmp::publishing(&live).await;
    send_in_time(&mut rtmp, &tags, 4_000).await;
    server.kill_nine().await;
    server.restart().await;
    author.follow(&server);
    let first = kept(&author.api, &live, "").await;
    for (track, count) in expected.iter().zip(first_ones(&expected, &first)) {
        let last = last_ms(track, count);
        assert!(last >= 3_000, "{:?}: 4,000 ms were sent, {last} ms are kept", track.kind);
    }
    let (status, said) = server.command(&["verify"]).await;
    assert!(status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_leaves_stores_the_last_frame() {
    let mut server = server().await;
    let (mut author, live) = server.live().await;
    let (tags, expected) = sent(GSTREAMER).await;
    let mut rtmp = Rtmp::publishing(&live).await;
    send(&mut rtmp, &tags, |tag| tag.time).await;
    // A message that is answered behind the frames: they have come.
    rtmp.message(2, 4, 0, &[0, 6, 0, 0, 0, 9]).await;
    while rtmp.next().await.is_some_and(|(kind, payload)| kind != 4 || !payload.starts_with(&[0, 7])) {}
    let begin = Instant::now();
    assert!(server.terminate().await.success());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    server.restart().await;
    author.follow(&server);
    frames::must_equal(&expected, &kept(&author.api, &live, "").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_encoder_takes_over_and_the_older_one_is_told() {
    let server = server().await;
    let (author, live) = server.live().await;
    let (tags, expected) = sent(GSTREAMER).await;
    let mut older = Rtmp::publishing(&live).await;
    send(&mut older, &tags[..tags.len() / 2], |tag| tag.time).await;
    let mut newer = Rtmp::publishing(&live).await;
    let told = older.status().await.expect("the older one is told");
    assert_eq!(told.code, "NetStream.Publish.Failed");
    assert!(told.description.contains("Another encoder"), "{told:?}");
    older.must_close().await;
    send(&mut newer, &tags, |tag| tag.time).await;
    let timeline = end(newer, &author.api, &live).await;
    let takes = timeline["takes"].as_array().expect("takes");
    let number = takes.last().expect("a take")["take"].to_string();
    frames::must_equal(&expected, &kept(&author.api, &live, &format!("?take={number}")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_it_while_it_comes() {
    let server = server().await;
    let (author, live) = server.live().await;
    let (tags, _) = sent(OBS).await;
    let mut rtmp = Rtmp::publishing(&live).await;
    send_in_time(&mut rtmp, &tags, 3_000).await;
    let shown = live.shown(&author.api).await;
    let saved = shown["saved_ms"].as_u64().expect("saved_ms");
    assert!(saved >= 1_800 && shown["state"] == "live", "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_that_of_the_host_that_people_use() {
    let here = server().await;
    let (_, live) = here.live().await;
    let url = live.started["rtmp_url"].as_str().expect("RTMP is on").to_owned();
    assert!(url.starts_with("rtmp://127.0.0.1:") && url.ends_with("/live"), "{url}");
    let arguments = ["--rtmp", "127.0.0.1:0", "--public-url", "https://live.example.org:8443"];
    let behind = Server::configured(&arguments, &[]).await;
    let (_, live) = behind.live().await;
    let url = live.started["rtmp_url"].as_str().expect("RTMP is on");
    assert!(url.starts_with("rtmp://live.example.org:") && !url.contains("8443"), "{url}");
    let off = Server::start().await;
    let (_, live) = off.live().await;
    assert_eq!(live.started["rtmp_url"], Value::Null);
    let environment = Server::configured(&[], &[("COMMUNICONNECT_RTMP", "127.0.0.1:0")]).await;
    let (_, live) = environment.live().await;
    assert!(live.started["rtmp_url"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_that_was_abandoned_goes_on_when_its_encoder_comes_back() {
    let server = Server::configured(&["--rtmp", "127.0.0.1:0", "--patience-s", "1"], &[]).await;
    let (author, live) = server.live().await;
    let (tags, expected) = sent(GSTREAMER).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while live.shown(&author.api).await["state"] != "ended" {
        assert!(Instant::now() < deadline, "nothing came, and it runs on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut rtmp = Rtmp::publishing(&live).await;
    send(&mut rtmp, &tags, |tag| tag.time).await;
    assert_eq!(live.shown(&author.api).await["state"], "live");
    end(rtmp, &author.api, &live).await;
    frames::must_equal(&expected, &kept(&author.api, &live, "").await, 1);
}
