//! Sign-up, sign-in, the rotating refresh token, sign-out.

use promises::people::PASSWORD;
use promises::{Person, Server};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_used_once_and_again_within_a_minute_gives_the_same() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    let refresh = |token: &str| {
        server
            .anonymous()
            .request(reqwest::Method::POST, "/api/users/token/refresh/")
            .json(&json!({"refresh": token}))
    };
    let api = server.anonymous();
    let first = api.send(refresh(&person.refresh)).await.expect(200).json();
    let again = api.send(refresh(&person.refresh)).await.expect(200).json();
    assert_eq!(first, again, "a lost answer can be asked for again");
    let next = first["refresh"].as_str().expect("a refresh token").to_owned();
    assert_ne!(next, person.refresh, "it rotates");
    let renewed = api.with_token(first["access"].as_str().expect("an access token"));
    assert_eq!(renewed.get("/api/users/my-profile/").await.expect(200).json()["id"], person.id);
    renewed.post("/api/users/logout/", json!({"refresh": next})).await.must_be(204);
    let _ = api.send(refresh(&next)).await.refusal(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_shown_to_oneself_and_changed_by_oneself() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    let profile = person.api.get("/api/users/my-profile/").await.expect(200).json();
    assert_eq!(profile["email"], person.email);
    assert!(profile.get("password").is_none());
    let changed = person.api.patch("/api/users/my-profile/", json!({"first_name": "Aïssatou"})).await;
    assert_eq!(changed.expect(200).json()["first_name"], "Aïssatou");
    let live = person.start_live(json!({})).await;
    let shown = live.shown(&server.anonymous()).await;
    assert_eq!(shown["author"]["first_name"], "Aïssatou");
    assert!(shown["author"].get("email").is_none(), "an address is shown to its owner only: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_signs_up_once_and_in_any_case_of_letters() {
    let server = Server::start().await;
    let person = server.person("Awa").await;
    let again = json!({"email": person.email.to_uppercase(), "password": PASSWORD, "first_name": "A", "last_name": "B"});
    let answer = server.anonymous().post("/api/users/register/", again).await;
    let _ = answer.refusal_of(&[400, 409, 422]);
    let body = json!({"email": person.email.to_uppercase(), "password": PASSWORD});
    let answer = server.anonymous().post("/api/users/login/", body).await.expect(200).json();
    let same = Person::signed_in(&server.anonymous(), &person.email, &answer);
    assert_eq!(same.id, person.id);
    let body = json!({"email": person.email, "password": "pas la bonne phrase"});
    let wrong = server.anonymous().post("/api/users/login/", body).await.refusal(401);
    let body = json!({"email": "personne@exemple.sn", "password": "pas la bonne phrase"});
    let unknown = server.anonymous().post("/api/users/login/", body).await.refusal(401);
    assert_eq!(wrong, unknown, "who has an account is nobody's business");
}
