//! The process that decodes one keyframe: what the server starts, and what runs there.
//!
//! A decoder reads bytes of a stranger. In a process of its own, with little memory and time, the worst that it can do is not
//! to answer.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use bytes::Bytes;
use media::Track;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::{MAX_KEYFRAME, jpeg, picture_type};

/// The first argument of such a process.
pub const SUBCOMMAND: &str = "decode-keyframe";
/// How long a process may take, its start included; then it is killed.
const DEADLINE: Duration = Duration::from_secs(3);
/// Seconds of a processor that a process may use; then the system kills it.
const MAX_CPU_S: u64 = 2;
/// Address space of a process in bytes; what asks for more ends there.
const MAX_MEMORY: u64 = 512 << 20;
/// Bytes that a process reads: a keyframe and its track, whose parameter sets are the largest part.
const MAX_QUESTION: u64 = MAX_KEYFRAME as u64 + (1 << 20);
/// Bytes of a picture that are taken; a longer one is none.
const MAX_ANSWER: u64 = 4 << 20;

/// What became of a keyframe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Made {
    /// A JPEG.
    Picture(Bytes),
    /// There is no picture in it, whenever it is tried.
    Nothing,
    /// The machine did not get it done; another time it may.
    NotNow,
}

/// A keyframe as a JPEG, decoded by another process of this program. `small`: for slow networks.
pub(super) async fn decoded(program: &Path, track: &Track, frame: &[u8], small: bool) -> Made {
    let Ok(question) = postcard::to_stdvec(&(track, frame, small)) else { return Made::Nothing };
    if question.len() as u64 > MAX_QUESTION {
        return Made::Nothing;
    }
    let mut command = Command::new(program);
    command.arg(SUBCOMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // The server's options may hold secrets.
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COMMUNICONNECT_"))
    {
        command.env_remove(name);
    }
    // Also when whoever asked for the poster has gone.
    let mut child = match command.kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error) => {
            tracing::warn!(%error, "no process could be started to decode a keyframe");
            return Made::NotNow;
        }
    };
    match tokio::time::timeout(DEADLINE, answer(&mut child, &question)).await {
        Ok(Ok(picture)) => picture.map_or(Made::Nothing, Made::Picture),
        Ok(Err(_)) => Made::Nothing,
        Err(_) => {
            let _ = child.kill().await;
            Made::NotNow
        }
    }
}

async fn answer(child: &mut Child, question: &[u8]) -> io::Result<Option<Bytes>> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Ok(None) };
    let asking = async move { input.write_all(question).await };
    let hearing = async move {
        let mut picture = Vec::new();
        output.take(MAX_ANSWER + 1).read_to_end(&mut picture).await.map(|_| picture)
    };
    let ((), picture) = tokio::try_join!(asking, hearing)?;
    let has_succeeded = child.wait().await?.success();
    let is_picture = picture_type(&picture) == Some("image/jpeg") && picture.len() as u64 <= MAX_ANSWER;
    Ok((has_succeeded && is_picture).then(|| picture.into()))
}

/// All that a process started with [`SUBCOMMAND`] does: limits itself, reads a keyframe from standard input, writes a JPEG to
/// standard output. It fails where there is no picture.
#[must_use]
pub fn decode_standard_input() -> ExitCode {
    match decode() {
        Some(()) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

fn decode() -> Option<()> {
    limit_this_process().ok()?;
    let mut question = Vec::new();
    io::stdin().lock().take(MAX_QUESTION).read_to_end(&mut question).ok()?;
    let (track, frame, small): (Track, &[u8], bool) = postcard::from_bytes(&question).ok()?;
    let picture = jpeg::from_keyframe(&track, frame, small)?;
    let mut output = io::stdout().lock();
    output.write_all(&picture).and_then(|()| output.flush()).ok()
}

fn limit_this_process() -> rustix::io::Result<()> {
    for (resource, most) in [(Resource::As, MAX_MEMORY), (Resource::Cpu, MAX_CPU_S), (Resource::Core, 0)] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use media::Codec;

    use super::*;
    use crate::poster::jpeg::tests::track;

    async fn decoded_by(script: &str) -> Made {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        decoded(&program, &track(Codec::Vp9), &vec![7; 1 << 20], false).await
    }

    #[tokio::test]
    async fn whatever_the_other_process_does_there_is_an_answer() {
        let jpeg = r"cat >/dev/null; printf '\377\330\377'";
        assert_eq!(decoded_by(jpeg).await, Made::Picture(Bytes::from_static(b"\xFF\xD8\xFF")));
        assert_eq!(decoded_by(&format!("{jpeg}; exit 1")).await, Made::Nothing, "it failed");
        assert_eq!(decoded_by(&format!("{jpeg}; kill -11 $$")).await, Made::Nothing, "it crashed");
        assert_eq!(decoded_by("exit 0").await, Made::Nothing, "it did not even read");
        assert_eq!(decoded_by("cat").await, Made::Nothing, "that is no picture");
        assert_eq!(decoded_by(&format!("{jpeg}; exec cat /dev/zero")).await, Made::Nothing, "endless");
        assert_eq!(decoded_by("exec sleep 60").await, Made::NotNow, "killed at the deadline");
        let absent = decoded(Path::new("/nowhere"), &track(Codec::Vp9), &[], false).await;
        assert_eq!(absent, Made::NotNow);
    }
}
