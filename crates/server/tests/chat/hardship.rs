//! A bad network: every connection is cut again and again, and each message is there once, in one order for all.

use std::sync::Arc;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::world::{Person, World, seqs};

const AUTHORS: usize = 12;
const MESSAGES: usize = 40;

/// Sends one author's messages as the page does: what is not acknowledged when the connection breaks is sent again.
async fn write_all(world: Arc<World>, live: i64, author: Person, number: usize) {
    let mut unsent: Vec<(String, String)> = (0..MESSAGES)
        .map(|turn| (format!("00000000-0000-4000-8000-{number:06}{turn:06}"), format!("{number} dit {turn}")))
        .collect();
    let mut cut_after = 1;
    while !unsent.is_empty() {
        let mut socket = world.open(live, "?after=1000000").await;
        socket.authenticate(&author).await;
        for (client_id, content) in &unsent {
            let frame = json!({"type": "send", "client_id": client_id, "content": content});
            socket.inner.feed(Message::text(frame.to_string())).await.unwrap();
        }
        socket.inner.flush().await.unwrap();
        for _ in 0..cut_after.min(unsent.len()) {
            let ack = socket.next("ack").await;
            unsent.retain(|(client_id, _)| ack["client_id"] != client_id.as_str());
        }
        cut_after = cut_after % 7 + 2;
        // The connection is dropped with messages still on their way.
        drop(socket);
    }
}

/// Reads everything, coming back after each few frames where it was.
async fn read_all(world: Arc<World>, live: i64, patience: usize) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    while seen.len() < AUTHORS * MESSAGES {
        let after = seen.last().map_or(0, |last| last["seq"].as_i64().unwrap());
        let mut socket = world.open(live, &format!("?after={after}")).await;
        for _ in 0..patience {
            seen.extend(socket.next("messages").await["messages"].as_array().unwrap().iter().cloned());
            if seen.len() >= AUTHORS * MESSAGES {
                break;
            }
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_kept_once_and_seen_once_whatever_the_network_does() {
    let world = Arc::new(World::new().await);
    let owner = world.person("owner").await;
    let live = world.live(&owner, "public").await;
    let readers: Vec<_> =
        (1..4).map(|patience| tokio::spawn(read_all(Arc::clone(&world), live, patience))).collect();
    let mut writers = Vec::new();
    for number in 0..AUTHORS {
        let author = world.person(&format!("auteur{number}")).await;
        writers.push(tokio::spawn(write_all(Arc::clone(&world), live, author, number)));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let all: Vec<i64> = (1..=(AUTHORS * MESSAGES) as i64).collect();
    let history = world.read(&format!("/api/posts/live/{live}/chat/messages/")).await;
    let history = history.as_array().unwrap();
    assert_eq!(seqs(history), all);
    for number in 0..AUTHORS {
        let own = history.iter().filter_map(|message| message["content"].as_str());
        let own: Vec<_> = own.filter(|content| content.starts_with(&format!("{number} dit"))).collect();
        let mut each: Vec<_> = (0..MESSAGES).map(|turn| format!("{number} dit {turn}")).collect();
        let mut sorted: Vec<_> = own.iter().map(|content| (*content).to_owned()).collect();
        each.sort();
        sorted.sort();
        assert_eq!(sorted, each);
    }
    for reader in readers {
        assert_eq!(&reader.await.unwrap(), history);
    }
}
