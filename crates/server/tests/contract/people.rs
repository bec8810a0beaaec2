use reqwest::Method;
use serde_json::json;
use server::Written;

use crate::server::{Server, answer};

const REGISTER: &str = "/api/users/register/";
const LOGIN: &str = "/api/users/login/";
const PROFILE: &str = "/api/users/my-profile/";

#[tokio::test]
async fn somebody_registers_signs_in_and_reads_their_profile() {
    let server = Server::start().await;
    let new = json!({"email": "Awa@Example.org", "password": "une phrase assez longue", "first_name": "Awa", "last_name": "Diop"});
    let registered = server.post(REGISTER, new).await;
    assert_eq!(registered.status, 201);
    let user = registered.json()["user"].clone();
    assert_eq!(user["email"], "awa@example.org");
    assert_eq!(user["profile_picture"], serde_json::Value::Null);
    let again =
        server.post(LOGIN, json!({"email": "awa@example.org", "password": "une phrase assez longue"})).await;
    assert_eq!((again.status.as_u16(), &again.json()["user"]), (200, &user));
    assert_eq!(again.header("cache-control"), "no-store");
    let access = again.json()["tokens"]["access"].as_str().unwrap().to_owned();
    assert_eq!(server.get_as(&access, PROFILE).await.json(), user);
    let changed = server.send_as(&access, Method::PATCH, PROFILE, json!({"first_name": "Aïssatou"})).await;
    assert_eq!(changed.json()["first_name"], "Aïssatou");
    assert_eq!(changed.json()["last_name"], "Diop");
}

#[tokio::test]
async fn wrong_registrations_are_refused_each_with_its_sentence() {
    let server = Server::start().await;
    server.person("awa").await;
    let register = |body: serde_json::Value| server.post(REGISTER, body);
    register(json!({"email": "awa@example.org", "password": "une phrase assez longue"}))
        .await
        .refuses(409, "déjà utilisée");
    register(json!({"email": "b@example.org", "password": "1234567"})).await.refuses(422, "8 caractères");
    register(json!({"email": "nobody", "password": "une phrase assez longue"}))
        .await
        .refuses(422, "adresse e-mail");
    register(json!({"email": "b@example.org"})).await.refuses(400, "« password »");
    register(json!({"email": 5, "password": "une phrase assez longue"})).await.refuses(400, "type attendu");
    register(json!(["b@example.org", "une phrase assez longue"])).await.refuses(400, "objet JSON");
}

#[tokio::test]
async fn a_refresh_token_gives_the_next_pair_and_nothing_after_the_sign_out() {
    let server = Server::start().await;
    let new = json!({"email": "a@example.org", "password": "une phrase assez longue"});
    let tokens = server.post(REGISTER, new).await.json()["tokens"].clone();
    let refresh =
        |token: serde_json::Value| server.post("/api/users/token/refresh/", json!({"refresh": token}));
    let next = refresh(tokens["refresh"].clone()).await;
    assert_eq!(next.status, 200);
    assert_eq!(refresh(tokens["refresh"].clone()).await.json(), next.json());
    let access = next.json()["access"].as_str().unwrap().to_owned();
    assert_eq!(server.get_as(&access, PROFILE).await.status, 200);
    let out = server.post("/api/users/logout/", json!({"refresh": next.json()["refresh"]})).await;
    assert_eq!(out.status, 204);
    refresh(next.json()["refresh"].clone()).await.refuses(401, "jeton");
    refresh(json!("rubbish")).await.refuses(401, "jeton");
}

#[tokio::test]
async fn wrong_passwords_are_401_and_many_of_them_429() {
    let written = Written { wrong_passwords: Some(2), ..Written::default() };
    let server = Server::with(written).await;
    server.person("awa").await;
    let login =
        |password: &str| server.post(LOGIN, json!({"email": "awa@example.org", "password": password}));
    login("wrong").await.refuses(401, "incorrect");
    login("wrong").await.refuses(401, "incorrect");
    let refused = login("mot de passe").await;
    refused.refuses(429, "réessayez");
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
}

#[tokio::test]
async fn the_bearer_is_read_generously_and_judged_strictly() {
    let server = Server::start().await;
    let access = server.person("awa").await;
    let with = |value: String| answer(server.request(Method::GET, PROFILE).header("authorization", value));
    assert_eq!(with(format!("bearer   {access} ")).await.status, 200);
    assert_eq!(with(format!("BEARER {access}")).await.status, 200);
    let refused = with(format!("Bearer {access}x")).await;
    refused.refuses(401, "jeton");
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    with("Bearer".to_owned()).await.refuses(401, "jeton");
    with("Basic dTpw".to_owned()).await.refuses(401, "Connectez-vous");
    server.get(PROFILE).await.refuses(401, "Connectez-vous");
}

#[tokio::test]
async fn an_access_token_ends_with_its_time() {
    let server = Server::with(Written { access_token_s: Some(0), ..Written::default() }).await;
    let access = server.person("awa").await;
    server.get_as(&access, PROFILE).await.refuses(401, "expiré");
}

#[tokio::test]
async fn people_and_their_tokens_are_there_after_a_restart() {
    let server = Server::start().await;
    let access = server.person("awa").await;
    let before = server.get_as(&access, PROFILE).await.json();
    let directory = server.leave().await;
    let server = Server::at(directory, Written::default()).await;
    assert_eq!(server.get_as(&access, PROFILE).await.json(), before);
    let login = json!({"email": "awa@example.org", "password": "mot de passe"});
    assert_eq!(server.post(LOGIN, login).await.status, 200);
}
