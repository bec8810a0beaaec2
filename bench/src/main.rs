//! Reads a recording as a publisher's bytes are read, and prints what it found.
//!
//! `bench parse FILE` takes the frames out; `bench index FILE` also cuts them into fragments and indexes these;
//! `bench write FILE` also makes the bytes of the bodies: everything that an upload costs but the disk. Whoever starts
//! it counts its CPU time.

use std::fs::File;
use std::io::Read;
use std::process::ExitCode;

use media::Frame;
use media::Track;
use media::container::{Event, Fragment, Reader, Sample, mp4, webm};
use timeline::fragmenter::{Fragmenter, Output};
use timeline::{Container, Entry, TrackIndex};

/// Bytes in one read of the file: about what a request's body comes in.
const SLICE: usize = 128 << 10;

type Failure = Box<dyn std::error::Error>;

/// What was found.
#[derive(Default)]
struct Found {
    frames: u64,
    payload: u64,
    fragments: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["parse", file] => parse(file),
        ["index", file] => index(file, describe),
        ["write", file] => index(file, write),
        _ => Err("usage: bench parse|index|write FILE".into()),
    };
    match result {
        Ok(Found { frames, payload, fragments }) => {
            eprintln!("{frames} frames, {payload} bytes in them, {fragments} fragments");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(file: &str) -> Result<Found, Failure> {
    let mut found = Found::default();
    read(file, |event| {
        if let Event::Frame(frame) = event {
            found.frames += 1;
            found.payload += frame.data.len() as u64;
        }
        Ok(())
    })?;
    Ok(found)
}

/// Makes a fragment of frames and their durations.
type Make = fn(&Track, u32, &[Frame], &[u32]) -> Result<Fragment, Failure>;

fn index(file: &str, make: Make) -> Result<Found, Failure> {
    let mut fragmenter = Fragmenter::default();
    let mut indexes: Vec<TrackIndex> = Vec::new();
    let mut outputs = Vec::new();
    read(file, |event| {
        fragmenter.push(event, &mut outputs);
        if outputs.is_empty() {
            return Ok(());
        }
        outputs.drain(..).try_for_each(|output| keep(output, make, &mut indexes))
    })?;
    fragmenter.flush(&mut outputs);
    outputs.drain(..).try_for_each(|output| keep(output, make, &mut indexes))?;
    Ok(Found {
        frames: indexes.iter().map(TrackIndex::frames).sum(),
        payload: indexes.iter().map(TrackIndex::payload).sum(),
        fragments: indexes.iter().map(TrackIndex::len).sum(),
    })
}

/// Gives the events of a file to `take`.
fn read(file: &str, mut take: impl FnMut(Event) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut input = File::open(file)?;
    let mut slice = vec![0; SLICE];
    let mut reader = Reader::new();
    loop {
        slice.resize(SLICE, 0);
        let count = input.read(&mut slice)?;
        slice.truncate(count);
        let piece = slice.into();
        if count == 0 {
            reader.finish();
        } else {
            reader.push_bytes(Clone::clone(&piece));
        }
        while let Some(event) = reader.next()? {
            take(event)?;
        }
        if count == 0 {
            return Ok(());
        }
        // The same room again, for the reader has let go of it.
        slice = piece.into();
    }
}

fn keep(output: Output, make: Make, indexes: &mut Vec<TrackIndex>) -> Result<(), Failure> {
    let Output::Fragment { track, sequence, frames, durations } = output else { return Ok(()) };
    if sequence == 1 {
        indexes.push(TrackIndex::new(track.clone(), 0));
    }
    let fragment = make(&track, sequence, &frames, &durations)?;
    let index = indexes.iter_mut().rev().find(|index| index.track().kind() == track.kind());
    let index = index.ok_or("a fragment of no track")?;
    index.push(Entry::new(index.body_len(), 0, &fragment));
    Ok(())
}

/// Where the frames would lie if they followed one another.
fn describe(track: &Track, sequence: u32, frames: &[Frame], durations: &[u32]) -> Result<Fragment, Failure> {
    let first = frames.first().ok_or("a fragment without frames")?;
    let mut samples = Vec::with_capacity(frames.len());
    let mut len: u32 = 0;
    for (frame, &duration) in frames.iter().zip(durations) {
        let (size, cts) = (u32::try_from(frame.data.len())?, i32::try_from(frame.pts - frame.dts)?);
        samples.push(Sample { offset: len, size, duration, cts, key: frame.key });
        len += size;
    }
    Ok(Fragment { kind: track.kind(), sequence, base_dts: first.dts, len, samples })
}

/// The bytes of the fragment as a body holds them.
fn write(track: &Track, sequence: u32, frames: &[Frame], durations: &[u32]) -> Result<Fragment, Failure> {
    let (bytes, fragment) = match Container::of(track.codec) {
        Container::Mp4 => mp4::write::fragment(track, sequence, frames, durations)?,
        Container::Webm => webm::write::fragment(track, sequence, frames, durations)?,
    };
    std::hint::black_box(&bytes);
    Ok(fragment)
}
