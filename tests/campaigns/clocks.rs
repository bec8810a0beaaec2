//! Clocks that are set anew in the middle of lives: the server's, by a second to ten years either way, while it runs and
//! before it is started again; and those of publishers, whose word for when their recorder started is worth little.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use promises::frames::{self, Frames};
use promises::random::Random;
use promises::{Api, Live, Person, Server, Upload};
use serde_json::{Value, json};

use crate::crowd::{SOURCES, Source};
use crate::strikes::verify;

/// The library that lies to a program about the time, where distributions put it.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";
/// The longest jump: ten years, in seconds.
const LONGEST_S: f64 = 10.0 * 365.25 * 86_400.0;
/// Life of an access token here, in seconds, and by how much one of the future is believed.
const ACCESS: (i64, i64) = (900, 60);
/// Life of a refresh token, in seconds.
const REFRESH_S: i64 = 30 * 86_400;
/// How long after its stop a live takes late bytes, in seconds.
const LATE_S: i64 = 24 * 3_600;
/// A round takes less than this, whatever its clock says: no gap that it sees is longer.
const ROUND_MS: i64 = 90_000;
/// The recorder of the first take of a round started so long before its upload, in milliseconds: room for a take before
/// the second, whatever the machine is busy with.
const FIRST_AGE_MS: i64 = 60_000;
/// What publishers with wrong clocks say of their recorder's age, in milliseconds.
const LIES: &[i64] = &[-1, -315_360_000_000, 0, 1, 86_400_000, 315_360_000_000, i64::MAX];

/// Sets the clock so many times; answers what was counted.
pub(crate) async fn run(count: u64, seed: u64) -> String {
    let Some(library) = library() else {
        return "SKIPPED, nothing was tested: libfaketime is not installed".to_owned();
    };
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let clock = Clock::new(folder.path());
    let (library, file) = (library.to_string_lossy().into_owned(), clock.file.to_string_lossy().into_owned());
    let environment = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", file.as_str()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("NO_FAKE_STAT", "1"),
        ("COMMUNICONNECT_LOG", "error"),
    ];
    let server = Server::configured(&["--reserve", "0", "--patience-s", "60"], &environment).await;
    let mut rounds = Rounds { server, clock, told: Told::default() };
    for number in 0..count {
        rounds.one(&mut random, number).await;
    }
    rounds.server.terminate().await;
    verify(&rounds.server).await;
    format!(
        "{:?}; every frame at its time, takes and messages in their order, tokens good for their life",
        rounds.told
    )
}

fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    folders.chain([PathBuf::from("/usr/lib")]).map(|folder| folder.join(LIBRARY)).find(|path| path.exists())
}

/// The clock of the server.
#[derive(Debug)]
struct Clock {
    file: PathBuf,
    /// How far it is from the true time, in seconds.
    offset_s: i64,
}

impl Clock {
    fn new(folder: &Path) -> Self {
        let mut clock = Self { file: folder.join("clock"), offset_s: 0 };
        clock.set(0);
        clock
    }

    /// Sets it; a reader sees the old or the new.
    fn set(&mut self, offset_s: i64) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{offset_s:+}\n")).expect("a small file");
        std::fs::rename(&new, &self.file).expect("a file can be renamed");
        self.offset_s = offset_s;
    }

    /// Somewhere from a second to ten years away from where it is, as often a little as much.
    fn elsewhere(&self, random: &mut Random) -> i64 {
        let exponent = random.between(0, 10_000) as f64 / 10_000.0;
        let far = LONGEST_S.powf(exponent) as i64;
        if random.between(0, 1) == 0 { -far } else { far }
    }
}

/// What was counted.
#[derive(Debug, Default)]
struct Told {
    jumps: u64,
    restarts: u64,
    takes: u64,
    frames: usize,
    messages: u64,
    tokens: u64,
    late: u64,
    late_refused: u64,
    lies: u64,
}

#[derive(Debug)]
struct Rounds {
    server: Server,
    clock: Clock,
    told: Told,
}

