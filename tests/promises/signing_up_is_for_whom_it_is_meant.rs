//! Signing up is open, by invitation or closed, is limited, and takes no name that hides or deceives; what a configuration says
//! of issuers is held against what is safe, and the key that sign-ins hang on is not replaced without a word.

use promises::Server;
use promises::people::PASSWORD;
use promises::server::program;
use serde_json::{Value, json};
use tokio::process::Command;

const REGISTER: &str = "/api/users/register/";

fn new(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "first_name": "Awa", "last_name": "Diop"})
}

#[tokio::test(flavor = "multi_thread")]
async fn by_invitation_once() {
    let server = Server::configured(&["--registration", "invited"], &[]).await;
    let mode = server.anonymous().get("/api/users/registration/").await.expect(200).json();
    assert_eq!(mode, json!({"registration": "invited", "mail": false}));
    let sentence = server.anonymous().post(REGISTER, new("a@exemple.sn")).await.refusal(403);
    assert!(sentence.contains("invitation"), "{sentence}");
    let (status, text) = server.command(&["user", "invite"]).await;
    assert!(status.success() && text.starts_with(server.base()), "{text}");
    let (_, token) = text.trim().split_once("/login?invitation=").expect("a link to the page");
    let with = |email: &str, token: &str| {
        let mut body = new(email);
        body["invitation"] = json!(token);
        body
    };
    server.anonymous().post(REGISTER, with("a@exemple.sn", "inconnue")).await.must_be(403);
    server.anonymous().post(REGISTER, with("a@exemple.sn", token)).await.must_be(201);
    server.anonymous().post(REGISTER, with("b@exemple.sn", token)).await.must_be(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn closed() {
    let server = Server::configured(&[], &[("COMMUNICONNECT_REGISTRATION", "closed")]).await;
    let sentence = server.anonymous().post(REGISTER, new("a@exemple.sn")).await.refusal(403);
    assert!(sentence.contains("fermées"), "{sentence}");
    let add = ["user", "add", "a@exemple.sn", "--password", PASSWORD];
    assert!(server.command(&add).await.0.success());
    let body = json!({"email": "a@exemple.sn", "password": PASSWORD});
    server.anonymous().post("/api/users/login/", body).await.must_be(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_an_hour_from_one_address_or_a_64() {
    let server =
        Server::configured(&["--registrations-per-address", "3", "--trust-proxy", "true"], &[]).await;
    let api = server.anonymous();
    let from = async |address: String, email: String| {
        let request = api.request(reqwest::Method::POST, REGISTER).header("X-Forwarded-For", address);
        api.send(request.json(&new(&email))).await
    };
    for number in 0..3 {
        from(format!("2001:db8::{number}"), format!("p{number}@exemple.sn")).await.must_be(201);
    }
    let refused = from("2001:db8::ffff".to_owned(), "p4@exemple.sn".to_owned()).await;
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 60));
    let _ = refused.refusal(429);
    from("2001:db8:0:1::1".to_owned(), "p5@exemple.sn".to_owned()).await.must_be(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_hides_nothing_and_is_no_disguise() {
    let server = Server::start().await;
    let guard = server.person("Awa").await;
    let (status, text) = server.command(&["user", "role", &guard.email, "moderator", "--yes"]).await;
    assert!(status.success(), "{text}");
    let named = |first: &str, last: &str| json!({"email": "x@exemple.sn", "password": PASSWORD, "first_name": first, "last_name": last});
    for (first, last) in [
        ("A\u{200B}wa", "Ndiaye"),
        ("Awa", "\u{202E}eyaidN"),
        ("Awa\u{0}", ""),
        ("\u{2066}Awa\u{2069}", ""),
        ("Аwа", "Ndiaye"),
        ("Awa", "Ndiауe"),
    ] {
        let _ = server.anonymous().post(REGISTER, named(first, last)).await.refusal(422);
    }
    server.anonymous().post(REGISTER, named("Awa", "Ndiaye")).await.must_be(201);
    let other = server.person("Modou").await;
    let profile = "/api/users/my-profile/";
    other.api.patch(profile, json!({"first_name": "Аwа"})).await.must_be(422);
    for name in ["Aïssatou", "محمد", "李小龙", "N’Deye"] {
        other.api.patch(profile, json!({"first_name": name})).await.must_be(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_guessed_is_refused_at_the_start() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(program());
    command.args(["serve", "--listen", "127.0.0.1:0", "--issuer-secret", "trente et un octets, pas plus !"]);
    command.arg("--data-dir").arg(directory.path().join("data"));
    command.kill_on_drop(true);
    let output = command.output().await.expect("the program can be started");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("32 bytes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_beside_people_is_said_and_not_replaced() {
    let mut server = Server::start().await;
    server.person("Awa").await;
    server.terminate().await;
    let key = server.data().join("signing.key");
    let aside = server.data().join("aside.key");
    std::fs::rename(&key, &aside).expect("the key is there");
    let output = Command::new(program())
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(server.data())
        .kill_on_drop(true)
        .output()
        .await
        .expect("the program can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("signing.key is missing"), "{said}");
    assert!(!key.exists());
    let (status, _) = server.command(&["user", "list"]).await;
    assert!(!status.success() && !key.exists(), "nor by another command");
    std::fs::rename(&aside, &key).expect("it is put back");
    server.restart().await;
}
