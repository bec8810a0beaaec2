//! What the conversation costs: `cargo bench -p chat -- [messages]` (100,000 by default).
//!
//! Prints acknowledged messages a second at saturation beside raw SQLite with the same tables and batches in the same
//! run, how long pages, windows and searches take while messages come in, and the bytes that a message takes on disk,
//! beside the layout before and one that keeps everything as it comes.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first failure and prints"
)]

mod layouts;
mod talk;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chat::{Author, Chat, Draft, Kind, Names, Packed, Speaker, Sqlite, Window, WindowCursor};
use database::Database;
use ids::{LiveId, PersonId, Seq};
use timeline::{PlayClock, Position};

use layouts::Said;
use talk::{Ear, Talk};

const AUTHORS: i64 = 200;
const LIVE: LiveId = LiveId(1);
/// Messages on their way at once.
const WRITERS: usize = 512;

fn messages(count: usize) -> Vec<Said> {
    let mut talk = Talk::new(7, Ear::Everybody);
    let said = |index: usize| Said {
        seq: index as i64 + 1,
        at: position(index, count),
        author: layouts::author(index),
        // Somebody writes every 18 ms in the mean.
        sent_ms: 1_700_000_000_000 + position(index, count).ms,
        client_id: std::array::from_fn(|_| talk.below(256) as u8),
        text: talk.message(),
    };
    (0..count).map(said).collect()
}

fn position(index: usize, count: usize) -> Position {
    Position { take: 1, ms: (index as i64) * 5 * 3_600_000 / (count as i64) }
}

#[tokio::main]
async fn main() {
    let count = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(100_000_usize);
    let directory = tempfile::tempdir().unwrap();
    let said = Arc::new(messages(count));
    let path = directory.path().join("chat.sqlite");
    let database = Database::open(&path, &[chat::MIGRATIONS]).unwrap();
    let chat = Chat::new(Sqlite::new(database.clone()), People);
    let clock = Arc::new(PlayClock::new([(1, 0, 5 * 3_600_000)]));

    let cpu = cpu_seconds();
    let ours = saturate(&chat, &said, &clock).await;
    let ours_cpu = (cpu_seconds() - cpu) * 1e6 / count as f64;
    while !chat.search(LIVE, "bonjour").await.is_ok_and(|found| !found.is_empty()) {}
    println!("acknowledged messages a second: {ours:.0}, {ours_cpu:.1} us of CPU each");
    let at = |name: &str| directory.path().join(name);
    for (name, ready) in [("rows ready", true), ("rows made as they are written", false)] {
        let cpu = cpu_seconds();
        let raw = layouts::raw(&at(name), &said, ready);
        let raw_cpu = (cpu_seconds() - cpu) * 1e6 / count as f64;
        println!("raw SQLite, {name}: {raw:.0}, {raw_cpu:.1} us of CPU each; ratio {:.2}", ours / raw);
    }
    println!("plain layout: {:.0} a second", layouts::plain(&at("plain"), &said));
    println!("layout before: {:.0} a second", layouts::before(&at("before"), &said));
    readings(&chat, &said, &clock).await;
    database.close().await;
    storage(
        &said,
        &[
            ("ours", path),
            ("raw, as ours", at("rows ready")),
            ("before", at("before")),
            ("plain", at("plain")),
        ],
    );
}

/// Bytes for each message, with indexes and without.
fn storage(said: &[Said], layouts: &[(&str, PathBuf)]) {
    let each = |bytes: usize| bytes as f64 / said.len() as f64;
    let packed = |one: &Said| match chat::pack(&one.text) {
        Packed::Text(text) => text.len(),
        Packed::Blob(blob) => blob.len(),
    };
    let characters = said.iter().map(|one| one.text.chars().count()).sum();
    println!(
        "text: {:.1} characters, {:.1} bytes, packed {:.1}",
        each(characters),
        each(said.iter().map(|one| one.text.len()).sum()),
        each(said.iter().map(packed).sum())
    );
    for (name, path) in layouts {
        let sizes = layouts::sizes(path, said.len());
        let all: f64 = sizes.iter().map(|(_, bytes)| bytes).sum();
        let rows: f64 = sizes.iter().filter(|(name, _)| name == "messages").map(|(_, bytes)| bytes).sum();
        let parts: Vec<String> = sizes.iter().map(|(name, bytes)| format!("{name} {bytes:.1}")).collect();
        println!("{name}: {all:.1} bytes a message, {rows:.1} without indexes ({})", parts.join(", "));
    }
}

