//! What the conversation costs: `cargo bench -p chat -- [messages]` (100,000 by default).
//!
//! Prints acknowledged messages a second at saturation beside raw SQLite with the same tables and batches in the same
//! run, how long pages, windows and searches take while messages come in, and the bytes that a message takes on disk.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first failure and prints"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chat::{Chat, Draft, Kind, Speaker, Window, WindowCursor, message_id};
use database::{Database, Migration, MigrationSet};
use rusqlite::{Connection, params};
use timeline::{PlayClock, Position};

const PEOPLE: MigrationSet = MigrationSet {
    name: "people",
    migrations: &[Migration {
        number: 1,
        name: "users",
        sql: "CREATE TABLE users (id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, profile_picture TEXT);",
    }],
};
const AUTHORS: i64 = 200;
const LIVE: i64 = 1;
/// Messages on their way at once.
const WRITERS: usize = 512;
/// What people say, from which messages are put together.
const PHRASES: &str = "bonjour à tous|bonsoir depuis Dakar|on vous entend très bien|le son coupe un peu chez moi|\
    merci beaucoup pour ce direct|quelle belle image|est-ce que ça sera en replay ?|oui bien sûr|je suis d'accord avec \
    ça|pas du tout|c'est la première fois que je regarde|quelqu'un peut répéter la question ?|félicitations à toute \
    l'équipe|mdr|trop fort|on attend la suite avec impatience|pouvez-vous parler plus fort s'il vous plaît|super \
    intéressant|j'ai raté le début|ça commence à quelle heure demain ?|bravo|👏👏|❤️|que pensez-vous du prix ?|il fait \
    très chaud ici|bonne soirée à tout le monde|je partage avec mes amis|vous êtes où exactement ?|le lien ne marche \
    pas|ah d'accord je comprends mieux maintenant";

struct Words(u64);

impl Words {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn message(&mut self, phrases: &[&str]) -> String {
        let count = 1 + self.next(3);
        let said: Vec<_> = (0..count).map(|_| phrases[self.next(phrases.len() as u64) as usize]).collect();
        if self.next(4) == 0 { format!("{} {}", said.join(", "), self.next(5_000)) } else { said.join(", ") }
    }
}

fn messages(count: usize) -> Vec<String> {
    let phrases: Vec<&str> = PHRASES.split('|').map(str::trim).collect();
    let mut words = Words(7);
    (0..count).map(|_| words.message(&phrases)).collect()
}

fn position(index: usize, count: usize) -> Position {
    Position { take: 1, ms: (index as i64) * 5 * 3_600_000 / (count as i64) }
}

#[tokio::main]
async fn main() {
    let count = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(100_000_usize);
    let directory = tempfile::tempdir().unwrap();
    let texts = Arc::new(messages(count));
    let path = directory.path().join("chat.sqlite");
    let database = Database::open(&path, &[PEOPLE, chat::MIGRATIONS]).unwrap();
    database.write(|conn| add_people(conn).map_err(database::Error::from)).await.unwrap();
    let chat = Chat::new(database.clone());
    let clock = Arc::new(PlayClock::new([(1, 0, 5 * 3_600_000)]));

    let cpu = cpu_seconds();
    let ours = saturate(&chat, &texts, &clock).await;
    let between = cpu_seconds();
    let raw = raw_sqlite(&directory.path().join("raw.sqlite"), &texts);
    let (ours_cpu, raw_cpu) = (between - cpu, cpu_seconds() - between);
    println!("acknowledged messages a second: {ours:.0}; raw SQLite: {raw:.0}; ratio {:.2}", ours / raw);
    let each = |seconds: f64| seconds * 1e6 / count as f64;
    println!("CPU for each: {:.1} us; raw SQLite: {:.1} us", each(ours_cpu), each(raw_cpu));
    storage(&database, count, &texts).await;
    readings(&chat, &texts, &clock).await;
    database.close().await;
}

/// CPU seconds of this process, all threads, from the kernel's clock ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn add_people(conn: &Connection) -> rusqlite::Result<()> {
    for id in 1..=AUTHORS {
        conn.execute(
            "INSERT INTO users VALUES (?1, ?2, 'Ndiaye', NULL)",
            params![id, format!("Personne {id}")],
        )?;
    }
    Ok(())
}

fn draft(texts: &[String], index: usize, clock: &PlayClock) -> Draft {
    let at = Some(position(index, texts.len()));
    Draft::new(Kind::Text, &texts[index], None, None, at, clock).unwrap()
}

fn author(index: usize) -> Speaker {
    Speaker { id: 1 + index as i64 % AUTHORS, leads: false }
}

