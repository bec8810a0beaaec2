//! ffmpeg, ffprobe and mkvmerge as outside judges of what the server gives out.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

/// How long a tool may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The `ffmpeg` to use: `FFMPEG`, or the one on the path.
#[must_use]
pub fn ffmpeg() -> PathBuf {
    std::env::var_os("FFMPEG").map_or_else(|| PathBuf::from("ffmpeg"), PathBuf::from)
}

/// The `ffprobe` to use: `FFPROBE`, or the one on the path.
#[must_use]
pub fn ffprobe() -> PathBuf {
    std::env::var_os("FFPROBE").map_or_else(|| PathBuf::from("ffprobe"), PathBuf::from)
}

/// `promtool` of Prometheus: `PROMTOOL`, the one on the path, or that of the set-up script.
#[must_use]
pub fn promtool() -> PathBuf {
    let of_the_script = crate::repository().join(".tools/promtool");
    match std::env::var_os("PROMTOOL") {
        Some(path) => PathBuf::from(path),
        None if of_the_script.exists() => of_the_script,
        None => PathBuf::from("promtool"),
    }
}

/// The Python of the set-up script's environment, or `None` where it was not run.
#[must_use]
pub fn python() -> Option<PathBuf> {
    Some(crate::repository().join(".tools/venv/bin/python")).filter(|path| path.exists())
}

/// The ffmpeg of the set-up script's environment, newer than those of systems: it knows Enhanced RTMP.
///
/// # Panics
/// Where the script was not run.
pub async fn newer_ffmpeg() -> PathBuf {
    let python = python().expect("run scripts/setup-tests.sh");
    let mut command = Command::new(python);
    command.args(["-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"]);
    let path = String::from_utf8(succeed(&mut command).await).expect("a path is text");
    PathBuf::from(path.trim())
}

/// A packet of a file, as ffprobe read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// The stream's kind: `video` or `audio`.
    pub kind: String,
    /// Presentation time in milliseconds.
    pub pts_ms: f64,
    /// Size in bytes.
    pub size: usize,
    /// Whether decoding may start here.
    pub key: bool,
    /// MD5 of the bytes.
    pub md5: String,
}

/// What ffprobe found in a file.
#[derive(Debug, Clone)]
pub struct Probed {
    /// Its format and streams, as ffprobe's JSON has them.
    pub description: Value,
    /// Its packets, in its order.
    pub packets: Vec<Packet>,
    /// What ffprobe had to say on the way, line by line.
    pub words: Vec<String>,
}

impl Probed {
    /// How long the file says that it is, in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> Option<f64> {
        let text = self.description["format"]["duration"].as_str()?;
        text.parse::<f64>().ok().map(|seconds| seconds * 1000.0)
    }

    /// The stream of a kind.
    #[must_use]
    pub fn stream(&self, kind: &str) -> Option<&Value> {
        self.description["streams"].as_array()?.iter().find(|stream| stream["codec_type"] == kind)
    }

    /// The packets of a kind.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Packet> {
        self.packets.iter().filter(move |packet| packet.kind == kind)
    }
}

/// All that ffprobe says of a file, in one run.
///
/// # Panics
/// When ffprobe does not read it.
pub async fn probe_all(input: &Path) -> Probed {
    let mut command = Command::new(ffprobe());
    command.args(["-v", "warning", "-show_format", "-show_streams", "-show_packets"]);
    command.args(["-show_data_hash", "md5", "-of", "json"]).arg(input);
    let output = run(&mut command).await;
    let words = lines(&output.stderr);
    assert!(output.status.success(), "ffprobe on {}: {words:?}", input.display());
    let description: Value = serde_json::from_slice(&output.stdout).expect("ffprobe prints JSON");
    let packets = description["packets"].as_array().expect("a list of packets").iter().map(packet).collect();
    Probed { description, packets, words }
}

/// What ffmpeg decoded.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// MD5 of each picture, in the order of showing.
    pub pictures: Vec<String>,
    /// What ffmpeg had to say on the way, line by line.
    pub words: Vec<String>,
}

/// Decodes all of a file, its pictures as they are, whatever their sizes.
///
/// # Panics
/// When ffmpeg gives up.
pub async fn decode_all(input: &Path, strictly: bool) -> Decoded {
    let mut command = Command::new(ffmpeg());
    command.args(["-v", "warning"]);
    if strictly {
        command.arg("-xerror");
    }
    // One thread: libvpx spins with more (docs/BROWSERS.md). Frames keep the times of the file: what is not a steady
    // number of them a second is no complaint.
    command.args(["-threads", "1", "-i"]).arg(input);
    command.args(["-map", "0:v?", "-autoscale", "0", "-fps_mode", "passthrough", "-enc_time_base", "-1"]);
    command.args(["-f", "framemd5", "-", "-map", "0:a?", "-f", "null", "-"]);
    let output = run(&mut command).await;
    let words = lines(&output.stderr);
    assert!(output.status.success(), "ffmpeg on {}: {words:?}", input.display());
    let listing = String::from_utf8(output.stdout).expect("framemd5 is text");
    let pictures = listing.lines().filter(|line| !line.starts_with('#'));
    let pictures = pictures.filter_map(|line| line.rsplit(',').next()).map(|hash| hash.trim().to_owned());
    Decoded { pictures: pictures.collect(), words }
}

