//! What every engine does that keeps conversations. `fresh` gives an empty store, and what holds it in place.

use std::sync::Arc;

use chat::store::{Deleting, EventKind, Order, Posting, Standing, Store};
use chat::{
    Acting, Author, Counters, Deletion, Draft, Error, Gate, Kind, Mention, Message, NewReport, Posted, Query,
    Refusal, RulesChange, Sanction, Stretch, Window, WordList, message_id, pack,
};
use ids::{ActId, Change, LiveId, MessageId, PersonId, Seq, UnixMs};
use timeline::Position;

const LIVE: LiveId = LiveId(7);
const OTHER: LiveId = LiveId(8);
const NOW: UnixMs = UnixMs(1_800_000_000_000);
const ADA: PersonId = PersonId(1);
const ZOE: PersonId = PersonId(2);
const HOST: PersonId = PersonId(3);
const PAUL: PersonId = PersonId(99);
const OPEN: Gate = Gate::Guarded { slow_ms: 0, hold: false };

pub(crate) async fn all<K, S: Store>(fresh: impl AsyncFn() -> (K, S)) {
    numbers_follow_each_other(&fresh().await.1).await;
    what_was_sent_is_kept_once(&fresh().await.1).await;
    a_refusal_undoes_nothing_of_the_others(&fresh().await.1).await;
    reactions_are_counted(&fresh().await.1).await;
    windows_and_stretches(&fresh().await.1).await;
    a_search_finds_all_that_was_posted(&fresh().await.1).await;
    a_deletion_takes_the_content_everywhere(&fresh().await.1).await;
    mentions_are_of_those_who_take_part(&fresh().await.1).await;
    rules_and_acts(&fresh().await.1).await;
    whoever_is_silenced_or_too_quick_waits(&fresh().await.1).await;
    what_waits_is_approved_or_not(&fresh().await.1).await;
    a_forgotten_conversation_is_gone(&fresh().await.1).await;
    what_somebody_said_is_erased_in_every_live(&fresh().await.1).await;
    reports_and_what_is_held_are_told(&fresh().await.1).await;
    bans_of_all_lives_are_listed(&fresh().await.1).await;
}

fn said(author_id: PersonId, content: &str, ms: i64) -> Order {
    let position = Position { take: 1, ms };
    let draft = Draft {
        kind: Kind::Text,
        content: content.to_owned(),
        reply_to: None,
        client_id: None,
        position,
        mentions: Vec::new(),
        host: Some(HOST),
    };
    Order {
        posting: Posting { live_id: LIVE, author_id, on_replay: false, now_ms: NOW.plus_ms(ms) },
        author: Author::unnamed(author_id),
        packed: pack(content),
        draft,
        mentions: Vec::new(),
        gate: OPEN,
    }
}

fn reaction(emoji: &str, ms: i64) -> Order {
    let order = said(ADA, emoji, ms);
    Order { draft: Draft { kind: Kind::Reaction, ..order.draft }, ..order }
}

fn with_id(order: Order, id: u8) -> Order {
    Order { draft: Draft { client_id: Some([id; 16]), ..order.draft }, ..order }
}

async fn post(store: &impl Store, order: Order) -> Result<Posted, Refusal> {
    store.post(Arc::new(vec![order])).await.unwrap().pop().unwrap()
}

async fn all_of(store: &impl Store) -> Vec<Message> {
    store.window(LIVE, Window::After(Seq(0)), 500).await.unwrap()
}

fn seqs(messages: &[Message]) -> Vec<i64> {
    messages.iter().filter_map(|message| Some(message.seq?.0)).collect()
}

fn acting(by_id: PersonId) -> Acting {
    Acting { live_id: LIVE, by_id, now_ms: NOW }
}

