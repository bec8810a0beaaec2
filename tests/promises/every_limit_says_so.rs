//! Limits by person: running lives, storage, messages, wrong passwords. Each answers its status and when to come back.

use promises::{Server, Upload, recorded};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn of_running_lives() {
    let server = Server::configured(&["--running-lives", "2"], &[]).await;
    let author = server.person("Awa").await;
    let first = author.start_live(json!({})).await;
    author.start_live(json!({})).await;
    let refused = author.api.post("/api/posts/live/start/", json!({})).await;
    let _ = refused.refusal_of(&[409, 422, 429]);
    first.stop(&author.api).await;
    author.start_live(json!({})).await;
    server.person("Modou").await.start_live(json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_storage() {
    let server = Server::configured(&["--storage-per-person", "300000"], &[]).await;
    let (author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let upload = Upload::create(&author.api, &live).await;
    let mut at = 0;
    let refusal = loop {
        let answer = upload.patch_at(at, &bytes[usize::try_from(at).expect("fits")..][..50_000], &[]).await;
        if answer.status != 204 {
            break answer;
        }
        at += 50_000;
        assert!(at < 800_000, "nothing was refused");
    };
    let _ = refusal.refusal(507);
    assert!(live.shown(&author.api).await["saved_ms"].as_u64() > Some(1_000), "what came before is kept");
    let other = server.person("Modou").await;
    let theirs = other.start_live(json!({})).await;
    theirs.publish(&other.api, &bytes[..200_000]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_messages() {
    let server = Server::configured(&["--messages-per-s", "1", "--message-burst", "5"], &[]).await;
    let (author, live) = server.live().await;
    let mut refused = None;
    for number in 0..12 {
        let answer = author.api.post(&live.path("chat/"), json!({"content": format!("{number}")})).await;
        if answer.status != 201 {
            refused = Some((number, answer));
            break;
        }
    }
    let (number, answer) = refused.expect("a flood is stopped");
    assert!((5..=7).contains(&number), "after {number} messages");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1));
    let _ = answer.refusal(429);
    let other = server.person("Modou").await;
    other.api.post(&live.path("chat/"), json!({"content": "Moi je peux"})).await.must_be(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_wrong_passwords() {
    let server = Server::configured(&["--wrong-passwords", "3"], &[]).await;
    let person = server.person("Awa").await;
    let body = json!({"email": person.email, "password": "pas la bonne phrase"});
    let mut last = 401;
    for _ in 0..6 {
        let answer = server.anonymous().post("/api/users/login/", body.clone()).await;
        last = answer.status;
        if last == 429 {
            assert!(answer.header("retry-after").parse::<u32>().is_ok());
            break;
        }
        let _ = answer.refusal(401);
    }
    assert_eq!(last, 429);
    person.api.get("/api/users/my-profile/").await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_has_so_many_takes_and_keeps_them() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let bytes = recorded("audio_webm_opus.webm");
    for number in 1..=501 {
        let upload = Upload::create(&author.api, &live).await;
        let answer = upload.patch_at(0, &bytes[..6_000], &[]).await;
        if number <= 500 {
            assert_eq!(answer.status, 204, "take {number}: {}", answer.text());
        } else {
            let _ = answer.refusal(413);
        }
    }
    let takes = live.timeline(&author.api).await["takes"].as_array().expect("takes").len();
    assert_eq!(takes, 500, "nothing before it is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_wrong_passwords_by_account_by_address_and_by_a_64_and_never_of_the_owner() {
    let server = Server::configured(&["--wrong-passwords", "2", "--trust-proxy"], &[]).await;
    let (owner, neighbour) = (server.person("Awa").await, server.person("Modou").await);
    let api = server.anonymous();
    let sign_in = async |from: &str, email: &str, password: &str| {
        let request = api.request(reqwest::Method::POST, "/api/users/login/").header("x-forwarded-for", from);
        api.send(request.body(json!({"email": email, "password": password}).to_string())).await.status
    };
    let right = promises::people::PASSWORD;
    assert_eq!(sign_in("198.51.100.1", &owner.email, right).await, 200);
    for (from, expected) in [
        // One /64 is one place, whatever address of it is used.
        ("2001:db8:0:1::1", 401),
        ("2001:db8:0:1::2", 401),
        ("2001:db8:0:1::3", 429),
        // Other places have tries of their own, until the account has had three times as many from all.
        ("2001:db8:0:2::1", 401),
        ("192.0.2.1", 401),
        ("192.0.2.2", 401),
        ("192.0.2.3", 401),
        ("192.0.2.4", 429),
    ] {
        assert_eq!(sign_in(from, &owner.email, "pas la bonne phrase").await, expected, "{from}");
    }
    assert_eq!(sign_in("192.0.2.9", &owner.email, right).await, 429, "a stranger's place waits");
    assert_eq!(sign_in("198.51.100.1", &owner.email, right).await, 200, "the owner's does not");
    assert_eq!(sign_in("192.0.2.4", &neighbour.email, right).await, 200, "nor does another account");
}
