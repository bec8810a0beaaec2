//! The conversation over a real database file: numbers, sending again, windows, search, deletion, fan-out.
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a failing step fails the test; each test file uses its part"
)]

mod world;

use std::sync::Arc;

use chat::{Chat, Draft, Kind, Message, Refusal, Speaker, Sqlite, Window, WindowCursor, message_id};
use database::Look;
use ids::{Change, LiveId, MessageId, PersonId, Seq};
use timeline::Position;
use world::{LIVE, OTHER, frames, person, refusal, world};

fn seqs_of(frames: &[serde_json::Value]) -> Vec<i64> {
    let messages = frames.iter().filter_map(|frame| frame["messages"].as_array()).flatten();
    messages.map(|message| message["seq"].as_i64().unwrap()).collect()
}

fn seqs(messages: &[Message]) -> Vec<i64> {
    messages.iter().filter_map(|message| Some(message.seq?.0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_no_holes_whoever_writes_at_the_same_time() {
    let world = Arc::new(world());
    let mut viewer = world.viewer(None, None).await;
    let writers: Vec<_> = (0..20_i64)
        .map(|writer| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                for turn in 0..25 {
                    let bad = Draft {
                        reply_to: Some(message_id(LIVE, Seq(999_999))),
                        ..world.draft("une réponse à rien", None, None)
                    };
                    let refused = world
                        .chat
                        .post(LIVE, person(1 + writer % 3), false, bad, Arc::clone(&world.clock))
                        .await;
                    assert_eq!(refusal(refused), Some(Refusal::ReplyTo));
                    world.say(&format!("{writer} dit {turn}")).await;
                }
            })
        })
        .collect();
    let mut seen = Vec::new();
    while seen.len() < 500 {
        viewer.changed().await;
        seen.extend(seqs_of(&frames(&mut viewer).await));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let all: Vec<i64> = (1..=500).collect();
    assert_eq!(seen, all);
    assert_eq!(seqs(&world.history().await), all);
}

#[tokio::test]
async fn sending_again_finds_the_message_already_kept() {
    let world = world();
    let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    let first =
        world.chat.post(LIVE, person(1), false, world.draft("un", None, Some(id)), Arc::clone(&world.clock));
    let again = world.chat.post(
        LIVE,
        person(1),
        false,
        world.draft("autre", None, Some(id)),
        Arc::clone(&world.clock),
    );
    let other = world.chat.post(
        LIVE,
        person(2),
        false,
        world.draft("deux", None, Some(id)),
        Arc::clone(&world.clock),
    );
    let elsewhere = world.chat.post(
        OTHER,
        person(1),
        false,
        world.draft("là-bas", None, Some(id)),
        Arc::clone(&world.clock),
    );
    let (first, again) = (first.await.unwrap(), again.await.unwrap());
    assert!(first.created && !again.created);
    assert_eq!(first.message, again.message);
    assert_eq!(other.await.unwrap().message.seq, Some(Seq(2)));
    assert_eq!(elsewhere.await.unwrap().message.seq, Some(Seq(1)));
}

#[tokio::test]
async fn a_reply_is_to_a_message_of_the_same_live() {
    let world = world();
    let question = world.say("Qui vient ?").await;
    let reply = |to: MessageId| Draft { reply_to: Some(to), ..world.draft("Moi", None, None) };
    let post = |live: LiveId, to: MessageId| {
        world.chat.post(live, person(2), false, reply(to), Arc::clone(&world.clock))
    };
    let id = message_id(LIVE, question.seq.unwrap());
    assert_eq!(post(LIVE, id).await.unwrap().message.reply_to, Some(Seq(1)));
    assert_eq!(refusal(post(OTHER, id).await), Some(Refusal::ReplyTo));
    assert_eq!(refusal(post(LIVE, MessageId(1)).await), Some(Refusal::ReplyTo));
    assert_eq!(world.history().await[1].author.profile_picture.as_deref(), Some("/z.jpg"));
}

#[tokio::test]
async fn a_search_ignores_accents_and_case_and_finds_the_newest_first() {
    let world = world();
    for text in ["L'été à Besançon", "ETE indien", "bête", "rien", "le chat et le chien"] {
        world.say(text).await;
    }
    world
        .chat
        .post(OTHER, person(1), false, world.draft("été ailleurs", None, None), Arc::clone(&world.clock))
        .await
        .unwrap();
    let found = async |words: &str| seqs(&world.chat.search(LIVE, words).await.unwrap());
    assert_eq!(found("ete").await, [2, 1]);
    assert_eq!(found("besancon été").await, [1]);
    assert_eq!(found("BÊTE").await, [3]);
    assert_eq!(found("chi*").await, [5]);
    assert_eq!(found("\"chat et\"").await, [5]);
    assert_eq!(found("\"et chat\"").await, [0_i64; 0]);
    for odd in ["", "!!!", "\"", "a OR", "(", "content:été -x", "NEAR(a, b)"] {
        world.chat.search(LIVE, odd).await.unwrap();
    }
}

#[tokio::test]
async fn windows_by_number_are_oldest_first() {
    let world = world();
    for turn in 1..=10 {
        world.say(&format!("numéro {turn}")).await;
    }
    let window = async |window, limit| seqs(&world.chat.window(LIVE, window, limit).await.unwrap());
    assert_eq!(window(Window::After(Seq(7)), 50).await, [8, 9, 10]);
    assert_eq!(window(Window::After(Seq(2)), 3).await, [3, 4, 5]);
    assert_eq!(window(Window::Before(Seq(4)), 2).await, [2, 3]);
    assert_eq!(window(Window::Before(Seq(i64::MAX)), 2).await, [9, 10]);
    let (least, most) = (Seq(i64::MIN), Seq(i64::MAX));
    for beyond in [Window::After(most), Window::After(Seq(10)), Window::Before(Seq(1)), Window::Before(least)]
    {
        assert_eq!(window(beyond, 50).await, [0_i64; 0], "{beyond:?}");
    }
}

#[tokio::test]
async fn a_window_of_the_timeline_follows_the_takes() {
    let world = world();
    let places = [(1, 500), (2, 100), (1, 9_500), (1, 60_000), (2, 9_999), (1, 500)];
    for (take, ms) in places {
        world.say_at("ici", Some((take, ms))).await;
    }
    let window = async |from, to| {
        let mut cursor = WindowCursor::new(LIVE, Arc::clone(&world.clock), from, to);
        let mut found = Vec::new();
        loop {
            let messages = world.chat.on_timeline(&mut cursor).await.unwrap();
            if messages.is_empty() {
                return found;
            }
            found.extend(
                messages.into_iter().map(|(position_ms, message)| (position_ms, message.seq.unwrap().0)),
            );
        }
    };
    assert_eq!(window(0, 1_000).await, [(500, 1), (500, 6)]);
    assert_eq!(window(9_000, 10_200).await, [(9_500, 3), (10_000, 4), (10_100, 2)]);
    assert_eq!(window(501, 9_500).await, []);
    assert_eq!(window(0, i64::MAX).await.len(), places.len());
}

#[tokio::test]
async fn a_long_window_of_the_timeline_is_read_in_parts_without_a_hole() {
    let world = Arc::new(world());
    let writers: Vec<_> = (0..10_i64)
        .map(|writer| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                for turn in 0..120_i64 {
                    world.say_at("même instant", Some((1, 100 * (writer % 2) + turn / 60))).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut cursor = WindowCursor::new(LIVE, Arc::clone(&world.clock), 0, 5_000);
    let mut found = Vec::new();
    loop {
        let messages = world.chat.on_timeline(&mut cursor).await.unwrap();
        assert!(messages.len() <= chat::PAGE_LIMIT as usize);
        if messages.is_empty() {
            break;
        }
        found
            .extend(messages.into_iter().map(|(position_ms, message)| (position_ms, message.seq.unwrap().0)));
    }
    assert!(found.is_sorted());
    found.sort_by_key(|(_, seq)| *seq);
    assert!(found.iter().map(|(_, seq)| *seq).eq(1..=1_200));
}

#[tokio::test]
async fn a_deletion_reaches_everybody_and_everything() {
    let world = world();
    for text in ["un", "deux secrets", "trois"] {
        world.say(text).await;
    }
    let mut watching = world.viewer(Some(3), None).await;
    let delete = |id, caller, moderates| {
        world.chat.delete(LIVE, id, Speaker { id: PersonId(caller), leads: moderates }, &world.clock)
    };
    let id = message_id(LIVE, Seq(2));
    assert_eq!(refusal(delete(id, 2, false).await), Some(Refusal::NotYours));
    assert_eq!(refusal(delete(message_id(LIVE, Seq(9)), 1, true).await), Some(Refusal::NoMessage));
    assert_eq!(refusal(delete(message_id(OTHER, Seq(2)), 1, true).await), Some(Refusal::NoMessage));
    assert_eq!(delete(id, 1, false).await.unwrap().unwrap().change, Change(1));
    assert_eq!(delete(id, 2, true).await.unwrap(), None);

    let expected = serde_json::json!({"type": "deleted", "seqs": [2], "change": 1});
    assert_eq!(frames(&mut watching).await, std::slice::from_ref(&expected));
    let mut back = world.viewer(Some(0), Some(0)).await;
    let seen = frames(&mut back).await;
    assert_eq!(seen[0], expected);
    assert_eq!((seqs_of(&seen), &seen[1]["change"]), (vec![1, 2, 3], &1.into()));
    let gone = &world.history().await[1];
    assert_eq!((gone.deleted, gone.content.as_str(), gone.seq), (true, "", Some(Seq(2))));
    assert!(world.chat.search(LIVE, "secrets").await.unwrap().is_empty());
    let counters = world.chat.counters(LIVE).await.unwrap();
    assert_eq!((counters.last_seq, counters.change, counters.messages), (Seq(3), Change(1), 2));
}

#[tokio::test]
async fn who_comes_back_misses_nothing_and_doubles_nothing() {
    let world = world();
    let mut seen = Vec::new();
    let mut changes = 0;
    for turn in 0..400_i64 {
        let message = world.say("encore").await;
        if turn % 2 == 0 {
            world
                .chat
                .delete(LIVE, message_id(LIVE, message.seq.unwrap()), person(1), &world.clock)
                .await
                .unwrap();
        }
        if turn % 57 == 0 {
            let mut viewer = world.viewer(Some(seen.len() as i64), Some(changes)).await;
            let frames = frames(&mut viewer).await;
            seen.extend(seqs_of(&frames));
            changes = frames.iter().filter_map(|frame| frame["change"].as_i64()).max().unwrap();
        }
    }
    let mut late = Chat::new(Sqlite::new(world.database.clone()), world.people.clone())
        .subscribe(LIVE, Some(Seq(10)), Some(Change(3)), &world.clock)
        .await
        .unwrap();
    let frames_late = frames(&mut late).await;
    let missed: Vec<_> =
        frames_late[0]["seqs"].as_array().unwrap().iter().filter_map(|seq| seq.as_i64()).collect();
    assert!(missed.iter().copied().eq((7..=399).step_by(2)), "{missed:?}");
    assert!(seqs_of(&frames_late).into_iter().eq(11..=400));
    seen.extend(seqs_of(&frames(&mut world.viewer(Some(seen.len() as i64), Some(changes)).await).await));
    assert!(seen.into_iter().eq(1..=400));
}

#[tokio::test]
async fn reactions_are_counted_and_not_numbered() {
    let world = world();
    let mut viewer = world.viewer(None, None).await;
    let heart = |ms| {
        let position = Some(Position { take: 1, ms });
        let id = format!("00000000-0000-0000-0000-{ms:012}");
        let draft = Draft::new(Kind::Reaction, "❤", None, Some(&id), position, &world.clock).unwrap();
        world.chat.post(LIVE, person(1), false, draft, Arc::clone(&world.clock))
    };
    for ms in [100, 900, 900, 1_100] {
        let posted = heart(ms).await.unwrap();
        assert_eq!(posted.message.seq, None);
    }
    assert_eq!(world.say("un").await.seq, Some(Seq(1)));
    let reactions = world.chat.reactions(LIVE, &world.clock).await.unwrap();
    assert_eq!(reactions.totals, [("❤️".to_owned(), 3)]);
    assert_eq!(
        reactions.seconds.iter().map(|(ms, counts)| (*ms, counts["❤️"])).collect::<Vec<_>>(),
        [(0, 2), (1_000, 1)]
    );
    let mut burst = Vec::new();
    while burst.len() < 2 {
        viewer.changed().await;
        burst.extend(frames(&mut viewer).await.into_iter().filter(|frame| frame["type"] == "reactions"));
    }
    let counts: i64 = burst.iter().filter_map(|frame| frame["counts"]["❤️"].as_i64()).sum();
    assert_eq!(counts, 3);
}

#[tokio::test]
async fn a_forgotten_live_leaves_nothing_behind() {
    let world = Arc::new(world());
    let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    let draft = world.draft("à oublier", None, Some(id));
    world.chat.post(LIVE, person(1), false, draft, Arc::clone(&world.clock)).await.unwrap();
    let said: Vec<_> = (0..1_500)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.say("à oublier").await })
        })
        .collect();
    for message in said {
        message.await.unwrap();
    }
    world.chat.delete(LIVE, message_id(LIVE, Seq(2)), person(1), &world.clock).await.unwrap();
    world.chat.search(LIVE, "oublier").await.unwrap();
    world
        .chat
        .post(OTHER, person(1), false, world.draft("à garder", None, None), Arc::clone(&world.clock))
        .await
        .unwrap();
    world.chat.forget(LIVE).await.unwrap();
    assert!(world.history().await.is_empty());
    assert!(world.chat.search(LIVE, "oublier").await.unwrap().is_empty());
    assert_eq!(world.chat.search(OTHER, "garder").await.unwrap().len(), 1);
    let draft = world.draft("à nouveau", None, Some(id));
    let again = world.chat.post(LIVE, person(1), false, draft, Arc::clone(&world.clock)).await.unwrap();
    assert_eq!((again.created, again.message.seq), (true, Some(Seq(1))));
    let sound = Sqlite::verify(&Look::at(world.database.path(), true).unwrap()).unwrap();
    assert_eq!(sound, [""; 0]);
}

