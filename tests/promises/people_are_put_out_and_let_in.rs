//! Administrators list people, put them out, let them in, rename them and give roles: by API and by command line, which a
//! running server feels within two seconds.

use std::time::Duration;

use promises::people::PASSWORD;
use promises::{Api, Person, Server, within};
use serde_json::{Value, json};

const PROFILE: &str = "/api/users/my-profile/";
const SOON: Duration = Duration::from_secs(2);

/// Somebody who administers.
async fn admin(server: &Server) -> Person {
    let admin = server.person("Fatou").await;
    let (status, text) = server.command(&["user", "role", &admin.id.to_string(), "admin", "--yes"]).await;
    assert!(status.success(), "{text}");
    within(SOON, "the role is felt", async || admin.api.get("/api/admin/users/").await.status == 200).await;
    admin
}

async fn run(server: &Server, arguments: &[&str]) -> String {
    let (status, text) = server.command(arguments).await;
    assert!(status.success(), "{arguments:?}: {text}");
    text
}

async fn sign_in(api: &Api, email: &str) -> (u16, String) {
    let answer = api.post("/api/users/login/", json!({"email": email, "password": PASSWORD})).await;
    (answer.status, answer.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_is_out_at_once_and_hears_why() {
    let server = Server::start().await;
    let (admin, person) = (admin(&server).await, server.person("Awa").await);
    let of = |what: &str| format!("/api/admin/users/{}/{what}", person.id);
    let shown = admin.api.post(&of("disable/"), json!({})).await.expect(200).json();
    assert!(shown["disabled_at"].is_string() && shown["email"] == person.email.as_str(), "{shown}");
    person.api.get(PROFILE).await.must_be(401);
    let refresh = json!({"refresh": person.refresh});
    server.anonymous().post("/api/users/token/refresh/", refresh).await.must_be(401);
    let (status, sentence) = sign_in(&server.anonymous(), &person.email).await;
    assert!(status == 403 && sentence.contains("désactivé"), "{sentence}");
    let wrong = json!({"email": person.email, "password": "pas la bonne phrase"});
    server.anonymous().post("/api/users/login/", wrong).await.must_be(401);

    admin.api.post(&of("enable/"), json!({})).await.must_be(200);
    assert_eq!(sign_in(&server.anonymous(), &person.email).await.0, 200);
    person.api.get(PROFILE).await.must_be(401);
    admin.api.post(&format!("/api/admin/users/{}/disable/", admin.id), json!({})).await.must_be(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_command_line_it_is_felt_within_two_seconds() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    let live = person.start_live(json!({})).await;
    live.shown(&server.anonymous()).await;
    person.api.post(&live.path("chat/"), json!({"content": "Bonjour"})).await.must_be(201);

    run(&server, &["user", "rename", &person.email, "--first-name", "Aïssatou"]).await;
    within(SOON, "the new name is shown", async || {
        let author = live.shown(&server.anonymous()).await["author"]["first_name"].clone();
        let said = server.anonymous().get(&live.path("chat/messages/")).await.json();
        author == "Aïssatou" && said[0]["author"]["first_name"] == "Aïssatou"
    })
    .await;

    run(&server, &["user", "disable", &person.id.to_string()]).await;
    within(SOON, "the token is refused", async || person.api.get(PROFILE).await.status == 401).await;
    run(&server, &["user", "enable", &person.email.to_uppercase()]).await;
    assert_eq!(sign_in(&server.anonymous(), &person.email).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_listed_found_and_changed() {
    let server = Server::start().await;
    let (admin, awa) = (admin(&server).await, server.person("Awa").await);
    let page = admin.api.get("/api/admin/users/?page_size=1").await.expect(200).json();
    assert_eq!((&page["count"], &page["results"][0]["id"]), (&json!(2), &json!(awa.id)), "the newest first");
    assert!(page["next"].is_string());
    let found = admin.api.get("/api/admin/users/?q=FATOU").await.expect(200).json();
    assert_eq!((&found["count"], &found["results"][0]["roles"]), (&json!(1), &json!(["admin"])));
    let path = format!("/api/admin/users/{}/", awa.id);
    let shown = admin.api.get(&path).await.expect(200).json();
    assert_eq!((&shown["verified"], &shown["disabled_at"]), (&json!(false), &Value::Null));
    let taken = json!({"email": admin.email});
    admin.api.patch(&path, taken).await.must_be(409);
    admin.api.patch(&path, json!({"password": "x"})).await.must_be(400);
    let changed =
        admin.api.patch(&path, json!({"email": "Awa@neuf.sn", "last_name": "Sow"})).await.expect(200).json();
    assert_eq!((&changed["email"], &changed["verified"]), (&json!("awa@neuf.sn"), &json!(true)));
    assert_eq!(sign_in(&server.anonymous(), "awa@neuf.sn").await.0, 200);
    admin.api.post(&format!("{path}logout-all/"), json!({})).await.must_be(204);
    awa.api.get(PROFILE).await.must_be(401);

    let listed: Value = serde_json::from_str(&run(&server, &["user", "list", "--json"]).await).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    let one = run(&server, &["user", "show", "awa@neuf.sn", "--json"]).await;
    let one: Value = serde_json::from_str(&one).expect("JSON");
    assert_eq!((&one["id"], &one["last_name"]), (&json!(awa.id), &json!("Sow")));
    let (status, text) = server.command(&["user", "show", "personne@exemple.sn"]).await;
    assert!(!status.success() && text.contains("personne@exemple.sn"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_given_to_a_person_who_is_shown() {
    let server = Server::start().await;
    let (admin, awa) = (admin(&server).await, server.person("Awa").await);
    let (status, text) = server.command(&["user", "role", &awa.email, "moderator"]).await;
    assert!(!status.success(), "nobody said yes: {text}");
    for part in
        [format!("person {}", awa.id), "Awa Ndiaye".to_owned(), "not verified".to_owned(), "--yes".to_owned()]
    {
        assert!(text.contains(&part), "{text}");
    }
    let path = format!("/api/admin/users/{}/role/", awa.id);
    assert_eq!(admin.api.get(&format!("/api/admin/users/{}/", awa.id)).await.json()["roles"], json!([]));
    let given = admin.api.post(&path, json!({"role": "moderator"})).await.expect(200).json();
    assert_eq!(given["roles"], json!(["moderator"]));
    let taken = admin.api.post(&path, json!({"role": "moderator", "given": false})).await.expect(200).json();
    assert_eq!(taken["roles"], json!([]));
    admin.api.post(&path, json!({"role": "king"})).await.must_be(400);
    let mine = format!("/api/admin/users/{}/role/", admin.id);
    admin.api.post(&mine, json!({"role": "admin", "given": false})).await.must_be(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_for_administrators_alone() {
    let server = Server::start().await;
    let (awa, guard) = (server.person("Awa").await, server.person("Binta").await);
    run(&server, &["user", "role", &guard.email, "moderator", "--yes"]).await;
    let of = format!("/api/admin/users/{}/", awa.id);
    for (api, status) in [(&server.anonymous(), 401), (&awa.api, 403), (&guard.api, 403)] {
        api.get("/api/admin/users/").await.must_be(status);
        api.get(&of).await.must_be(status);
        api.get("/api/admin/users/999999/").await.must_be(status);
        api.patch(&of, json!({"first_name": "X"})).await.must_be(status);
        api.delete(&of).await.must_be(status);
        for what in ["disable", "enable", "password-link", "role", "logout-all"] {
            api.post(&format!("{of}{what}/"), json!({"role": "admin"})).await.must_be(status);
        }
        api.post("/api/admin/invitations/", json!({})).await.must_be(status);
    }
    awa.api.get(PROFILE).await.must_be(200);
}
