//! What the schema says of the API is what the server does: schemathesis makes thousands of requests of it, good and bad ones, and
//! clients that generators make of it compile.

use std::path::Path;
use std::time::Duration;

use promises::{Live, Person, Server, Upload, recorded, repository, tools};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// Made-up requests for each operation beside those that try each bound; `SCHEMATHESIS_EXAMPLES` for more.
const EXAMPLES: &str = "3";
/// It takes a minute where nothing else runs.
const PATIENCE: Duration = Duration::from_secs(600);

/// What there is on a server that every operation can be asked about.
struct World {
    server: Server,
    admin: Person,
    /// It was recorded whole and has ended.
    live: Live,
    /// An upload of it is open.
    running: Live,
    upload: Upload,
    /// Its recording broke off in the middle of a frame.
    torn: Live,
    unread: i64,
    message: i64,
    /// They wait for approval.
    held: [i64; 2],
}

impl World {
    async fn open() -> Self {
        let server = Server::configured(&["--storage-per-person", "1000000000000"], &[]).await;
        let admin = server.person("Awa").await;
        let role = server.command(&["user", "role", &admin.email, "admin", "--yes"]).await;
        assert!(role.0.success(), "{}", role.1);
        let live = admin.start_live(json!({"title": "Marché de Sandaga"})).await;
        let bytes = recorded("webm_vp9_opus.webm");
        live.publish(&admin.api, &bytes).await.complete().await;
        let said =
            admin.api.post(&live.path("chat/"), json!({"content": "Bonjour"})).await.expect(201).json();
        let message = said["id"].as_i64().expect("a message has a number");
        let held = hold_messages(&server, &admin, &live).await;
        live.stop(&admin.api).await;
        let running = admin.start_live(json!({})).await;
        let upload = running.publish(&admin.api, &bytes[..bytes.len() / 2]).await;
        let torn = admin.start_live(json!({})).await;
        torn.publish(&admin.api, &bytes[..bytes.len() / 2]).await.complete().await;
        let unread = torn.timeline(&admin.api).await["unread"][0]["id"].as_i64().expect("a torn end");
        Self { server, admin, live, running, upload, torn, unread, message, held }
    }

    /// Writes what schemathesis is told, with those whom some operations do away with.
    async fn write_configuration(&self, folder: &Path) {
        let template = repository().join("tests/schemathesis/schemathesis.toml");
        let mut text = std::fs::read_to_string(template).expect("the configuration is in the repository");
        let doomed = self.admin.start_live(json!({})).await;
        let leaver = self.server.person("Modou").await;
        let erased = self.server.person("Fatou").await;
        let person = self.server.person("Binta").await;
        let changer = self.server.person("Khady").await;
        let forgetful = self.server.person("Aliou").await;
        let links = format!("/api/admin/users/{}/password-link/", forgetful.id);
        let link = self.admin.api.post(&links, json!({})).await.expect(200).json()["url"]
            .as_str()
            .expect("a link")
            .to_owned();
        let reset = link.split("reset=").nth(1).expect("a link has a token").to_owned();
        let terminated = Upload::create(&self.admin.api, &self.running).await;
        let upload = self.upload.location.rsplit('/').next().expect("an upload has an address");
        for (name, value) in [
            ("base", self.server.base().to_owned()),
            ("admin", self.admin.access.clone()),
            ("leaver", leaver.access),
            ("changer", changer.access),
            ("reset", reset),
            ("email", person.email.clone()),
            ("refresh", person.refresh.clone()),
            ("message", self.message.to_string()),
            ("rejected", self.held[1].to_string()),
            ("offset", self.upload.offset.to_string()),
            ("live", self.live.id.to_string()),
            ("running", self.running.id.to_string()),
            ("torn", self.torn.id.to_string()),
            ("doomed", doomed.id.to_string()),
            ("person", person.id.to_string()),
            ("erased", erased.id.to_string()),
            ("upload", upload.to_owned()),
            ("terminated", terminated.location.rsplit('/').next().expect("an address").to_owned()),
            ("unread", self.unread.to_string()),
            ("held", self.held[0].to_string()),
        ] {
            text = text.replace(&format!("{{{name}}}"), &value);
        }
        std::fs::write(folder.join("schemathesis.toml"), text).expect("a file can be written");
    }
}

