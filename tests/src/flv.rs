//! FLV files: what ffmpeg would send by RTMP, written down.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::tools;

/// A tag of a file: what a message of RTMP holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// 8 for sound, 9 for a picture, 18 for data.
    pub kind: u8,
    /// Milliseconds.
    pub time: u32,
    /// Its body.
    pub body: Vec<u8>,
}

impl Tag {
    /// Whether it says how the frames after it are coded.
    #[must_use]
    pub fn is_record(&self) -> bool {
        match self.kind {
            8 => self.body.first().is_some_and(|first| first >> 4 == 10) && self.body.get(1) == Some(&0),
            9 => self.body.first().is_some_and(|first| first & 0x8f == 7) && self.body.get(1) == Some(&0),
            _ => false,
        }
    }
}

/// A recording as FLV, its frames as they are.
pub async fn remux(ffmpeg: &Path, recording: &Path, directory: &Path) -> PathBuf {
    let name = recording.file_name().expect("a recording has a name");
    let path = directory.join(name).with_extension("flv");
    let mut command = Command::new(ffmpeg);
    command.args(["-v", "error", "-y", "-i"]).arg(recording);
    command.args(["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", "flv"]).arg(&path);
    tools::succeed(&mut command).await;
    path
}

/// The tags of a file.
///
/// # Panics
/// When it is no FLV file.
#[must_use]
pub fn tags(path: &Path) -> Vec<Tag> {
    let bytes = std::fs::read(path).expect("the file is read");
    assert!(bytes.starts_with(b"FLV\x01"), "{}", path.display());
    let mut rest = &bytes[13..];
    let mut tags = Vec::new();
    while let Some((header, after)) = rest.split_first_chunk::<11>() {
        let length = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        let time = u32::from_be_bytes([header[7], header[4], header[5], header[6]]);
        tags.push(Tag { kind: header[0], time, body: after[..length].to_vec() });
        rest = &after[length + 4..];
    }
    tags
}
