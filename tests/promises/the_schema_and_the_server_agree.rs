//! What the schema says of the API is what the server does: schemathesis makes thousands of requests of it, good and bad ones, and
//! clients that generators make of it compile.

use std::path::Path;

use promises::{Live, Person, Server, Upload, recorded, repository, tools};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

/// Made-up requests for each operation beside those that try each bound; `SCHEMATHESIS_EXAMPLES` for more.
const EXAMPLES: &str = "3";

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
    /// Waits for approval.
    held: i64,
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
        admin.api.post(&live.path("chat/"), json!({"content": "Bonjour"})).await.must_be(201);
        let held = hold_a_message(&server, &admin, &live).await;
        live.stop(&admin.api).await;
        let running = admin.start_live(json!({})).await;
        let upload = running.publish(&admin.api, &bytes[..bytes.len() / 2]).await;
        let torn = admin.start_live(json!({})).await;
        torn.publish(&admin.api, &bytes[..bytes.len() / 2]).await.complete().await;
        let unread = torn.timeline(&admin.api).await["unread"][0]["id"].as_i64().expect("a torn end");
        Self { server, admin, live, running, upload, torn, unread, held }
    }

    /// Writes what schemathesis is told, with those whom some operations do away with.
    async fn write_configuration(&self, folder: &Path) {
        let template = repository().join("tests/schemathesis/schemathesis.toml");
        let mut text = std::fs::read_to_string(template).expect("the configuration is in the repository");
        let doomed = self.admin.start_live(json!({})).await;
        let leaver = self.server.person("Modou").await;
        let erased = self.server.person("Fatou").await;
        let person = self.server.person("Binta").await;
        let upload = self.upload.location.rsplit('/').next().expect("an upload has an address");
        for (name, value) in [
            ("base", self.server.base().to_owned()),
            ("admin", self.admin.access.clone()),
            ("leaver", leaver.access),
            ("live", self.live.id.to_string()),
            ("running", self.running.id.to_string()),
            ("torn", self.torn.id.to_string()),
            ("doomed", doomed.id.to_string()),
            ("person", person.id.to_string()),
            ("erased", erased.id.to_string()),
            ("upload", upload.to_owned()),
            ("unread", self.unread.to_string()),
            ("held", self.held.to_string()),
        ] {
            text = text.replace(&format!("{{{name}}}"), &value);
        }
        std::fs::write(folder.join("schemathesis.toml"), text).expect("a file can be written");
    }
}

async fn hold_a_message(server: &Server, admin: &Person, live: &Live) -> i64 {
    admin.api.patch(&live.path("chat/rules/"), json!({"hold": true})).await.must_be(200);
    let guest = server.person("Ousmane").await;
    guest.api.post(&live.path("chat/"), json!({"content": "Ici aussi"})).await.must_be(202);
    let held = admin.api.get(&live.path("chat/held/")).await.expect(200).json();
    held[0]["held_id"].as_i64().expect("a message waits")
}

/// A program of the Python environment that the set-up script makes.
fn program(name: &str) -> Command {
    let python = tools::python().expect("scripts/setup-tests.sh makes a Python environment");
    Command::new(python.with_file_name(name))
}

#[tokio::test(flavor = "multi_thread")]
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
    let output = tools::run(&mut run).await;
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{words}\n{}", String::from_utf8_lossy(&output.stderr));
    for unreached in ["returned only 401/403", "returned only 404", "repeatedly returned 404"] {
        assert!(!words.contains(unreached), "{words}");
    }
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
