//! What every engine that keeps webhooks does.

use ids::{UnixMs, WebhookId};
use webhooks::store::{Attempt, NewDelivery, NewRow, Store};
use webhooks::{Error, Secret, State};

const NOW: UnixMs = UnixMs(1_000_000);

/// Runs the whole suite, each part on a store of its own.
pub(crate) async fn all<S: Store, G>(store: impl AsyncFn() -> (G, S)) {
    let (_kept, fresh) = store().await;
    there_are_no_more_than_may_be(&fresh).await;
    let (_kept, fresh) = store().await;
    what_is_taken_waits_and_each_subject_in_its_order(&fresh).await;
    let (_kept, fresh) = store().await;
    a_webhook_with_much_to_hear_takes_no_place_of_another(&fresh).await;
    let (_kept, fresh) = store().await;
    what_was_set_aside_is_replayed_and_old_ones_go(&fresh).await;
}

fn new(positions: &[(&str, i64)]) -> NewRow {
    NewRow {
        url: "https://example.org/".to_owned(),
        secret: Secret::made(),
        events: String::new(),
        allow_private: false,
        now: NOW,
        positions: positions.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect(),
    }
}

fn about(subject: &str, message: &str) -> NewDelivery {
    NewDelivery {
        message: message.to_owned(),
        subject: subject.to_owned(),
        kind: "live.started".to_owned(),
        body: "{}".to_owned(),
        happened: NOW,
    }
}

async fn added(store: &impl Store) -> WebhookId {
    store.add(new(&[("lives", 7)]), 100).await.unwrap().id
}

async fn due(store: &impl Store, now: UnixMs) -> Vec<String> {
    store.due(now, 8).await.unwrap().into_iter().map(|due| due.delivery.message).collect()
}

async fn settle(store: &impl Store, message: &str, state: State, next: UnixMs) {
    let found = store.due(UnixMs(i64::MAX), 100).await.unwrap();
    let found = found.into_iter().find(|due| due.delivery.message == message).unwrap();
    let attempt = Attempt { delivery: found.delivery.id, at: NOW, state, next, outcome: "said".to_owned() };
    store.settle(attempt, 2).await.unwrap();
}

async fn there_are_no_more_than_may_be(store: &impl Store) {
    let first = store.add(new(&[("lives", 7)]), 1).await.unwrap();
    assert!(matches!(store.add(new(&[]), 1).await, Err(Error::TooMany { limit: 1 })));
    assert_eq!(store.positions().await.unwrap(), [(first.id, "lives".to_owned(), 7)]);
    store.remove(first.id).await.unwrap();
    assert!(matches!(store.remove(first.id).await, Err(Error::NoSuchWebhook)));
    assert_eq!(store.positions().await.unwrap(), []);
    assert!(added(store).await > first.id, "a number is never used again");
    // Whoever was removed meanwhile hears nothing, and nothing breaks.
    store.take(first.id, vec![("lives".to_owned(), 9)], vec![about("live 1", "a")]).await.unwrap();
    assert_eq!(due(store, NOW).await, Vec::<String>::new());
}

async fn what_is_taken_waits_and_each_subject_in_its_order(store: &impl Store) {
    let id = added(store).await;
    let events = vec![about("live 1", "a"), about("live 2", "b"), about("live 1", "c")];
    store.take(id, vec![("lives".to_owned(), 10)], events).await.unwrap();
    assert_eq!(store.positions().await.unwrap(), [(id, "lives".to_owned(), 10)]);
    assert_eq!(due(store, NOW).await, ["a", "b"]);
    settle(store, "a", State::Waiting, NOW.plus_ms(500)).await;
    assert_eq!(due(store, NOW).await, ["b"], "what failed holds back its own subject");
    assert_eq!(due(store, NOW.plus_ms(500)).await, ["b", "a"]);
    settle(store, "a", State::Delivered, NOW).await;
    assert_eq!(due(store, NOW).await, ["b", "c"]);
    store.pause(id, Some(NOW)).await.unwrap();
    store.pause(id, Some(NOW.plus_ms(9))).await.unwrap();
    assert_eq!(store.webhook(id).await.unwrap().paused, Some(NOW), "since the first time");
    assert_eq!(due(store, NOW).await, Vec::<String>::new());
    let resumed = store.pause(id, None).await.unwrap();
    assert_eq!((resumed.waiting, resumed.paused), (2, None));
    assert_eq!(due(store, NOW).await, ["b", "c"]);
}

async fn a_webhook_with_much_to_hear_takes_no_place_of_another(store: &impl Store) {
    let (busy, quiet) = (added(store).await, added(store).await);
    let many = (0..50).map(|number| about(&format!("live {number}"), "busy")).collect();
    store.take(busy, Vec::new(), many).await.unwrap();
    store.take(quiet, Vec::new(), vec![about("live 1", "quiet")]).await.unwrap();
    let due = due(store, NOW).await;
    assert_eq!((due.len(), due.contains(&"quiet".to_owned())), (9, true));
}

async fn what_was_set_aside_is_replayed_and_old_ones_go(store: &impl Store) {
    let id = added(store).await;
    let names = ["a", "b", "c", "d"];
    store.take(id, Vec::new(), names.map(|name| about("live 1", name)).into()).await.unwrap();
    settle(store, "a", State::SetAside, NOW).await;
    for name in ["b", "c", "d"] {
        settle(store, name, State::Delivered, NOW).await;
    }
    let listed = async |state| {
        let (count, found) = store.deliveries(id, state, 0, 10).await.unwrap();
        assert_eq!(count, found.len() as u64);
        found.into_iter().map(|one| one.message).collect::<Vec<_>>()
    };
    assert_eq!(listed(Some(State::Delivered)).await, ["d", "c"], "the newest two are kept");
    assert_eq!(listed(None).await, ["d", "c", "a"]);
    assert_eq!(store.webhook(id).await.unwrap().set_aside, 1);
    assert_eq!(store.replay(id, None, NOW).await.unwrap(), 1);
    let again = store.due(NOW, 8).await.unwrap().pop().unwrap().delivery;
    assert_eq!((again.message.as_str(), again.attempts, again.first_tried), ("a", 0, None));
    let (_, found) = store.deliveries(id, Some(State::Delivered), 0, 1).await.unwrap();
    assert_eq!(store.replay(id, Some(found[0].id), NOW).await.unwrap(), 1);
    assert_eq!(listed(Some(State::Waiting)).await, ["d", "a"]);
    let other = added(store).await;
    assert!(matches!(store.replay(other, Some(found[0].id), NOW).await, Err(Error::NoSuchDelivery)));
}