#[tokio::test]
async fn a_sound_conversation_is_found_sound_and_damage_is_named() {
    let world = world();
    for text in ["un", "deux", "trois"] {
        world.say(text).await;
    }
    world.chat.delete(LIVE, message_id(LIVE, Seq(2)), person(1), &world.clock).await.unwrap();
    let look = async || Sqlite::verify(&Look::at(world.database.path(), true).unwrap()).unwrap();
    assert_eq!(look().await, [""; 0]);
    let damage = "DELETE FROM messages WHERE id & 16777215 = 1; UPDATE messages SET reply_to = 9 WHERE id & 16777215 = 3;
        UPDATE messages SET content = 'encore là' WHERE id & 16777215 = 2; DELETE FROM chat_deletions;";
    world.database.write(move |conn| Ok::<_, database::Error>(conn.execute_batch(damage)?)).await.unwrap();
    let found = look().await;
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.iter().all(|sentence| sentence.starts_with("the conversation of live 7 ")));
}

#[tokio::test]
async fn a_full_conversation_takes_no_more_and_others_go_on() {
    let world = world();
    world.say("un").await;
    let full = format!("UPDATE chat_counters SET last_seq = {}", chat::SEQ_LIMIT);
    world.database.write(move |conn| Ok::<_, database::Error>(conn.execute_batch(&full)?)).await.unwrap();
    let draft = || world.draft("encore", None, None);
    let refused = world.chat.post(LIVE, person(1), false, draft(), Arc::clone(&world.clock));
    let elsewhere = world.chat.post(OTHER, person(1), false, draft(), Arc::clone(&world.clock));
    let (refused, elsewhere) = tokio::join!(refused, elsewhere);
    assert_eq!(refusal(refused), Some(Refusal::Full));
    assert_eq!(elsewhere.unwrap().message.seq, Some(Seq(1)));
}

