//! What every engine does that keeps lives. `fresh` gives a store without lives where the people 1 and 2 exist, and what
//! holds it in place.

use ids::{EventId, LiveId, PersonId, UnixMs};
use lives::store::{NewRow, Row, Store};
use lives::{Change, Decision, Error, EventKind, Filter, Recorded, Visibility};

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const AWA: PersonId = PersonId(1);
const ZOE: PersonId = PersonId(2);

pub(crate) async fn all<K, S: Store>(fresh: impl AsyncFn() -> (K, S)) {
    a_live_is_kept_as_it_is_decided(&fresh().await.1).await;
    a_person_has_so_many_running_lives(&fresh().await.1).await;
    events_are_in_the_order_of_the_decisions(&fresh().await.1).await;
    lists_show_and_count_what_they_are_asked_for(&fresh().await.1).await;
    a_search_finds_words_and_counts_a_thousand(&fresh().await.1).await;
    a_deleted_live_is_found_until_it_is_purged(&fresh().await.1).await;
    viewers_are_counted_once(&fresh().await.1).await;
    keys_and_epochs_are_kept(&fresh().await.1).await;
    lives_that_ended_long_ago_are_found(&fresh().await.1).await;
    watch_keys_that_are_not_sealed_are_found_and_replaced(&fresh().await.1).await;
    whoever_runs_the_server_lists_all(&fresh().await.1).await;
}

fn new(author: PersonId, title: &str, visibility: Visibility, key: u8) -> NewRow {
    NewRow {
        author,
        title: title.to_owned(),
        description: String::new(),
        content: String::new(),
        visibility,
        started: NOW,
        watch_key: "w".to_owned(),
        stream_key: [key; 32],
        keep_ms: None,
    }
}

async fn started(store: &impl Store, author: PersonId, title: &str, key: u8) -> Row {
    store.start(new(author, title, Visibility::Public, key), 9).await.unwrap().0
}

async fn a_live_is_kept_as_it_is_decided(store: &impl Store) {
    let (row, _) = store.start(new(AWA, "Prière", Visibility::Unlisted, 1), 9).await.unwrap();
    assert_eq!((row.ended, row.stopped, row.recorded.clone()), (None, None, Some(Recorded::default())));
    assert_eq!(store.live(row.id).await.unwrap(), row);
    assert_eq!(store.by_stream_key([1; 32]).await.unwrap(), row);
    assert!(matches!(store.by_stream_key([2; 32]).await, Err(Error::NoSuchLive)));
    let change = Change { content: Some("c".to_owned()), ..Change::default() };
    let (changed, event) = store.decide(row.id, Decision::Change(change), NOW).await.unwrap();
    assert_eq!((changed.content.as_str(), changed.title.as_str()), ("c", "Prière"));
    assert!(event.is_some());
    let (stopped, _) = store.decide(row.id, Decision::Stop, NOW.plus_ms(5)).await.unwrap();
    assert_eq!(stopped.stopped, Some(NOW.plus_ms(5)));
    assert_eq!(store.live(row.id).await.unwrap(), stopped);
    let (same, none) = store.decide(row.id, Decision::Stop, NOW.plus_ms(9)).await.unwrap();
    assert_eq!((same, none), (stopped, None));
    let recorded = Recorded { saved_ms: 7, codecs: vec!["opus".to_owned()], ..Recorded::default() };
    store.keep_recorded(vec![(row.id, recorded.clone()), (LiveId(99), recorded.clone())]).await.unwrap();
    assert_eq!(store.live(row.id).await.unwrap().recorded, Some(recorded));
    assert!(matches!(store.decide(LiveId(99), Decision::Stop, NOW).await, Err(Error::NoSuchLive)));
}

async fn a_person_has_so_many_running_lives(store: &impl Store) {
    let row = |key| new(AWA, "", Visibility::Public, key);
    let (first, _) = store.start(row(1), 1).await.unwrap();
    assert!(matches!(store.start(row(2), 1).await, Err(Error::TooManyRunning { limit: 1 })));
    store.start(new(ZOE, "", Visibility::Public, 3), 1).await.unwrap();
    assert_eq!(store.running().await.unwrap().len(), 2);
    store.decide(first.id, Decision::Stop, NOW).await.unwrap();
    let (second, _) = store.start(row(4), 1).await.unwrap();
    assert_eq!(store.of_author(AWA).await.unwrap(), [first.id, second.id]);
}