/// What mkvmerge and mkvinfo find wrong with a Matroska or WebM file.
///
/// # Panics
/// When they do not read it.
pub async fn matroska_complaints(input: &Path) -> Vec<String> {
    let mut command = Command::new("mkvmerge");
    command.arg("-J").arg(input);
    let found: Value = serde_json::from_slice(&succeed(&mut command).await).expect("mkvmerge prints JSON");
    let container = &found["container"];
    assert!(container["recognized"] == true && container["supported"] == true, "mkvmerge: {container}");
    let mut complaints = Vec::new();
    for list in ["errors", "warnings"] {
        complaints.extend(found[list].as_array().expect("a list").iter().map(ToString::to_string));
    }
    let mut command = Command::new("mkvinfo");
    command.args(["--ui-language", "en_US", "-v", "-v"]).arg(input);
    let listing = succeed(&mut command).await;
    for line in lines(&listing) {
        // A file that grows does not know its size, and says so.
        let words = line.to_lowercase().replace("size unknown", "");
        if ["error", "warning", "unknown", "invalid"].iter().any(|word| words.contains(word)) {
            complaints.push(line);
        }
    }
    complaints
}

fn lines(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Runs a program to its end.
///
/// # Panics
/// When it cannot be started or does not end in time.
pub async fn run(command: &mut Command) -> Output {
    run_within(command, PATIENCE).await
}

/// Runs a program that may take so long.
///
/// # Panics
/// When it cannot be started or does not end in time.
pub async fn run_within(command: &mut Command, patience: Duration) -> Output {
    let what = format!("{command:?}");
    command.kill_on_drop(true).stdin(std::process::Stdio::null());
    match tokio::time::timeout(patience, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => panic!("{what} cannot be started ({error}): run scripts/setup-tests.sh"),
        Err(_) => panic!("{what} did not end within {patience:?}"),
    }
}

/// Runs a program that must succeed: its standard output.
///
/// # Panics
/// When it fails.
pub async fn succeed(command: &mut Command) -> Vec<u8> {
    let output = run(command).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {} {errors}", output.status);
    output.stdout
}

/// What ffprobe says of the format and the streams of a file or URL.
pub async fn probe(input: &str) -> Value {
    let mut command = Command::new(ffprobe());
    command.args(["-v", "error", "-show_format", "-show_streams", "-of", "json", input]);
    serde_json::from_slice(&succeed(&mut command).await).expect("ffprobe prints JSON")
}

/// The packets of a file in its order, as ffprobe reads them.
///
/// # Panics
/// When ffprobe does not read it.
pub async fn packets(input: &Path) -> Vec<Packet> {
    let mut command = Command::new(ffprobe());
    command.args(["-v", "error", "-show_packets", "-show_data_hash", "md5", "-of", "json"]).arg(input);
    let listing: Value = serde_json::from_slice(&succeed(&mut command).await).expect("ffprobe prints JSON");
    let list = listing["packets"].as_array().expect("a list of packets");
    list.iter().map(packet).collect()
}

fn packet(value: &Value) -> Packet {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    Packet {
        kind: text("codec_type"),
        pts_ms: text("pts_time").parse::<f64>().unwrap_or(f64::NAN) * 1000.0,
        size: text("size").parse().expect("a packet has a size"),
        key: text("flags").starts_with('K'),
        md5: text("data_hash"),
    }
}

/// The coded bytes of a stream, packet after packet without anything between, as ffmpeg's demuxer gives them.
pub async fn coded_bytes(input: &Path, kind: &str) -> Vec<u8> {
    let mut command = Command::new(ffmpeg());
    let stream = format!("0:{}:0", &kind[..1]);
    command.args(["-v", "error", "-i"]).arg(input);
    command.args(["-map", &stream, "-c", "copy", "-copy_unknown", "-f", "data", "-"]);
    succeed(&mut command).await
}

/// Decodes all of a file or URL, and fails at the first word of complaint.
///
/// # Panics
/// When ffmpeg finds anything wrong.
pub async fn decode(input: &str) {
    let mut command = Command::new(ffmpeg());
    command.args(["-v", "warning", "-xerror", "-threads", "1", "-i", input, "-map", "0"]);
    // Frames keep the times of the file: what is not a steady number of them a second is no complaint.
    command.args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"]);
    let output = run(&mut command).await;
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && words.trim().is_empty(),
        "ffmpeg on {input}: {} {words}",
        output.status
    );
}

/// The time, in milliseconds, of the first picture decoded after a seek.
///
/// # Panics
/// When there is none.
pub async fn picture_after_seek(input: &str, seconds: f64) -> f64 {
    let mut command = Command::new(ffmpeg());
    command.args(["-v", "error", "-threads", "1", "-ss", &seconds.to_string(), "-copyts", "-i", input]);
    // At its own time, not at that of a steady number of frames a second.
    command.args(["-map", "0:v:0", "-frames:v", "1", "-fps_mode", "passthrough", "-enc_time_base", "-1"]);
    command.args(["-f", "framemd5", "-"]);
    let listing = String::from_utf8(succeed(&mut command).await).expect("framemd5 is text");
    let base = listing.lines().find_map(|line| line.strip_prefix("#tb 0: ")).expect("a time base");
    let (numerator, denominator) = base.split_once('/').expect("a fraction");
    let scale: f64 =
        numerator.parse::<f64>().expect("a number") / denominator.parse::<f64>().expect("a number");
    let line = listing.lines().find(|line| !line.starts_with('#'));
    let line = line.unwrap_or_else(|| panic!("no picture at {seconds} s of {input}"));
    let pts: f64 = line.split(',').nth(2).and_then(|word| word.trim().parse().ok()).expect("a time");
    pts * scale * 1000.0
}
