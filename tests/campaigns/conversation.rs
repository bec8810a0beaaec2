//! A conversation over lines that break: each author's connection is cut ten times, answers are lost on the way, much
//! is sent twice, and some over HTTP besides. Each message is stored once, at the position it was written at; everybody
//! sees one order without holes, and hears of every deletion.

mod line;
mod speaker;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use promises::random::Random;
use promises::{Live, Person, Server};
use serde_json::Value;
use tokio::task::JoinSet;

use line::{Counts, Line};
use speaker::{Seen, Speaker};

const AUTHORS: usize = 100;
/// Everybody who only reads; their lines break as often.
const READERS: usize = 3;
/// How often each line breaks before it holds.
const CUTS: u64 = 10;
/// Authors that come to the server before others do: passwords cost it time.
const TOGETHER: usize = 8;
/// How long it may take, and how much longer for each message of an author.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(2));

/// So many messages from each author; answers what was counted.
pub(crate) async fn run(each: u64, seed: u64) -> String {
    let mut random = Random::new(seed);
    let server = Server::configured(&[], &[("COMMUNICONNECT_LOG", "error")]).await;
    let (_, live) = server.live().await;
    let people = people(&server).await;
    let total = each * AUTHORS as u64;
    let patience = PATIENCE.0 + PATIENCE.1 * u32::try_from(each).unwrap_or(u32::MAX);
    let counts = Arc::new(Counts::default());
    let mut speakers = JoinSet::new();
    for number in 0..AUTHORS + READERS {
        let line =
            Line::open(server.address(), CUTS, Random::new(random.number()), Arc::clone(&counts)).await;
        let speaker = Speaker {
            number,
            person: people.get(number).cloned(),
            live: live.clone(),
            says: if number < AUTHORS { each } else { 0 },
            everything: (total, deletions(each)),
            random: Random::new(random.number()),
            counts: Arc::clone(&counts),
            patience,
        };
        speakers.spawn(speaker.run(line));
    }
    let all = speakers.join_all().await;
    let kept = history(&server, &live).await;
    check(&kept, &all, each);
    assert!(
        counts.cut.load(Ordering::Relaxed) >= CUTS * (AUTHORS + READERS) as u64,
        "every line was cut: {counts:?}"
    );
    format!("{total} messages of {AUTHORS} authors, each once, in one order for {}; {counts:?}", all.len())
}

/// Messages that are deleted while others write: one of ten of each author.
fn deletions(each: u64) -> u64 {
    each.div_ceil(10) * AUTHORS as u64
}

async fn people(server: &Server) -> Vec<Person> {
    let mut people = Vec::new();
    while people.len() < AUTHORS {
        let coming = (0..TOGETHER.min(AUTHORS - people.len())).map(|_| server.person("Binta"));
        people.extend(futures_util::future::join_all(coming).await);
    }
    people
}

/// What is stored is what was said, and what everybody saw.
fn check(kept: &[Value], all: &[Seen], each: u64) {
    assert_eq!(kept.len() as u64, each * AUTHORS as u64, "each message is stored once");
    let mut newest: HashMap<usize, u64> = HashMap::new();
    for (index, message) in kept.iter().enumerate() {
        assert_eq!(message["seq"], index + 1, "numbers without holes");
    }
    let said: HashMap<i64, (usize, u64)> = all
        .iter()
        .flat_map(|seen| seen.mine.iter().map(|(&count, &id)| (id, (seen.number, count))))
        .collect();
    assert_eq!(said.len(), kept.len(), "each message was acknowledged under an id of its own");
    for message in kept {
        let id = message["id"].as_i64().expect("a message has an id");
        let &(author, count) = said.get(&id).unwrap_or_else(|| panic!("nobody said {message}"));
        let next = newest.entry(author).or_default();
        assert_eq!(count, *next, "what author {author} says keeps its order: {message}");
        *next += 1;
        assert_eq!(message["position"], speaker::position(author, count), "{message}");
        let deleted = speaker::regrets(count);
        assert_eq!(message["deleted"], deleted, "{message}");
        assert_eq!(message["content"], if deleted { String::new() } else { speaker::words(author, count) });
    }
    let order: Vec<i64> = kept.iter().filter_map(|message| message["id"].as_i64()).collect();
    let deleted = kept.iter().filter(|message| message["deleted"] == true);
    let deleted: BTreeSet<u64> = deleted.filter_map(|message| message["seq"].as_u64()).collect();
    for seen in all {
        assert!(seen.order == order, "speaker {} saw the same order", seen.number);
        assert_eq!(seen.deleted, deleted, "speaker {} heard of every deletion", seen.number);
    }
}

async fn history(server: &Server, live: &Live) -> Vec<Value> {
    let history = server.anonymous().get(&live.path("chat/messages/")).await.expect(200).json();
    history.as_array().cloned().expect("messages")
}