impl Rounds {
    /// One live of several takes; the clock is set in the middle of the first, and again before the third.
    async fn one(&mut self, random: &mut Random, number: u64) {
        let begin = Instant::now();
        let home_s = self.clock.offset_s;
        let source = Source::read(SOURCES[random.between(0, SOURCES.len() - 1)]);
        let (mut author, live) = self.server.live().await;
        let restarts = number % 3 == 2;
        let (half, rest) = source.bytes.split_at(random.between(1_000, source.bytes.len() - 1));
        let mut first = self.begin(&author, &live, FIRST_AGE_MS).await;
        first.append(half).await;
        let mut seqs = vec![self.say(&author, &live).await];

        self.jump(random).await;
        if restarts {
            self.restart(&mut author, &mut first).await;
        }
        let author = self.tokens(author, home_s).await;
        first.api = author.api.with_token(&live.key);
        for slice in random.cut(rest, 10_000, 400_000) {
            first.append(slice).await;
        }
        first.complete().await;
        seqs.push(self.say(&author, &live).await);
        self.publish(&author, &live, &source, 0).await;
        seqs.push(self.say(&author, &live).await);

        let away_s = self.clock.offset_s;
        self.clock.set(if random.between(0, 1) == 0 { home_s } else { self.clock.elsewhere(random) });
        self.told.jumps += 1;
        let author = self.tokens(author, away_s).await;
        self.publish(&author, &live, &source, 0).await;
        seqs.push(self.say(&author, &live).await);
        let stopped = live.stop(&author.api).await;
        let numbers: Vec<_> = (1..=seqs.len() as u64).collect();
        assert_eq!(seqs, numbers, "one order, whatever the clock says");

        let mut order = vec![1, 2, 3];
        // What was recorded before the second take began and comes only now stands before it.
        if !restarts {
            let age = i64::try_from(begin.elapsed().as_millis()).unwrap_or(i64::MAX) + FIRST_AGE_MS / 2;
            self.publish(&author, &live, &source, age).await;
            self.told.late += 1;
            order = vec![1, 4, 2, 3];
        }
        let sane_gaps = !restarts && begin.elapsed() < Duration::from_millis(ROUND_MS as u64);
        self.look(&author.api, &live, &source, &order, sane_gaps).await;
        if restarts {
            assert!(stopped["duration_ms"].as_i64().is_some_and(|ms| ms > 0), "{stopped}");
        }
        self.windows(&author, &live).await;
        self.lies(random, &author).await;
        author.api.delete(&live.path("")).await.must_be(204);
    }

    /// The clock is set to somewhere else.
    async fn jump(&mut self, random: &mut Random) {
        let to = self.clock.elsewhere(random);
        self.clock.set(to);
        self.told.jumps += 1;
    }

    /// The server is killed and comes back with the clock as it is now; the upload goes on.
    async fn restart(&mut self, author: &mut Person, upload: &mut Upload) {
        self.server.kill_nine().await;
        self.server.restart().await;
        author.follow(&self.server);
        upload.api = upload.api.moved_to(self.server.base());
        let durable = upload.durable().await;
        assert_eq!(durable, upload.offset, "what was acknowledged, and no more, is there after a restart");
        self.told.restarts += 1;
    }

    async fn begin(&self, author: &Person, live: &Live, age_ms: i64) -> Upload {
        let metadata = format!("age_ms {}", STANDARD.encode(age_ms.to_string()));
        let headers = [("Upload-Defer-Length", "1"), ("Upload-Metadata", metadata.as_str())];
        Upload::create_with(&author.api.with_token(&live.key), live, &headers).await
    }

    async fn publish(&mut self, author: &Person, live: &Live, source: &Source, age_ms: i64) {
        let mut upload = self.begin(author, live, age_ms).await;
        upload.append(&source.bytes).await;
        upload.complete().await;
    }

    /// A message beside the newest picture: its number.
    async fn say(&mut self, author: &Person, live: &Live) -> u64 {
        let said =
            author.api.post(&live.path("chat/"), json!({"content": "à l'heure"})).await.expect(201).json();
        self.told.messages += 1;
        said["seq"].as_u64().expect("a message has a number")
    }

    /// An access token made when the clock was `made_s` away is good exactly if it is of the last 15 minutes; a refresh
    /// token is, unless its month is over; one that was signed out never is again.
    async fn tokens(&mut self, author: Person, made_s: i64) -> Person {
        let passed_s = self.clock.offset_s - made_s;
        let status = author.api.get("/api/users/my-profile/").await.status;
        // What happens within the seconds that a round takes is anybody's.
        let near = |edge: i64| (passed_s - edge).abs() < ROUND_MS / 1_000;
        if !near(ACCESS.0) && !near(-ACCESS.1) {
            let good = passed_s < ACCESS.0 && passed_s > -ACCESS.1;
            assert_eq!(status, if good { 200 } else { 401 }, "a token {passed_s} s after it was made");
        }
        let refreshed = self.exchange(&author.refresh).await;
        if !near(REFRESH_S) {
            assert_eq!(refreshed.is_ok(), passed_s < REFRESH_S, "a sign-in {passed_s} s after it was made");
        }
        self.told.tokens += 1;
        let tokens = match refreshed {
            Ok(tokens) => tokens,
            Err(_) => self.sign_in(&author.email).await,
        };
        let renewed = Person::signed_in(
            &self.server.anonymous(),
            &author.email,
            &json!({"tokens": tokens, "user": {"id": author.id}}),
        );
        renewed.api.get("/api/users/my-profile/").await.must_be(200);

        let gone = self.sign_in(&author.email).await;
        let refresh = gone["refresh"].as_str().unwrap_or_default();
        self.server.anonymous().post("/api/users/logout/", json!({"refresh": refresh})).await.must_be(204);
        assert!(self.exchange(refresh).await.is_err(), "who signed out is out");
        renewed
    }

