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
        let get =
            async |coding| answer(server.request(Method::GET, asset).header("accept-encoding", coding)).await;
        let file = get("gzip, br").await;
        assert_eq!(file.status, 200);
        assert!(file.header("cache-control").contains("immutable"));
        assert_eq!(file.header("vary").to_ascii_lowercase(), "accept-encoding");
        assert_eq!(file.header("content-security-policy"), "", "it is a page's");
        // What gains nothing from it is sent as it is.
        let is_tiny = file.header("content-length").parse::<u64>().is_ok_and(|len| len < 1_024);
        if !is_tiny {
            assert_eq!(file.header("content-encoding"), "br", "{asset}");
            let others = [get("br;q=0, gzip").await, get("identity").await];
            assert_eq!(others[0].header("content-encoding"), "gzip", "{asset}");
            assert_eq!(others[1].header("content-encoding"), "", "{asset}");
            let tags = [file.header("etag"), others[0].header("etag"), others[1].header("etag")];
            assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
            let again = server.request(Method::GET, asset).header("accept-encoding", "br");
            let again = answer(again.header("if-none-match", tags[0])).await;
            assert_eq!((again.status.as_u16(), again.header("etag")), (304, tags[0]));
            server.get(&format!("{asset}.br")).await.refuses(404, "rien à cette adresse");
        }
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
