//! Webhooks: every event, signed by the Standard Webhooks scheme, in order by live, at least once, also over a kill, and never
//! to an address inside the network unless that is allowed.

use std::time::Duration;

use promises::receiver::Receiver;
use promises::{Live, Person, Server, recorded, within};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

/// Longer than an event takes, or one that failed once.
const SOON: Duration = Duration::from_secs(20);

async fn run(server: &Server, arguments: &[&str]) -> Value {
    let (status, text) = server.command(&[arguments, &["--json"]].concat()).await;
    assert!(status.success(), "{arguments:?}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

/// A webhook that hears everything; its number and what verifies its requests.
async fn hook(server: &Server, receiver: &Receiver) -> (i64, Webhook) {
    let added = run(server, &["webhook", "add", &receiver.url(), "--allow-private"]).await;
    let secret = added["secret"].as_str().expect("its secret is told once");
    let id = added["id"].as_i64().expect("it has a number");
    (id, Webhook::new(secret).expect("the published library reads the secret"))
}

async fn admin(server: &Server) -> Person {
    let admin = server.person("Fatou").await;
    run(server, &["user", "role", &admin.email, "admin", "--yes"]).await;
    within(SOON, "the role is felt", async || admin.api.get("/api/admin/users/").await.status == 200).await;
    admin
}

async fn stopped(author: &Person) -> Live {
    let live = author.start_live(json!({"title": "Marché"})).await;
    live.stop(&author.api).await;
    live
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_comes_signed_and_those_of_a_live_in_their_order() {
    let (server, receiver) = (Server::start().await, Receiver::start().await);
    let (author, guest) = (server.person("Awa").await, server.person("Binta").await);
    let (_, verifier) = hook(&server, &receiver).await;
    let live = author.start_live(json!({"title": "Marché"})).await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")[..200_000]).await;
    let message = guest.api.post(&live.path("chat/"), json!({"content": "Bonjour"})).await.expect(201).json();
    let report = live.path(&format!("chat/{}/report/", message["id"]));
    let first = author.api.post(&report, json!({"reason": "impoli"})).await.expect(201).json();
    let again = author.api.post(&report, json!({})).await.expect(201).json();
    assert_eq!(first, again, "one person reports a message once");
    author.api.patch(&live.path("chat/rules/"), json!({"hold": true})).await.must_be(200);
    guest.api.post(&live.path("chat/"), json!({"content": "Encore"})).await.must_be(202);
    live.stop(&author.api).await;
    run(&server, &["user", "disable", &guest.email]).await;

    for kind in ["person.disabled", "replay.complete", "message.held", "message.reported"] {
        receiver.taken(SOON, kind).await;
    }
    let lives = ["live.started", "live.stopped", "replay.complete"];
    let told: Vec<String> = receiver.taken_of(live.id);
    let of_lives: Vec<&String> = told.iter().filter(|kind| lives.contains(&kind.as_str())).collect();
    assert_eq!(of_lives, lives, "{told:?}");
    assert_eq!(told.iter().filter(|kind| kind.starts_with("message.")).count(), 2, "{told:?}");
    for one in receiver.received() {
        verifier.verify(&one.body, &one.headers).expect("the published library verifies the signature");
        let mut other = one.body.clone();
        other[0] ^= 1;
        assert!(verifier.verify(&other, &one.headers).is_err(), "another body is not what was signed");
        let body = one.json();
        assert!(body["timestamp"].as_str().is_some_and(|at| at.ends_with('Z') && at.len() == 24), "{body}");
    }
    let reported = receiver.taken(SOON, "message.reported").await.json();
    assert_eq!(reported["data"]["message_id"], message["id"], "{reported}");
    let disabled = receiver.taken(SOON, "person.disabled").await.json();
    assert_eq!(disabled["data"], json!({"live_id": null, "person_id": guest.id}));
    let complete = receiver.taken(SOON, "replay.complete").await.json();
    assert!(complete["data"]["duration_ms"].as_i64() > Some(0), "{complete}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_that_goes_and_comes_back_is_told_so() {
    let server = Server::configured(&["--patience-s", "0.5"], &[]).await;
    let receiver = Receiver::start().await;
    let author = server.person("Awa").await;
    hook(&server, &receiver).await;
    let live = author.start_live(json!({})).await;
    receiver.taken(SOON, "live.ended").await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")[..100_000]).await;
    receiver.taken(SOON, "live.resumed").await;
    assert_eq!(receiver.taken_of(live.id)[..3], ["live.started", "live.ended", "live.resumed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_waits_with_its_live_alone_and_survives_kill_nine() {
    let (mut server, receiver) = (Server::start().await, Receiver::start().await);
    let author = server.person("Awa").await;
    let (id, _) = hook(&server, &receiver).await;
    let refused = author.start_live(json!({})).await;
    let bad = refused.id;
    receiver.answer(move |body| {
        let is_bad = body["data"]["live_id"] == bad && body["type"] != "live.started";
        if is_bad { "500 Internal Server Error".to_owned() } else { "200 OK".to_owned() }
    });
    refused.stop(&author.api).await;
    let other = stopped(&author).await;
    let whole = ["live.started", "live.stopped", "replay.complete"];
    within(SOON, "another live does not wait", async || receiver.taken_of(other.id) == whole).await;
    let tries =
        || receiver.received().into_iter().filter(|one| one.event().1 == Some(bad) && one.status == 500);
    within(SOON, "it is tried again", async || tries().count() >= 2).await;
    assert!(tries().all(|one| one.event().0 == "live.stopped"), "what comes after it waits");
    assert_eq!(receiver.taken_of(bad), ["live.started"]);
    let listed = run(&server, &["webhook", "list"]).await;
    assert_eq!((&listed[0]["id"], &listed[0]["waiting"]), (&json!(id), &json!(2)), "{listed}");

    server.kill_nine().await;
    receiver.answer(|_| "200 OK".to_owned());
    server.restart().await;
    // It need not wait as long as it would.
    if let Some(first) = first_waiting(&server, id).await {
        run(&server, &["webhook", "replay", &id.to_string(), &first]).await;
    }
    within(SOON, "all of it is told", async || receiver.taken_of(bad) == whole).await;
    let mut ids: Vec<String> = tries().map(|one| one.id()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "each time under the same webhook-id");
}

async fn first_waiting(server: &Server, id: i64) -> Option<String> {
    let all = run(server, &["webhook", "deliveries", &id.to_string()]).await;
    let all = all.as_array().expect("a list");
    let waiting = all.iter().filter(|one| one["state"] == "waiting").filter_map(|one| one["id"].as_i64());
    waiting.min().map(|first| first.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_inside_the_network_unless_allowed_nor_where_a_redirect_leads() {
    let (server, receiver, inner) = (Server::start().await, Receiver::start().await, Receiver::start().await);
    let port = receiver.url().trim_start_matches("http://127.0.0.1").to_owned();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "0.0.0.0"] {
        let url = format!("http://{host}{port}");
        let (status, text) = server.command(&["webhook", "add", &url]).await;
        assert!(!status.success() && text.contains("inside the network"), "{url}: {text}");
    }
    for url in ["http://169.254.169.254/", "http://100.64.0.1/", "http://224.0.0.1/", "https://10.0.0.1/"] {
        let (status, text) = server.command(&["webhook", "add", url]).await;
        assert!(!status.success() && text.contains("inside the network"), "{url}: {text}");
    }
    let (id, _) = hook(&server, &receiver).await;
    let to = inner.url();
    receiver.answer(move |_| format!("307 Temporary Redirect\r\nLocation: {to}"));
    let (status, text) = server.command(&["webhook", "try", &id.to_string()]).await;
    assert!(!status.success() && text.contains("redirects are not followed"), "{text}");
    assert_eq!(receiver.received()[0].event(), ("webhook.try".to_owned(), None));
    assert!(inner.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_do_the_same_by_api() {
    let (server, receiver) = (Server::start().await, Receiver::start().await);
    let (admin, author) = (admin(&server).await, server.person("Awa").await);
    author.api.get("/api/admin/webhooks/").await.must_be(403);
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let all = "/api/admin/webhooks/";
    let new =
        json!({"url": receiver.url(), "secret": secret, "events": ["live.started"], "allow_private": true});
    for (field, wrong) in
        [("url", "ftp://x"), ("url", "http://127.0.0.1/"), ("secret", "x"), ("events", "live.begun")]
    {
        let mut bad = json!({"url": "https://example.org/"});
        bad[field] = if field == "events" { json!([wrong]) } else { json!(wrong) };
        let _ = admin.api.post(all, bad).await.refusal(422);
    }
    let added = admin.api.post(all, new).await.expect(201).json();
    assert_eq!(added["secret"], secret);
    let of = |what: &str| format!("{all}{}/{what}", added["id"]);
    let shown = admin.api.get(&of("")).await.expect(200).json();
    assert!(shown.get("secret").is_none() && shown["events"] == json!(["live.started"]), "{shown}");
    let tried = admin.api.post(&of("try/"), json!({})).await.expect(200).json();
    assert_eq!((&tried["taken"], &tried["status"]), (&json!(true), &json!(204)));
    admin.api.post(&of("pause/"), json!({})).await.must_be(200);
    let live = stopped(&author).await;
    let waits = async || admin.api.get(&of("")).await.json()["waiting"] == 1;
    within(SOON, "what happens meanwhile waits", waits).await;
    assert_eq!(receiver.taken_of(live.id), Vec::<String>::new());
    admin.api.post(&of("resume/"), json!({})).await.must_be(200);
    receiver.taken(SOON, "live.started").await;
    let delivered = async || {
        let page = admin.api.get(&of("deliveries/?state=delivered")).await.expect(200).json();
        page["count"] == 1
    };
    within(SOON, "it is told what was taken", delivered).await;
    assert_eq!(receiver.taken_of(live.id), ["live.started"], "it hears what it asked for");
    let page = admin.api.get(&of("deliveries/")).await.expect(200).json();
    let again = json!({"delivery_id": page["results"][0]["id"]});
    assert_eq!(admin.api.post(&of("replay/"), again).await.expect(200).json(), json!({"replayed": 1}));
    let twice =
        async || receiver.received().iter().filter(|one| one.event().0 == "live.started").count() == 2;
    within(SOON, "it comes once more", twice).await;
    admin.api.delete(&of("")).await.must_be(204);
    admin.api.get(&of("")).await.must_be(404);
}
