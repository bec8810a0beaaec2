//! A live has a poster: what the publisher sent, else a keyframe of the recording in a form that the viewer takes, else a
//! neutral picture. Judged by ffmpeg and by Chromium.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use promises::random::Random;
use promises::server::program;
use promises::{Answer, Api, Live, Person, Server, recorded, recording, tools};
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// What Chromium and Firefox say that they take in an `<img>`.
const BROWSERS: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";

async fn poster(api: &Api, live: &Live, accept: &str) -> Answer {
    let request = api.request(Method::GET, &live.path("poster.jpg")).header("Accept", accept);
    api.send(request).await.expect(200)
}

async fn published(author: &Person, bytes: &[u8]) -> Live {
    let live = author.start_live(json!({})).await;
    live.publish(&author.api, bytes).await.complete().await;
    live
}

fn written(folder: &Path, name: &str, picture: &Answer) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, &picture.body).expect("the picture is written down");
    path
}

/// The neutral picture: that of a live of which nothing has come.
async fn neutral(author: &Person) -> Answer {
    let live = author.start_live(json!({})).await;
    let picture = poster(&author.api, &live, BROWSERS).await;
    assert_eq!(picture.header("content-type"), "image/jpeg");
    picture
}

/// How like two pictures are, in dB; ffmpeg says `inf` of the same.
async fn likeness(one: &Path, other: &Path) -> f64 {
    let mut command = Command::new(tools::ffmpeg());
    command.args(["-v", "info", "-i"]).arg(one).arg("-i").arg(other);
    command.args(["-lavfi", "[0]format=rgb24[a];[1]format=rgb24[b];[a][b]psnr", "-f", "null", "-"]);
    let output = tools::run(&mut command).await;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let average = words.split("average:").nth(1).and_then(|rest| rest.split_whitespace().next());
    average.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no likeness: {words}"))
}

/// A poster that was decoded; a busy machine may not get it done within the deadline at once.
async fn decoded(api: &Api, live: &Live, neutral: &Answer) -> Answer {
    for _ in 0..5 {
        let picture = poster(api, live, "image/jpeg").await;
        assert_eq!(picture.header("content-type"), "image/jpeg");
        if picture.body != neutral.body {
            return picture;
        }
    }
    panic!("{} has the neutral picture only", live.id);
}

/// The first keyframes of a recording, as ffmpeg decodes and turns them.
async fn keyframes(folder: &Path, path: &Path) -> Vec<PathBuf> {
    let folder = folder.join(path.file_name().expect("a recording has a name")).with_extension("keyframes");
    std::fs::create_dir_all(&folder).expect("a directory for the keyframes");
    let probed = tools::probe_all(path).await;
    let mut pictures = Vec::new();
    for (number, packet) in probed.of("video").filter(|packet| packet.key).take(5).enumerate() {
        // One by one, since a recording may change its size and an output of ffmpeg does not.
        let picture = folder.join(format!("{number}.png"));
        let from = format!("select=gte(t\\,{})", packet.pts_ms / 1_000.0 - 0.001);
        let mut command = Command::new(tools::ffmpeg());
        command.args(["-v", "error", "-y", "-copyts", "-i"]).arg(path).args(["-map", "0:v:0", "-vf", &from]);
        tools::succeed(command.args(["-autoscale", "0", "-frames:v", "1"]).arg(&picture)).await;
        pictures.push(picture);
    }
    pictures
}

/// How like a poster is to that one of the keyframes that it is most like, in dB.
async fn likeness_to_a_keyframe(folder: &Path, recording: &Path, poster: &Path) -> f64 {
    let mut best = 0.0_f64;
    for keyframe in keyframes(folder, recording).await {
        if size(&keyframe).await == size(poster).await {
            best = best.max(likeness(&keyframe, poster).await);
        }
    }
    best
}