fn refusal<T>(result: Result<T, Error>) -> Option<Refusal> {
    match result {
        Err(Error::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}

async fn numbers_follow_each_other(store: &impl Store) {
    let other =
        Order { posting: Posting { live_id: OTHER, ..said(ADA, "", 0).posting }, ..said(ADA, "là", 0) };
    let batch = vec![said(ADA, "un", 0), other, said(ZOE, "deux", 1)];
    let outcomes = store.post(Arc::new(batch)).await.unwrap();
    let given: Vec<_> = outcomes.into_iter().map(|one| one.unwrap().message.seq.unwrap().0).collect();
    assert_eq!(given, [1, 1, 2]);
    let kept = all_of(store).await;
    assert_eq!(
        (kept[1].content.as_str(), kept[1].author.id, kept[1].created_at_ms),
        ("deux", ZOE, NOW.plus_ms(1))
    );
    let counters = store.counters(vec![OTHER, LiveId(9), LIVE]).await.unwrap();
    assert_eq!(counters.iter().map(|one| one.last_seq.0).collect::<Vec<_>>(), [1, 0, 2]);
    let Standing { counters, newest, rules } = store.standing(LIVE, 1).await.unwrap();
    let expected = Counters { last_seq: Seq(2), change: Change(0), messages: 2 };
    assert_eq!((counters, seqs(&newest)), (expected, vec![2]));
    assert_eq!(rules, chat::Rules::default());
}

async fn what_was_sent_is_kept_once(store: &impl Store) {
    let first = post(store, with_id(said(ADA, "un", 0), 5)).await.unwrap();
    let again = post(store, with_id(said(ADA, "autre", 0), 5)).await.unwrap();
    assert_eq!((again.created, again.message.content.as_str()), (false, "un"));
    assert_eq!(again.message.seq, first.message.seq);
    assert!(post(store, with_id(said(ZOE, "deux", 0), 5)).await.unwrap().created, "another author's id");
    for created in [true, false] {
        assert_eq!(post(store, with_id(reaction("🎉", 0), 6)).await.unwrap().created, created);
    }
    assert_eq!(store.reactions(LIVE, 10).await.unwrap().0, [("🎉".to_owned(), 1)]);
}

async fn a_refusal_undoes_nothing_of_the_others(store: &impl Store) {
    let order = said(ADA, "à rien", 0);
    let reply = |seq| Order {
        draft: Draft { reply_to: Some(message_id(LIVE, Seq(seq))), ..order.draft.clone() },
        ..said(ADA, "à rien", 0)
    };
    let batch = vec![said(ADA, "un", 0), reply(99), reply(1)];
    let mut outcomes = store.post(Arc::new(batch)).await.unwrap();
    assert_eq!(outcomes.pop().unwrap().unwrap().message.reply_to, Some(Seq(1)));
    assert_eq!(outcomes.pop().unwrap().err(), Some(Refusal::ReplyTo));
    assert_eq!(seqs(&all_of(store).await), [1, 2]);
}

async fn reactions_are_counted(store: &impl Store) {
    for (emoji, ms) in [("❤️", 100), ("❤️", 900), ("🎉", 1_200), ("❤️", 1_200)] {
        let posted = post(store, reaction(emoji, ms)).await.unwrap();
        assert_eq!((posted.message.seq, posted.created), (None, true));
    }
    let (totals, counts) = store.reactions(LIVE, 2).await.unwrap();
    assert_eq!(totals, [("❤️".to_owned(), 3), ("🎉".to_owned(), 1)]);
    let counts: Vec<_> = counts.iter().map(|one| (one.position.ms, one.count)).collect();
    assert_eq!((counts[0], counts.len()), ((0, 2), 2));
}

async fn windows_and_stretches(store: &impl Store) {
    for ms in [50, 10, 30, 30, 20] {
        post(store, said(ADA, "x", ms)).await.unwrap();
    }
    let window = async |window, limit| seqs(&store.window(LIVE, window, limit).await.unwrap());
    assert_eq!(window(Window::After(Seq(2)), 2).await, [3, 4]);
    assert_eq!(window(Window::Before(Seq(4)), 2).await, [2, 3]);
    assert_eq!(window(Window::Between(Seq(1), Seq(4)), 9).await, [2, 3]);
    assert_eq!(window(Window::Before(Seq(i64::MAX)), 1).await, [5]);
    assert_eq!(window(Window::After(Seq(i64::MIN)), 1).await, [1]);
    let mut stretch = Stretch { take: 1, from_ms: 20, to_ms: 50, last: None };
    let first = store.stretch(LIVE, stretch, 2).await.unwrap();
    assert_eq!(seqs(&first), [5, 3]);
    stretch.last = Some((30, message_id(LIVE, Seq(3))));
    assert_eq!(seqs(&store.stretch(LIVE, stretch, 2).await.unwrap()), [4]);
    assert!(store.stretch(LIVE, Stretch { take: 2, ..stretch }, 2).await.unwrap().is_empty());
}

async fn a_search_finds_all_that_was_posted(store: &impl Store) {
    for text in ["L'été à Dakar", "les étés passés", "à bientôt tous", "tous à bientôt"] {
        post(store, said(ADA, text, 0)).await.unwrap();
    }
    let found = async |words: &str| seqs(&store.search(LIVE, Query::new(words).unwrap(), 10).await.unwrap());
    assert_eq!(found("ete").await, [2, 1]);
    assert_eq!(found("\"bientôt tous\"").await, [3]);
    post(store, said(ADA, "encore l'été", 0)).await.unwrap();
    assert_eq!(found("ete").await, [5, 2, 1], "also what came a moment ago");
    assert_eq!(found("dak*").await, [1]);
    store.index(LIVE).await.unwrap();
    assert!(store.search(OTHER, Query::new("ete").unwrap(), 10).await.unwrap().is_empty());
    let everywhere = async |before| {
        let query = Query::new("ete").unwrap();
        store.search_everywhere(query, before, 10).await.unwrap()
    };
    let all = everywhere(MessageId(i64::MAX)).await;
    assert_eq!(seqs(&all), found("ete").await);
    let first = message_id(LIVE, all.last().unwrap().seq.unwrap());
    assert!(everywhere(first).await.is_empty(), "only lower ids");
}

async fn a_deletion_takes_the_content_everywhere(store: &impl Store) {
    for text in ["secret", "deux"] {
        post(store, said(ADA, text, 0)).await.unwrap();
    }
    let deleting = |by, seq, moderates| Deleting {
        acting: acting(by),
        message_id: message_id(LIVE, Seq(seq)),
        moderates,
    };
    assert_eq!(refusal(store.delete(deleting(ZOE, 1, false)).await), Some(Refusal::NotYours));
    assert_eq!(refusal(store.delete(deleting(ADA, 9, false)).await), Some(Refusal::NoMessage));
    store.index(LIVE).await.unwrap();
    let pin = RulesChange { pinned: Some(Some(message_id(LIVE, Seq(1)))), ..RulesChange::default() };
    assert!(store.change_rules(acting(HOST), pin).await.unwrap().pinned.is_some());
    let (deletion, rules) = store.delete(deleting(ADA, 1, false)).await.unwrap();
    assert_eq!((deletion, rules.pinned), (Some(Deletion { change: Change(1), seq: Seq(1) }), None));
    assert_eq!(store.delete(deleting(ADA, 1, false)).await.unwrap().0, None, "once");
    let kept = all_of(store).await;
    assert_eq!((kept[0].deleted, kept[0].content.as_str(), kept[1].deleted), (true, "", false));
    assert!(store.search(LIVE, Query::new("secret").unwrap(), 10).await.unwrap().is_empty());
    store.delete(deleting(ZOE, 2, true)).await.unwrap();
    assert_eq!(
        store.deletions(LIVE, Change(1), 9).await.unwrap(),
        [Deletion { change: Change(2), seq: Seq(2) }]
    );
    let counters = store.counters(vec![LIVE]).await.unwrap()[0];
    assert_eq!(counters, Counters { last_seq: Seq(2), change: Change(2), messages: 0 });
}

async fn mentions_are_of_those_who_take_part(store: &impl Store) {
    post(store, said(ZOE, "bonjour", 0)).await.unwrap();
    let named = |id| Mention { id, first_name: "N".to_owned(), last_name: String::new() };
    let order =
        Order { mentions: vec![named(ZOE), named(HOST), named(PAUL), named(ADA)], ..said(ADA, "x", 0) };
    let posted = post(store, order).await.unwrap();
    let mentioned = |message: &Message| message.mentions.iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(mentioned(&posted.message), [ZOE, HOST, ADA]);
    assert_eq!(mentioned(&all_of(store).await[1]), [ZOE, HOST, ADA]);
    store.set_moderator(acting(HOST), PAUL, true).await.unwrap();
    let order = Order { mentions: vec![named(PAUL)], ..said(ADA, "x", 0) };
    assert_eq!(mentioned(&post(store, order).await.unwrap().message), [PAUL]);
}

async fn rules_and_acts(store: &impl Store) {
    let change = RulesChange {
        slow_ms: Some(5),
        hold: Some(true),
        show_members: Some(true),
        words: WordList::new(["crétin".to_owned()]),
        ..RulesChange::default()
    };
    let rules = store.change_rules(acting(HOST), change).await.unwrap();
    assert!(rules.hold && rules.show_members && rules.words.found_in("cretin") && rules.slow_ms == 5);
    let missing = RulesChange { pinned: Some(Some(message_id(LIVE, Seq(1)))), ..RulesChange::default() };
    assert_eq!(refusal(store.change_rules(acting(HOST), missing).await), Some(Refusal::NoMessage));
    let named = store.set_moderator(acting(HOST), ZOE, true).await.unwrap();
    assert!(named.names(ZOE) && named.hold && named.version > rules.version);
    assert!(!store.set_moderator(acting(HOST), ZOE, false).await.unwrap().names(ZOE));
    let acts = store.acts(LIVE, ActId(i64::MAX), 10).await.unwrap();
    let done: Vec<_> = acts.iter().map(|act| act.act.as_str()).collect();
    assert_eq!(done, ["no moderator", "moderator", "words", "show members", "hold", "slow"]);
    assert_eq!(store.acts(LIVE, acts[1].id, 1).await.unwrap(), acts[2..3]);
}

async fn whoever_is_silenced_or_too_quick_waits(store: &impl Store) {
    let sanction = |until_ms, delete_messages| Sanction { person_id: ADA, until_ms, delete_messages };
    post(store, said(ADA, "avant", 0)).await.unwrap();
    let until = NOW.plus_ms(100);
    store.sanction(acting(HOST), sanction(Some(until), false)).await.unwrap();
    let silenced = Some(Refusal::Silenced { until_ms: until });
    assert_eq!(post(store, said(ADA, "x", 99)).await.err(), silenced);
    assert_eq!(post(store, reaction("🎉", 99)).await.err(), silenced);
    assert!(post(store, Order { gate: Gate::Open, ..said(ADA, "x", 99) }).await.is_ok());
    assert!(post(store, said(ADA, "x", 100)).await.is_ok());
    let (deletions, _) = store.sanction(acting(HOST), sanction(None, true)).await.unwrap();
    assert_eq!(deletions.len(), 3);
    assert_eq!(post(store, said(ADA, "x", 500)).await.err(), Some(Refusal::Banned));
    assert_eq!(store.sanctions(LIVE, NOW).await.unwrap().len(), 1);
    store.lift(acting(HOST), ADA).await.unwrap();
    assert!(store.sanctions(LIVE, NOW).await.unwrap().is_empty());
    let slow = |ms| Order { gate: Gate::Guarded { slow_ms: 50, hold: false }, ..said(ADA, "x", ms) };
    assert!(post(store, slow(600)).await.is_ok());
    assert_eq!(post(store, slow(620)).await.err(), Some(Refusal::TooSoon { wait_ms: 30 }));
    assert!(post(store, slow(650)).await.is_ok());
}

async fn what_waits_is_approved_or_not(store: &impl Store) {
    let held = |content, id| {
        let gate = Gate::Guarded { slow_ms: 0, hold: true };
        Order { gate, ..with_id(said(ADA, content, 5), id) }
    };
    for (content, id) in [("puis-je ?", 1), ("non", 2)] {
        let posted = post(store, held(content, id)).await.unwrap();
        assert!(posted.message.held && posted.message.seq.is_none());
        assert!(!post(store, held(content, id)).await.unwrap().created);
    }
    let waiting = store.held(LIVE, 10).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].message.content.as_str()), (2, "puis-je ?"));
    let kept = store.decide(acting(HOST), waiting[0].id, true).await.unwrap().unwrap();
    assert_eq!((kept.seq, kept.created_at_ms, kept.author.id), (Some(Seq(1)), NOW.plus_ms(5), ADA));
    assert_eq!(store.decide(acting(HOST), waiting[1].id, false).await.unwrap(), None);
    assert_eq!(refusal(store.decide(acting(HOST), waiting[0].id, true).await), Some(Refusal::NoMessage));
    assert!(store.held(LIVE, 10).await.unwrap().is_empty());
    assert_eq!(seqs(&all_of(store).await), [1]);
    assert!(!post(store, held("non", 2)).await.unwrap().created, "rejected is not asked again");
}

