//! The server, those who use it, their tokens and keys; and how each comes to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use promises::people::PASSWORD;
use promises::{Api, Live, Person, Server, Upload, recorded};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::model::{Act, Holder, Model, Right, Role, Shown, SignIn, Somebody, Visibility};

/// Whole recordings that stand in a live before anybody watches: files to be in the middle of, longer than what lies in the
/// buffers on the way to a slow reader.
pub(crate) const BEFORE: usize = 10;
/// A publisher sends so much at once, so often.
const SLICE: usize = 2 << 10;
const EVERY: Duration = Duration::from_millis(100);
/// What is published.
const SOURCE: &str = "webm_vp9_opus.webm";

/// Who is who among the people: the administrator stays in all the time.
pub(crate) const ADMIN: usize = 0;
pub(crate) const AUTHOR: usize = 1;
/// Has a role, now and then.
pub(crate) const HELPER: usize = 2;
/// Is banned, now and then.
pub(crate) const VIEWER: usize = 3;
pub(crate) const NAMES: [&str; 4] = ["Fatou", "Awa", "Modou", "Binta"];

/// Somebody's account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) email: String,
    pub(crate) password: String,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) server: Server,
    anonymous: Api,
    pub(crate) model: Model,
    pub(crate) accounts: Vec<Account>,
    /// Access and refresh token of each sign-in of the model.
    pub(crate) tokens: Vec<(String, String)>,
    pub(crate) lives: Vec<Live>,
    /// Of each live, by their numbers.
    pub(crate) watch_keys: Vec<Vec<String>>,
    pub(crate) stream_keys: Vec<Vec<String>>,
    /// Tokens for media, the newest last.
    pub(crate) media: Vec<(Right, String)>,
    publishers: Vec<Publisher>,
}

/// Sends a live slice after slice.
#[derive(Debug)]
struct Publisher {
    is_over: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new(lives: usize) -> Self {
        let server = Server::configured(&[], &[("COMMUNICONNECT_LOG", "error")]).await;
        let mut world = Self {
            anonymous: server.anonymous(),
            server,
            model: Model::default(),
            accounts: Vec::new(),
            tokens: Vec::new(),
            lives: Vec::new(),
            watch_keys: Vec::new(),
            stream_keys: Vec::new(),
            media: Vec::new(),
            publishers: Vec::new(),
        };
        for name in NAMES {
            world.accounts.push(Account { id: 0, email: String::new(), password: PASSWORD.to_owned() });
            world.model.people.push(Somebody { role: Role::None, disabled: false, erased: true });
            world.join(world.accounts.len() - 1, name).await;
        }
        let id = world.accounts[ADMIN].id.to_string();
        let (status, text) = world.server.command(&["user", "role", &id, "admin", "--yes"]).await;
        assert!(status.success(), "{text}");
        let admin = world.admin();
        promises::within(Duration::from_secs(10), "the role is felt", async || {
            admin.get("/api/admin/users/").await.status == 200
        })
        .await;
        world.model.people[ADMIN].role = Role::Admin;
        for _ in 0..lives {
            world.begin_live().await;
        }
        world
    }

    /// Somebody signs up, in the place of one who is erased.
    pub(crate) async fn join(&mut self, who: usize, name: &str) {
        let person = Person::register(&self.server, name).await;
        // What was another's is nothing of theirs.
        self.media
            .retain(|(right, _)| !matches!(right, Right::Media { by: Holder::Person(of), .. } if *of == who));
        self.accounts[who] = Account { id: person.id, email: person.email, password: PASSWORD.to_owned() };
        self.model.people[who] = Somebody { role: Role::None, disabled: false, erased: false };
        self.keep(who, person.access, person.refresh);
    }

    /// Somebody signs in once more.
    pub(crate) async fn sign_in(&mut self, who: usize) {
        let Account { email, password, .. } = &self.accounts[who];
        let body = json!({"email": email, "password": password});
        let answer = self.anonymous.post("/api/users/login/", body).await.expect(200).json();
        self.keep_answer(who, &answer);
    }

    /// The tokens of an answer are those of a new sign-in.
    pub(crate) fn keep_answer(&mut self, who: usize, answer: &Value) {
        let token = |name: &str| answer["tokens"][name].as_str().expect("a token").to_owned();
        self.keep(who, token("access"), token("refresh"));
    }

