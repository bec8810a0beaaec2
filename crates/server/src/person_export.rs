//! Everything that somebody said, published and is, as one archive: `communiconnect user export`.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use accounts::Person;
use chat::{Chat, Kind, Message};
use delivery::poster;
use ids::{LiveId, MessageId, PersonId};
use lives::{Live, Lives};
use recorder::{ReadOnlyDisk, Recorder, Recording};
use serde_json::{Value, json};
use wire::Time;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::export::{self, Cut};
use crate::people::account;

/// Bytes of unread stretches that are read at once.
const PIECE: u64 = 1 << 20;

/// Where it is read.
pub(crate) struct Shelves<'a> {
    pub(crate) data_dir: &'a Path,
    pub(crate) lives: &'a Lives,
    pub(crate) chat: &'a Chat,
}

/// Writes the archive, also beside a server: `.zip` or `.tar`, by its ending. How many files are in it.
///
/// # Errors
/// A sentence: another ending, the file is there already, or the storage failed. Nothing is left then.
pub(crate) async fn export(shelves: Shelves<'_>, person: &Person, output: &Path) -> Result<usize, String> {
    let mut archive = Archive::create(output)?;
    let written = write(&shelves, person, &mut archive).await.and_then(|()| archive.finish());
    if written.is_err() {
        // What is half an archive is none.
        let _ = std::fs::remove_file(output);
    }
    written
}

async fn write(shelves: &Shelves<'_>, person: &Person, archive: &mut Archive) -> Result<(), String> {
    archive.add_json("person.json", &serde_json::to_value(account(person)).map_err(said)?)?;
    archive.add_json("messages.json", &messages(shelves.chat, person.id).await?)?;
    let reported = shelves.chat.reported_by(person.id).await.map_err(said)?;
    let reported = reported.into_iter().map(|(message, at, reason)| {
        json!({"message_id": message.0, "created_at": Time(at.0).to_string(), "reason": reason})
    });
    archive.add_json("reports.json", &reported.collect())?;
    let recorder = Recorder::on(Arc::new(ReadOnlyDisk), shelves.data_dir, 0).map_err(said)?;
    for id in shelves.lives.of_author(person.id).await.map_err(said)? {
        let live = match shelves.lives.get(id).await {
            Ok(live) => live,
            // It is being deleted.
            Err(lives::Error::NoSuchLive) => continue,
            Err(error) => return Err(said(error)),
        };
        let recording = recorder.recording(id.0).await.map_err(said)?;
        add_live(archive, &live, &recording)?;
    }
    Ok(())
}

/// What somebody said anywhere, with what waits for approval.
async fn messages(chat: &Chat, person: PersonId) -> Result<Value, String> {
    let mut all = Vec::new();
    let mut after = MessageId(0);
    loop {
        let found = chat.said(person, after).await.map_err(said)?;
        let Some(last) = found.last().and_then(id_of) else { break };
        after = last;
        all.extend(found.iter().map(message));
    }
    all.extend(chat.waiting_of(person).await.map_err(said)?.iter().map(message));
    Ok(all.into())
}

fn id_of(message: &Message) -> Option<MessageId> {
    message.seq.map(|seq| chat::message_id(message.live_id, seq))
}

fn message(message: &Message) -> Value {
    json!({
        "id": id_of(message).map(|id| id.0),
        "live_id": message.live_id.0,
        "seq": message.seq.map(|seq| seq.0),
        "content": message.content,
        "timestamp": Time(message.created_at_ms.0).to_string(),
        "type": match message.kind {
            Kind::Text => "text",
            Kind::Emoji => "emoji",
            Kind::Reaction => "reaction",
        },
        "reply_to": message.reply_to.map(|seq| chat::message_id(message.live_id, seq).0),
        "position": {"take": message.position.take, "ms": message.position.ms},
        "mentions": message.mentions.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        "waits": message.held,
    })
}

