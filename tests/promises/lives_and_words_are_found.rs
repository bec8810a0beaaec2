//! A live is found as a post, among those of its author, by its words, and by what was said in it: by whoever may see it.

use promises::{Api, Server};
use serde_json::{Value, json};

async fn found(api: &Api, words: &str) -> Vec<Value> {
    let page = api.get(&format!("/api/search/?q={words}")).await.expect(200).json();
    let results = page["results"].as_array().expect("results").clone();
    assert_eq!(page["count"], results.len());
    results
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_in_titles_and_in_what_was_said() {
    let server = Server::start().await;
    let (awa, binta) = (server.person("Awa").await, server.person("Binta").await);
    let mut lives = Vec::new();
    for (visibility, title) in
        [("public", "Réunion du quartier"), ("members", "Réunion fermée"), ("unlisted", "Réunion secrète")]
    {
        let live = awa.start_live(json!({"visibility": visibility, "title": title})).await;
        awa.api
            .post(&live.path("chat/"), json!({"content": format!("le puits, {visibility}")}))
            .await
            .must_be(201);
        lives.push(live);
    }
    for (api, count) in [(&server.anonymous(), 1), (&binta.api, 2), (&awa.api, 3)] {
        let titles = found(api, "reunion").await;
        assert_eq!(titles.len(), count, "{titles:?}");
        assert!(titles.iter().all(|hit| hit["message"].is_null()));
        let said = found(api, "puits").await;
        assert_eq!(said.len(), count, "{said:?}");
        for hit in &said {
            let visibility = hit["live"]["visibility"].as_str().expect("a word");
            assert_eq!(hit["message"]["content"], format!("le puits, {visibility}"));
        }
    }
    let deleted = found(&awa.api, "puits").await[0]["message"]["id"].clone();
    let newest = lives.last().expect("three lives");
    awa.api.delete(&newest.path(&format!("chat/{deleted}/"))).await.must_be(204);
    assert_eq!(found(&awa.api, "puits").await.len(), 2, "what was deleted is found no more");
    assert!(found(&awa.api, "").await.is_empty() && found(&awa.api, "absent").await.is_empty());
    let page = awa.api.get("/api/search/?q=reunion&page=2&page_size=2").await.expect(200).json();
    assert_eq!((page["count"].clone(), page["results"].as_array().map(Vec::len)), (json!(3), Some(1)));
    assert!(page["previous"].is_string() && page["next"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn lives_are_listed_by_author_and_read_as_posts() {
    let server = Server::start().await;
    let (awa, binta) = (server.person("Awa").await, server.person("Binta").await);
    let mine = awa.start_live(json!({"title": "Le mien", "content": "Venez !"})).await;
    awa.start_live(json!({"visibility": "unlisted"})).await;
    binta.start_live(json!({})).await;
    for path in ["/api/posts/live/", "/api/posts/"] {
        let page = binta.api.get(&format!("{path}?author={}", awa.id)).await.expect(200).json();
        assert_eq!(page["count"], 1, "{path}: unlisted ones are in no list of others: {page}");
        assert_eq!(page["results"][0]["id"], mine.id);
        for bad in ["abc", "-1", "0"] {
            binta.api.get(&format!("{path}?author={bad}")).await.must_be(400);
        }
    }
    binta.api.get("/api/posts/live/?mine=AAA").await.must_be(400);
    let all = awa.api.get("/api/posts/live/?mine=true").await.expect(200).json();
    assert_eq!(all["count"], 2);
    let post = server.anonymous().get(&format!("/api/posts/{}/", mine.id)).await.expect(200).json();
    assert_eq!(
        (&post["id"], &post["title"], &post["content"]),
        (&json!(mine.id), &json!("Le mien"), &json!("Venez !"))
    );
    assert_eq!((&post["is_live_post"], &post["live"]["id"]), (&json!(true), &json!(mine.id)));
    server.anonymous().get("/api/posts/999999/").await.must_be(404);
}
