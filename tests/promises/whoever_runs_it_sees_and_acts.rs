//! Lives, reports, bans, invitations, quotas and archives: by command line and by API for administrators, felt by the running
//! server within two seconds.

use std::io::Read;
use std::process::Command;
use std::time::Duration;

use promises::files::holding;
use promises::{Person, Server, recorded, within};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(2);

async fn run(server: &Server, arguments: &[&str]) -> Value {
    let (status, text) = server.command(&[arguments, &["--json"]].concat()).await;
    assert!(status.success(), "{arguments:?}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

async fn admin(server: &Server) -> Person {
    let admin = server.person("Fatou").await;
    run(server, &["user", "role", &admin.email, "admin", "--yes"]).await;
    within(SOON, "the role is felt", async || admin.api.get("/api/admin/users/").await.status == 200).await;
    admin
}

#[tokio::test(flavor = "multi_thread")]
async fn lives_are_listed_with_their_owners_and_deleted() {
    let server = Server::start().await;
    let (admin, author) = (admin(&server).await, server.person("Awa").await);
    let hidden = author.start_live(json!({"title": "Entre nous", "visibility": "unlisted"})).await;
    hidden.publish(&author.api, &recorded("webm_vp9_opus.webm")[..200_000]).await;
    hidden.stop(&author.api).await;
    let running = author.start_live(json!({"title": "Marché"})).await;

    let listed = run(&server, &["live", "list"]).await;
    let page = admin.api.get("/api/admin/lives/?page_size=1").await.expect(200).json();
    assert_eq!((&page["count"], &page["results"][0]), (&json!(2), &listed[0]), "the newest first");
    let shown = run(&server, &["live", "show", &hidden.id.to_string()]).await;
    assert_eq!(shown, listed[1]);
    assert_eq!(shown["owner"]["email"], author.email.as_str());
    assert_eq!((&shown["visibility"], &shown["state"]), (&json!("unlisted"), &json!("ended")));
    assert!(shown["bytes"].as_i64() > Some(100_000), "{shown}");
    let found = run(&server, &["live", "list", "--state", "live", "--owner", &author.email]).await;
    assert_eq!((found[0]["id"].as_i64(), found.as_array().map(Vec::len)), (Some(running.id), Some(1)));

    let (status, text) = server.command(&["live", "delete", &hidden.id.to_string()]).await;
    assert!(!status.success() && text.contains("Entre nous") && text.contains("--yes"), "{text}");
    run(&server, &["live", "delete", &hidden.id.to_string(), "--yes"]).await;
    let gone = async || author.api.get(&hidden.path("")).await.status == 404;
    within(SOON, "it is gone in the running server", gone).await;
    let folder = server.data().join("lives").join(hidden.id.to_string());
    within(Duration::from_secs(10), "and so are its bodies", async || !folder.exists()).await;
    admin.api.delete(&format!("/api/admin/lives/{}/", running.id)).await.must_be(204);
    author.api.get(&running.path("")).await.must_be(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_bans_and_invitations_are_seen_and_acted_on() {
    let server = Server::start().await;
    let (admin, author, guest) =
        (admin(&server).await, server.person("Awa").await, server.person("Binta").await);
    let live = author.start_live(json!({})).await;
    let message =
        guest.api.post(&live.path("chat/"), json!({"content": "Grossier"})).await.expect(201).json();
    let path = live.path(&format!("chat/{}/report/", message["id"]));
    server.anonymous().post(&path, json!({})).await.must_be(401);
    let _ = author.api.post(&path, json!({"reason": "x".repeat(501)})).await.refusal(422);
    author.api.post(&path, json!({"reason": "impoli"})).await.must_be(201);
    author.api.post(&live.path("chat/16777999/report/"), json!({})).await.must_be(404);
    let reports = run(&server, &["report", "list"]).await;
    assert_eq!((&reports[0]["content"], &reports[0]["reason"]), (&json!("Grossier"), &json!("impoli")));
    assert_eq!(reports[0]["reported_by"]["email"], author.email.as_str());
    let page = admin.api.get("/api/admin/reports/").await.expect(200).json();
    assert_eq!(page["results"], reports);
    let report = format!("/api/admin/reports/{}/", reports[0]["id"]);
    admin.api.delete(&report).await.must_be(204);
    admin.api.delete(&report).await.must_be(404);

    let id = live.id.to_string();
    let banned = run(&server, &["ban", "add", &guest.email, "--live", &id]).await;
    assert_eq!((&banned["live_id"], &banned["person"]["id"]), (&json!(live.id), &json!(guest.id)));
    let refused = guest.api.post(&live.path("chat/"), json!({"content": "Encore"})).await;
    assert_eq!(refused.status, 403, "at once, in the running server");
    assert_eq!(run(&server, &["ban", "list"]).await, json!([banned]));
    run(&server, &["ban", "remove", &guest.email, "--live", &id]).await;
    guest.api.post(&live.path("chat/"), json!({"content": "Pardon"})).await.must_be(201);
    let body = json!({"live_id": live.id, "person_id": guest.id, "seconds": 60});
    admin.api.post("/api/admin/bans/", body).await.must_be(204);
    let page = admin.api.get(&format!("/api/admin/bans/?live_id={id}")).await.expect(200).json();
    assert!(page["results"][0]["until"].is_string(), "{page}");
    admin.api.delete(&format!("/api/admin/bans/{id}/{}/", guest.id)).await.must_be(204);
    assert_eq!(run(&server, &["ban", "list"]).await, json!([]));

    let link = run(&server, &["invitation", "add"]).await;
    assert!(link["url"].as_str().is_some_and(|url| url.contains("invitation=")), "{link}");
    let invited = run(&server, &["invitation", "list"]).await;
    assert_eq!(invited[0]["expires_at"], link["expires_at"]);
    let page = admin.api.get("/api/admin/invitations/").await.expect(200).json();
    assert_eq!(page["results"], invited);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_ones_own_is_felt_soon() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let live = author.start_live(json!({})).await;
    live.publish(&author.api, &recorded("webm_vp9_opus.webm")[..200_000]).await;
    let said = run(&server, &["user", "quota", &author.email, "1000"]).await;
    assert_eq!(said["quota_bytes"], 1_000);
    assert!(said["stored_bytes"].as_u64() > Some(100_000), "{said}");
    let create = async || {
        let request = author.api.request(reqwest::Method::POST, &live.path("upload/"));
        let request = request.header("Tus-Resumable", "1.0.0").header("Upload-Defer-Length", "1");
        author.api.send(request).await.status
    };
    within(SOON, "nothing more is taken", async || create().await == 507).await;
    run(&server, &["user", "quota", &author.email, "usual"]).await;
    within(SOON, "more is taken again", async || create().await == 201).await;
}

/// A word that is nowhere else, of a person, in each place where they leave words.
const WORDS: [&str; 4] = ["babelutte", "calembredaine", "galimatias", "turlupinade"];

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_has_everything_of_a_person_and_erasure_leaves_nothing_of_it() {
    let server = Server::start().await;
    let (leaver, host) = (server.person("Awa").await, server.person("Binta").await);
    let theirs = leaver.start_live(json!({"title": WORDS[0]})).await;
    theirs.publish(&leaver.api, &recorded("webm_vp9_opus.webm")[..300_000]).await;
    theirs.stop(&leaver.api).await;
    let live = host.start_live(json!({})).await;
    let rude = host.api.post(&live.path("chat/"), json!({"content": "Non"})).await.expect(201).json();
    leaver.api.post(&live.path("chat/"), json!({"content": WORDS[1]})).await.must_be(201);
    let report = live.path(&format!("chat/{}/report/", rude["id"]));
    leaver.api.post(&report, json!({"reason": WORDS[2]})).await.must_be(201);
    host.api.patch(&live.path("chat/rules/"), json!({"hold": true})).await.must_be(200);
    leaver.api.post(&live.path("chat/"), json!({"content": WORDS[3]})).await.must_be(202);

    let folder = tempfile::tempdir().expect("a folder");
    for ending in ["zip", "tar"] {
        let file = folder.path().join(format!("awa.{ending}"));
        let name = file.to_str().expect("a name");
        run(&server, &["user", "export", &leaver.email, "-o", name]).await;
        let (status, text) = server.command(&["user", "export", &leaver.email, "-o", name]).await;
        assert!(!status.success() && text.contains(name), "an archive is not written over: {text}");
        let bytes = std::fs::read(&file).expect("it is there");
        for word in WORDS.iter().copied().chain([leaver.email.as_str()]) {
            assert!(bytes.windows(word.len()).any(|here| here == word.as_bytes()), "{ending} has {word}");
        }
    }
    let (status, text) = server.command(&["user", "export", &leaver.email, "-o", "awa.rar"]).await;
    assert!(!status.success() && text.contains(".zip"), "{text}");
    let listed = Command::new("tar").arg("-tf").arg(folder.path().join("awa.tar")).output();
    let listed = String::from_utf8(listed.expect("tar runs").stdout).expect("names are text");
    let recording = format!("lives/{}/recording.mp4", theirs.id);
    for name in ["person.json", "messages.json", "reports.json", recording.as_str()] {
        assert!(listed.lines().any(|line| line == name), "{name} is in\n{listed}");
    }
    let archive = folder.path().join("awa.tar");
    let unpacked = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(folder.path()).status();
    assert!(unpacked.expect("tar runs").success());
    let replay = theirs.replay(&server.anonymous(), "mp4").await.body;
    let mut kept = Vec::new();
    let file = std::fs::File::open(folder.path().join(&recording));
    file.expect("it is there").read_to_end(&mut kept).expect("it is read");
    assert!(kept == replay, "the recording in it is the replay, byte for byte");

    let (backup, nobody) = (folder.path().join("backup"), [leaver.email.as_str()]);
    let backup = backup.to_str().expect("a name");
    let saved = server.command(&["backup", backup]).await;
    assert!(saved.0.success() && !holding(backup.as_ref(), &WORDS).is_empty(), "{}", saved.1);
    run(&server, &["user", "erase", &leaver.email, "--yes"]).await;
    let words: Vec<&str> = WORDS.iter().copied().chain(nobody).collect();
    let nothing = async || holding(server.data(), &words).is_empty();
    within(Duration::from_secs(20), "no file holds a word of theirs", nothing).await;
    assert!(!words.iter().any(|word| server.log().contains(word)), "nor does the log: {}", server.log());
    let saved = server.command(&["backup", backup]).await;
    assert!(saved.0.success(), "{}", saved.1);
    assert!(holding(backup.as_ref(), &words).is_empty(), "nor does a later backup");
}