async fn hold_messages(server: &Server, admin: &Person, live: &Live) -> [i64; 2] {
    admin.api.patch(&live.path("chat/rules/"), json!({"hold": true})).await.must_be(200);
    let guest = server.person("Ousmane").await;
    for text in ["Ici aussi", "Et là"] {
        guest.api.post(&live.path("chat/"), json!({"content": text})).await.must_be(202);
    }
    let held = admin.api.get(&live.path("chat/held/")).await.expect(200).json();
    [0, 1].map(|place| held[place]["held_id"].as_i64().expect("a message waits"))
}

/// A program of the Python environment that the set-up script makes.
fn program(name: &str) -> Command {
    let python = tools::python().expect("scripts/setup-tests.sh makes a Python environment");
    Command::new(python.with_file_name(name))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it still finds differences: largest numbers of bans and quotas, states of /api/admin/lives/, 507 where a quota is full"]
async fn schemathesis_finds_nothing() {
    let world = World::open().await;
    let folder = TempDir::new().expect("a folder can be made");
    world.write_configuration(folder.path()).await;
    let examples = std::env::var("SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let schema = format!("{}/api/schema/", world.server.base());
    let mut run = program("schemathesis");
    run.current_dir(folder.path()).env("SCHEMATHESIS_HOOKS", "hooks");
    run.env("PYTHONPATH", repository().join("tests/schemathesis"));
    run.args(["--config-file", "schemathesis.toml", "run", &schema, "--no-color", "--continue-on-failure"]);
    run.args(["--max-examples", &examples]);
    let output = tools::run_within(&mut run, PATIENCE).await;
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{words}\n{}", String::from_utf8_lossy(&output.stderr));
    let answers = std::fs::read(folder.path().join("answers.json")).expect("the answers are noted");
    let answers: Value = serde_json::from_slice(&answers).expect("JSON");
    every_operation_was_reached(&answers);
}

/// What it was asked to do each operation did; those that take bytes of a kind or a WebSocket looked at what came instead.
fn every_operation_was_reached(answers: &Value) {
    let schema = std::fs::read(repository().join("docs/openapi.json")).expect("the schema");
    let schema: Value = serde_json::from_slice(&schema).expect("JSON");
    let mut unreached = Vec::new();
    for (path, operations) in schema["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            let operation = format!("{} {path}", method.to_uppercase());
            let enough: u64 = match path.rsplit('/').find(|part| !part.is_empty()) {
                Some("upload-video" | "poster.jpg") => 416,
                Some("ws") => 427,
                _ => 400,
            };
            let statuses = answers[&operation].as_array().into_iter().flatten().filter_map(Value::as_u64);
            let met = statuses.clone().any(|status| status < enough && !matches!(status, 401 | 403 | 404));
            if !met {
                unreached.push(format!("{operation}: {:?}", statuses.collect::<Vec<_>>()));
            }
        }
    }
    assert!(unreached.is_empty(), "{unreached:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_generators_make_of_it_compile() {
    let folder = TempDir::new().expect("a folder can be made");
    let schema = repository().join("docs/openapi.json");
    let client = folder.path().join("client");
    let mut generate = program("openapi-python-client");
    generate.args(["generate", "--meta", "none", "--path"]).arg(&schema).arg("--output-path").arg(&client);
    generate.arg("--config").arg(repository().join("tests/schemathesis/python-client.yaml"));
    let said = tools::run(&mut generate).await;
    let words = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && !words.contains("WARNING") && !words.contains("Unable"), "{words}");
    tools::succeed(program("python").args(["-m", "compileall", "-q"]).arg(&client)).await;
    let uses = "from client.api.lives import read_live, start_live\n\
                from client.api.publishing import append_to_upload, create_upload\n\
                from client.api.watching import watch_replay_mp_4\n";
    tools::succeed(program("python").current_dir(folder.path()).args(["-c", uses])).await;
}
