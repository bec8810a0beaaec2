use accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use server::Written;

use crate::server::{Server, answer};

const START: &str = "/api/posts/live/start/";

fn path_of(live: &Value) -> String {
    format!("/api/posts/live/{}/", live["live_id"])
}

fn ids(page: &Value) -> Vec<i64> {
    page["results"].as_array().unwrap().iter().map(|live| live["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_live_starts_without_a_body_and_says_where_everything_is() {
    let server = Server::start().await;
    let awa = server.person("awa").await;
    let started = answer(server.request(Method::POST, START).bearer_auth(&awa)).await;
    assert_eq!(started.status, 201);
    let live = started.json();
    let id = live["live_id"].as_i64().unwrap();
    assert_eq!(live["post_id"], live["live_id"]);
    assert_eq!(live["upload_url"], format!("{}/api/posts/live/{id}/upload/", server.base));
    assert_eq!(live["watch_url"], format!("{}/live/{id}", server.base));
    assert!(live["stream_key"].as_str().unwrap().len() > 20);
    for door in ["rtmp_url", "whip_url", "hls_url"] {
        assert_eq!(live[door], Value::Null);
    }
    let read = server.get(&path_of(&live)).await.json();
    assert_eq!((read["state"].as_str(), read["visibility"].as_str()), (Some("live"), Some("public")));
    assert_eq!((&read["replay"], &read["ended_at"]), (&Value::Null, &Value::Null));
    assert_eq!(read["author"]["first_name"], "awa");
    assert_eq!(read["author"]["email"], Value::Null);
    assert!(read["started_at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn wrong_starts_are_refused_each_with_its_sentence() {
    let server = Server::start().await;
    let awa = server.person("awa").await;
    server.post(START, "{}").await.refuses(401, "Connectez-vous");
    let start = |body: Value| server.send_as(&awa, Method::POST, START, body);
    start(json!({"visibility": "secret"})).await.refuses(422, "visibilité");
    start(json!({"title": "x".repeat(201)})).await.refuses(422, "titre");
    start(json!({"description": "x".repeat(5_001)})).await.refuses(422, "description");
    start(json!({"content": "x".repeat(10_001)})).await.refuses(422, "contenu");
    start(json!({"title": 5})).await.refuses(400, "type attendu");
    assert_eq!(server.get("/api/posts/live/").await.json()["count"], 0);
}

#[tokio::test]
async fn a_person_has_only_so_many_running_lives() {
    let server = Server::with(Written { running_lives: Some(1), ..Written::default() }).await;
    let awa = server.person("awa").await;
    server.live(&awa, json!({})).await;
    let refused = server.send_as(&awa, Method::POST, START, json!({})).await;
    refused.refuses(429, "lives en cours");
    assert!(!refused.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_live_is_stopped_by_put_and_by_post_and_again_without_harm() {
    let server = Server::start().await;
    let awa = server.person("awa").await;
    let live = server.live(&awa, json!({"title": "Bonjour"})).await;
    let stop = format!("{}stop/", path_of(&live));
    let stopped = server.send_as(&awa, Method::PUT, &stop, json!({})).await;
    assert_eq!(stopped.status, 200);
    let told = json!({"message": "Live arrêté avec succès", "video_saved": false, "video_id": null,
                      "duration_ms": 0, "messages": 0, "gaps": [], "unread": [], "replay_url": null});
    assert_eq!(stopped.json(), told);
    let ended = server.get(&path_of(&live)).await.json();
    assert_eq!(ended["state"], "ended");
    assert_eq!(server.send_as(&awa, Method::POST, &stop, json!({})).await.json(), told);
    assert_eq!(server.get(&path_of(&live)).await.json()["ended_at"], ended["ended_at"]);
}

#[tokio::test]
async fn only_the_author_and_moderators_change_stop_and_delete() {
    let server = Server::start().await;
    let (awa, binta) = (server.person("awa").await, server.person("binta").await);
    let moderator = server.person("moussa").await;
    server.give_role("moussa", Role::Moderator).await;
    let live = server.live(&awa, json!({})).await;
    let (path, stop) = (path_of(&live), format!("{}stop/", path_of(&live)));
    let key = live["stream_key"].as_str().unwrap();
    for (method, path) in [(Method::PATCH, &path), (Method::DELETE, &path), (Method::PUT, &stop)] {
        answer(server.request(method.clone(), path)).await.refuses(401, "Connectez-vous");
        server.send_as(&binta, method.clone(), path, json!({})).await.refuses(403, "pas le vôtre");
        if path != &stop {
            server.send_as(key, method, path, json!({})).await.refuses(403, "pas le vôtre");
        }
    }
    let changed = server.send_as(&moderator, Method::PATCH, &path, json!({"title": "Vu"})).await;
    assert_eq!(changed.json()["title"], "Vu");
    server.send_as(&awa, Method::PATCH, &path, json!({"title": "x".repeat(201)})).await.refuses(422, "titre");
    assert_eq!(server.send_as(&moderator, Method::PUT, &stop, json!({})).await.status, 200);
    assert_eq!(server.send_as(&awa, Method::DELETE, &path, json!({})).await.status, 204);
    server.get_as(&awa, &path).await.refuses(404, "n'existe pas");
    server.send_as(&awa, Method::PUT, &stop, json!({})).await.refuses(404, "n'existe pas");
}

#[tokio::test]
async fn an_unlisted_live_is_found_with_its_key_only() {
    let server = Server::start().await;
    let (awa, binta) = (server.person("awa").await, server.person("binta").await);
    let live = server.live(&awa, json!({"visibility": "unlisted"})).await;
    let path = path_of(&live);
    let watch = live["watch_url"].as_str().unwrap();
    let key = watch.split_once("?key=").unwrap().1;
    server.get(&path).await.refuses(404, "n'existe pas");
    server.get_as(&binta, &path).await.refuses(404, "n'existe pas");
    server.get(&format!("{path}?key={key}x")).await.refuses(404, "n'existe pas");
    server.send_as(&binta, Method::PATCH, &path, json!({})).await.refuses(404, "n'existe pas");
    let with_key = server.get(&format!("{path}?key={key}")).await;
    assert_eq!((with_key.status.as_u16(), with_key.json()["watch_url"].as_str()), (200, Some(watch)));
    assert_eq!(server.get_as(&awa, &path).await.status, 200);
    for token in [&awa, &binta] {
        assert_eq!(server.get_as(token, "/api/posts/live/").await.json()["count"], 0);
    }
    assert_eq!(server.get_as(&awa, "/api/posts/live/?mine=true").await.json()["count"], 1);
}

#[tokio::test]
async fn a_members_live_is_for_those_signed_in() {
    let server = Server::start().await;
    let (awa, binta) = (server.person("awa").await, server.person("binta").await);
    let live = server.live(&awa, json!({"visibility": "members"})).await;
    server.get(&path_of(&live)).await.refuses(404, "n'existe pas");
    assert_eq!(server.get_as(&binta, &path_of(&live)).await.status, 200);
    assert_eq!(server.get("/api/posts/live/").await.json()["count"], 0);
    assert_eq!(server.get_as(&binta, "/api/posts/live/").await.json()["count"], 1);
}

#[tokio::test]
async fn lists_come_in_pages_by_state_and_by_words() {
    let server = Server::start().await;
    let awa = server.person("awa").await;
    let mut started = Vec::new();
    for title in ["Prière", "Foot", "Marché"] {
        let live = server.live(&awa, json!({"title": title})).await;
        started.push(live["live_id"].as_i64().unwrap());
    }
    server.send_as(&awa, Method::PUT, &format!("/api/posts/live/{}/stop/", started[0]), json!({})).await;
    let first = server.get("/api/posts/live/?page_size=2&q=").await.json();
    assert_eq!((first["count"].as_i64(), ids(&first)), (Some(3), vec![started[2], started[1]]));
    assert_eq!(first["previous"], Value::Null);
    let next = first["next"].as_str().unwrap().strip_prefix(&server.base).unwrap();
    let second = server.get(next).await.json();
    assert_eq!((ids(&second), &second["next"]), (vec![started[0]], &Value::Null));
    let back = second["previous"].as_str().unwrap().strip_prefix(&server.base).unwrap();
    assert_eq!(server.get(back).await.json(), first);
    let found = |query: &'static str| async { ids(&server.get(query).await.json()) };
    assert_eq!(found("/api/posts/live/?state=ended").await, [started[0]]);
    assert_eq!(found("/api/posts/live?state=live").await, [started[2], started[1]]);
    assert_eq!(found("/api/posts/live/?q=priere").await, [started[0]]);
    assert_eq!(found("/api/posts/live/?page=9").await, Vec::<i64>::new());
    assert_eq!(found("/api/posts/?is_live_post=true").await, [started[2], started[1]]);
    assert_eq!(found("/api/posts/?is_live_post=false").await, [started[0]]);
    let post = server.get("/api/posts/?page_size=1").await.json()["results"][0].clone();
    assert_eq!((post["title"].as_str(), &post["live"]["id"]), (Some("Marché"), &post["id"]));
}

#[tokio::test]
async fn wrong_pages_and_states_are_refused() {
    let server = Server::start().await;
    for list in ["/api/posts/live/", "/api/posts/"] {
        for query in ["page=0", "page=-1", "page=x", "page="] {
            server.get(&format!("{list}?{query}")).await.refuses(400, "à partir de 1");
        }
        for query in ["page_size=0", "page_size=201", "page_size=x"] {
            server.get(&format!("{list}?{query}")).await.refuses(400, "de 1 à 200");
        }
    }
    server.get("/api/posts/live/?state=paused").await.refuses(400, "live ou ended");
    server.get("/api/posts/?is_live_post=maybe").await.refuses(400, "true ou false");
}

#[tokio::test]
async fn lives_are_there_after_a_restart_and_numbers_are_never_used_again() {
    let server = Server::start().await;
    let awa = server.person("awa").await;
    let kept = server.live(&awa, json!({"title": "Gardé"})).await;
    let deleted = server.live(&awa, json!({})).await;
    server.send_as(&awa, Method::DELETE, &path_of(&deleted), json!({})).await;
    let server = Server::at(server.leave().await, Written::default()).await;
    let read = server.get(&path_of(&kept)).await.json();
    assert_eq!((read["title"].as_str(), read["state"].as_str()), (Some("Gardé"), Some("live")));
    server.get(&path_of(&deleted)).await.refuses(404, "n'existe pas");
    let next = server.live(&awa, json!({})).await;
    assert!(next["live_id"].as_i64() > deleted["live_id"].as_i64());
}

#[tokio::test]
async fn a_live_that_nothing_comes_for_ends_by_itself() {
    let server = Server::with(Written { patience_s: Some(0.1), ..Written::default() }).await;
    let awa = server.person("awa").await;
    let live = server.live(&awa, json!({})).await;
    let ends = async {
        while server.get(&path_of(&live)).await.json()["state"] != "ended" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), ends).await.expect("it ends");
}
