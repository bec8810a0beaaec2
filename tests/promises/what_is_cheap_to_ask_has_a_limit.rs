//! Registering, refreshing, starting and stopping, searching, reading histories and opening WebSockets without a name: each has
//! its limit, each limit says when to come again, none takes from another, and one person's flood holds nobody else back.

use promises::{Answer, Person, Server};
use serde_json::json;

/// Asks until it is refused: how often it was not, and the refusal.
async fn flood(most: usize, ask: impl AsyncFn() -> Answer) -> (usize, Answer) {
    for number in 0..most {
        let answer = ask().await;
        if answer.status == 429 {
            return (number, answer);
        }
    }
    panic!("nothing was refused in {most} requests");
}

#[track_caller]
fn must_say_when(answer: Answer) {
    let wait = answer.header("retry-after").parse::<u32>();
    assert!(wait.is_ok_and(|seconds| seconds >= 1), "{}: {:?}", answer.what, answer.headers);
    let sentence = answer.refusal(429);
    assert!(sentence.contains("réessayez dans"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_its_own() {
    let options =
        ["--request-burst", "3", "--requests-per-s", "1", "--message-burst", "5", "--messages-per-s", "1"];
    let server = Server::configured(&options, &[]).await;
    let (author, live) = server.live().await;
    let other = server.person("Modou").await;
    let anonymous = server.anonymous();

    let (count, refused) =
        flood(12, async || anonymous.post("/api/token/refresh/", json!({"refresh": "x"})).await).await;
    assert!((3..=5).contains(&count), "{count} refreshes");
    must_say_when(refused);

    let (count, refused) =
        flood(12, async || author.api.post("/api/posts/live/start/", json!({})).await).await;
    assert!((2..=5).contains(&count), "{count} starts");
    must_say_when(refused);
    let (count, refused) = flood(10, async || author.api.post(&live.path("stop/"), json!({})).await).await;
    assert!(count < 10, "{count} stops");
    must_say_when(refused);
    other.start_live(json!({})).await;

    let (count, refused) = flood(60, async || anonymous.get(&live.path("chat/messages/")).await).await;
    assert!((30..=45).contains(&count), "{count} histories");
    must_say_when(refused);
    // The same limit, which in the meantime may have room for one or two.
    let (count, refused) = flood(10, async || anonymous.get(&live.path("chat/")).await).await;
    assert!(count < 10, "{count} conversations");
    must_say_when(refused);
    other.api.get(&live.path("chat/messages/")).await.must_be(200);

    let (count, refused) = flood(20, async || anonymous.get("/api/search/?q=sandaga").await).await;
    assert!((5..=8).contains(&count), "{count} searches");
    must_say_when(refused);
    other.api.get("/api/search/?q=sandaga").await.must_be(200);

    let socket = async |person: Option<&Person>| {
        let api = person.map_or(&anonymous, |person| &person.api);
        api.get(&live.path("chat/ws/")).await
    };
    let (count, refused) = flood(60, async || socket(None).await).await;
    assert!((30..=45).contains(&count), "{count} sockets");
    must_say_when(refused);
    let (count, refused) = flood(10, async || anonymous.get(&live.path("tail/ws/")).await).await;
    assert!(count < 10, "{count} sockets of tails");
    must_say_when(refused);
    assert_ne!(socket(Some(&other)).await.status, 429, "whoever has a name is no crowd");
}

#[tokio::test(flavor = "multi_thread")]
async fn registration() {
    let server = Server::configured(&["--registrations-per-address", "2"], &[]).await;
    let api = server.anonymous();
    let number = std::sync::atomic::AtomicU32::new(0);
    let register = async || {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let body = json!({"email": format!("{number}@exemple.sn"), "password": "une phrase assez longue"});
        api.post("/api/users/register/", body).await
    };
    let (count, refused) = flood(5, register).await;
    assert_eq!(count, 2);
    must_say_when(refused);
}