    fn keep(&mut self, person: usize, access: String, refresh: String) {
        self.model.sign_ins.push(SignIn { person, over: false });
        self.tokens.push((access, refresh));
    }

    /// The administrator, by their newest sign-in that is not over.
    pub(crate) fn admin(&self) -> Api {
        let (_, api) = self.newest(ADMIN).expect("the administrator stays in");
        api
    }

    /// Somebody by their newest sign-in that is not over, and which that is.
    pub(crate) fn newest(&self, who: usize) -> Option<(usize, Api)> {
        let mut all = self.model.sign_ins.iter().enumerate().rev();
        let (at, _) = all.find(|(_, sign_in)| sign_in.person == who && !sign_in.over)?;
        Some((at, self.anonymous.with_token(&self.tokens[at].0)))
    }

    /// The author begins a live; its publisher goes on for a while.
    pub(crate) async fn begin_live(&mut self) {
        if std::mem::take(&mut self.model.people[AUTHOR].disabled) {
            let path = format!("/api/admin/users/{}/enable/", self.accounts[AUTHOR].id);
            self.admin().post(&path, json!({})).await.must_be(200);
        }
        if self.newest(AUTHOR).is_none() {
            self.sign_in(AUTHOR).await;
        }
        let (at, api) = self.newest(AUTHOR).expect("the author is in");
        let (access, refresh) = self.tokens[at].clone();
        let Account { id, email, .. } = self.accounts[AUTHOR].clone();
        let author = Person { api, id, email, access, refresh };
        let live = author.start_live(json!({"visibility": "unlisted"})).await;
        let watch = live.started["watch_url"].as_str().expect("watch_url");
        let key = watch.split_once("key=").expect("a key").1.to_owned();
        // By the administrator: the author may be put out.
        let admin = self.admin();
        let bytes = recorded(SOURCE);
        for _ in 0..BEFORE {
            live.publish(&admin, &bytes).await.complete().await;
        }
        let upload = Upload::create(&admin, &live).await;
        self.publishers.push(publish(upload, bytes));
        promises::within(Duration::from_secs(20), "a take goes on", async || {
            live.timeline(&admin).await["takes"].as_array().is_some_and(|takes| takes.len() > BEFORE)
        })
        .await;
        self.watch_keys.push(vec![key]);
        self.stream_keys.push(vec![live.key.clone()]);
        self.lives.push(live);
        self.model.lives.push(Shown {
            author: AUTHOR,
            visibility: Visibility::Unlisted,
            epoch: 0,
            watch_key: 0,
            stream_key: 0,
            deleted: false,
            banned: [].into(),
        });
    }

    /// Whether frames of a live still come.
    pub(crate) fn goes_on(&self, live: usize) -> bool {
        !self.model.lives[live].deleted && !self.publishers[live].is_over.load(Ordering::Relaxed)
    }

    /// Lives that are not deleted.
    pub(crate) fn there(&self) -> Vec<usize> {
        (0..self.lives.len()).filter(|live| !self.model.lives[*live].deleted).collect()
    }

    /// What somebody may come with: the newest of each kind, good or not.
    pub(crate) fn rights(&self) -> Vec<Right> {
        let newest = |count: usize, most: usize| count.saturating_sub(most)..count;
        let mut rights = vec![Right::Nothing];
        rights.extend(newest(self.tokens.len(), 8).map(Right::SignIn));
        rights.extend((0..NAMES.len()).filter_map(|who| self.newest(who).map(|(at, _)| Right::SignIn(at))));
        for live in self.there() {
            let watch = newest(self.watch_keys[live].len(), 2);
            rights.extend(watch.map(|number| Right::WatchKey { live, number }));
            let stream = newest(self.stream_keys[live].len(), 2);
            rights.extend(stream.map(|number| Right::StreamKey { live, number }));
        }
        rights.extend(self.media.iter().rev().take(10).map(|(right, _)| *right));
        rights.sort();
        rights.dedup();
        rights
    }

