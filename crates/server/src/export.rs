//! A live as files that need nothing of ours: `communiconnect export`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use ids::LiveId;
use recorder::Recording;
use timeline::view::{self, Format, Selection, Unavailable, View};
use timeline::{Take, Timeline};

use crate::offline::Offline;

/// Bytes written at once.
const PIECE: u64 = 1 << 20;

/// Writes a live, as far as it is durable. Changes nothing else, also beside a server.
///
/// A name that ends in `.mp4`, `.m4a` or `.webm` gets one file of that kind. A name without an ending gets whatever file
/// holds all, or, where the takes differ too much for one, a folder: a file for each take and a playlist of them.
///
/// # Errors
/// A sentence: the ending would lie, or one file cannot hold it all; it names the form that can be had. Nothing is written
/// then.
pub(crate) fn export(data_dir: &Path, live: LiveId, output: &Path) -> Result<(), String> {
    let recording = Offline::to_read(data_dir)?.recording(live)?;
    let timeline = recording.timeline();
    if timeline.takes().is_empty() {
        return Err(format!("nothing is recorded of live {live}"));
    }
    let name = output.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    match output.extension().and_then(|ending| ending.to_str()) {
        Some(ending) => {
            let cut = named(&timeline, &ending.to_lowercase(), &name)?;
            write(&recording, &cut, output)
        }
        None => match whole(&timeline, None) {
            Ok((cut, _)) => write(&recording, &cut, output),
            Err(Unavailable::TakesDiffer(_)) => write_takes(&recording, &timeline, output),
            Err(error) => Err(error.to_string()),
        },
    }
}

/// The one file whose kind this ending names.
fn named(timeline: &Timeline, ending: &str, name: &str) -> Result<View, String> {
    let format = match ending {
        "mp4" | "m4a" => Format::Mp4,
        "webm" => Format::Webm,
        other => {
            return Err(format!(
                "there are files of MP4 and of WebM: .{other} is neither; {}",
                offer(timeline, name)
            ));
        }
    };
    let has_picture = timeline.takes().iter().any(|take| take.video.is_some());
    if ending == "m4a" && has_picture {
        return Err(format!(".m4a is sound alone, and this live has a picture; {}", offer(timeline, name)));
    }
    view::cut(timeline, &Selection::default(), format)
        .map_err(|error| format!("{error}; {}", offer(timeline, name)))
}

/// What can be had, as the end of a sentence.
fn offer(timeline: &Timeline, name: &str) -> String {
    match whole(timeline, None) {
        Ok((_, ending)) => format!("try -o {name}.{ending}"),
        Err(Unavailable::TakesDiffer(_)) => {
            format!("try -o {name}, which becomes a folder with a file for each take")
        }
        Err(error) => error.to_string(),
    }
}

/// All of a live, or of a take, in the first container that holds it, and the ending of that.
fn whole(timeline: &Timeline, take: Option<u32>) -> Result<(View, &'static str), Unavailable> {
    let selection = Selection { take, ..Selection::default() };
    match view::cut(timeline, &selection, Format::Mp4) {
        Ok(cut) => Ok((cut, "mp4")),
        Err(Unavailable::WrongContainer) => Ok((view::cut(timeline, &selection, Format::Webm)?, "webm")),
        Err(error) => Err(error),
    }
}

/// Writes a folder: each take as a file, in the order in which they play, and a playlist of them (M3U, extended).
fn write_takes(recording: &Recording, timeline: &Timeline, folder: &Path) -> Result<(), String> {
    std::fs::create_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut playlist = String::from("#EXTM3U\n");
    let in_order = timeline.in_play_order().into_iter();
    for (number, take) in (1..).zip(in_order.filter(|take| take.duration_ms() > 0)) {
        let (cut, ending) = whole(timeline, Some(take.number)).map_err(said)?;
        let name = format!("take-{number:03}.{ending}");
        write(recording, &cut, &folder.join(&name))?;
        playlist.push_str(&line(take, &name));
    }
    std::fs::write(folder.join("playlist.m3u8"), playlist).map_err(said)
}

fn line(take: &Take, name: &str) -> String {
    let ms = take.duration_ms();
    format!("#EXTINF:{}.{:03},\n{name}\n", ms / 1_000, ms % 1_000)
}

fn write(recording: &Recording, cut: &View, output: &Path) -> Result<(), String> {
    let named = |error: std::io::Error| format!("{}: {error}", output.display());
    let mut file = File::create(output).map_err(named)?;
    std::io::copy(&mut Cut::new(recording, cut), &mut file).map_err(named)?;
    file.sync_all().map_err(named)
}

/// Everything that can be played of a live, as files: one where that holds it all, else one for each take, by their names.
///
/// # Errors
/// A sentence: a take can be had as no file.
pub(crate) fn files(timeline: &Timeline) -> Result<Vec<(String, View)>, String> {
    if timeline.takes().is_empty() {
        return Ok(Vec::new());
    }
    match whole(timeline, None) {
        Ok((cut, ending)) => Ok(vec![(format!("recording.{ending}"), cut)]),
        Err(Unavailable::TakesDiffer(_)) => {
            let in_order = timeline.in_play_order().into_iter();
            let takes = (1..).zip(in_order.filter(|take| take.duration_ms() > 0));
            takes
                .map(|(number, take)| {
                    let (cut, ending) = whole(timeline, Some(take.number)).map_err(said)?;
                    Ok((format!("take-{number:03}.{ending}"), cut))
                })
                .collect()
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The bytes of a view of a recording, as they are read.
pub(crate) struct Cut<'a> {
    recording: &'a Recording,
    cut: &'a View,
    at: u64,
    piece: Bytes,
}

impl<'a> Cut<'a> {
    /// From its first byte on.
    pub(crate) fn new(recording: &'a Recording, cut: &'a View) -> Self {
        Self { recording, cut, at: 0, piece: Bytes::new() }
    }
}

impl Read for Cut<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.piece.is_empty() && self.at < self.cut.len() {
            let to = self.cut.len().min(self.at + PIECE);
            let read = delivery::replay::read(self.recording, self.cut, self.at..to);
            self.piece = read.map_err(std::io::Error::other)?;
            self.at = to;
        }
        let count = into.len().min(self.piece.len());
        into[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
