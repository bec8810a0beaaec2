//! Whatever recorder's bytes come in, every file that is then offered is right: judged by ffprobe, ffmpeg, mkvtoolnix, by
//! checkers of both containers that share nothing with the product, and beside the recording itself.

use futures_util::StreamExt;
use promises::outputs::{Source, judge};
use promises::random::Random;
use promises::{Server, blobs, recorded, repository};

/// Recordings that are judged at once.
const AT_ONCE: usize = 3;

async fn all_right(sources: Vec<Source>) {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let complaints: Vec<Vec<String>> = futures_util::stream::iter(sources)
        .map(|source| judge(&server, &author, source))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let complaints: Vec<String> = complaints.into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{} files are wrong:\n{}", complaints.len(), complaints.join("\n"));
}

/// A recording of `testdata`, sent as its browser delivered it.
fn browsers(name: &str) -> Source {
    let (_, extension) = name.split_once('.').expect("a name has an ending");
    Source { slices: blobs(name), ..Source::whole(name, extension, Vec::new()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_chromium_and_firefox() {
    all_right(vec![
        browsers("webm_vp8_opus.webm"),
        browsers("ff_webm_vp8_opus.webm"),
        browsers("webm_vp9_opus.webm"),
        browsers("webm_av1_opus.webm"),
        browsers("mkv_avc1_opus.mkv"),
        browsers("mp4_vp9_opus.mp4"),
        browsers("mp4_av01_opus.mp4"),
        browsers("mp4_avc1_kf1s.mp4"),
        browsers("audio_webm_opus.webm"),
        browsers("pause_vp8.webm"),
        browsers("resize_webm_vp9.webm"),
        browsers("resize_mkv_avc1.mkv").with_takes(3),
    ])
    .await;
}

/// A recording of `testdata/made`, sent in slices that follow nothing.
fn made(name: &str) -> Source {
    in_slices(name, &recorded(&format!("made/{name}")))
}

/// A recording of those that the reader of containers is tested with.
fn readers(name: &str) -> Source {
    let path = repository().join("crates/media/tests/data").join(name);
    in_slices(name, &std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn in_slices(name: &str, bytes: &[u8]) -> Source {
    let slices =
        Random::new(bytes.len() as u64).cut(bytes, 1, 9_000).into_iter().map(<[u8]>::to_vec).collect();
    let (_, extension) = name.split_once('.').expect("a name has an ending");
    Source { slices, ..Source::whole(name, extension, Vec::new()) }
}

/// One recorder after the other in one upload.
fn one_after_the_other(names: [&str; 2]) -> Source {
    let slices = names.iter().flat_map(|name| made(name).slices).collect();
    let (_, extension) = names[0].split_once('.').expect("a name has an ending");
    Source {
        slices,
        takes: 2,
        is_readable: false,
        ..Source::whole(&names.join(" + "), extension, Vec::new())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_gstreamer() {
    all_right(vec![
        made("gst_vp8_opus.webm"),
        made("gst_vp9_opus.webm"),
        made("gst_av1_opus.webm"),
        made("gst_avc1_opus.mkv"),
        made("gst_hevc_aac.mkv"),
        made("gst_avc1_aac.mp4"),
        made("gst_avc3_opus.mp4"),
        made("gst_hvc1_aac.mp4"),
        made("gst_hev1_opus.mp4"),
        made("gst_vp9_opus.mp4"),
        made("gst_av1_opus.mp4"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_obs_safari_and_whoever_finishes_files() {
    all_right(vec![
        made("obs_avc1_aac.mkv"),
        made("obs_avc1_aac_fragmented.mp4"),
        made("obs_avc1_aac_hybrid.mp4"),
        made("obs_hvc1_aac.mp4"),
        made("safari_avc1_aac_rotated.mp4"),
        made("finished_avc1_aac_moov_first.mp4"),
        made("finished_avc1_aac_moov_last.mp4"),
        made("finished_vp9_opus_cues.webm"),
        made("delay_avc1_aac.mkv"),
        made("rotated_vp8_opus.webm"),
        made("rotated_vp9_opus.mp4"),
        readers("h264_aac_quicktime.mov"),
        readers("h264_late_aac.mp4"),
        readers("hevc_opus_rotated.mp4"),
        readers("hevc_opus.mkv"),
        readers("laced.mkv"),
        readers("laced_opus.mkv"),
        readers("vp9_10bit_cues.webm"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_track_of_gaps_and_of_tracks_that_end_or_begin_alone() {
    all_right(vec![
        made("audio_aac.mp4"),
        made("video_avc1.mp4"),
        made("video_vp8.webm"),
        made("alpha_vp8.webm"),
        made("alpha_vp9.webm"),
        made("slow_vp8.webm"),
        made("slow_vp9.webm"),
        made("slow_chromium_vp8.webm"),
        made("gap_vp9_opus.webm"),
        made("gap_avc1_aac.mp4"),
        made("picture_ends_vp8_opus.webm"),
        made("sound_ends_avc1_aac.mp4"),
        made("late_sound_vp9_opus.webm"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_recorder_after_the_other() {
    all_right(vec![
        one_after_the_other(["gst_vp8_opus.webm", "gst_vp8_opus.webm"]),
        one_after_the_other(["gst_vp9_opus.webm", "gst_vp9_opus.mp4"]),
        one_after_the_other(["gst_avc1_aac.mp4", "gst_vp8_opus.webm"]),
        one_after_the_other(["gst_vp9_opus.webm", "audio_aac.mp4"]),
        one_after_the_other(["video_vp8.webm", "gst_vp8_opus.webm"]),
    ])
    .await;
}