    /// Who somebody is to the server who comes with this, and what stands in their address.
    pub(crate) fn coming(&self, right: Right) -> (Option<&str>, String) {
        match right {
            Right::Nothing => (None, String::new()),
            Right::SignIn(at) => (Some(&self.tokens[at].0), String::new()),
            Right::WatchKey { live, number } => (None, format!("key={}", self.watch_keys[live][number])),
            Right::StreamKey { live, number } => (Some(&self.stream_keys[live][number]), String::new()),
            Right::Media { .. } => {
                let found = self.media.iter().find(|(known, _)| *known == right);
                (None, format!("token={}", found.expect("it was got").1))
            }
        }
    }

    /// A client of somebody who comes with this, and a path below a live as they ask for it.
    pub(crate) fn asking(&self, right: Right, live: usize, rest: &str) -> (Api, String) {
        let (bearer, query) = self.coming(right);
        let api = bearer.map_or(self.anonymous.clone(), |token| self.anonymous.with_token(token));
        let joint = if rest.contains('?') { "&" } else { "?" };
        (api, self.lives[live].path(&format!("{rest}{joint}{query}")))
    }

    /// The statuses of what somebody who comes with this gets, wanting that, in every way there is.
    pub(crate) async fn tried(&self, act: Act, right: Right, live: usize) -> Vec<(String, u16)> {
        let ways: &[(Method, &str)] = match act {
            Act::Watch => &[(Method::GET, "replay.mp4"), (Method::GET, "hls/index.m3u8")],
            Act::Read => &[
                (Method::GET, ""),
                (Method::GET, "timeline/"),
                (Method::GET, "chat/messages/?page=1&page_size=1"),
            ],
            Act::Write => &[(Method::POST, "chat/")],
            Act::Publish => &[(Method::PUT, "poster.jpg")],
            Act::Change => &[(Method::PATCH, "")],
        };
        let mut came = Vec::new();
        for (method, rest) in ways {
            let (api, path) = self.asking(right, live, rest);
            let request = api.request(method.clone(), &path);
            let request = match act {
                Act::Watch => request.header("Range", "bytes=0-99"),
                Act::Read => request,
                Act::Write => request.json(&json!({"content": "Bonjour"})),
                Act::Publish => request.body(&[0xFF_u8, 0xD8, 0xFF, 0xE0][..]),
                Act::Change => request.json(&json!({"title": "Marché"})),
            };
            let answer = api.send(request).await;
            if let (Act::Watch, Right::Media { .. }, 200) = (act, right, answer.status) {
                self.no_new_token(right, &answer.whole_text());
            }
            came.push((answer.what, answer.status));
        }
        came
    }

    /// Whoever has nothing but a token for media finds no other in a playlist.
    fn no_new_token(&self, right: Right, playlist: &str) {
        let (_, own) = self.coming(right);
        for found in playlist.split("token=").skip(1) {
            let end = found.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
            let found = &found[..end.unwrap_or(found.len())];
            assert_eq!(own, format!("token={found}"), "another token for whoever has one: {playlist}");
        }
    }

    /// Keeps the token for media that somebody gets who may read a live that is not public.
    pub(crate) async fn get_media_token(&mut self, right: Right, live: usize) {
        let (api, path) = self.asking(right, live, "");
        let shown = api.get(&path).await.expect(200).json();
        let address = shown["replay"]["mp4"].as_str().unwrap_or_default();
        let token = address.split(['?', '&']).find_map(|part| part.strip_prefix("token="));
        let is_public = self.model.lives[live].visibility == Visibility::Public;
        assert_eq!(token.is_none(), is_public, "a token for what is not public, and no other: {shown}");
        if let (Some(token), Some(by)) = (token, self.model.holder(right)) {
            let media = Right::Media { live, epoch: self.model.lives[live].epoch, by };
            self.media.retain(|(known, _)| *known != media);
            self.media.push((media, token.to_owned()));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.publishers.iter().for_each(|publisher| publisher.task.abort());
    }
}

fn publish(mut upload: Upload, bytes: Vec<u8>) -> Publisher {
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let task = tokio::spawn(async move {
        let mut pace = tokio::time::interval(EVERY);
        for slice in bytes.chunks(SLICE) {
            pace.tick().await;
            let answer = upload.patch_at(upload.offset, slice, &[]).await;
            // Its live was deleted.
            if answer.status != 204 {
                break;
            }
            upload.offset += slice.len() as u64;
        }
        over.store(true, Ordering::Relaxed);
    });
    Publisher { is_over, task }
}
