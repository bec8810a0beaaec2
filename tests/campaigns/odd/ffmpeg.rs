//! ffmpeg as the judge: what it reads from a file, and what it decodes.
//!
//! It is the ffmpeg 9.0 that `scripts/setup-tests.sh` pins, not the system's: the same everywhere, the newest reader of
//! odd files, and it starts five times as fast (no library to link), which is most of what a case costs.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use promises::{repository, tools};
use tokio::process::Command;

/// A packet, or a decoded picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Packet {
    pub(crate) ms: f64,
    pub(crate) size: usize,
    /// Adler-32 as ffmpeg begins it, with 0.
    pub(crate) crc: u32,
    /// Whether no edit list leaves it out.
    pub(crate) is_shown: bool,
}

/// What ffmpeg reads from a file: the streams that it would play.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    pub(crate) video: Vec<Packet>,
    pub(crate) audio: Vec<Packet>,
}

/// The flag of a packet that an edit list leaves out.
const DISCARDED: u32 = 4;

/// The packets of the streams that ffmpeg chooses.
pub(crate) async fn packets(file: &Path) -> Listing {
    // Sound that is not flagged as key is sound all the same.
    list(file, &["-c", "copy", "-copyinkf:a"]).await
}

/// The pictures of the stream that ffmpeg chooses, each as it is, whatever its size.
pub(crate) async fn pictures(file: &Path) -> Listing {
    let options = ["-an", "-autoscale", "0", "-fps_mode", "passthrough", "-enc_time_base", "-1"];
    list(file, &options).await
}

/// Adler-32 as `framecrc` writes it.
pub(crate) fn checksum(data: &[u8]) -> u32 {
    let (mut low, mut high) = (0_u32, 0_u32);
    for part in data.chunks(5552) {
        for byte in part {
            low += u32::from(*byte);
            high += low;
        }
        low %= 65_521;
        high %= 65_521;
    }
    high << 16 | low
}

async fn list(file: &Path, options: &[&str]) -> Listing {
    let mut command = Command::new(program());
    command.args(["-v", "quiet", "-nostdin", "-noautorotate", "-threads", "1", "-i"]).arg(file);
    command.args(["-threads", "1", "-sn", "-dn"]).args(options).args(["-f", "framecrc", "-"]);
    let output = tools::run(&mut command).await;
    let mut listing = Listing::default();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut streams: Vec<(bool, f64)> = Vec::new();
    let mut last: Vec<Option<i64>> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("#tb ") {
            streams.push((false, time_base(rest)));
            last.push(None);
        } else if line.starts_with("#media_type ") {
            streams.last_mut().expect("a stream").0 = line.ends_with("video");
        } else if let Some((index, dts, mut packet)) = packet(line, &streams) {
            // What does not go on was moved by ffmpeg itself.
            if last[index].replace(dts).is_some_and(|last| dts <= last) {
                packet.ms = f64::NAN;
            }
            let list = if streams[index].0 { &mut listing.video } else { &mut listing.audio };
            list.push(packet);
        }
    }
    listing
}

/// `0: 1/1000`, as milliseconds.
fn time_base(text: &str) -> f64 {
    let fraction = text.split(' ').next_back().unwrap_or_default();
    let (numerator, denominator) = fraction.split_once('/').unwrap_or(("1", "1000"));
    1000.0 * numerator.parse().unwrap_or(1.0) / denominator.parse().unwrap_or(1000.0)
}

fn packet(line: &str, streams: &[(bool, f64)]) -> Option<(usize, i64, Packet)> {
    let mut fields = line.split(',').map(str::trim);
    let index: usize = fields.next()?.parse().ok()?;
    let dts = fields.next()?.parse().ok()?;
    let pts = fields.next()?.parse::<i64>().ok().filter(|pts| *pts != i64::MIN);
    let pts = pts.map_or(f64::NAN, |pts| pts as f64);
    let size = fields.nth(1)?.parse().ok()?;
    let crc = u32::from_str_radix(fields.next()?.strip_prefix("0x")?, 16).ok()?;
    let flags = fields.find_map(|field| u32::from_str_radix(field.strip_prefix("F=0x")?, 16).ok());
    let is_shown = flags.is_none_or(|flags| flags & DISCARDED == 0);
    Some((index, dts, Packet { ms: pts * streams.get(index)?.1, size, crc, is_shown }))
}

/// The program of the tests' own environment.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let lib = repository().join(".tools/venv/lib");
        let pythons = std::fs::read_dir(lib).into_iter().flatten().flatten();
        let folders = pythons.map(|python| python.path().join("site-packages/imageio_ffmpeg/binaries"));
        let mut programs = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
        let found = programs.find(|entry| entry.file_name().to_string_lossy().starts_with("ffmpeg"));
        found.expect("ffmpeg 9 is not there: run scripts/setup-tests.sh").path()
    })
}
