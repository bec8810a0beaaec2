//! A server of its own for each test, and what it answers.

use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use server::Written;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) directory: tempfile::TempDir,
    client: Client,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<server::InUse, server::Error>>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Written::default()).await
    }

    pub(crate) async fn with(written: Written) -> Self {
        Self::at(tempfile::tempdir().unwrap(), written).await
    }

    pub(crate) async fn at(directory: tempfile::TempDir, written: Written) -> Self {
        let written = Written {
            data_dir: Some(directory.path().join("data")),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            reserve: Some(0),
            ..written
        };
        let config = written.meant().unwrap();
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let shutdown = async move {
                let _ = stopped.await;
            };
            server::run(config, shutdown, |address| ready.send(address).unwrap()).await
        });
        let base = format!("http://{}", address.await.expect("the server starts"));
        Self { base, directory, client: Client::new(), stop, serving }
    }

    /// Leaves, and gives the directory back for a new start.
    pub(crate) async fn leave(self) -> tempfile::TempDir {
        self.stop.send(()).unwrap();
        drop(self.serving.await.unwrap().unwrap());
        self.directory
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Answer {
        answer(self.request(Method::GET, path).bearer_auth(token)).await
    }

    /// As `curl -d` sends it: JSON that is announced as a form.
    pub(crate) async fn post(&self, path: &str, body: impl ToString) -> Answer {
        answer(self.request(Method::POST, path).header("content-type", FORM).body(body.to_string())).await
    }

    pub(crate) async fn send_as(&self, token: &str, method: Method, path: &str, body: Value) -> Answer {
        answer(self.request(method, path).bearer_auth(token).body(body.to_string())).await
    }

    /// Signs somebody up and gives their access token.
    pub(crate) async fn person(&self, name: &str) -> String {
        let body =
            json!({"email": format!("{name}@example.org"), "password": "mot de passe", "first_name": name});
        let answer = self.post("/api/users/register/", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()["tokens"]["access"].as_str().unwrap().to_owned()
    }

    /// Starts a live and gives what the server answered.
    pub(crate) async fn live(&self, token: &str, fields: Value) -> Value {
        let answer = self.send_as(token, Method::POST, "/api/posts/live/start/", fields).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()
    }

    /// Gives somebody a role, as the command line does, beside the running server.
    pub(crate) async fn give_role(&self, name: &str, role: accounts::Role) {
        let data = self.directory.path().join("data");
        let database = database::Database::open(&data.join("communiconnect.sqlite"), &[]).unwrap();
        let key = accounts::SigningKey::open(&data.join("signing.key")).unwrap();
        let accounts = accounts::Accounts::new(
            accounts::Sqlite::new(database.clone()),
            &key,
            accounts::Settings::default(),
        );
        let person = accounts.by_email(&format!("{name}@example.org")).await.unwrap();
        accounts.set_role(person.id, role, true).await.unwrap();
        database.close().await;
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that this is a problem with this status and a French sentence that holds `words`.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, words: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["error"], problem["detail"]);
        assert!(problem["type"].is_string() && problem["title"].is_string());
        assert!(problem["detail"].as_str().unwrap().contains(words), "{}", self.body);
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: response.text().await.expect("the answer is whole") }
}
