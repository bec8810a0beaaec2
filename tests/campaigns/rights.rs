//! A model of who may do what, and the real server: rights are given and taken at random, and whatever is open and whoever
//! asks is held against the model. What is lost ends in time, what is kept goes on, and nothing opens that is forbidden.

mod model;
mod streams;
mod world;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use promises::random::Random;
use serde_json::json;

use crate::bounds;
use model::{ACTS, Act, Right, Role, Visibility};
use streams::{KINDS, Kind, Open, WHOLE};
use world::{ADMIN, AUTHOR, HELPER, NAMES, VIEWER, World};

/// What is lost ends within this time.
const LOST: Duration = Duration::from_secs(2);
/// Of what is kept something comes within this time, while its live goes on.
const KEPT: Duration = Duration::from_secs(6);
/// Whatever is asked is answered within this time.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often what must end is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Things that are open at once.
const OPEN: usize = 18;
/// Lives at once.
const LIVES: usize = 2;
/// Questions after each change, each asked in every way there is, and how many at once.
const QUESTIONS: usize = 100;
const AT_ONCE: usize = 6;

/// So many changes of rights; answers what was counted.
pub(crate) async fn run(count: u64, seed: u64) -> String {
    let mut trial = Trial {
        world: World::new(LIVES).await,
        random: Random::new(seed),
        open: Vec::new(),
        history: Vec::new(),
        told: Told::default(),
        begin: Instant::now(),
    };
    for _ in 0..count {
        trial.round().await;
    }
    let Told { changes, asked, opened, lost, slowest } = trial.told;
    format!(
        "{changes} changes of rights; {asked} requests answered as the model says, {opened} streams opened, {lost} of them \
         lost their right and ended within {} ms, the others went on",
        slowest.as_millis()
    )
}

#[derive(Debug, Default)]
struct Told {
    changes: u64,
    asked: usize,
    opened: usize,
    lost: usize,
    slowest: Duration,
}

struct Trial {
    world: World,
    random: Random,
    open: Vec<Open>,
    history: Vec<String>,
    told: Told,
    begin: Instant,
}

/// What becomes of rights.
#[derive(Debug, Clone, Copy)]
enum Change {
    Visibility,
    WatchKey,
    StreamKey,
    DeleteLive,
    Disable,
    Enable,
    GiveRole,
    TakeRole,
    Password,
    Logout,
    LogoutAll,
    PutOut,
    SignIn,
    Refresh,
    Ban,
    Erase,
}

/// Each as often as it stands here.
const CHANGES: [Change; 22] = [
    Change::Visibility,
    Change::Visibility,
    Change::Visibility,
    Change::Visibility,
    Change::WatchKey,
    Change::WatchKey,
    Change::StreamKey,
    Change::DeleteLive,
    Change::Disable,
    Change::Enable,
    Change::Enable,
    Change::GiveRole,
    Change::GiveRole,
    Change::TakeRole,
    Change::Password,
    Change::Logout,
    Change::LogoutAll,
    Change::PutOut,
    Change::SignIn,
    Change::Refresh,
    Change::Ban,
    Change::Erase,
];

impl Trial {
    async fn round(&mut self) {
        self.keep_lives_going().await;
        self.open_some().await;
        let before: Vec<_> = self.open.iter().map(|open| self.is_kept(open)).collect();
        assert!(before.iter().all(|kept| *kept), "the model allows what is open\n{}", self.told());
        let what = self.change().await;
        let changed = Instant::now();
        self.history.push(format!("{:6.1} s  {what}", self.begin.elapsed().as_secs_f64()));
        self.told.changes += 1;
        self.ask_everything().await;
        self.lose(changed).await;
        self.keep().await;
    }

    /// A live whose publisher has nothing more makes room for another.
    async fn keep_lives_going(&mut self) {
        for live in self.world.there() {
            if !self.world.goes_on(live) {
                self.delete(live).await;
            }
        }
        while self.world.there().len() < LIVES {
            self.world.begin_live().await;
        }
    }

    async fn delete(&mut self, live: usize) {
        self.world.admin().delete(&self.world.lives[live].path("")).await.must_be(204);
        self.world.model.lives[live].deleted = true;
        self.history.push(format!("{:6.1} s  live {live} is deleted", self.begin.elapsed().as_secs_f64()));
        let changed = Instant::now();
        self.lose(changed).await;
    }