/// CPU seconds of this process, all threads, from the kernel's clock ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Those who write, by their names. In the server they are remembered in memory too.
struct People;

#[async_trait]
impl Names for People {
    async fn names(&self, ids: Vec<PersonId>) -> Result<HashMap<PersonId, Author>, storage::Failure> {
        let known = ids.into_iter().filter(|id| (1..=AUTHORS).contains(&id.0));
        let author = |id| Author {
            id,
            first_name: format!("Personne {id}"),
            last_name: "Ndiaye".to_owned(),
            profile_picture: None,
        };
        Ok(known.map(|id| (id, author(id))).collect())
    }
}

fn draft(one: &Said, clock: &PlayClock) -> Draft {
    let draft = Draft::new(Kind::Text, &one.text, None, None, Some(one.at), clock).unwrap();
    Draft { client_id: Some(one.client_id), ..draft }
}

fn author(one: &Said) -> Speaker {
    Speaker { id: PersonId(one.author), leads: false }
}

async fn saturate(chat: &Chat, said: &Arc<Vec<Said>>, clock: &Arc<PlayClock>) -> f64 {
    let begun = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (chat, said, clock) = (chat.clone(), Arc::clone(said), Arc::clone(clock));
            tokio::spawn(async move {
                for one in said.iter().skip(writer).step_by(WRITERS) {
                    chat.post(LIVE, author(one), false, draft(one, &clock), Arc::clone(&clock))
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    said.len() as f64 / begun.elapsed().as_secs_f64()
}

async fn readings(chat: &Chat, said: &Arc<Vec<Said>>, clock: &Arc<PlayClock>) {
    let stop = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(write_load(chat.clone(), Arc::clone(said), Arc::clone(clock), Arc::clone(&stop)));
    let mut words = Talk::new(11, Ear::Everybody);
    let mut page = Vec::new();
    let mut window = Vec::new();
    let mut search = Vec::new();
    for _ in 0..300 {
        let after = words.below(said.len() as u64) as i64;
        let begun = Instant::now();
        chat.window(LIVE, Window::After(Seq(after)), 50).await.unwrap();
        page.push(begun.elapsed());
        let from_ms = words.below(5 * 3_600_000) as i64;
        let begun = Instant::now();
        let mut cursor = WindowCursor::new(LIVE, Arc::clone(clock), from_ms, from_ms + 2_000);
        while !chat.on_timeline(&mut cursor).await.unwrap().is_empty() {}
        window.push(begun.elapsed());
        let begun = Instant::now();
        let query = ["bonjour dakar", "replay", "question prix", "demain", "\"merci beaucoup\""]
            [words.below(5) as usize];
        chat.search(LIVE, query).await.unwrap();
        search.push(begun.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    load.await.unwrap();
    for (name, mut times) in [("page of 50", page), ("window of 2 s", window), ("search", search)] {
        times.sort();
        println!("{name}: median {:?}, p99 {:?}", times[times.len() / 2], times[times.len() * 99 / 100]);
    }
}

/// About 300 messages a second from several authors.
async fn write_load(chat: Chat, said: Arc<Vec<Said>>, clock: Arc<PlayClock>, stop: Arc<AtomicBool>) {
    let mut tick = tokio::time::interval(Duration::from_micros(3_333));
    for one in said.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        tick.tick().await;
        let draft = Draft { client_id: None, ..draft(one, &clock) };
        let (chat, clock, author) = (chat.clone(), Arc::clone(&clock), author(one));
        tokio::spawn(async move { chat.post(LIVE, author, false, draft, clock).await.map(drop) });
    }
}
