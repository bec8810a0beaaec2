//! Leading a conversation: what is refused, what is held, what goes, and that it is written down.
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a failing step fails the test; each test file uses its part"
)]

mod world;

use std::sync::Arc;

use chat::{Draft, Message, Refusal, RulesChange, Sanction, Speaker, WordList, message_id};
use ids::{ActId, PersonId, Seq, UnixMs};
use world::{LIVE, World, frames, person, refusal, world};

const OWNER: Speaker = Speaker { id: PersonId(1), leads: true };

impl World {
    async fn says(&self, who: Speaker, content: &str) -> Result<Message, chat::Error> {
        let draft = self.draft(content, None, None);
        self.chat.post(LIVE, who, false, draft, Arc::clone(&self.clock)).await.map(|posted| posted.message)
    }

    async fn change(&self, by: Speaker, change: RulesChange) -> Result<(), chat::Error> {
        self.chat.change_rules(LIVE, by, change, &self.clock).await.map(drop)
    }

    async fn acts(&self) -> Vec<(String, Option<i64>)> {
        let acts = self.chat.acts(LIVE, OWNER, ActId(i64::MAX), &self.clock).await.unwrap();
        acts.into_iter().map(|act| (act.act, act.subject)).rev().collect()
    }
}

#[tokio::test]
async fn somebody_silenced_writes_again_when_the_silence_ends_or_is_lifted() {
    let world = world();
    let sanction = |until_ms| {
        let sanction = Sanction { person_id: PersonId(2), until_ms, delete_messages: false };
        world.chat.sanction(LIVE, OWNER, sanction, &world.clock)
    };
    let now = UnixMs::now();
    sanction(Some(now.plus_ms(60_000))).await.unwrap();
    assert_eq!(
        refusal(world.says(person(2), "oui").await),
        Some(Refusal::Silenced { until_ms: now.plus_ms(60_000) })
    );
    assert!(world.says(person(3), "oui").await.is_ok());
    assert_eq!(world.chat.sanctions(LIVE, OWNER, &world.clock).await.unwrap().len(), 1);
    world.chat.lift(LIVE, OWNER, PersonId(2), &world.clock).await.unwrap();
    assert!(world.says(person(2), "oui").await.is_ok());
    for until in [now.plus_ms(-60_000), now.plus_ms(chat::SILENCE_LIMIT_MS * 2)] {
        let sanction = Sanction { person_id: PersonId(2), until_ms: Some(until), delete_messages: false };
        let refused = world.chat.sanction(LIVE, OWNER, sanction, &world.clock).await;
        assert_eq!(refusal(refused), Some(Refusal::Rules));
    }
    let nobody = Sanction { person_id: PersonId(99), until_ms: None, delete_messages: false };
    assert_eq!(
        refusal(world.chat.sanction(LIVE, OWNER, nobody, &world.clock).await),
        Some(Refusal::NoPerson)
    );
    assert_eq!(world.acts().await, [("silence".to_owned(), Some(2)), ("lift".to_owned(), Some(2))]);
}

#[tokio::test]
async fn a_ban_takes_the_messages_away_too() {
    let world = world();
    let mut viewer = world.viewer(None, None).await;
    for turn in 0..3 {
        world.says(person(2), &format!("publicité {turn}")).await.unwrap();
        world.says(person(3), "bonjour").await.unwrap();
    }
    frames(&mut viewer).await;
    let ban = Sanction { person_id: PersonId(2), until_ms: None, delete_messages: true };
    assert_eq!(
        refusal(world.chat.sanction(LIVE, person(3), ban, &world.clock).await),
        Some(Refusal::NotModerator)
    );
    world.chat.sanction(LIVE, OWNER, ban, &world.clock).await.unwrap();
    assert_eq!(refusal(world.says(person(2), "encore").await), Some(Refusal::Banned));
    let deleted = &frames(&mut viewer).await[0];
    assert_eq!((&deleted["type"], &deleted["seqs"]), (&"deleted".into(), &serde_json::json!([5, 3, 1])));
    assert!(world.chat.search(LIVE, "publicité").await.unwrap().is_empty());
    let left: Vec<bool> = world.history().await.iter().map(|message| message.deleted).collect();
    assert_eq!(left, [true, false, true, false, true, false]);
    assert_eq!(world.acts().await.len(), 4);
}

#[tokio::test]
async fn slow_mode_and_unwanted_words_bind_all_but_those_who_lead() {
    let world = world();
    let words = WordList::new(["crétin".to_owned()]);
    world
        .change(OWNER, RulesChange { slow_ms: Some(60_000), words, ..RulesChange::default() })
        .await
        .unwrap();
    assert!(world.says(person(2), "un").await.is_ok());
    let refused = refusal(world.says(person(2), "deux").await);
    assert!(matches!(refused, Some(Refusal::TooSoon { wait_ms: 1..=60_000 })), "{refused:?}");
    assert_eq!(refusal(world.says(person(3), "C r e t i n").await), Some(Refusal::UnwantedWord));
    for content in ["un", "deux", "pas de crétin ici"] {
        world.says(OWNER, content).await.unwrap();
    }
    for slow_ms in [-1, chat::SLOW_LIMIT_MS + 1] {
        let change = RulesChange { slow_ms: Some(slow_ms), ..RulesChange::default() };
        assert_eq!(refusal(world.change(OWNER, change).await), Some(Refusal::Rules));
    }
}