/// The sizes of pictures as Chromium shows them; 0 by 0 for what it does not show.
async fn shown_by_chromium(folder: &Path, pictures: &[PathBuf]) -> String {
    let mut page = String::from("<!doctype html><title>-</title>");
    for picture in pictures {
        page.push_str(&format!("<img src='file://{}'>", picture.display()));
    }
    page.push_str(
        "<script>onload = () => { document.body.textContent = [...document.images]
            .map((image) => `${image.naturalWidth}x${image.naturalHeight}`).join(' '); };</script>",
    );
    let path = folder.join("page.html");
    std::fs::write(&path, page).expect("the page is written down");
    let mut command = Command::new("chromium");
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom", "--timeout=20000"]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.arg(format!("file://{}", path.display()));
    let dom = String::from_utf8(tools::succeed(&mut command).await).expect("a page is text");
    let body = dom.split("<body>").nth(1).and_then(|rest| rest.split("</body>").next());
    body.unwrap_or_else(|| panic!("no body: {dom}")).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn made_of_a_keyframe_for_every_viewer() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let vp8 = published(&author, &recorded("webm_vp8_opus.webm")).await;
    let wrapped = poster(&author.api, &vp8, BROWSERS).await;
    assert_eq!(wrapped.header("content-type"), "image/webp");
    assert_eq!(wrapped.header("vary"), "Accept");
    let webp = written(folder.path(), "vp8.webp", &wrapped);
    let picture = tools::decode_all(&webp, true).await;
    assert!(picture.words.is_empty(), "{:?}", picture.words);
    let of_recording = tools::decode_all(&recording("webm_vp8_opus.webm"), false).await;
    assert!(of_recording.pictures.contains(&picture.pictures[0]), "the very picture of the recording");

    for plain in ["image/jpeg", "*/*", "image/webp;q=0, image/*"] {
        let decoded = poster(&author.api, &vp8, plain).await;
        assert_eq!(decoded.header("content-type"), "image/jpeg", "{plain}");
        assert!(decoded.body.starts_with(&[0xFF, 0xD8, 0xFF]) && decoded.body.len() > 5_000, "{plain}");
    }
    let jpeg = written(folder.path(), "vp8.jpg", &poster(&author.api, &vp8, "image/jpeg").await);
    assert!(tools::decode_all(&jpeg, true).await.words.is_empty());
    let likeness = likeness(&webp, &jpeg).await;
    assert!(likeness > 30.0, "the same picture in another form: {likeness} dB");

    let mut pictures = vec![webp, jpeg];
    for name in ["webm_av1_opus.webm", "mp4_av01_opus.mp4"] {
        let av1 = published(&author, &recorded(name)).await;
        let wrapped = poster(&author.api, &av1, BROWSERS).await;
        assert_eq!(wrapped.header("content-type"), "image/avif", "{name}");
        pictures.push(written(folder.path(), &format!("{name}.avif"), &wrapped));
        let plain = poster(&author.api, &av1, "image/webp,*/*").await;
        assert_eq!(plain.body, neutral(&author).await.body, "no AV1 is decoded here");
    }
    let sizes = shown_by_chromium(folder.path(), &pictures).await;
    assert_eq!(sizes, "640x480 640x480 640x480 640x480");
}

/// What is decoded to a JPEG for everybody.
const DECODED: [&str; 18] = [
    "mkv_avc1_opus.mkv",
    "mp4_avc1_kf1s.mp4",
    "resize_mkv_avc1.mkv",
    "made/gst_avc1_aac.mp4",
    "made/gst_avc1_opus.mkv",
    "made/gst_avc3_opus.mp4",
    "made/obs_avc1_aac.mkv",
    "made/obs_avc1_aac_fragmented.mp4",
    "made/obs_avc1_aac_hybrid.mp4",
    "made/safari_avc1_aac_rotated.mp4",
    "webm_vp9_opus.webm",
    "mp4_vp9_opus.mp4",
    "resize_webm_vp9.webm",
    "made/gst_vp9_opus.mp4",
    "made/gst_vp9_opus.webm",
    "made/alpha_vp9.webm",
    "made/finished_vp9_opus_cues.webm",
    "webm_vp8_opus.webm",
];