#[tokio::test]
async fn one_message_that_cannot_be_stored_does_not_keep_others_from_it() {
    let world = world();
    world.say("un").await;
    // A row that stands where the next message of live 8 belongs.
    let in_the_way =
        format!("INSERT INTO messages VALUES ({}, 0, 1, 0, 0, NULL, NULL, '')", message_id(OTHER, Seq(1)));
    world
        .database
        .write(move |conn| Ok::<_, database::Error>(conn.execute_batch(&in_the_way)?))
        .await
        .unwrap();
    let post = |live| {
        world.chat.post(live, person(1), false, world.draft("deux", None, None), Arc::clone(&world.clock))
    };
    let (before, wrong, after) = tokio::join!(post(LIVE), post(OTHER), post(LIVE));
    assert!(matches!(wrong, Err(chat::Error::Storage(_))), "{wrong:?}");
    assert_eq!((before.unwrap().message.seq, after.unwrap().message.seq), (Some(Seq(2)), Some(Seq(3))));
}

#[tokio::test]
async fn a_message_whose_author_left_is_kept_and_announced() {
    let world = world();
    let mut viewer = world.viewer(None, None).await;
    world.say("bonjour").await;
    {
        let draft = world.draft("je pars", None, None);
        let mut leaving = Box::pin(world.chat.post(LIVE, person(2), false, draft, Arc::clone(&world.clock)));
        assert!(
            std::future::poll_fn(|context| std::task::Poll::Ready(
                leaving.as_mut().poll(context).is_pending()
            ))
            .await
        );
    }
    let mut seen = Vec::new();
    while seen.len() < 2 {
        viewer.changed().await;
        seen.extend(seqs_of(&frames(&mut viewer).await));
    }
    assert_eq!(seen, [1, 2]);
}
