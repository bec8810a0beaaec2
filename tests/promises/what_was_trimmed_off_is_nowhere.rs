//! What an edit list leaves out was trimmed off by whoever made the recording: once the upload has ended it is in no file of the
//! data directory, after a kill neither. What the first picture that is shown is decoded from stays, and nothing else.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use media::Kind;
use media::container::Event;
use media::container::mp4::read::box_header;
use media::container::mp4::whole;
use promises::{Server, Upload, recorded, within};

/// Bytes out of the middle of a frame by which it is found: no two frames have the same.
const SIGN: usize = 20;

/// The frames of a finished file, wherever they lie.
fn frames(file: &[u8]) -> Vec<(Kind, Bytes)> {
    let (mut at, mut moov) = (0, Bytes::new());
    while let Some(header) = box_header(&file[at..]) {
        let end = (at + header.size as usize).min(file.len());
        if &header.kind == b"moov" {
            moov = Bytes::copy_from_slice(&file[at..end]);
        }
        at = end;
    }
    let mut reader = whole::Reader::new(&moov, file.len() as u64).expect("a movie").expect("a finished file");
    let mut found = Vec::new();
    while let Some(place) = reader.wanted() {
        reader.give(&file[place.start as usize..place.end as usize]);
        while let Some(event) = reader.next() {
            if let Event::Frame(frame) = event {
                found.push((frame.kind, frame.data));
            }
        }
    }
    found
}

/// The same file without its edit lists: everything is shown.
fn untrimmed(file: &[u8]) -> Vec<u8> {
    let mut bytes = file.to_vec();
    let places: Vec<usize> = (0..bytes.len() - 4).filter(|at| &bytes[*at..*at + 4] == b"edts").collect();
    assert!(!places.is_empty(), "a file with edit lists");
    places.into_iter().for_each(|at| bytes[at..at + 4].copy_from_slice(b"free"));
    bytes
}

/// The same file with its movie box behind the media.
fn with_movie_last(file: &[u8]) -> Vec<u8> {
    let at = |kind: &[u8]| file.windows(4).position(|window| window == kind).expect("a box") - 4;
    let (begins, ends) = (at(b"moov"), at(b"mdat"));
    let mut movie = file[begins..ends].to_vec();
    let tables: Vec<usize> = (0..movie.len() - 4).filter(|at| &movie[*at..*at + 4] == b"stco").collect();
    let word = |bytes: &[u8], at: usize| u32::from_be_bytes(*bytes[at..].first_chunk().expect("four bytes"));
    for table in tables {
        for row in 0..word(&movie, table + 8) as usize {
            let place = table + 12 + 4 * row;
            let offset = word(&movie, place) - u32::try_from(ends - begins).expect("a short box");
            movie[place..place + 4].copy_from_slice(&offset.to_be_bytes());
        }
    }
    [&file[..begins], &file[ends..], &movie].concat()
}

fn sign(frame: &Bytes) -> Option<Vec<u8>> {
    let at = (frame.len() / 2).checked_sub(SIGN / 2)?;
    Some(frame.get(at..at + SIGN)?.to_vec())
}

/// What stands in frames that were trimmed off and in no other: of the picture and of the sound.
fn trimmed(file: &[u8]) -> (usize, usize, HashSet<Vec<u8>>) {
    let kept: HashSet<Bytes> = frames(file).into_iter().map(|(_, data)| data).collect();
    let (mut pictures, mut sounds, mut signs) = (0, 0, HashSet::new());
    for (kind, data) in frames(&untrimmed(file)) {
        if kept.contains(&data) {
            continue;
        }
        *(if kind == Kind::Video { &mut pictures } else { &mut sounds }) += 1;
        signs.extend(sign(&data));
    }
    for data in &kept {
        data.windows(SIGN).for_each(|window| _ = signs.remove(window));
    }
    (pictures, sounds, signs)
}

/// The files below a folder in which any of the signs stands.
fn holding(folder: &Path, signs: &HashSet<Vec<u8>>) -> Vec<String> {
    // Nearly every place is passed over by its first two bytes.
    let pair = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    let mut begins = vec![false; 1 << 16];
    signs.iter().for_each(|sign| begins[pair(sign)] = true);
    let mut folders = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path)
                && bytes.windows(SIGN).any(|window| begins[pair(window)] && signs.contains(window))
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_of_the_data_directory_holds_what_was_trimmed_off() {
    for (name, pictures, sounds) in
        [("edit_list_shows_2s_of_6s", 40, 150), ("edit_list_end_cut", 40, 150), ("cut_by_stream_copy", 0, 40)]
    {
        let file = recorded(&format!("found/{name}.mp4"));
        let (left_out, silenced, signs) = trimmed(&file);
        assert!(left_out >= pictures && silenced >= sounds, "{name}: {left_out} pictures, {silenced} sounds");
        assert!(signs.len() > 40, "{name}: {} signs", signs.len());
        let mut server = Server::start().await;
        let (mut author, live) = server.live().await;
        // Staged until it is whole, and read as it comes.
        for file in [with_movie_last(&file), file] {
            let mut upload = Upload::create(&author.api, &live).await;
            for slice in file.chunks(50_000) {
                upload.append(slice).await;
            }
            upload.complete().await;
            assert_eq!(holding(server.data(), &signs), [""; 0], "{name}");
        }
        assert_eq!(live.timeline(&author.api).await["takes"].as_array().map(Vec::len), Some(2), "{name}");
        server.kill_nine().await;
        assert_eq!(holding(server.data(), &signs), [""; 0], "{name}, after a kill");
        server.restart().await;
        author.follow(&server);
        live.stop(&author.api).await;
        assert_eq!(holding(server.data(), &signs), [""; 0], "{name}, after the stop");
    }
}

/// A server that is killed after its journal says that a staged file was read, and before it removed the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_staged_file_that_a_kill_left_behind_is_gone_after_the_start() {
    let mut server = Server::start().await;
    let (author, live) = server.live().await;
    let file = recorded("found/edit_list_shows_2s_of_6s.mp4");
    let mut upload = live.publish(&author.api, &file).await;
    upload.complete().await;
    let id = upload.location.trim_end_matches('/').rsplit('/').next().expect("a name").to_owned();
    server.kill_nine().await;
    let staged = server.data().join(format!("lives/{}/uploads/{id}.staged", live.id));
    assert!(!staged.exists() && staged.with_extension("journal").exists(), "{}", staged.display());
    std::fs::write(&staged, &file).expect("the file of before");
    server.restart().await;
    within(Duration::from_secs(10), "the staged file is gone", async || !staged.exists()).await;
    let (status, text) = server.command(&["verify"]).await;
    assert!(status.success(), "{text}");
}