async fn events_are_in_the_order_of_the_decisions(store: &impl Store) {
    assert_eq!(store.newest_event().await.unwrap(), EventId(0));
    let live = started(store, AWA, "", 1).await.id;
    store.decide(live, Decision::Abandon { heard: NOW }, NOW).await.unwrap();
    let (_, resumed) = store.decide(live, Decision::Resume, NOW).await.unwrap();
    store.decide(live, Decision::Stop, NOW).await.unwrap();
    assert_eq!(store.incomplete().await.unwrap(), [live]);
    store.decide(live, Decision::Complete, NOW).await.unwrap();
    assert_eq!(store.incomplete().await.unwrap(), []);
    let events = store.events(EventId(0), 10).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| (event.live, event.kind)).collect();
    use EventKind::{Abandoned, Completed, Resumed, Started, Stopped};
    assert_eq!(kinds, [Started, Abandoned, Resumed, Stopped, Completed].map(|kind| (live, kind)));
    assert_eq!(Some(events[2].id), resumed);
    assert_eq!(store.events(events[1].id, 1).await.unwrap(), events[2..3]);
    assert_eq!(store.newest_event().await.unwrap(), events[4].id);
}

async fn lists_show_and_count_what_they_are_asked_for(store: &impl Store) {
    let mut ids = Vec::new();
    let kinds = [Visibility::Public, Visibility::Members, Visibility::Unlisted, Visibility::Public];
    for (key, visibility) in kinds.into_iter().enumerate() {
        ids.push(store.start(new(AWA, "", visibility, key as u8), 9).await.unwrap().0.id);
    }
    store.decide(ids[0], Decision::Stop, NOW).await.unwrap();
    let list = async |filter: Filter| {
        let (count, rows) = store.list(filter, 0, 10).await.unwrap();
        assert_eq!(count, rows.len() as u64);
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(Filter::default()).await, [ids[3], ids[0]]);
    assert_eq!(list(Filter { members: true, ..Filter::default() }).await, [ids[3], ids[1], ids[0]]);
    let own = Filter { of: Some(AWA), ..Filter::default() };
    assert_eq!(list(own).await, [ids[3], ids[2], ids[1], ids[0]]);
    assert_eq!(list(Filter { of: Some(ZOE), ..Filter::default() }).await, []);
    assert_eq!(list(Filter { running: Some(true), ..Filter::default() }).await, [ids[3]]);
    assert_eq!(list(Filter { running: Some(false), members: true, ..Filter::default() }).await, [ids[0]]);
    let (count, second) = store.list(Filter::default(), 1, 1).await.unwrap();
    assert_eq!((count, second[0].id), (2, ids[0]));
}

