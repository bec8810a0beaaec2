use reqwest::Method;

use crate::server::{Server, answer};

#[tokio::test]
async fn navigations_get_the_page_with_a_policy_and_files_that_are_not_there_404() {
    let server = Server::start().await;
    for path in ["/", "/live/1", "/studio", "/login/"] {
        let page = server.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.body.contains("CommuniConnect"), "{}", page.body);
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
    server.get("/assets/none.js").await.refuses(404, "rien à cette adresse");
    server.get("/../../etc/passwd.txt").await.refuses(404, "rien à cette adresse");
}

#[tokio::test]
async fn the_page_is_asked_for_again_only_when_it_changed() {
    let server = Server::start().await;
    let page = server.get("/").await;
    let etag = page.header("etag").to_owned();
    if etag.is_empty() {
        // The pages were not built; what stands in for them has no version.
        assert!(page.body.contains("n'ont pas été construites"));
        return;
    }
    assert!(page.header("content-security-policy").contains("frame-ancestors 'self'"));
    assert!(!page.header("content-security-policy").contains("unsafe"));
    assert!(page.header("content-security-policy").contains("require-trusted-types-for 'script'"));
    let again = answer(server.request(Method::GET, "/").header("if-none-match", &etag)).await;
    assert_eq!((again.status.as_u16(), again.body.as_str()), (304, ""));
    let assets: Vec<&str> = page.body.split('"').filter(|part| part.starts_with("/assets/")).collect();
    let mut small = 0;
    for asset in &assets {
        let file = answer(server.request(Method::GET, asset).header("accept-encoding", "gzip, br")).await;
        assert_eq!(file.status, 200);
        assert!(file.header("cache-control").contains("immutable"));
        // What gains nothing from it is sent as it is.
        let is_tiny = file.header("content-length").parse::<u64>().is_ok_and(|len| len < 1_024);
        assert!(is_tiny || file.header("content-encoding") == "gzip", "{asset}");
        small += usize::from(!is_tiny);
    }
    assert!(small > 0, "the page has a script: {assets:?}");
}

#[tokio::test]
async fn pages_of_other_sites_load_the_custom_elements_and_nothing_else() {
    let server = Server::start().await;
    let from_elsewhere = async |path| {
        answer(server.request(Method::GET, path).header("origin", "https://ecole.example")).await
    };
    let elements = from_elsewhere("/embed/communiconnect-live.js").await;
    if elements.status == 404 {
        assert!(server.get("/").await.body.contains("n'ont pas été construites"));
        return;
    }
    assert_eq!(elements.header("access-control-allow-origin"), "*");
    assert_eq!(from_elsewhere("/").await.header("access-control-allow-origin"), "");
}