#[tokio::test(flavor = "multi_thread")]
async fn decoded_from_h264_and_vp9_as_ffmpeg_decodes_them() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let neutral = neutral(&author).await;
    for name in DECODED {
        let live = published(&author, &recorded(name)).await;
        let jpeg = written(folder.path(), "poster.jpg", &decoded(&author.api, &live, &neutral).await);
        let likeness = likeness_to_a_keyframe(folder.path(), &recording(name), &jpeg).await;
        println!("{name}: {likeness} dB");
        assert!(likeness > 30.0, "{name}: {likeness} dB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decoded_from_what_an_encoder_may_do() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let neutral = neutral(&author).await;
    let colours = "testsrc2=s=854x482:r=5:d=1,noise=alls=6:allf=t";
    let x264 = |options: &'static str| ["-c:v", "libx264", "-x264-params", options];
    let vp9 = |columns: &'static str| ["-c:v", "libvpx-vp9", "-tile-columns", columns];
    let full_range = "range=full:colormatrix=bt709:colorprim=bt709:transfer=bt709";
    for (name, options, larger) in [
        ("high.mkv", x264("keyint=2:8x8dct=1:colormatrix=bt709"), false),
        ("slices.mkv", x264("keyint=2:slices=4:cqm=jvt:colormatrix=smpte170m"), false),
        ("cavlc.mkv", x264("keyint=2:cabac=0:colormatrix=bt709"), false),
        ("range.mkv", x264(full_range), false),
        ("tiles.webm", vp9("2"), false),
        ("large.mkv", x264("keyint=2:colormatrix=bt709"), true),
    ] {
        let path = folder.path().join(name);
        let mut command = Command::new(tools::ffmpeg());
        let picture = if larger { "testsrc2=s=1920x1080:r=5:d=1" } else { colours };
        command.args(["-v", "error", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", "-threads", "1"]);
        if name.ends_with("webm") {
            command.args(["-deadline", "realtime", "-cpu-used", "8", "-b:v", "2M", "-g", "2"]);
            command.args(["-colorspace", "bt709"]);
        } else {
            command.args(["-preset", "veryfast"]);
        }
        tools::succeed(command.args(options).arg(&path)).await;
        let live = published(&author, &std::fs::read(&path).expect("ffmpeg wrote it")).await;
        let mut jpeg = written(folder.path(), "poster.jpg", &decoded(&author.api, &live, &neutral).await);
        if larger {
            assert_eq!(size(&jpeg).await, (1_280, 720), "a poster is not larger");
            let enlarged = folder.path().join("enlarged.png");
            let mut command = Command::new(tools::ffmpeg());
            command.args(["-v", "error", "-i"]).arg(&jpeg).args(["-vf", "scale=1920:1080"]).arg(&enlarged);
            tools::succeed(&mut command).await;
            jpeg = enlarged;
        }
        let likeness = likeness_to_a_keyframe(folder.path(), &path, &jpeg).await;
        println!("{name}: {likeness} dB");
        assert!(likeness > if larger { 28.0 } else { 32.0 }, "{name}: {likeness} dB");
    }
}

async fn size(picture: &Path) -> (u64, u64) {
    let described = tools::probe_all(picture).await;
    let stream = described.stream("video").expect("a picture");
    let side = |name: &str| stream[name].as_u64().expect("a side");
    (side("width"), side("height"))
}

#[tokio::test(flavor = "multi_thread")]
async fn as_large_as_its_frames_whatever_the_container_says() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let mut lies = recorded("made/safari_avc1_aac_rotated.mp4");
    // VisualSampleEntry: 24 bytes before the sizes (ISO/IEC 14496-12, 12.1.3.2).
    let at = lies.windows(4).position(|bytes| bytes == b"avc1").expect("a sample entry");
    assert_eq!(lies[at + 28..at + 32], [1, 64, 0, 180], "320 by 180");
    lies[at + 28..at + 32].copy_from_slice(&[0, 64, 0, 64]);
    let live = published(&author, &lies).await;
    let neutral = neutral(&author).await;
    let jpeg = written(folder.path(), "poster.jpg", &decoded(&author.api, &live, &neutral).await);
    assert_eq!(size(&jpeg).await, (180, 320), "upright as its matrix says");
}

/// How long a poster may take: the deadline of the process that decodes, and the machine's other work.
const PATIENCE: Duration = Duration::from_secs(10);

async fn poster_in_time(api: &Api, live: &Live) -> Answer {
    let asked = Instant::now();
    let picture = poster(api, live, "image/jpeg").await;
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    picture
}

/// Where the slices of keyframes begin in an MP4, and how long they are.
fn idr_slices(bytes: &[u8]) -> Vec<(usize, usize)> {
    let slice = |at: usize| {
        let len = u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        let is_slice =
            bytes[at + 4] == 0x65 && matches!(bytes[at + 5], 0x88 | 0xB8 | 0) && (100..20_000).contains(&len);
        (is_slice && at + 4 + len <= bytes.len()).then_some((at + 4, len))
    };
    (0..bytes.len() - 6).filter_map(slice).collect()
}

/// Each slice cut to a half, and a unit of filler data behind it.
fn with_cut_slices(mut bytes: Vec<u8>) -> Vec<u8> {
    let slices = idr_slices(&bytes);
    assert!(!slices.is_empty(), "slices are found");
    for (at, len) in slices {
        let (kept, filler) = (len / 2, len - len / 2 - 4);
        bytes[at - 4..at].copy_from_slice(&(kept as u32).to_be_bytes());
        bytes[at + kept..at + kept + 4].copy_from_slice(&(filler as u32).to_be_bytes());
        bytes[at + kept + 4] = 12;
        bytes[at + kept + 5..at + len - 1].fill(0xFF);
        bytes[at + len - 1] = 0x80;
    }
    bytes
}

/// Where the sync codes of VP9's keyframes stand.
fn sync_codes(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len() - 60).filter(|at| bytes[*at..at + 3] == [0x49, 0x83, 0x42]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn neutral_where_a_keyframe_is_cut_damaged_or_huge() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let neutral = neutral(&author).await;
    let mut hostile = Vec::new();
    for name in ["made/obs_avc1_aac_hybrid.mp4", "made/safari_avc1_aac_rotated.mp4", "mp4_avc1_kf1s.mp4"] {
        hostile.push((format!("{name}, cut"), with_cut_slices(recorded(name))));
    }
    let vp9 = recorded("webm_vp9_opus.webm");
    let (mut flipped, mut huge) = (vp9.clone(), vp9.clone());
    for at in sync_codes(&vp9) {
        flipped[at + 50] ^= 4;
        // Behind the sync code and four bits: 65,536 by 65,536.
        huge[at + 3] |= 0x0F;
        huge[at + 4..at + 7].fill(0xFF);
        huge[at + 7] |= 0xF0;
    }
    hostile.extend([("VP9, a bit flipped".to_owned(), flipped), ("VP9, huge".to_owned(), huge)]);
    let path = folder.path().join("huge.mkv");
    let mut command = Command::new(tools::ffmpeg());
    command.args(["-v", "error", "-f", "lavfi", "-i", "color=s=8192x4320:r=1:d=1", "-pix_fmt", "yuv420p"]);
    command.args(["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1"]).arg(&path);
    tools::succeed(&mut command).await;
    hostile.push(("H.264, huge".to_owned(), std::fs::read(&path).expect("ffmpeg wrote it")));
    for (what, bytes) in hostile {
        let live = published(&author, &bytes).await;
        for _ in 0..2 {
            assert!(poster_in_time(&author.api, &live).await.body == neutral.body, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_bits_are_flipped_in_a_keyframe() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let mut random = Random::new(7);
    for name in
        ["made/obs_avc1_aac_hybrid.mp4", "mp4_avc1_kf1s.mp4", "webm_vp9_opus.webm", "webm_vp8_opus.webm"]
    {
        for _ in 0..8 {
            let mut bytes = recorded(name);
            let places: Vec<usize> = match name {
                "webm_vp8_opus.webm" => {
                    (0..bytes.len() - 600).filter(|at| bytes[*at..at + 3] == [0x9D, 0x01, 0x2A]).collect()
                }
                "webm_vp9_opus.webm" => sync_codes(&bytes),
                _ => idr_slices(&bytes).into_iter().map(|(at, _)| at + 2).collect(),
            };
            assert!(!places.is_empty(), "{name}");
            for at in places {
                for _ in 0..3 {
                    bytes[at + 3 + random.between(0, 500)] ^= 1 << random.between(0, 7);
                }
            }
            let live = published(&author, &bytes).await;
            let picture = poster_in_time(&author.api, &live).await;
            assert_eq!(picture.header("content-type"), "image/jpeg", "{name}");
        }
    }
    // And the next one is served as ever.
    let live = published(&author, &recorded("webm_vp9_opus.webm")).await;
    assert_ne!(poster_in_time(&author.api, &live).await.body, neutral(&author).await.body);
}

#[tokio::test]
async fn by_a_process_that_nobody_is_told_of() {
    let help = tools::succeed(Command::new(program()).arg("--help")).await;
    let help = String::from_utf8(help).expect("help is text");
    assert!(help.contains("serve") && !help.contains("decode-keyframe"), "{help}");
    // It limits what it reads too.
    let endless = std::fs::File::open("/dev/zero").expect("there are zeros");
    let mut command = Command::new(program());
    command.arg("decode-keyframe").stdin(Stdio::from(endless));
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await;
    let output = output.expect("it ends").expect("it starts");
    assert!(!output.status.success() && output.stdout.len() <= 1, "{:?}", output.stdout);
}

/// A line of what the kernel says of a process.
fn kernel_says(pid: u32, of: &str, name: &str) -> String {
    let said = std::fs::read_to_string(format!("/proc/{pid}/{of}")).expect("the process runs");
    let line = said.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.trim_start_matches(name).split_whitespace().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn by_a_process_that_is_shut_in_before_it_reads() {
    let mut command = Command::new(program());
    command.arg("decode-keyframe").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().expect("it starts");
    let mut by = [0xFF];
    let output = child.stdout.as_mut().expect("a pipe");
    tokio::time::timeout(PATIENCE, output.read_exact(&mut by)).await.expect("it says").expect("by what");
    let pid = child.id().expect("it waits for a keyframe");
    for (limit, most) in [("Max open files", 3), ("Max file size", 0), ("Max cpu time", 2)] {
        assert_eq!(kernel_says(pid, "limits", limit), most.to_string(), "{limit}");
    }
    assert_eq!(kernel_says(pid, "limits", "Max address space"), (512 << 20).to_string());
    // A filter of its own, and no more rights by what it may start. Kernels without one say 0, and the process said so.
    let (has_landlock, has_seccomp) = (by[0] & 1 != 0, by[0] & 2 != 0);
    assert_eq!(kernel_says(pid, "status", "Seccomp:"), if has_seccomp { "2" } else { "0" });
    assert_eq!(
        kernel_says(pid, "status", "NoNewPrivs:"),
        if has_landlock || has_seccomp { "1" } else { "0" }
    );
    println!("shut in by Landlock: {has_landlock}, by seccomp: {has_seccomp}");
}

#[tokio::test(flavor = "multi_thread")]
async fn and_not_the_dark_one_that_a_camera_starts_with() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let path = folder.path().join("dark.webm");
    let mut command = Command::new(tools::ffmpeg());
    command.args(["-v", "error", "-f", "lavfi", "-i", "color=black:s=160x90:r=10:d=2"]);
    command.args(["-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=2"]);
    command.args(["-lavfi", "[0][1]concat", "-c:v", "libvpx", "-g", "10", "-auto-alt-ref", "0"]);
    command.args(["-deadline", "realtime", "-threads", "1"]).arg(&path);
    tools::succeed(&mut command).await;
    let live = published(&author, &std::fs::read(&path).expect("ffmpeg wrote it")).await;
    let webp = written(folder.path(), "poster.webp", &poster(&author.api, &live, BROWSERS).await);
    let mut command = Command::new(tools::ffmpeg());
    command.args(["-v", "error", "-i"]).arg(&webp).args(["-pix_fmt", "gray", "-f", "rawvideo", "-"]);
    let grey = tools::succeed(&mut command).await;
    let bright = grey.iter().filter(|level| **level > 64).count();
    assert!(bright * 4 > grey.len(), "{bright} of {} points are bright", grey.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn neutral_where_no_keyframe_can_be_shown() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let neutral = neutral(&author).await;
    let hevc = published(&author, &recorded("made/gst_hvc1_aac.mp4")).await;
    let sound = published(&author, &recorded("audio_webm_opus.webm")).await;
    // A keyframe that says it is 16,383 points wide and high: wrapped it costs nothing, decoded it would.
    let mut huge = recorded("made/gst_vp8_opus.webm");
    for at in 0..huge.len() - 7 {
        if huge[at..at + 3] == [0x9D, 0x01, 0x2A] {
            huge[at + 3..at + 7].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
        }
    }
    let huge = published(&author, &huge).await;
    for live in [&hevc, &sound, &huge] {
        assert_eq!(poster(&author.api, live, "image/jpeg").await.body, neutral.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_by_its_author_and_by_nobody_else() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let stranger = server.person("Modou").await;
    let live = published(&author, &recorded("made/gst_vp8_opus.webm")).await;
    let put = async |api: &Api, body: Vec<u8>| {
        api.send(api.request(Method::PUT, &live.path("poster.jpg")).body(body)).await
    };
    let jpeg = neutral(&author).await.body.to_vec();
    let own = [&jpeg[..], b"of the publisher"].concat();
    assert!(!put(&stranger.api, own.clone()).await.refusal(403).is_empty());
    assert!(!put(&server.anonymous(), own.clone()).await.refusal(401).is_empty());
    let with_key = author.api.with_token(&live.key);
    for wrong in [&b"GIF89a and so on"[..], b"<svg/>", b""] {
        let sentence = put(&with_key, wrong.to_vec()).await.refusal(415);
        assert!(sentence.contains("JPEG"), "{sentence}");
    }
    let too_large = [&jpeg[..], &vec![0; 1 << 20]].concat();
    assert!(!put(&author.api, too_large).await.refusal(413).is_empty());
    assert_eq!(
        poster(&author.api, &live, BROWSERS).await.header("content-type"),
        "image/webp",
        "nothing was kept"
    );

    put(&with_key, own.clone()).await.must_be(204);
    for accept in [BROWSERS, "image/jpeg"] {
        let shown = poster(&server.anonymous(), &live, accept).await;
        assert_eq!((shown.header("content-type"), &shown.body[..]), ("image/jpeg", &own[..]));
    }
    let png = b"\x89PNG\r\n\x1a\nthe newest picture counts";
    put(&author.api, png.to_vec()).await.must_be(204);
    let shown = poster(&server.anonymous(), &live, "image/jpeg").await;
    assert_eq!((shown.header("content-type"), &shown.body[..]), ("image/png", &png[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn not_sent_again_to_who_has_it() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let live = published(&author, &recorded("made/gst_vp8_opus.webm")).await;
    let ask = async |accept: &'static str, etag: &str| {
        let request = author.api.request(Method::GET, &live.path("poster.jpg"));
        author.api.send(request.header("Accept", accept).header("If-None-Match", etag)).await
    };
    let webp = poster(&author.api, &live, BROWSERS).await.header("etag").to_owned();
    let jpeg = poster(&author.api, &live, "image/jpeg").await.header("etag").to_owned();
    assert!(webp.starts_with('"') && webp != jpeg, "{webp} {jpeg}");
    let again = ask(BROWSERS, &webp).await.expect(304);
    assert!(again.body.is_empty() && again.header("etag") == webp);
    ask("image/jpeg", &format!("\"another\", {jpeg}")).await.must_be(304);
    ask("image/jpeg", &webp).await.must_be(200);
    let head = author.api.head(&live.path("poster.jpg")).await.expect(200);
    assert_eq!(head.header("etag"), jpeg);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_unlisted_live_with_its_key_only() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let live = author.start_live(json!({"visibility": "unlisted"})).await;
    live.publish(&author.api, &recorded("made/gst_vp8_opus.webm")).await.complete().await;
    let url = live.shown(&author.api).await["poster_url"].as_str().expect("a poster").to_owned();
    let anonymous = server.anonymous();
    assert!(!anonymous.get(&live.path("poster.jpg")).await.refusal(404).is_empty());
    let shown = anonymous.get(&url).await.expect(200);
    assert_eq!(shown.header("content-type"), "image/jpeg");
}