async fn a_search_finds_words_and_counts_a_thousand(store: &impl Store) {
    let friday = started(store, AWA, "Prière du Vendredi", 1).await.id;
    let foot = started(store, AWA, "Match de foot", 2).await.id;
    let found = async |words: &str| {
        let filter = Filter { words: Some(words.to_owned()), ..Filter::default() };
        let (_, rows) = store.list(filter, 0, 10).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(found("priere vend").await, [friday]);
    assert_eq!(found("PRIÈRE foot").await, []);
    assert_eq!(found(" ").await, [foot, friday]);
    for odd in ["\" OR *", "'; DROP TABLE lives", "NEAR(", "***", "-"] {
        assert_eq!(found(odd).await, [], "{odd}");
    }
    let long = started(store, AWA, "anticonstitutionnellement", 3).await.id;
    assert_eq!(found("anticonstitutionnel").await, [long]);
    assert_eq!(found("ANTICONSTITUTIONNELLEMENT").await, [long]);
    for number in 0..1_010_u32 {
        let mut one = new(ZOE, "partout", Visibility::Public, 0);
        one.stream_key[..4].copy_from_slice(&(number + 1_000_000).to_be_bytes());
        store.start(one, 2_000).await.unwrap();
    }
    let everywhere = Filter { words: Some("partout".to_owned()), ..Filter::default() };
    let (count, rows) = store.list(everywhere, 0, 5).await.unwrap();
    assert_eq!((count, rows.len()), (1_000, 5));
    assert!(rows.is_sorted_by(|one, next| one.id > next.id), "the newest first");
}

async fn a_deleted_live_is_found_until_it_is_purged(store: &impl Store) {
    let live = started(store, AWA, "x", 1).await.id;
    store.purge(live).await.unwrap();
    assert!(store.live(live).await.is_ok(), "only what is being deleted is purged");
    store.decide(live, Decision::Delete, NOW).await.unwrap();
    assert!(matches!(store.live(live).await, Err(Error::NoSuchLive)));
    assert!(matches!(store.by_stream_key([1; 32]).await, Err(Error::NoSuchLive)));
    assert!(matches!(store.decide(live, Decision::Delete, NOW).await, Err(Error::NoSuchLive)));
    assert_eq!(store.half_deleted().await.unwrap(), [live]);
    assert_eq!(
        (store.list(Filter::default(), 0, 9).await.unwrap().0, store.running().await.unwrap().len()),
        (0, 0)
    );
    store.purge(live).await.unwrap();
    assert!(store.half_deleted().await.unwrap().is_empty());
    assert!(started(store, AWA, "y", 2).await.id > live, "numbers are never used again");
}

async fn viewers_are_counted_once(store: &impl Store) {
    let live = started(store, AWA, "x", 1).await.id;
    let gone = LiveId(live.0 + 1);
    store.keep_viewers(vec![(live, 7), (live, -9), (live, 7), (gone, 7)]).await.unwrap();
    store.keep_viewers(vec![(live, 7), (live, 8)]).await.unwrap();
    assert_eq!(store.live(live).await.unwrap().viewers, 3);
    store.decide(live, Decision::Delete, NOW).await.unwrap();
    store.purge(live).await.unwrap();
}

async fn keys_and_epochs_are_kept(store: &impl Store) {
    let before = started(store, AWA, "x", 1).await;
    store.decide(before.id, Decision::NewWatchKey("other".to_owned()), NOW).await.unwrap();
    store.decide(before.id, Decision::NewStreamKey([9; 32]), NOW).await.unwrap();
    let after = store.live(before.id).await.unwrap();
    assert_eq!((after.watch_key.as_str(), after.epoch), ("other", before.epoch + 1));
    assert_eq!(store.by_stream_key([9; 32]).await.unwrap().id, before.id);
    assert!(matches!(store.by_stream_key([1; 32]).await, Err(Error::NoSuchLive)));
}

async fn lives_that_ended_long_ago_are_found(store: &impl Store) {
    let mut ids = Vec::new();
    for (key, ended) in [(1, Some(30)), (2, Some(10)), (3, None), (4, Some(20))] {
        let live = started(store, AWA, "x", key).await.id;
        if let Some(ended) = ended {
            store.decide(live, Decision::Stop, NOW.plus_ms(ended)).await.unwrap();
        }
        ids.push(live);
    }
    let overdue = |ms: i64, limit| store.overdue(NOW.plus_ms(1_000 + ms), Some(1_000), limit);
    assert_eq!(overdue(30, 9).await.unwrap(), [ids[1], ids[3]], "the oldest first");
    assert_eq!(overdue(31, 2).await.unwrap(), [ids[1], ids[3]]);
    store.decide(ids[1], Decision::Delete, NOW).await.unwrap();
    assert_eq!(
        overdue(31, 9).await.unwrap(),
        [ids[3], ids[0]],
        "those being deleted are not asked for again"
    );

    let keep = |keep_ms| Decision::Change(Change { keep_ms: Some(keep_ms), ..Change::default() });
    store.decide(ids[3], keep(Some(0)), NOW).await.unwrap();
    assert_eq!(overdue(31, 9).await.unwrap(), [ids[0]], "one that is kept for ever");
    let later = |ms: i64| store.overdue(NOW.plus_ms(ms), None, 9);
    assert!(later(1 << 40).await.unwrap().is_empty(), "without a rule all are kept");
    store.decide(ids[0], keep(Some(5_000)), NOW).await.unwrap();
    assert!(later(5_030).await.unwrap().is_empty());
    assert_eq!(later(5_031).await.unwrap(), [ids[0]]);
    assert!(overdue(31, 9).await.unwrap().is_empty(), "its own rule holds, not the server's");
    store.decide(ids[0], keep(None), NOW).await.unwrap();
    assert_eq!(overdue(31, 9).await.unwrap(), [ids[0]]);
    assert_eq!(store.live(ids[3]).await.unwrap().keep_ms, Some(0));
}

async fn watch_keys_that_are_not_sealed_are_found_and_replaced(store: &impl Store) {
    let (one, other) = (started(store, AWA, "x", 1).await.id, started(store, AWA, "y", 2).await.id);
    store.decide(other, Decision::NewWatchKey("s1.sealed".to_owned()), NOW).await.unwrap();
    assert_eq!(store.plain_watch_keys().await.unwrap(), [(one, "w".to_owned())]);
    let replaced = |before: &str| vec![(one, before.to_owned(), "s1.new".to_owned())];
    store.replace_watch_keys(replaced("another")).await.unwrap();
    assert_eq!(store.live(one).await.unwrap().watch_key, "w", "it was renewed meanwhile");
    store.replace_watch_keys(replaced("w")).await.unwrap();
    assert_eq!(store.live(one).await.unwrap().watch_key, "s1.new");
    assert!(store.plain_watch_keys().await.unwrap().is_empty());
}

async fn whoever_runs_the_server_lists_all(store: &impl Store) {
    let unlisted = store.start(new(AWA, "", Visibility::Unlisted, 1), 9).await.unwrap().0.id;
    let members = store.start(new(ZOE, "", Visibility::Members, 2), 9).await.unwrap().0.id;
    store.decide(members, Decision::Stop, NOW).await.unwrap();
    let list = async |filter: Filter| {
        let (count, rows) = store.list(Filter { all: true, ..filter }, 0, 10).await.unwrap();
        assert_eq!(count, rows.len() as u64);
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(Filter::default()).await, [members, unlisted]);
    assert_eq!(list(Filter { running: Some(true), ..Filter::default() }).await, [unlisted]);
    assert_eq!(list(Filter { of: Some(ZOE), ..Filter::default() }).await, [members]);
}