    /// Opens what the model allows until there is enough of it.
    async fn open_some(&mut self) {
        self.open.retain(|open| open.ended().is_none());
        let mut tries = 0;
        while self.open.len() < OPEN && tries < 200 {
            tries += 1;
            let (kind, live, right) = (self.any(&KINDS), self.any_live(), self.any_right());
            if self.world.model.may(kind.act(), right, live) {
                let opening = streams::open(&self.world, kind, live, right);
                let Ok(open) = tokio::time::timeout(PATIENCE, opening).await else {
                    panic!("{kind:?} of live {live} by {right:?} does not begin\n{}", self.told());
                };
                self.open.push(open);
                self.told.opened += 1;
            }
            if self.world.media.len() < 4 || tries % 20 == 0 {
                self.get_a_media_token().await;
            }
        }
    }

    async fn get_a_media_token(&mut self) {
        let (live, right) = (self.any_live(), self.any_right());
        let is_media = matches!(right, Right::Media { .. });
        if !is_media && self.world.model.may(Act::Read, right, live) {
            // With a right of their own; a key that belongs elsewhere says nothing.
            let is_own = match right {
                Right::WatchKey { live: of, .. } | Right::StreamKey { live: of, .. } => of == live,
                _ => true,
            };
            if is_own {
                self.world.get_media_token(right, live).await;
            }
        }
    }