async fn saturate(chat: &Chat, texts: &Arc<Vec<String>>, clock: &Arc<PlayClock>) -> f64 {
    let begun = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (chat, texts, clock) = (chat.clone(), Arc::clone(texts), Arc::clone(clock));
            tokio::spawn(async move {
                for index in (writer..texts.len()).step_by(WRITERS) {
                    let draft = draft(&texts, index, &clock);
                    chat.post(LIVE, author(index), false, draft, Arc::clone(&clock)).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    texts.len() as f64 / begun.elapsed().as_secs_f64()
}

/// The same rows in the same tables, in transactions of as many messages as were on their way at once.
fn raw_sqlite(path: &std::path::Path, texts: &[String]) -> f64 {
    drop(Database::open(path, &[PEOPLE, chat::MIGRATIONS]).unwrap());
    let conn = Connection::open(path).unwrap();
    conn.pragma_update(None, "synchronous", "FULL").unwrap();
    let begun = Instant::now();
    for (batch, part) in texts.chunks(WRITERS).enumerate() {
        conn.execute_batch("BEGIN IMMEDIATE").unwrap();
        for (offset, text) in part.iter().enumerate() {
            insert_raw(&conn, batch * WRITERS + offset, texts.len(), text);
        }
        conn.execute_batch("COMMIT").unwrap();
    }
    texts.len() as f64 / begun.elapsed().as_secs_f64()
}

fn insert_raw(conn: &Connection, index: usize, count: usize, text: &str) {
    let (id, at) = (message_id(LIVE, index as i64 + 1), position(index, count));
    conn.prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, NULL, ?7)")
        .unwrap()
        .execute(params![
            id,
            LIVE,
            at.take,
            at.ms,
            author(index).id,
            1_700_000_000_000_i64 + index as i64,
            text
        ])
        .unwrap();
    conn.prepare_cached("INSERT INTO messages_search (rowid, content) VALUES (?1, ?2)")
        .unwrap()
        .execute(params![id, text])
        .unwrap();
    conn.prepare_cached(
        "INSERT INTO chat_counters (live_id, last_seq) VALUES (?1, ?2) \
         ON CONFLICT (live_id) DO UPDATE SET last_seq = excluded.last_seq",
    )
    .unwrap()
    .execute(params![LIVE, index as i64 + 1])
    .unwrap();
}

async fn storage(database: &Database, count: usize, texts: &[String]) {
    let sizes = database.read(|conn| table_sizes(conn).map_err(database::Error::from)).await.unwrap();
    let text: usize = texts.iter().map(String::len).sum();
    println!("text alone: {:.1} bytes a message", text as f64 / count as f64);
    for (name, bytes) in sizes {
        println!("{name}: {:.1} bytes a message", bytes as f64 / count as f64);
    }
}

fn table_sizes(conn: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    let mut statement = conn.prepare(
        "SELECT name, sum(pgsize) FROM dbstat GROUP BY name HAVING sum(pgsize) > 8192 ORDER BY 2 DESC",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

async fn readings(chat: &Chat, texts: &Arc<Vec<String>>, clock: &Arc<PlayClock>) {
    let stop = Arc::new(AtomicBool::new(false));
    let load =
        tokio::spawn(write_load(chat.clone(), Arc::clone(texts), Arc::clone(clock), Arc::clone(&stop)));
    let mut words = Words(11);
    let mut page = Vec::new();
    let mut window = Vec::new();
    let mut search = Vec::new();
    for _ in 0..300 {
        let after = words.next(texts.len() as u64) as i64;
        let begun = Instant::now();
        chat.window(LIVE, Window::After(after), 50).await.unwrap();
        page.push(begun.elapsed());
        let from_ms = words.next(5 * 3_600_000) as i64;
        let begun = Instant::now();
        let mut cursor = WindowCursor::new(LIVE, Arc::clone(clock), from_ms, from_ms + 2_000);
        while !chat.on_timeline(&mut cursor).await.unwrap().is_empty() {}
        window.push(begun.elapsed());
        let begun = Instant::now();
        let query = ["bonjour dakar", "replay", "question prix", "demain"][words.next(4) as usize];
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
async fn write_load(chat: Chat, texts: Arc<Vec<String>>, clock: Arc<PlayClock>, stop: Arc<AtomicBool>) {
    let mut tick = tokio::time::interval(Duration::from_micros(3_333));
    let mut index = 0;
    while !stop.load(Ordering::Relaxed) {
        tick.tick().await;
        let draft = draft(&texts, index % texts.len(), &clock);
        let (chat, clock) = (chat.clone(), Arc::clone(&clock));
        tokio::spawn(async move { chat.post(LIVE, author(index), false, draft, clock).await.map(drop) });
        index += 1;
    }
}