#[tokio::test]
async fn a_held_message_has_a_number_only_once_it_is_approved() {
    let world = world();
    world.change(OWNER, RulesChange { hold: Some(true), ..RulesChange::default() }).await.unwrap();
    let mut viewer = world.viewer(None, None).await;
    frames(&mut viewer).await;
    let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    let send = || {
        world.chat.post(
            LIVE,
            person(2),
            false,
            world.draft("puis-je ?", None, Some(id)),
            Arc::clone(&world.clock),
        )
    };
    assert!(send().await.unwrap().message.held);
    let again = send().await.unwrap();
    assert!(again.message.held && !again.created);
    world.says(person(3), "non").await.unwrap();
    assert!(world.history().await.is_empty());
    assert!(frames(&mut viewer).await.is_empty());

    let waiting = world.chat.held(LIVE, OWNER, &world.clock).await.unwrap();
    assert_eq!(waiting.len(), 2);
    let decide =
        |held_id, approved| world.chat.decide(LIVE, OWNER, held_id, approved, Arc::clone(&world.clock));
    assert_eq!(decide(waiting[1].id, false).await.unwrap(), None);
    assert_eq!(decide(waiting[0].id, true).await.unwrap().unwrap().seq, Some(Seq(1)));
    assert_eq!(refusal(decide(waiting[0].id, true).await), Some(Refusal::NoMessage));
    assert_eq!(frames(&mut viewer).await[0]["messages"][0]["content"], "puis-je ?");
    let again = send().await.unwrap();
    assert_eq!((again.created, again.message.seq), (false, Some(Seq(1))));
}

#[tokio::test]
async fn a_pinned_message_is_shown_to_those_who_come_and_goes_when_it_is_deleted() {
    let world = world();
    world.says(person(2), "à lire").await.unwrap();
    let mut viewer = world.viewer(Some(1), None).await;
    let pin = |seq| RulesChange { pinned: Some(Some(message_id(LIVE, Seq(seq)))), ..RulesChange::default() };
    assert_eq!(refusal(world.change(OWNER, pin(9)).await), Some(Refusal::NoMessage));
    assert_eq!(refusal(world.change(person(2), pin(1)).await), Some(Refusal::NotModerator));
    world.change(OWNER, pin(1)).await.unwrap();
    assert_eq!(frames(&mut viewer).await[0]["rules"]["pinned"]["content"], "à lire");
    let mut late = world.viewer(Some(1), None).await;
    assert_eq!(frames(&mut late).await[0]["rules"]["pinned"]["seq"], 1);
    world.chat.delete(LIVE, message_id(LIVE, Seq(1)), person(2), &world.clock).await.unwrap();
    let seen = frames(&mut viewer).await;
    assert_eq!(
        (&seen[0]["type"], &seen[1]["rules"]["pinned"]),
        (&"deleted".into(), &serde_json::Value::Null)
    );
}

#[tokio::test]
async fn a_named_moderator_leads_and_names_nobody() {
    let world = world();
    let name = |by, who, named| world.chat.set_moderator(LIVE, by, PersonId(who), named, &world.clock);
    assert_eq!(refusal(name(person(2), 2, true).await), Some(Refusal::NotModerator));
    assert_eq!(refusal(name(OWNER, 99, true).await), Some(Refusal::NoPerson));
    name(OWNER, 2, true).await.unwrap();
    assert_eq!(refusal(name(person(2), 3, true).await), Some(Refusal::NotModerator));
    world.says(person(3), "à effacer").await.unwrap();
    world.chat.delete(LIVE, message_id(LIVE, Seq(1)), person(2), &world.clock).await.unwrap();
    name(OWNER, 2, false).await.unwrap();
    world.says(person(3), "à garder").await.unwrap();
    let refused = world.chat.delete(LIVE, message_id(LIVE, Seq(2)), person(2), &world.clock).await;
    assert_eq!(refusal(refused), Some(Refusal::NotYours));
    let acts: Vec<_> = world.acts().await.into_iter().map(|(act, _)| act).collect();
    assert_eq!(acts, ["moderator", "delete", "no moderator"]);
}

#[tokio::test]
async fn rules_are_there_again_after_a_restart() {
    let world = world();
    let change = RulesChange { slow_ms: Some(5_000), hold: Some(true), ..RulesChange::default() };
    world.change(OWNER, change).await.unwrap();
    let again = chat::Chat::new(chat::Sqlite::new(world.database.clone()), world.people.clone());
    let rules = again.rules(LIVE, &world.clock).await.unwrap();
    assert_eq!((rules.slow_ms, rules.hold), (5_000, true));
    let mut viewer = again.subscribe(LIVE, None, None, &world.clock).await.unwrap();
    assert_eq!(frames(&mut viewer).await[0]["rules"]["slow_ms"], 5_000);
    let draft: Draft = world.draft("oui", None, None);
    assert!(again.post(LIVE, person(2), false, draft, Arc::clone(&world.clock)).await.unwrap().message.held);
}