async fn a_forgotten_conversation_is_gone(store: &impl Store) {
    let numbered = |number: i64| {
        let order = said(ADA, "bonjour", number);
        let client_id = Some(u128::from(number.unsigned_abs() + 1).to_be_bytes());
        Order { draft: Draft { client_id, ..order.draft }, ..order }
    };
    for first in (0..1_200).step_by(100) {
        store.post(Arc::new((first..first + 100).map(numbered).collect())).await.unwrap();
    }
    let other =
        Order { posting: Posting { live_id: OTHER, ..said(ADA, "", 0).posting }, ..said(ADA, "là", 0) };
    post(store, other).await.unwrap();
    store.index(LIVE).await.unwrap();
    store.forget(LIVE).await.unwrap();
    assert_eq!(
        store.counters(vec![LIVE, OTHER]).await.unwrap().iter().map(|one| one.last_seq.0).collect::<Vec<_>>(),
        [0, 1]
    );
    assert!(all_of(store).await.is_empty());
    assert!(store.search(LIVE, Query::new("bonjour").unwrap(), 10).await.unwrap().is_empty());
    assert!(post(store, numbered(0)).await.unwrap().created);
}

async fn what_somebody_said_is_erased_in_every_live(store: &impl Store) {
    let elsewhere = |order: Order| Order { posting: Posting { live_id: OTHER, ..order.posting }, ..order };
    let hold = Gate::Guarded { slow_ms: 0, hold: true };
    for order in
        [said(ADA, "un", 1), said(ZOE, "deux", 2), said(ADA, "trois", 3), elsewhere(said(ADA, "quatre", 4))]
    {
        post(store, order).await.unwrap();
    }
    for (content, id) in [("à moi", 1), ("et moi", 2)] {
        post(store, Order { gate: hold, ..with_id(said(ADA, content, 5), id) }).await.unwrap();
    }
    let waiting = store.held(LIVE, 10).await.unwrap();
    store.decide(acting(HOST), waiting[0].id, false).await.unwrap();
    store.set_moderator(acting(HOST), ADA, true).await.unwrap();
    store.index(LIVE).await.unwrap();

    let some = async |after, limit| store.erase_some(ADA, after, NOW, limit).await.unwrap();
    let first = some(MessageId(0), 2).await;
    assert_eq!(
        first.iter().map(|(live, deletion)| (*live, deletion.seq.0)).collect::<Vec<_>>(),
        [(LIVE, 1), (LIVE, 3)]
    );
    let rest = some(message_id(LIVE, Seq(3)), 2).await;
    assert_eq!((rest.len(), rest[0].0), (1, OTHER));
    assert!(some(message_id(OTHER, Seq(1)), 2).await.is_empty() && some(MessageId(0), 2).await.is_empty());

    let left = all_of(store).await;
    assert_eq!(left.iter().map(|message| message.content.as_str()).collect::<Vec<_>>(), ["", "deux", ""]);
    assert!(left[0].deleted && !left[1].deleted && left[2].deleted);
    assert!(store.held(LIVE, 10).await.unwrap().is_empty());
    assert!(store.search(LIVE, Query::new("trois").unwrap(), 10).await.unwrap().is_empty());
    assert!(store.standing(LIVE, 0).await.unwrap().rules.moderators.is_empty());
    let acts = store.acts(LIVE, ActId(i64::MAX), 10).await.unwrap();
    assert!(acts.iter().all(|act| act.detail.is_empty()), "{acts:?}");
}

