//! A live belongs to its author; whoever holds its stream key may publish to it and nothing else.

use promises::{Server, Upload, recorded};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_everything_and_nothing_changes() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let stranger = server.person("Modou").await;
    let upload = live.publish(&author.api, &recorded("webm_vp9_opus.webm")[..200_000]).await;
    let before = live.shown(&author.api).await;

    let _ = stranger.api.patch(&live.path(""), json!({"title": "À moi"})).await.refusal(403);
    let _ = stranger.api.delete(&live.path("")).await.refusal(403);
    let _ = stranger.api.put(&live.path("stop/"), json!({})).await.refusal(403);
    let _ = stranger.api.post(&live.path("stop/"), json!({})).await.refusal(403);
    let create = stranger.api.request(Method::POST, &live.path("upload/"));
    let create = create.header("Tus-Resumable", "1.0.0").header("Upload-Defer-Length", "1");
    let _ = stranger.api.send(create).await.refusal(403);
    let theirs = Upload { api: stranger.api.clone(), ..upload.clone() };
    let _ = theirs.patch_at(200_000, b"junk", &[]).await.refusal(403);
    let ending = stranger.api.request(Method::DELETE, &upload.location).header("Tus-Resumable", "1.0.0");
    let _ = stranger.api.send(ending).await.refusal(403);
    let form = reqwest::multipart::Form::new()
        .part("video", reqwest::multipart::Part::bytes(recorded("webm_vp9_opus.webm")).file_name("v.webm"));
    let whole = stranger.api.request(Method::POST, &live.path("upload-video/")).multipart(form);
    let _ = stranger.api.send(whole).await.refusal(403);

    let after = live.shown(&author.api).await;
    for field in ["title", "state", "saved_ms", "revision"] {
        assert_eq!(before[field], after[field], "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_one_is_asked_who_one_is() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let upload = live.publish(&author.api, &recorded("webm_vp9_opus.webm")[..100_000]).await;
    let nobody = server.anonymous();
    let _ = nobody.post("/api/posts/live/start/", json!({})).await.refusal(401);
    let _ = nobody.patch(&live.path(""), json!({"title": "x"})).await.refusal(401);
    let _ = nobody.delete(&live.path("")).await.refusal(401);
    let _ = nobody.post(&live.path("stop/"), json!({})).await.refusal(401);
    let _ = nobody.post(&live.path("chat/"), json!({"content": "x"})).await.refusal(401);
    let _ = nobody.get("/api/users/my-profile/").await.refusal(401);
    let theirs = Upload { api: nobody.clone(), ..upload };
    let _ = theirs.patch_at(100_000, b"junk", &[]).await.refusal(401);
    let forged = nobody.with_token("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.");
    let _ = forged.post(&live.path("stop/"), json!({})).await.refusal(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_key_publishes_and_does_nothing_else() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let encoder = server.anonymous().with_token(&live.key);
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = live.publish(&encoder, &bytes[..300_000]).await;
    let status = encoder.patch(&live.path(""), json!({"title": "x"})).await.status;
    assert!(matches!(status, 401 | 403), "PATCH with the key: {status}");
    let status = encoder.delete(&live.path("")).await.status;
    assert!(matches!(status, 401 | 403), "DELETE with the key: {status}");
    let status = encoder.post(&live.path("chat/"), json!({"content": "x"})).await.status;
    assert!(matches!(status, 401 | 403), "a message with the key: {status}");
    let other = author.start_live(json!({})).await;
    let create = encoder.request(Method::POST, &other.path("upload/"));
    let create = create.header("Tus-Resumable", "1.0.0").header("Upload-Defer-Length", "1");
    let status = encoder.send(create).await.status;
    assert!(matches!(status, 401 | 403), "the key of one live opens another: {status}");
    upload.append(&bytes[300_000..]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_author_changes_and_deletes() {
    let server = Server::start().await;
    let (author, live) = server.live().await;
    let changed = author.api.patch(&live.path(""), json!({"title": "Le soir", "description": "Fin"})).await;
    assert_eq!(changed.expect(200).json()["title"], "Le soir");
    assert_eq!(live.shown(&server.anonymous()).await["description"], "Fin");
    author.api.delete(&live.path("")).await.must_be(204);
    let _ = author.api.get(&live.path("")).await.refusal(404);
    let listed = server.anonymous().get("/api/posts/live/").await.expect(200).json();
    assert_eq!(listed["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_may_stop_and_delete() {
    let server = Server::start().await;
    let (_author, live) = server.live().await;
    let guard = server.person("Fatou").await;
    let (status, text) = server.command(&["user", "role", &guard.email, "admin", "--yes"]).await;
    assert!(status.success(), "{text}");
    guard.api.post(&live.path("stop/"), json!({})).await.must_be(200);
    guard.api.delete(&live.path("")).await.must_be(204);
}