    async fn sign_in(&self, email: &str) -> Value {
        let body = json!({"email": email, "password": promises::people::PASSWORD});
        self.server.anonymous().post("/api/users/login/", body).await.expect(200).json()["tokens"].clone()
    }

    async fn exchange(&self, refresh: &str) -> Result<Value, String> {
        let answer =
            self.server.anonymous().post("/api/users/token/refresh/", json!({"refresh": refresh})).await;
        if answer.status == 200 { Ok(answer.json()) } else { Err(answer.refusal(401)) }
    }

    /// The takes stand in this order, each with every frame at its time; messages stand in the order of their numbers.
    async fn look(&mut self, api: &Api, live: &Live, source: &Source, order: &[u64], sane_gaps: bool) {
        let timeline = live.timeline(api).await;
        let takes = timeline["takes"].as_array().expect("takes");
        let found: Vec<_> = takes.iter().filter_map(|take| take["take"].as_u64()).collect();
        assert_eq!(found, order, "{timeline}");
        let mut offset = 0;
        for take in takes {
            assert_eq!(take["offset_ms"].as_i64(), Some(offset), "{timeline}");
            offset += take["duration_ms"].as_i64().expect("a duration");
        }
        assert_eq!(timeline["duration_ms"].as_i64(), Some(offset));
        for gap in timeline["gaps"].as_array().into_iter().flatten() {
            let lost = gap["lost_ms"].as_i64().expect("a gap has a length");
            assert!(lost > 0 && (!sane_gaps || lost < ROUND_MS), "{timeline}");
        }
        for take in order {
            let path = live.path(&format!("replay.{}?take={take}", source.container));
            // A client whose own clock is wrong asks for what is newer than the future.
            let late = api
                .request(reqwest::Method::GET, &path)
                .header("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT");
            let kept = frames::by_our_reader(&api.send(late).await.expect(200).body);
            frames::must_equal(&source.frames, &kept, 0);
            self.told.frames += kept.iter().map(|track| track.frames.len()).sum::<usize>();
            self.told.takes += 1;
        }
        let whole = live.replay(api, source.container).await;
        must_go_forward(&frames::by_our_reader(&whole.body));
        let messages = api.get(&live.path("chat/messages/")).await.expect(200).json();
        let places: Vec<_> =
            messages.as_array().expect("messages").iter().map(|m| m["position_ms"].as_i64()).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    /// Late bytes are taken for a day after the stop, by whatever clock; one that was wrong for a while spoils nothing.
    async fn windows(&mut self, author: &Person, live: &Live) {
        let home_s = self.clock.offset_s;
        let key = author.api.with_token(&live.key);
        let create = |api: Api| async move {
            let request = api.request(reqwest::Method::POST, &live.path("upload/"));
            api.send(request.header("Tus-Resumable", "1.0.0").header("Upload-Defer-Length", "1")).await
        };
        self.clock.set(home_s + LATE_S + 3_600);
        let sentence = create(key.clone()).await.refusal_of(&[401, 409]);
        assert!(!sentence.is_empty());
        self.told.late_refused += 1;
        for offset_s in [home_s + LATE_S - 3_600, home_s - LATE_S, home_s] {
            self.clock.set(offset_s);
            create(key.clone()).await.must_be(201);
        }
        self.told.jumps += 4;
    }

    /// Publishers whose clocks are wrong: each take is whole, and the timeline has no hole in its play time.
    async fn lies(&mut self, random: &mut Random, author: &Person) {
        let live = author.start_live(json!({"title": "Une montre arrêtée"})).await;
        let source = Source::read(("audio_webm_opus.webm", "mp4"));
        for _ in 0..2 {
            let age_ms = LIES[random.between(0, LIES.len() - 1)];
            self.publish(author, &live, &source, age_ms).await;
            self.told.lies += 1;
        }
        live.stop(&author.api).await;
        let timeline = live.timeline(&author.api).await;
        let mut order: Vec<_> =
            timeline["takes"].as_array().into_iter().flatten().filter_map(|t| t["take"].as_u64()).collect();
        self.look(&author.api, &live, &source, &order, false).await;
        order.sort_unstable();
        assert_eq!(order, [1, 2], "{timeline}");
    }
}

fn must_go_forward(tracks: &[Frames]) {
    for track in tracks {
        let times: Vec<_> = track.frames.iter().map(|frame| frame.ms).collect();
        assert!(times.is_sorted(), "the times of {:?} go back", track.kind);
    }
}
