//! A bad network between real clients and the server: a proxy that delays, cuts, loses, doubles and reorders requests,
//! while the clients' address changes, and in every other run the server's.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use promises::Server;
use promises::random::Random;
use tokio::task::JoinSet;

use crate::crowd::{Acknowledged, Author, Publisher, Reader, SOURCES, Shared, Signpost, Source, lock};
use crate::proxy::{Counts, Network};
use crate::strikes::verify;

const PUBLISHERS: usize = 2;
const AUTHORS: u64 = 3;
const READERS: usize = 2;
/// A client gives an answer up after this long.
const ATTEMPT: Duration = Duration::from_secs(2);
/// The clients' address changes after at most this many milliseconds.
const ADDRESS_MS: usize = 3_000;
/// So many runs at once: each mostly waits.
const TOGETHER: usize = 8;

/// So many short runs; answers what was counted.
pub(crate) async fn run(count: u64, seed: u64) -> String {
    let mut random = Random::new(seed);
    let counts = Arc::new(Counts::default());
    let (mut recordings, mut messages) = (0, 0);
    let mut running = JoinSet::new();
    for number in 0..count {
        if running.len() == TOGETHER {
            add(&mut running, &mut recordings, &mut messages).await;
        }
        running.spawn(one_run(Random::new(random.number()), Arc::clone(&counts), number % 2 == 1));
    }
    while !running.is_empty() {
        add(&mut running, &mut recordings, &mut messages).await;
    }
    let mut told =
        format!("{recordings} recordings with every frame once, {messages} messages once in one order");
    write!(told, "; {counts:?}").expect("a text takes words");
    told
}

async fn add(running: &mut JoinSet<(u64, u64)>, recordings: &mut u64, messages: &mut u64) {
    match running.join_next().await {
        Some(Ok((published, kept))) => {
            *recordings += published;
            *messages += kept;
        }
        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        None => {}
    }
}

async fn one_run(mut random: Random, counts: Arc<Counts>, moves: bool) -> (u64, u64) {
    let mut server = Server::configured(&[], &[("COMMUNICONNECT_LOG", "error")]).await;
    let (mut network, base) = Network::to(server.address(), &mut random, &counts).await;
    let signpost = Signpost::new(false);
    signpost.point(Some(&base));

    let (_, talk) = server.live().await;
    let acknowledged = Acknowledged::default();
    let mut authors = JoinSet::new();
    for number in 0..AUTHORS {
        let (person, live) = (server.person("Binta").await, talk.clone());
        let acknowledged = Arc::clone(&acknowledged);
        let author = Author { number, person, live, every: Duration::from_millis(50), acknowledged };
        authors.spawn(author.run(signpost.place().hurried(ATTEMPT)));
    }
    let mut readers = JoinSet::new();
    let seen: Vec<Shared<Vec<String>>> = (0..READERS).map(|_| Shared::default()).collect();
    for seen in &seen {
        readers.spawn(Reader { live: talk.clone(), seen: Arc::clone(seen) }.run(signpost.place()));
    }
    let mut publishers = JoinSet::new();
    for _ in 0..PUBLISHERS {
        let source = Arc::new(Source::read(SOURCES[random.between(0, SOURCES.len() - 1)]));
        let (author, stage) = (server.person("Awa").await, Shared::default());
        let random = Random::new(random.number());
        let mut publisher = Publisher { author, source, stage, random, pace: (60_000, 40) };
        let place = signpost.place().hurried(ATTEMPT);
        publishers.spawn(async move { publisher.record(&place).await });
    }
    let mut may_move = moves;
    while !publishers.is_empty() {
        let stay = Duration::from_millis(random.between(200, ADDRESS_MS) as u64);
        if let Ok(ended) = tokio::time::timeout(stay, publishers.join_next()).await {
            ended.transpose().expect("a publisher finds every frame");
            continue;
        }
        signpost.point(None);
        if std::mem::take(&mut may_move) {
            server.kill_nine().await;
            server.restart().await;
            network.lead_to(server.address());
        }
        signpost.point(Some(&network.change_address(&mut random).await));
    }
    signpost.end();
    let mut sent = 0;
    while let Some(ended) = authors.join_next().await {
        sent += ended.expect("an author is believed");
    }
    while let Some(ended) = readers.join_next().await {
        ended.expect("a reader finds no hole and no double");
    }
    let kept = history(&server, &talk).await;
    assert_eq!(kept.len() as u64, sent, "each message is stored once");
    for (seq, content) in lock(&acknowledged).iter() {
        assert_eq!(kept.get(*seq as usize - 1), Some(content), "message {seq}");
    }
    assert!(seen.iter().all(|seen| kept.starts_with(&lock(seen))), "one order for all");
    drop(network);
    server.terminate().await;
    verify(&server).await;
    (PUBLISHERS as u64, sent)
}

async fn history(server: &Server, talk: &promises::Live) -> Vec<String> {
    let history = server.anonymous().get(&talk.path("chat/messages/")).await.expect(200).json();
    let list = history.as_array().expect("messages");
    list.iter().map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}