async fn reports_and_what_is_held_are_told(store: &impl Store) {
    post(store, said(ADA, "un", 0)).await.unwrap();
    post(store, said(ADA, "deux", 1)).await.unwrap();
    let report = |by_id, seq, reason: &str| NewReport {
        acting: acting(by_id),
        message_id: message_id(LIVE, Seq(seq)),
        reason: reason.to_owned(),
    };
    let first = store.report(report(ZOE, 1, "impoli")).await.unwrap();
    assert_eq!(store.report(report(ZOE, 1, "encore")).await.unwrap(), first, "once for each person");
    let second = store.report(report(HOST, 2, "")).await.unwrap();
    assert_eq!(refusal(store.report(report(ZOE, 9, "")).await), Some(Refusal::NoMessage));
    let waiting = Order { gate: Gate::Guarded { slow_ms: 0, hold: true }, ..said(PAUL, "trois", 2) };
    post(store, with_id(waiting, 1)).await.unwrap();

    let events = store.events(0, 10).await.unwrap();
    let reported = |id, seq| EventKind::Reported(id, message_id(LIVE, Seq(seq)));
    assert_eq!(
        events[..2].iter().map(|one| one.kind).collect::<Vec<_>>(),
        [reported(first, 1), reported(second, 2)]
    );
    assert!(matches!(events[2].kind, EventKind::Held(_)), "{events:?}");
    assert_eq!(events.iter().map(|one| one.person_id).collect::<Vec<_>>(), [ADA, ADA, PAUL]);
    assert_eq!(store.events(events[1].number, 10).await.unwrap(), events[2..]);
    assert_eq!(store.newest_event().await.unwrap(), events[2].number);

    let (count, listed) = store.reports(0, 10).await.unwrap();
    assert_eq!((count, listed.iter().map(|one| one.id).collect::<Vec<_>>()), (2, vec![second, first]));
    assert_eq!((listed[1].reason.as_str(), listed[1].message.content.as_str()), ("impoli", "un"));
    assert_eq!(store.reported_by(ZOE).await.unwrap().len(), 1);
    assert_eq!(store.waiting_of(PAUL).await.unwrap()[0].content, "trois");
    assert_eq!(seqs(&store.said(ADA, message_id(LIVE, Seq(1)), 10).await.unwrap()), [2]);
    assert!(store.dismiss(second).await.unwrap() && !store.dismiss(second).await.unwrap());
    let deleting = Deleting { acting: acting(ADA), message_id: message_id(LIVE, Seq(1)), moderates: false };
    store.delete(deleting).await.unwrap();
    assert_eq!(store.reports(0, 10).await.unwrap().0, 0, "a message takes its reports with it");
}

async fn bans_of_all_lives_are_listed(store: &impl Store) {
    let sanction = |person_id, until_ms| Sanction { person_id, until_ms, delete_messages: false };
    store.sanction(acting(HOST), sanction(ZOE, None)).await.unwrap();
    let there = Acting { live_id: OTHER, ..acting(HOST) };
    store.sanction(there, sanction(ADA, Some(NOW.plus_ms(10)))).await.unwrap();
    let list = async |live, now| {
        let (count, found) = store.bans(live, now, 0, 10).await.unwrap();
        assert_eq!(count, found.len() as u64);
        found.into_iter().map(|one| (one.live_id, one.person_id)).collect::<Vec<_>>()
    };
    assert_eq!(list(None, NOW).await, [(OTHER, ADA), (LIVE, ZOE)]);
    assert_eq!(list(Some(LIVE), NOW).await, [(LIVE, ZOE)]);
    assert_eq!(list(None, NOW.plus_ms(10)).await, [(LIVE, ZOE)], "what is over is over");
}