    fn any<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.between(0, of.len() - 1)]
    }

    fn any_live(&mut self) -> usize {
        let there = self.world.there();
        self.any(&there)
    }

    fn any_right(&mut self) -> Right {
        let rights = self.world.rights();
        self.any(&rights)
    }

    /// Something happens; what.
    async fn change(&mut self) -> String {
        loop {
            let (change, live) = (self.any(&CHANGES), self.any_live());
            if let Some(what) = self.try_change(change, live).await {
                return what;
            }
        }
    }

    /// `None` where it cannot be as things stand.
    async fn try_change(&mut self, change: Change, live: usize) -> Option<String> {
        match change {
            Change::Visibility => Some(self.change_visibility(live).await),
            Change::WatchKey | Change::StreamKey => self.renew(change, live).await,
            Change::DeleteLive => {
                self.delete(live).await;
                Some(format!("live {live} was deleted"))
            }
            Change::GiveRole | Change::TakeRole => self.change_role(change).await,
            Change::Ban => self.change_ban(live).await,
            _ => {
                let who = self.random.between(AUTHOR, VIEWER);
                self.change_person(change, who).await
            }
        }
    }

    async fn change_visibility(&mut self, live: usize) -> String {
        let now = self.world.model.lives[live].visibility;
        let others = [Visibility::Public, Visibility::Unlisted, Visibility::Members];
        let others: Vec<_> = others.into_iter().filter(|other| *other != now).collect();
        let next = self.any(&others);
        let word = format!("{next:?}").to_lowercase();
        let path = self.world.lives[live].path("");
        self.world.admin().patch(&path, json!({"visibility": word})).await.must_be(200);
        let shown = &mut self.world.model.lives[live];
        shown.visibility = next;
        shown.epoch += 1;
        format!("live {live} is {word}")
    }

    /// By the author, who may be put out.
    async fn renew(&mut self, change: Change, live: usize) -> Option<String> {
        let (_, author) = self.world.newest(AUTHOR)?;
        let (what, name) = match change {
            Change::WatchKey => ("watch-key/", "watch_key"),
            _ => ("stream-key/", "stream_key"),
        };
        let answer = author.post(&self.world.lives[live].path(what), json!({})).await.expect(200).json();
        let key = answer[name].as_str().expect("a key").to_owned();
        let shown = &mut self.world.model.lives[live];
        if matches!(change, Change::WatchKey) {
            self.world.watch_keys[live].push(key);
            shown.watch_key += 1;
            shown.epoch += 1;
        } else {
            self.world.stream_keys[live].push(key);
            shown.stream_key += 1;
        }
        Some(format!("live {live} has a new {name}"))
    }

    async fn change_role(&mut self, change: Change) -> Option<String> {
        let is_given = matches!(change, Change::GiveRole);
        let helper = &self.world.model.people[HELPER];
        if helper.erased || (helper.role == Role::Moderator) == is_given {
            return None;
        }
        let path = format!("/api/admin/users/{}/role/", self.world.accounts[HELPER].id);
        let body = json!({"role": "moderator", "given": is_given});
        self.world.admin().post(&path, body).await.must_be(200);
        self.world.model.people[HELPER].role = if is_given { Role::Moderator } else { Role::None };
        Some(format!("{} moderates: {is_given}", NAMES[HELPER]))
    }

    async fn change_ban(&mut self, live: usize) -> Option<String> {
        if self.world.model.people[VIEWER].erased {
            return None;
        }
        let path = format!("chat/sanctions/{}/", self.world.accounts[VIEWER].id);
        let (admin, path) = (self.world.admin(), self.world.lives[live].path(&path));
        let banned = &mut self.world.model.lives[live].banned;
        let is_banned = banned.insert(VIEWER) || !banned.remove(&VIEWER);
        match is_banned {
            true => admin.put(&path, json!({})).await.must_be(204),
            false => admin.delete(&path).await.must_be(204),
        }
        Some(format!("{} is banned in live {live}: {is_banned}", NAMES[VIEWER]))
    }

    async fn change_person(&mut self, change: Change, who: usize) -> Option<String> {
        let name = NAMES[who];
        let of = format!("/api/admin/users/{}/", self.world.accounts[who].id);
        let somebody = &self.world.model.people[who];
        if somebody.erased {
            self.world.join(who, name).await;
            return Some(format!("another {name} signs up"));
        }
        if somebody.disabled {
            if !matches!(change, Change::Enable) {
                return None;
            }
            self.world.admin().post(&format!("{of}enable/"), json!({})).await.must_be(200);
            self.world.model.people[who].disabled = false;
            return Some(format!("{name} is let in again"));
        }
        match change {
            Change::Disable => {
                self.world.admin().post(&format!("{of}disable/"), json!({})).await.must_be(200);
                self.world.model.people[who].disabled = true;
                self.world.model.sign_out(who);
                Some(format!("{name} is disabled"))
            }
            // Whoever is erased takes their lives along: the author stays.
            Change::Erase if who != AUTHOR => {
                self.world.admin().delete(&of).await.must_be(204);
                self.world.model.people[who].erased = true;
                self.world.model.sign_out(who);
                for shown in &mut self.world.model.lives {
                    shown.banned.remove(&who);
                }
                Some(format!("{name} is erased"))
            }
            Change::PutOut => {
                self.world.admin().post(&format!("{of}logout-all/"), json!({})).await.must_be(204);
                self.world.model.sign_out(who);
                Some(format!("{name} is signed out everywhere by the administrator"))
            }
            Change::SignIn => {
                self.world.sign_in(who).await;
                Some(format!("{name} signs in once more"))
            }
            _ => self.change_sign_in(change, who).await,
        }
    }

    /// What somebody does with a sign-in of theirs; the administrator too.
    async fn change_sign_in(&mut self, change: Change, who: usize) -> Option<String> {
        let who = if self.random.between(0, 5) == 0 { ADMIN } else { who };
        let (name, (at, api)) = (NAMES[who], self.world.newest(who)?);
        match change {
            Change::Logout if who != ADMIN => {
                api.post("/api/users/logout/", json!({})).await.must_be(204);
                self.world.model.sign_ins[at].over = true;
                Some(format!("{name} signs out"))
            }
            Change::LogoutAll if who != ADMIN => {
                api.post("/api/users/logout-all/", json!({})).await.must_be(204);
                self.world.model.sign_out(who);
                Some(format!("{name} signs out everywhere"))
            }
            Change::Password if who != ADMIN => {
                let (old, new) = (
                    self.world.accounts[who].password.clone(),
                    format!("phrase {} secrète", self.random.number()),
                );
                let body = json!({"password": old, "new_password": new});
                let answer = api.post("/api/users/password/", body).await.expect(200).json();
                self.world.accounts[who].password = new;
                self.world.model.sign_out(who);
                self.world.keep_answer(who, &answer);
                Some(format!("{name} has another password"))
            }
            Change::Refresh => {
                let body = json!({"refresh": self.world.tokens[at].1});
                let answer = api.post("/api/users/token/refresh/", body).await.expect(200).json();
                self.world.tokens[at].1 = answer["refresh"].as_str().expect("a token").to_owned();
                Some(format!("{name} has fresh tokens"))
            }
            _ => None,
        }
    }

    fn is_kept(&self, open: &Open) -> bool {
        self.world.model.may(open.kind.act(), open.right, open.live)
    }

    /// Anybody asks for anything, and is answered as the model says.
    async fn ask_everything(&mut self) {
        let asking: Vec<_> =
            (0..QUESTIONS).map(|_| (self.any(&ACTS), self.any_right(), self.any_live())).collect();
        let world = &self.world;
        let answers: Vec<_> = futures_util::stream::iter(asking)
            .map(|(act, right, live)| async move {
                let came = tokio::time::timeout(PATIENCE, world.tried(act, right, live)).await;
                (act, right, live, came.unwrap_or_default())
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (act, right, live, came) in answers {
            let may = self.world.model.may(act, right, live);
            assert!(!came.is_empty(), "{right:?}, {act:?} of live {live}: no answer\n{}", self.told());
            for (what, status) in came {
                self.told.asked += 1;
                // Whoever says much at once has the right to, and hears that it is too much.
                let is_let = status < 300 || (act == Act::Write && status == 429);
                let is_right = if may { is_let } else { matches!(status, 401 | 403 | 404) };
                assert!(
                    is_right,
                    "{right:?} may {act:?} live {live}: {may}; {what}: {status}\n{}",
                    self.told()
                );
            }
        }
        for _ in 0..6 {
            let (live, right) = (self.any_live(), self.any_right());
            let may = self.world.model.may(Act::Watch, right, live);
            let opened = streams::carry(&self.world, live, right).await;
            assert_eq!(opened.is_ok(), may, "the tails of live {live} by {right:?}\n{}", self.told());
        }
    }

    /// What has lost its right ends in time.
    async fn lose(&mut self, changed: Instant) {
        let model = &self.world.model;
        let is_kept = |open: &Open| model.may(open.kind.act(), open.right, open.live);
        let (kept, lost): (Vec<_>, Vec<_>) = self.open.drain(..).partition(is_kept);
        self.open = kept;
        let limit = LOST.mul_f64(bounds::slower());
        for open in lost {
            self.told.lost += 1;
            let how = if open.kind == Kind::File {
                tokio::time::sleep((changed + LOST).saturating_duration_since(Instant::now())).await;
                self.rest_of(&open).await
            } else {
                let (after, how) = self.end_of(&open, changed, limit).await;
                assert!(after <= limit, "{open:?} ended after {after:?}: {how}\n{}", self.told());
                self.told.slowest = self.told.slowest.max(after);
                how
            };
            // A file that had come whole before is no fault.
            let was_whole = how == WHOLE && open.came() <= changed;
            assert!(how != WHOLE || was_whole, "{open:?} came whole\n{}", self.told());
        }
    }

    /// How long after a change something ended, and how.
    async fn end_of(&self, open: &Open, changed: Instant, limit: Duration) -> (Duration, String) {
        loop {
            if let Some((ended, how)) = open.ended() {
                return (ended.saturating_duration_since(changed), how);
            }
            let after = changed.elapsed();
            assert!(after <= limit, "{open:?} goes on after {after:?}\n{}", self.told());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How a file ends of which all is read that lay in the buffers on the way.
    async fn rest_of(&self, open: &Open) -> String {
        open.hurry();
        let hurried = Instant::now();
        loop {
            if let Some((_, how)) = open.ended() {
                return how;
            }
            assert!(hurried.elapsed() < KEPT, "{open:?} is still sent\n{}", self.told());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What is kept goes on.
    async fn keep(&mut self) {
        let limit = KEPT.mul_f64(bounds::slower());
        for open in &self.open {
            let goes_on = |open: &Open| self.world.goes_on(open.live);
            if !goes_on(open) {
                continue;
            }
            match open.ended() {
                Some((_, how)) if open.kind == Kind::File && how == WHOLE => {}
                Some((_, how)) => panic!("{open:?} ended, and its right goes on: {how}\n{}", self.told()),
                None if open.kind.always_comes() => {
                    let silent = open.came().elapsed();
                    assert!(silent < limit, "{open:?}: nothing came for {silent:?}\n{}", self.told());
                }
                None => {}
            }
        }
    }

    /// What happened, for whoever reads of a failure.
    fn told(&self) -> String {
        let mut told = String::from("what happened before:\n");
        for line in &self.history {
            let _ = writeln!(told, "  {line}");
        }
        let _ = write!(told, "as the model has it: {:?}", self.world.model);
        told
    }
}
