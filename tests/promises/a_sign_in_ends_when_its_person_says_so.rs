//! Sign-out, sign-out everywhere and a new password end access tokens too, at once; the tokens of one sign-in are no other's.

use std::collections::HashSet;

use promises::people::PASSWORD;
use promises::{Api, Person, Server};
use serde_json::{Value, json};

const PROFILE: &str = "/api/users/my-profile/";

async fn sign_in(server: &Server, email: &str, password: &str) -> (Api, Value) {
    let body = json!({"email": email, "password": password});
    let answer = server.anonymous().post("/api/users/login/", body).await.expect(200).json();
    let api = server.anonymous().with_token(answer["tokens"]["access"].as_str().expect("a token"));
    (api, answer["tokens"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sign_in_has_tokens_of_its_own() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    let mut seen = HashSet::from([person.access.clone()]);
    for _ in 0..6 {
        let (api, tokens) = sign_in(&server, &person.email, PASSWORD).await;
        assert!(
            seen.insert(tokens["access"].as_str().expect("a token").to_owned()),
            "no token is given twice"
        );
        api.get(PROFILE).await.must_be(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_ends_its_own_tokens_and_no_others() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    let (by_bearer, tokens) = sign_in(&server, &person.email, PASSWORD).await;
    by_bearer.post("/api/users/logout/", json!({})).await.must_be(204);
    by_bearer.get(PROFILE).await.must_be(401);
    let refresh = json!({"refresh": tokens["refresh"]});
    server.anonymous().post("/api/users/token/refresh/", refresh.clone()).await.must_be(401);

    let (by_refresh, tokens) = sign_in(&server, &person.email, PASSWORD).await;
    let refresh = json!({"refresh": tokens["refresh"]});
    server.anonymous().post("/api/users/logout/", refresh).await.must_be(204);
    by_refresh.get(PROFILE).await.must_be(401);

    person.api.get(PROFILE).await.must_be(200);
    server.anonymous().post("/api/users/logout/", json!({})).await.must_be(401);
    by_refresh.post("/api/users/logout/", json!({})).await.must_be(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_everywhere_ends_every_sign_in() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    let other = server.person("Binta").await;
    let (elsewhere, tokens) = sign_in(&server, &person.email, PASSWORD).await;
    elsewhere.get(PROFILE).await.must_be(200);
    person.api.post("/api/users/logout-all/", json!({})).await.must_be(204);
    for api in [&person.api, &elsewhere] {
        api.get(PROFILE).await.must_be(401);
    }
    for path in ["/api/users/token/refresh/", "/api/token/refresh/"] {
        let refresh = json!({"refresh": tokens["refresh"]});
        server.anonymous().post(path, refresh).await.must_be(401);
    }
    other.api.get(PROFILE).await.must_be(200);
    sign_in(&server, &person.email, PASSWORD).await.0.get(PROFILE).await.must_be(200);
    server.anonymous().post("/api/users/logout-all/", json!({})).await.must_be(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_all_but_the_sign_in_that_it_answers() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    let (elsewhere, _) = sign_in(&server, &person.email, PASSWORD).await;
    let change = |old: &str, new: &str| json!({"password": old, "new_password": new});
    let path = "/api/users/password/";
    server.anonymous().post(path, change(PASSWORD, "un autre secret")).await.must_be(401);
    person.api.post(path, change("pas celui-là", "un autre secret")).await.must_be(403);
    for bad in ["court", "password1", "Awa Ndiaye", &person.email] {
        person.api.post(path, change(PASSWORD, bad)).await.must_be(422);
    }
    person.api.get(PROFILE).await.must_be(200);
    elsewhere.get(PROFILE).await.must_be(200);

    let answer = person.api.post(path, change(PASSWORD, "un autre secret")).await.expect(200).json();
    assert_eq!(answer["user"]["id"], person.id);
    let fresh = Person::signed_in(&server.anonymous(), &person.email, &answer);
    fresh.api.get(PROFILE).await.must_be(200);
    for api in [&person.api, &elsewhere] {
        api.get(PROFILE).await.must_be(401);
    }
    let refresh = json!({"refresh": fresh.refresh});
    let next = server.anonymous().post("/api/token/refresh/", refresh).await.expect(200).json();
    let again = server.anonymous().with_token(next["access"].as_str().expect("a token"));
    again.get(PROFILE).await.must_be(200);
    let body = json!({"email": person.email, "password": PASSWORD});
    server.anonymous().post("/api/users/login/", body).await.must_be(401);
    sign_in(&server, &person.email, "un autre secret").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_guessed_first_is_no_password() {
    let server = Server::start().await;
    for password in
        ["password", "12345678", "Football1", "aissatou@exemple.sn", "aissatou2026", "Aïssatou-Diop"]
    {
        let body = json!({"email": "aissatou@exemple.sn", "password": password, "first_name": "Aïssatou", "last_name": "Diop"});
        let sentence = server.anonymous().post("/api/users/register/", body).await.refusal(422);
        assert!(sentence.contains("mot de passe"), "{password}: {sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_takes_only_what_it_knows() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    for field in ["password", "email", "roles", "id", "nom"] {
        let sentence = person.api.patch(PROFILE, json!({"first_name": "B", field: "x"})).await.refusal(400);
        assert!(sentence.contains(field), "{sentence}");
    }
    let profile = person.api.get(PROFILE).await.expect(200).json();
    assert_eq!((&profile["first_name"], &profile["external_id"]), (&json!("Awa"), &Value::Null));
}
