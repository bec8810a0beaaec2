//! Whoever lost their password gets a link from an administrator: good once, for a day, and the end of every other sign-in.

use promises::people::PASSWORD;
use promises::{Person, Server};
use serde_json::{Value, json};

const PROFILE: &str = "/api/users/my-profile/";
const RESET: &str = "/api/users/password-reset/";
const NEW: &str = "un tout autre secret";

/// The link that the command line prints, and its token.
async fn link(server: &Server, who: &str) -> (String, String) {
    let (status, text) = server.command(&["user", "password-link", who]).await;
    assert!(status.success(), "{text}");
    let link = text.trim().to_owned();
    let (_, token) = link.split_once("/login?reset=").expect("a link to the page");
    (link.clone(), token.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gives_a_password_once_and_ends_every_other_sign_in() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    let (_, earlier) = link(&server, &person.email).await;
    let (url, token) = link(&server, &person.id.to_string()).await;
    assert!(url.starts_with(server.base()), "it leads to the running server: {url}");
    let reset = |token: &str, password: &str| json!({"token": token, "new_password": password});
    for bad in ["", "inconnu", &earlier, &token[1..]] {
        let sentence = server.anonymous().post(RESET, reset(bad, NEW)).await.refusal(403);
        assert!(sentence.contains("lien"), "{sentence}");
    }
    for bad in ["court", "password1", &person.email] {
        server.anonymous().post(RESET, reset(&token, bad)).await.must_be(422);
    }
    person.api.get(PROFILE).await.must_be(200);

    let answer = server.anonymous().post(RESET, reset(&token, NEW)).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let fresh = Person::signed_in(&server.anonymous(), &person.email, &answer.json());
    assert_eq!(fresh.id, person.id);
    fresh.api.get(PROFILE).await.must_be(200);
    person.api.get(PROFILE).await.must_be(401);
    server.anonymous().post("/api/token/refresh/", json!({"refresh": person.refresh})).await.must_be(401);
    server.anonymous().post(RESET, reset(&token, "encore un autre")).await.must_be(403);
    let sign_in = |password: &str| json!({"email": person.email, "password": password});
    server.anonymous().post("/api/users/login/", sign_in(PASSWORD)).await.must_be(401);
    server.anonymous().post("/api/users/login/", sign_in(NEW)).await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_and_a_person_put_out_end_it() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    let (_, token) = link(&server, &person.email).await;
    let change = json!({"password": PASSWORD, "new_password": NEW});
    person.api.post("/api/users/password/", change).await.must_be(200);
    let reset = |token: &str| json!({"token": token, "new_password": "le mot de trop"});
    server.anonymous().post(RESET, reset(&token)).await.must_be(403);
    let (_, token) = link(&server, &person.email).await;
    let (status, text) = server.command(&["user", "disable", &person.email]).await;
    assert!(status.success(), "{text}");
    server.anonymous().post(RESET, reset(&token)).await.must_be(403);
    let (status, _) = server.command(&["user", "password-link", &person.email]).await;
    assert!(!status.success(), "whoever is out gets none");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_makes_one_by_api_and_nothing_of_it_is_kept_as_it_is() {
    let server = Server::configured(&["--public-url", "https://live.exemple.sn"], &[]).await;
    let (person, admin) = (server.person("Awa").await, server.person("Fatou").await);
    let (status, text) = server.command(&["user", "role", &admin.email, "admin", "--yes"]).await;
    assert!(status.success(), "{text}");
    let path = format!("/api/admin/users/{}/password-link/", person.id);
    promises::within(std::time::Duration::from_secs(2), "the role is felt", async || {
        admin.api.get("/api/admin/users/").await.status == 200
    })
    .await;
    let link: Value = admin.api.post(&path, json!({})).await.expect(200).json();
    let token = link["url"].as_str().and_then(|url| url.strip_prefix("https://live.exemple.sn/login?reset="));
    let token = token.unwrap_or_else(|| panic!("{link}")).to_owned();
    assert!(link["expires_at"].is_string());
    let kept = promises::files::holding(server.data(), &[&token]);
    assert!(kept.is_empty(), "{kept:?}");
    let by_command = server.command(&["user", "password-link", &person.email]).await.1;
    assert!(by_command.starts_with("https://live.exemple.sn/login?reset="), "{by_command}");
}
