//! Words of a conversation are found in whatever script they are written, also in a directory of an earlier version.

use promises::Server;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn inside_a_run_of_signs_by_an_emoji_and_in_both_spellings() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let said = [
        "我今天去了图书馆看书",
        "Rendez-vous Hauptstraße 5 🎉",
        "Quel cœur 👍🏽",
        "日本語を勉強しています",
        "สวัสดีครับ",
    ];
    for content in said {
        author.api.post(&live.path("chat/"), json!({"content": content})).await.must_be(201);
    }
    for (asked, found) in [
        ("图书馆", 0),
        ("书", 0),
        ("今天", 0),
        ("hauptstrasse", 1),
        ("HAUPTSTRASSE", 1),
        ("Hauptstraße", 1),
        ("🎉", 1),
        ("coeur", 2),
        ("👍", 2),
        ("勉強", 3),
        ("ครับ", 4),
    ] {
        let path = reqwest::Url::parse_with_params("http://x/", [("q", asked)]).expect("an address");
        let path = live.path(&format!("chat/messages/?{}", path.query().expect("a query")));
        let messages = author.api.get(&path).await.expect(200).json();
        let contents: Vec<_> =
            messages.as_array().expect("a list").iter().map(|one| one["content"].as_str()).collect();
        assert_eq!(contents, [Some(said[found])], "{asked}");
    }
}
