//! Persons and their lives.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::{Answer, Api, Server, Upload};

/// Someone with an account, signed in.
#[derive(Debug, Clone)]
pub struct Person {
    /// Requests in their name.
    pub api: Api,
    /// Their number.
    pub id: i64,
    /// What they sign in with.
    pub email: String,
    /// Their access token.
    pub access: String,
    /// Their refresh token.
    pub refresh: String,
}

/// The password of every person of the tests.
pub const PASSWORD: &str = "une phrase assez longue";

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Person {
    /// Signs somebody up.
    pub async fn register(server: &Server, first_name: &str) -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let email = format!("{}{number}@exemple.sn", first_name.to_lowercase());
        let answer = server
            .anonymous()
            .post(
                "/api/users/register/",
                json!({"email": email, "password": PASSWORD, "first_name": first_name, "last_name": "Ndiaye"}),
            )
            .await
            .expect(201)
            .json();
        Self::signed_in(&server.anonymous(), &email, &answer)
    }

    /// Somebody from the answer to a registration or a sign-in.
    ///
    /// # Panics
    /// When the answer lacks a token.
    #[must_use]
    pub fn signed_in(api: &Api, email: &str, answer: &Value) -> Self {
        let access = answer["tokens"]["access"].as_str().expect("an access token").to_owned();
        let refresh = answer["tokens"]["refresh"].as_str().expect("a refresh token").to_owned();
        let id = answer["user"]["id"].as_i64().expect("a person has a number");
        Self { api: api.with_token(&access), id, email: email.to_owned(), access, refresh }
    }

    /// The same person, talking to a server that was restarted on another port.
    pub fn follow(&mut self, server: &Server) {
        self.api = self.api.moved_to(server.base());
    }

    /// Starts a live.
    pub async fn start_live(&self, body: Value) -> Live {
        let answer = self.api.post("/api/posts/live/start/", body).await.expect(201).json();
        Live::of(answer)
    }
}

/// A live as `start` answered it.
#[derive(Debug, Clone)]
pub struct Live {
    /// Its number.
    pub id: i64,
    /// Its stream key.
    pub key: String,
    /// The whole answer.
    pub started: Value,
}

impl Live {
    /// The live of an answer to `start`.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn of(started: Value) -> Self {
        let id = started["live_id"].as_i64().expect("a live has a number");
        let key = started["stream_key"].as_str().expect("a live has a stream key").to_owned();
        Self { id, key, started }
    }

    /// A path below the live: `/api/posts/live/7/` and what follows.
    #[must_use]
    pub fn path(&self, rest: &str) -> String {
        format!("/api/posts/live/{}/{rest}", self.id)
    }

    /// The live as the API shows it.
    pub async fn shown(&self, api: &Api) -> Value {
        api.get(&self.path("")).await.expect(200).json()
    }

    /// Its timeline.
    pub async fn timeline(&self, api: &Api) -> Value {
        api.get(&self.path("timeline/")).await.expect(200).json()
    }

    /// The newest replay in a container (`mp4`, `webm`) and what came with it.
    pub async fn replay(&self, api: &Api, container: &str) -> Answer {
        api.get(&self.path(&format!("replay.{container}"))).await.expect(200)
    }

    /// Stops it.
    pub async fn stop(&self, api: &Api) -> Value {
        api.post(&self.path("stop/"), json!({})).await.expect(200).json()
    }

    /// Publishes a whole recording as the live's one upload, leaving the upload open.
    pub async fn publish(&self, author: &Api, bytes: &[u8]) -> Upload {
        let mut upload = Upload::create(author, self).await;
        upload.append(bytes).await;
        upload
    }
}