/// What is said of a live, what can be played of it, the bytes that could not be read, and the poster that was sent.
fn add_live(archive: &mut Archive, live: &Live, recording: &Recording) -> Result<(), String> {
    let folder = folder(live.id);
    let about = json!({
        "id": live.id.0,
        "title": live.title,
        "description": live.description,
        "content": live.content,
        "visibility": live.visibility.name(),
        "started_at": Time(live.started_ms.0).to_string(),
        "ended_at": live.ended_ms.map(|at| Time(at.0).to_string()),
    });
    archive.add_json(&format!("{folder}/live.json"), &about)?;
    for (name, cut) in export::files(&recording.timeline())? {
        archive.add(&format!("{folder}/{name}"), cut.len(), &mut Cut::new(recording, &cut))?;
    }
    for stretch in recording.unread() {
        let name = format!("{folder}/unread-{}.bin", stretch.number);
        let unread = Stretch { recording, number: stretch.number, at: 0 };
        archive.add(&name, stretch.bytes, &mut unread.take(stretch.bytes))?;
    }
    if let Ok(mut sent) = File::open(recording.beside(poster::NAME)) {
        let bytes = sent.metadata().map_err(said)?.len();
        archive.add(&format!("{folder}/{}", poster::NAME), bytes, &mut sent)?;
    }
    Ok(())
}

fn folder(live: LiveId) -> String {
    format!("lives/{live}")
}

/// The bytes of what could not be read of a live, as they are read.
struct Stretch<'a> {
    recording: &'a Recording,
    number: u32,
    at: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let len = PIECE.min(into.len() as u64);
        let read = self.recording.read_unread(self.number, self.at, len).map_err(std::io::Error::other)?;
        let bytes = read.unwrap_or_default();
        into[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

/// An archive that is being written.
struct Archive {
    form: Form,
    files: usize,
}

enum Form {
    Tar(Box<tar::Builder<File>>),
    Zip(Box<zip::ZipWriter<File>>),
}

impl Archive {
    fn create(output: &Path) -> Result<Self, String> {
        let ending = output.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        if !matches!(ending.as_str(), "tar" | "zip") {
            return Err(format!("{}: an archive ends in .zip or .tar", output.display()));
        }
        let file = File::create_new(output).map_err(|error| format!("{}: {error}", output.display()))?;
        let form = match ending.as_str() {
            "tar" => Form::Tar(Box::new(tar::Builder::new(file))),
            _ => Form::Zip(Box::new(zip::ZipWriter::new(file))),
        };
        Ok(Self { form, files: 0 })
    }

    fn add_json(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let text = serde_json::to_vec_pretty(value).map_err(said)?;
        self.add(name, text.len() as u64, &mut Cursor::new(text))
    }

    /// Adds a file of so many bytes. What is recorded is packed already.
    fn add(&mut self, name: &str, bytes: u64, content: &mut dyn Read) -> Result<(), String> {
        let written = match &mut self.form {
            Form::Tar(tar) => {
                let mut header = tar::Header::new_gnu();
                header.set_size(bytes);
                header.set_mode(0o600);
                tar.append_data(&mut header, name, content)
            }
            Form::Zip(zip) => {
                let options = SimpleFileOptions::default()
                    .compression_method(CompressionMethod::Stored)
                    .large_file(true)
                    .unix_permissions(0o600);
                zip.start_file(name, options).map_err(said)?;
                std::io::copy(content, zip).map(|_| ())
            }
        };
        written.map_err(|error| format!("{name}: {error}"))?;
        self.files += 1;
        Ok(())
    }

    /// Ends it, durably; how many files are in it.
    fn finish(self) -> Result<usize, String> {
        let file = match self.form {
            Form::Tar(tar) => tar.into_inner().map_err(said)?,
            Form::Zip(zip) => zip.finish().map_err(said)?,
        };
        file.sync_all().map_err(said)?;
        Ok(self.files)
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
