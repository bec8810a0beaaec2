//! Whoever comes from where they signed in before waits for no stranger, and is not locked out by what others try elsewhere.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use promises::people::PASSWORD;
use promises::{Answer, Api, Server};
use serde_json::json;

const LOGIN: &str = "/api/users/login/";

async fn sign_in(api: &Api, from: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    api.send(api.request(reqwest::Method::POST, LOGIN).header("X-Forwarded-For", from).json(&body)).await
}

/// How long a sign-in takes from where its person was before.
async fn signed_in(api: &Api, email: &str) -> Duration {
    let began = Instant::now();
    sign_in(api, "192.0.2.1", email, PASSWORD).await.must_be(200);
    began.elapsed()
}

/// Sixteen seconds without a queue of its own. One second is what is meant; other tests share the machine with this one.
const DEADLINE: Duration = Duration::from_secs(8);

/// A hash needs 19 MiB, and as many are made at once as there are processors; connections take the rest.
const MEMORY: u64 = 256 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn thirteen_hundred_strangers_at_once() {
    let server = Server::configured(&["--trust-proxy", "true"], &[]).await;
    let api = server.anonymous();
    let person = server.person("Awa").await;
    sign_in(&api, "192.0.2.1", &person.email, PASSWORD).await.must_be(200);
    // What it takes on this machine while nobody else is there.
    let mut usual = Duration::ZERO;
    for _ in 0..10 {
        usual = usual.max(signed_in(&api, &person.email).await);
    }
    let before = server.resident_memory();
    // From as many networks as there are strangers, so that nothing but the queue holds them back.
    let strangers = (0..1_300).map(|number: u32| {
        let api = api.clone();
        tokio::spawn(async move {
            let from = format!("10.1.{}.{}", number / 256, number % 256);
            sign_in(&api, &from, &format!("personne{number}@exemple.sn"), "un mot de passe").await
        })
    });
    let flood = tokio::spawn(join_all(strangers.collect::<Vec<_>>()));
    let mut worst = Duration::ZERO;
    let mut tries = 0;
    while tries < 20 || (!flood.is_finished() && tries < 1_000) {
        worst = worst.max(signed_in(&api, &person.email).await);
        tries += 1;
    }
    let answers = flood.await.expect("the flood ends");
    let mut checked = 0;
    for answer in answers {
        let answer = answer.expect("a stranger is answered");
        if answer.status == 401 {
            checked += 1;
        } else {
            assert!(matches!(answer.status, 429 | 503), "{}", answer.status);
            assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1));
        }
    }
    println!(
        "{tries} sign-ins meanwhile, the slowest took {worst:?}, {usual:?} before; {checked} strangers were checked"
    );
    assert!(worst < usual + DEADLINE, "{worst:?}, and {usual:?} before");
    assert!(checked > 0, "strangers are served too: {checked}");
    let peak = server.peak_memory();
    assert!(peak < before + MEMORY, "{peak} bytes of memory, {before} before");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_try_locks_nobody_out_who_was_there_before() {
    let server = Server::configured(&["--trust-proxy", "true", "--wrong-passwords", "3"], &[]).await;
    let api = server.anonymous();
    let person = server.person("Awa").await;
    sign_in(&api, "192.0.2.1", &person.email, PASSWORD).await.must_be(200);
    let mut statuses = Vec::new();
    for number in 0..12 {
        let from = format!("2001:db8:0:{number}::1");
        statuses.push(sign_in(&api, &from, &person.email, "pas celui-là").await.status);
    }
    assert_eq!(
        (statuses[0], statuses[11]),
        (401, 429),
        "many networks guess no more than some: {statuses:?}"
    );
    sign_in(&api, "192.0.2.1", &person.email, PASSWORD).await.must_be(200);

    // A neighbour behind the same address tries for many accounts.
    let neighbour = async |number: u32| {
        let email = format!("voisin{number}@exemple.sn");
        sign_in(&api, "192.0.2.1", &email, "un mot de passe").await.status
    };
    let mut last = 401;
    for number in 0..70 {
        last = neighbour(number).await;
    }
    assert_eq!(last, 429);
    sign_in(&api, "192.0.2.1", &person.email, PASSWORD).await.must_be(200);
    sign_in(&api, "192.0.2.2", "voisin@exemple.sn", "un mot de passe").await.must_be(401);
}
