//! Where the operator gave it a server of mail, the server sends a link to a new password: to whoever has the address, in their
//! language, with the same answer to everybody else. Using it shows that the address is theirs.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use promises::{Answer, Api, Person, Server, tools, within};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const RESET: &str = "/api/users/password-reset/";
const NEW: &str = "un tout autre secret";
const SOON: Duration = Duration::from_secs(10);

/// A server of mail that keeps what it gets, each as a line of JSON.
const SERVER: &str = r#"
import asyncio, email, email.policy, json, sys
from aiosmtpd.smtp import AuthResult, SMTP
class Keep:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        kept = {"to": envelope.rcpt_tos, "from": str(mail["From"]), "subject": str(mail["Subject"]),
                "machine": str(mail["Auto-Submitted"]), "text": mail.get_content(), "as": getattr(session, "auth_data", None)}
        with open(sys.argv[1], "a") as file:
            file.write(json.dumps(kept) + "\n")
        return "250 kept"
def authenticator(server, session, envelope, mechanism, data):
    good = data.login == b"live" and data.password == b"mot de passe"
    return AuthResult(success=good, auth_data=data.login.decode())
def smtp():
    return SMTP(Keep(), authenticator=authenticator, auth_require_tls=False, auth_required=len(sys.argv) > 2)
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(smtp, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"#;

struct MailServer {
    port: u16,
    folder: tempfile::TempDir,
    _child: Child,
}

impl MailServer {
    async fn start(needs_a_password: bool) -> Option<Self> {
        let Some(python) = tools::python() else {
            eprintln!("not tried: run scripts/setup-tests.sh");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new(python);
        command.args(["-c", SERVER]).arg(folder.path().join("mail"));
        command.args(needs_a_password.then_some("password"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("Python can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.next_line().await.expect("it is read").expect("its port");
        Some(Self { port: line.trim().parse().expect("a port"), folder, _child: child })
    }

    fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    fn got(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("mail")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    async fn wait_for(&self, count: usize) -> Vec<Value> {
        within(SOON, "the mail comes", async || self.got().len() >= count).await;
        self.got()
    }
}

async fn server(options: &[&str], password: Option<&str>) -> Server {
    let mut arguments =
        vec!["--public-url", "https://live.exemple.sn", "--smtp-from", "Live <live@exemple.sn>"];
    arguments.extend(options);
    let environment: Vec<_> =
        password.map(|password| ("COMMUNICONNECT_SMTP_PASSWORD", password)).into_iter().collect();
    Server::configured(&arguments, &environment).await
}

async fn ask(api: &Api, email: &str) -> Answer {
    api.post(RESET, json!({"email": email})).await
}

fn token_in(text: &Value) -> String {
    let text = text.as_str().expect("a text");
    let (_, rest) = text.split_once("https://live.exemple.sn/login?reset=").expect("a link to this server");
    rest.split_whitespace().next().expect("a token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn to_whoever_has_the_address_and_nobody_hears_who_that_is() {
    let Some(mail) = MailServer::start(false).await else { return };
    let server = server(&["--smtp-url", &mail.url()], None).await;
    let person = server.person("Awa").await;
    let account = async || {
        let (status, text) = server.command(&["user", "show", &person.email, "--json"]).await;
        assert!(status.success(), "{text}");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    assert_eq!(account().await["verified"], false);
    let known = ask(&server.anonymous(), &person.email.to_uppercase()).await.expect(202);
    let unknown = ask(&server.anonymous(), "personne@exemple.sn").await.expect(202);
    assert_eq!(known.json(), unknown.json());
    assert!(known.json()["message"].as_str().is_some_and(|text| text.contains("cette adresse")));
    let got = mail.wait_for(1).await;
    let first = &got[0];
    assert_eq!(first["to"], json!([person.email]));
    assert_eq!(
        (&first["from"], &first["machine"]),
        (&json!("Live <live@exemple.sn>"), &json!("auto-generated"))
    );
    let text = first["text"].as_str().expect("a text");
    assert!(
        first["subject"] == "Votre nouveau mot de passe"
            && text.contains("Bonjour Awa")
            && text.contains("24 heures")
    );

    ask(&server.anonymous().speaking("en"), &person.email).await.must_be(202);
    let got = mail.wait_for(2).await;
    assert!(
        got[1]["subject"] == "Your new password"
            && got[1]["text"].as_str().is_some_and(|text| text.contains("Hello Awa"))
    );
    let (earlier, token) = (token_in(&first["text"]), token_in(&got[1]["text"]));
    let reset = |token: &str| json!({"token": token, "new_password": NEW});
    server.anonymous().post(RESET, reset(&earlier)).await.must_be(403);
    let answer = server.anonymous().post(RESET, reset(&token)).await.expect(200).json();
    let fresh = Person::signed_in(&server.anonymous(), &person.email, &answer);
    fresh.api.get("/api/users/my-profile/").await.must_be(200);
    person.api.get("/api/users/my-profile/").await.must_be(401);
    server.anonymous().post(RESET, reset(&token)).await.must_be(403);
    assert_eq!(account().await["verified"], true, "whoever used it reads what comes there");
    let kept = promises::files::holding(server.data(), &[&token]);
    assert!(kept.is_empty() && !server.log().contains(&token), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_flood_of_it_and_none_that_locks_its_owner_out() {
    let Some(mail) = MailServer::start(true).await else { return };
    let url = mail.url().replace("smtp://", "smtp://live@");
    let server =
        server(&["--smtp-url", &url, "--password-links-per-address", "6"], Some("mot de passe")).await;
    let person = server.person("Awa").await;
    for _ in 0..6 {
        ask(&server.anonymous(), &person.email).await.must_be(202);
    }
    let refused = ask(&server.anonymous(), "personne@exemple.sn").await;
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1));
    let _ = refused.refusal(429);
    let got = mail.wait_for(3).await;
    assert!(got.iter().all(|mail| mail["as"] == "live"), "it signs in");
    // Mails may overtake one another: one of them holds the newest link, which asking again did not end.
    let mut statuses = Vec::new();
    for mail in &got {
        let body = json!({"token": token_in(&mail["text"]), "new_password": NEW});
        statuses.push(server.anonymous().post(RESET, body).await.status);
    }
    assert_eq!((got.len(), statuses.iter().filter(|status| **status == 200).count()), (3, 1), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_of_mail_it_is_said_and_nothing_half_set_up_starts() {
    let server = Server::start().await;
    let sentence = ask(&server.anonymous(), "awa@exemple.sn").await.refusal(403);
    assert!(sentence.contains("n'envoie pas de courrier"), "{sentence}");
    server.anonymous().post(RESET, json!({"token": "x"})).await.must_be(400);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let refused = async |options: &[&str]| {
        let mut command = Command::new(promises::server::program());
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(Path::new(directory.path()))
            .args(options);
        let output = tools::run(&mut command).await;
        assert!(!output.status.success(), "{options:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let url = ["--smtp-url", "smtp://mail.exemple.sn"];
    assert!(refused(&url).await.contains("public_url"), "a link would lead where the asker says");
    let public = ["--smtp-url", "smtp://mail.exemple.sn", "--public-url", "https://live.exemple.sn"];
    assert!(refused(&public).await.contains("smtp_from"));
}
