//! Programs see by the status alone whether publishing is taken and whether a path is there.

use promises::Server;
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn ready_is_told_by_engine_and_not_ready_is_503() {
    let server = Server::start().await;
    let answer = server.anonymous().get("/readyz").await.expect(200).json();
    assert_eq!(answer, serde_json::json!({"database": "ok", "recordings": "ok", "shutting_down": false}));
    // All of the disk is kept free: nothing may be recorded.
    let server = Server::configured(&["--reserve", "9000000000000000000"], &[]).await;
    let answer = server.anonymous().get("/readyz").await.expect(503).json();
    assert_eq!(answer["recordings"], "full");
    server.anonymous().get("/healthz").await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_404_for_programs_and_browsers() {
    let server = Server::start().await;
    let api = server.anonymous();
    for path in
        ["/healthzz", "/readyz/x", "/wp-login.php", "/live/", "/live/abc", "/live/1/x", "/api/x", "/studio/x"]
    {
        let answer = api.get(path).await.expect(404);
        assert!(answer.header("content-type").contains("problem+json"), "{path}");
        let request = api.request(Method::GET, path).header("Accept", "text/html,*/*;q=0.8");
        api.send(request).await.must_be(404);
    }
    for path in ["/", "/login", "/register/", "/studio", "/live/7", "/live/7/"] {
        let answer = api.get(path).await.expect(200);
        assert!(answer.header("content-type").contains("text/html"), "{path}");
    }
}
