//! Whoever is sent the link of a live sees what it is before they open it: its title, its picture and how long it is.

use promises::{Api, Live, Server, recorded};
use serde_json::{Value, json};

/// The content of a property in the head of a page.
fn said(page: &str, name: &str) -> Option<String> {
    let after = page.split_once(&format!("=\"{name}\" content=\""))?.1;
    Some(after.split_once('"')?.0.to_owned())
}

async fn page(api: &Api, address: &str) -> String {
    let page = api.get(address).await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    String::from_utf8(page.body.to_vec()).expect("UTF-8")
}

async fn address(live: &Live) -> String {
    live.started["watch_url"].as_str().expect("watch_url").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn to_whoever_may_see_it() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let title = "Réunion \"du quartier\" <b>& plus</b>";
    for visibility in ["public", "unlisted"] {
        let live = author.start_live(json!({"title": title, "visibility": visibility})).await;
        live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
        let page = page(&server.anonymous(), &address(&live).await).await;
        let escaped = "Réunion &quot;du quartier&quot; &lt;b&gt;&amp; plus&lt;/b&gt;";
        assert_eq!(said(&page, "og:title").as_deref(), Some(escaped));
        assert!(page.contains(&format!("<title>{escaped}")) && !page.contains("<b>"));
        assert!(page.contains(&format!("data-testid=\"live-title\">{escaped}</h1>")), "without a script");
        let seconds: u64 = said(&page, "video:duration").expect("a duration").parse().expect("seconds");
        assert!((15..30).contains(&seconds), "{seconds}");
        let picture = said(&page, "og:image").expect("a picture").replace("&amp;", "&");
        assert!(
            server.anonymous().get(&picture).await.expect(200).header("content-type").starts_with("image/")
        );
        assert!(said(&page, "og:url").expect("an address").replace("&amp;", "&").starts_with(server.base()));
    }
}

/// The answers that stand in a page for its script.
fn answers(page: &str) -> Option<Value> {
    let after = page.split_once("<script type=\"application/json\" id=\"told\">")?.1;
    serde_json::from_str(after.split_once("</script>")?.0).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn and_the_page_need_not_ask_for_it_again() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    for visibility in ["public", "unlisted"] {
        let live = author.start_live(json!({"title": "</script><b>", "visibility": visibility})).await;
        live.publish(&author.api, &recorded("webm_vp9_opus.webm")).await;
        live.stop(&author.api).await;
        let said = author.api.post(&live.path("chat/"), json!({"content": "<!-- <script>"})).await;
        let said = said.expect(201).json();
        let address = address(&live).await;
        let told = answers(&page(&server.anonymous(), &address).await).expect("answers");
        let query = address.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
        let asked = async |rest: &str| {
            server.anonymous().get(&live.path(&format!("{rest}{query}"))).await.expect(200).json()
        };
        assert_eq!(told["id"], live.id);
        assert_eq!(told["live"]["title"], "</script><b>");
        assert_eq!(without_tokens(&told["live"]), without_tokens(&asked("").await));
        assert_eq!(told["timeline"], asked("timeline/").await);
        assert_eq!(told["messages"], asked("chat/messages/").await);
        assert_eq!(
            (&told["messages"][0]["id"], &told["messages"][0]["content"]),
            (&said["id"], &said["content"])
        );
        assert!(told["change"].is_number());
    }
}

/// A live without what is made anew for each answer.
fn without_tokens(live: &Value) -> String {
    let text = live.to_string();
    text.split("token=").map(|part| part.split_once('"').map_or(part, |(_, rest)| rest)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn and_nothing_to_whoever_may_not() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    for visibility in ["members", "unlisted"] {
        let live = author.start_live(json!({"title": "Secret", "visibility": visibility})).await;
        let page = page(&server.anonymous(), &format!("/live/{}", live.id)).await;
        assert!(!page.contains("Secret") && said(&page, "og:title").is_none(), "{visibility}");
        assert_eq!(answers(&page), None, "{visibility}");
    }
}
