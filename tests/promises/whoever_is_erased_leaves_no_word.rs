//! Who is deleted is erased: lives, words in other people's lives, sign-ins, the account, in rows, in the search index, in
//! bodies and in the log of the database. What others said stays, and messages keep their places.

use std::time::Duration;

use promises::files::holding;
use promises::people::PASSWORD;
use promises::talk::Talk;
use promises::{Live, Person, Server, recorded, within};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(2);
/// Longer than it takes until nothing of it is in the files: other tests run beside this one.
const WRITTEN: Duration = Duration::from_secs(20);
/// Words that are nowhere else.
const WORDS: [&str; 6] =
    ["zanzibarine", "quolibetique", "fermenterait", "hurluberlue", "tartignolle", "mirobolante"];

/// Somebody who has said and published words, and a live of somebody else in which they did.
struct Scene {
    leaver: Person,
    theirs: Live,
    host: Person,
    live: Live,
}

async fn scene(server: &Server) -> Scene {
    let (leaver, host) = (server.person("Zanzibarine").await, server.person("Awa").await);
    let theirs = leaver
        .start_live(json!({"title": "quolibetique du soir", "description": "on fermenterait", "content": "hurluberlue"}))
        .await;
    theirs.publish(&leaver.api, &recorded("webm_vp9_opus.webm")[..200_000]).await;
    leaver.api.post(&theirs.path("chat/"), json!({"content": "tartignolle chez moi"})).await.must_be(201);
    let live = host.start_live(json!({"title": "Marché"})).await;
    for number in 0..30 {
        host.api
            .post(&live.path("chat/"), json!({"content": format!("bonjour {number}")}))
            .await
            .must_be(201);
        let content = format!("mirobolante {number} et tartignolle aussi");
        leaver.api.post(&live.path("chat/"), json!({"content": content})).await.must_be(201);
    }
    let found = host.api.get(&live.path("chat/messages/?q=mirobolante")).await.expect(200).json();
    assert_eq!(found.as_array().map(Vec::len), Some(30), "they are in the index");
    host.api.get("/api/posts/live/?q=quolibetique").await.must_be(200);
    Scene { leaver, theirs, host, live }
}

impl Scene {
    async fn is_erased(&self, server: &Server) -> bool {
        let theirs = server.anonymous().get(&self.theirs.path("")).await.status;
        let said: Value = server.anonymous().get(&self.live.path("chat/messages/")).await.expect(200).json();
        let said = said.as_array().expect("a list");
        let by_leaver = said.iter().filter(|message| message["author"]["id"] == self.leaver.id);
        let gone = by_leaver.clone().all(|message| {
            message["deleted"] == true && message["content"] == "" && message["author"]["first_name"] == ""
        });
        theirs == 404 && gone && by_leaver.count() == 30 && said.len() == 60
    }

    async fn leaves_nothing(&self, server: &Server) {
        let words: Vec<&str> = WORDS.iter().copied().chain([self.leaver.email.as_str()]).collect();
        within(WRITTEN, "no file holds a word of theirs", async || holding(server.data(), &words).is_empty())
            .await;
        let found =
            self.host.api.get(&self.live.path("chat/messages/?q=mirobolante")).await.expect(200).json();
        assert_eq!(found, json!([]));
        let found = self.host.api.get(&self.live.path("chat/messages/?q=bonjour")).await.expect(200).json();
        assert_eq!(found.as_array().map(Vec::len), Some(30), "what others said stays");
        let body = json!({"email": self.leaver.email, "password": PASSWORD});
        server.anonymous().post("/api/users/login/", body).await.must_be(401);
        let (status, text) = server.command(&["verify"]).await;
        assert!(status.success(), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_command_line_beside_a_server() {
    let server = Server::start().await;
    let scene = scene(&server).await;
    let mut talk = Talk::open(&server, &scene.live, "?after=0").await;
    talk.collect(60).await;
    assert!(!holding(server.data(), &WORDS).is_empty(), "the words are there before");
    let who = scene.leaver.id.to_string();
    let (status, text) = server.command(&["user", "delete", &who]).await;
    assert!(!status.success() && text.contains("Zanzibarine"), "it asks: {text}");
    scene.leaver.api.get("/api/users/my-profile/").await.must_be(200);
    let (status, text) = server.command(&["user", "delete", &who, "--yes"]).await;
    assert!(status.success() && text.contains("running server"), "{text}");
    within(SOON, "they are erased", async || scene.is_erased(&server).await).await;
    scene.leaver.api.get("/api/users/my-profile/").await.must_be(401);
    talk.next_of("deleted").await;
    scene.leaves_nothing(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_api() {
    let server = Server::start().await;
    let scene = scene(&server).await;
    let (status, text) = server.command(&["user", "role", &scene.host.email, "admin", "--yes"]).await;
    assert!(status.success(), "{text}");
    let path = format!("/api/admin/users/{}/", scene.leaver.id);
    within(SOON, "the role is felt", async || scene.host.api.get(&path).await.status == 200).await;
    scene.host.api.delete(&path).await.must_be(204);
    scene.host.api.get(&path).await.must_be(404);
    scene.leaver.api.get("/api/users/my-profile/").await.must_be(401);
    within(SOON, "they are erased", async || scene.is_erased(&server).await).await;
    scene.leaves_nothing(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_when_one_starts() {
    let mut server = Server::start().await;
    let mut scene = scene(&server).await;
    server.terminate().await;
    let (status, text) = server.command(&["user", "delete", &scene.leaver.email, "--yes"]).await;
    assert!(status.success() && text.contains("when a server starts"), "{text}");
    server.restart().await;
    scene.host.follow(&server);
    within(SOON, "they are erased", async || scene.is_erased(&server).await).await;
    scene.leaves_nothing(&server).await;
}
