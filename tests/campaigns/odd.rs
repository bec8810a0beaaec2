//! Odd files: each recording of `testdata/` is changed by one to four oddities, published in random slices, and what the
//! server makes of it is held against what ffmpeg makes of the same file.
//!
//! What ffmpeg decodes is in the replay, frame for frame, its sound packet for packet; or the file was refused with what came before
//! kept; or the timeline's `unread` names it. How much of that an oddity allows is its law ([`oddity::Law`]).

mod bytes;
mod case;
mod corpus;
mod ffmpeg;
mod judge;
mod known;
mod made;
mod mp4;
mod oddity;
mod publish;
mod replay;
mod units;
mod webm;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promises::{Person, Server, repository};
use tempfile::TempDir;
use tokio::task::JoinSet;

use case::Case;
use corpus::Recording;
use judge::Verdict;

tokio::task_local! {
    /// Set in what may panic without a word.
    static QUIET: ();
}

/// Cases of one person: a token lasts an hour.
const CASES_OF_A_PERSON: u64 = 400;
/// Cases from which on the recordings are tried as they are too.
const AS_THEY_ARE: u64 = 100;
/// Different failures after which a run ends.
const MOST_FAILURES: usize = 40;

/// Tries so many cases; a case is that of its seed, the seeds follow one another.
pub(crate) async fn run(count: u64, seed: u64) -> String {
    let bench = Arc::new(Bench::start().await);
    let in_flight = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    // A case that fails says so at the end, in one piece, and not in the middle of the others.
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if QUIET.try_with(|()| ()).is_err() {
            loud(panic);
        }
    }));
    let mut told = Told::default();
    let mut running = JoinSet::new();
    let mut author = Arc::new(bench.server.person("Awa").await);
    // A run of some length begins with the recordings as they are.
    let as_they_are = if count < AS_THEY_ARE { 0 } else { bench.corpus.len() as u64 };
    let seeds = (0..as_they_are).chain((0..count).map(|number| seed.wrapping_add(number)));
    for (number, seed) in (0_u64..).zip(seeds) {
        if number % CASES_OF_A_PERSON == CASES_OF_A_PERSON - 1 {
            author = Arc::new(bench.server.person("Awa").await);
        }
        while running.len() >= in_flight {
            told.count(running.join_next().await.expect("a case is running").expect("a case ends"));
        }
        if told.failures.len() >= MOST_FAILURES {
            break;
        }
        let (case, author) = (Arc::clone(&bench), Arc::clone(&author));
        running.spawn(async move {
            let ended = tokio::spawn(QUIET.scope((), async move { case.seed(&author, seed).await })).await;
            // A case that cannot even be made is a fault of the campaign, and one like the others.
            ended.unwrap_or_else(|error| {
                let (kind, words) = ("the campaign itself".to_owned(), message(error));
                Ended::Wrong(Failure { seed, kind, words })
            })
        });
    }
    while let Some(case) = running.join_next().await {
        told.count(case.expect("a case ends"));
    }
    told.failures.values().for_each(|failure| eprintln!("{failure}"));
    assert!(told.failures.is_empty(), "{} kinds of failures; {}", told.failures.len(), told.words());
    told.words()
}

/// What all cases share.
#[derive(Debug)]
struct Bench {
    server: Server,
    corpus: Vec<Recording>,
    folder: TempDir,
}

/// How a case ended.
#[derive(Debug)]
enum Ended {
    Well(Vec<&'static str>, Verdict),
    /// The file had no place for any of its oddities.
    Unchanged,
    Wrong(Failure),
}

/// A failure: the fewest oddities that make one.
#[derive(Debug, Clone)]
struct Failure {
    seed: u64,
    kind: String,
    words: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "scripts/campaign.sh odd 1 {}: {}: {}", self.seed, self.kind, self.words)
    }
}

/// What was counted.
#[derive(Debug, Default)]
struct Told {
    verdicts: [u64; 5],
    oddities: BTreeMap<&'static str, u64>,
    unchanged: u64,
    failed: u64,
    failures: BTreeMap<String, Failure>,
}

impl Told {
    fn count(&mut self, ended: Ended) {
        match ended {
            Ended::Well(names, verdict) => {
                self.verdicts[verdict as usize] += 1;
                names.into_iter().for_each(|name| *self.oddities.entry(name).or_default() += 1);
            }
            Ended::Unchanged => self.unchanged += 1,
            Ended::Wrong(failure) => {
                self.failed += 1;
                self.failures.entry(failure.kind.clone()).or_insert(failure);
            }
        }
    }

    fn words(&self) -> String {
        let [packets, pictures, told, refused, bounded] = self.verdicts;
        format!(
            "{} kinds of oddities; {packets} files kept packet for packet, {pictures} picture for picture, {told} with what is \
             missing told, {refused} refused, {bounded} harmed within bounds; {} unchanged, {} failed",
            self.oddities.len(),
            self.unchanged,
            self.failed
        )
    }
}

impl Bench {
    async fn start() -> Self {
        // Nothing here depends on what a disk does with what it is given: memory is quicker.
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let folder = tempfile::tempdir_in(&parent).expect("a temporary directory");
        let server = Server::in_directory(folder.path(), &[]).await;
        let corpus = corpus::read();
        assert!(corpus.len() > 40, "only {} recordings were read", corpus.len());
        Self { server, corpus, folder }
    }

    /// Tries the case of a seed; one that fails is made smaller while it still fails.
    async fn seed(self: &Arc<Self>, author: &Arc<Person>, seed: u64) -> Ended {
        let mut case = Case::new(&self.corpus, seed);
        let Some(mut ended) = self.attempt(author, &case).await else { return Ended::Unchanged };
        let mut at = 0;
        while at < case.oddities.len() && ended.1.is_err() {
            let mut smaller = case.clone();
            smaller.oddities.remove(at);
            match self.attempt(author, &smaller).await {
                Some(fewer) if fewer.1.is_err() => {
                    case = smaller;
                    ended = fewer;
                }
                _ => at += 1,
            }
        }
        match ended {
            (names, Ok(verdict)) => Ended::Well(names, verdict),
            (names, Err(reason)) => Ended::Wrong(self.keep(&case, seed, &names, &reason)),
        }
    }

    /// Publishes a case and judges it. A check that panics is a case that failed.
    async fn attempt(
        self: &Arc<Self>,
        author: &Arc<Person>,
        case: &Case,
    ) -> Option<(Vec<&'static str>, Result<Verdict, String>)> {
        let changed = case.make(&self.corpus)?;
        let names = changed.names.clone();
        let (bench, author, way) = (Arc::clone(self), Arc::clone(author), case.way);
        let task = tokio::spawn(QUIET.scope((), async move {
            let folder = tempfile::tempdir_in(bench.folder.path()).expect("a temporary directory");
            let outcome = publish::publish(&author, &changed.made.bytes, way).await;
            judge::judge(&changed, &outcome, folder.path()).await
        }));
        let result = task.await.unwrap_or_else(|error| Err(message(error)));
        Some((names, result))
    }

    /// Keeps the file of a failure in `artifacts/odd`.
    fn keep(&self, case: &Case, seed: u64, names: &[&str], reason: &str) -> Failure {
        let recording = &self.corpus[case.recording];
        let changed = case.make(&self.corpus).expect("it was made before");
        let folder = repository().join("artifacts/odd");
        let path: PathBuf = folder.join(format!("{seed}.{}", changed.extension));
        std::fs::create_dir_all(&folder).expect("artifacts can be kept");
        std::fs::write(&path, &changed.made.bytes).expect("an artifact is kept");
        let container = if recording.is_webm() { "WebM" } else { "MP4" };
        let what = if names.is_empty() { "as it is".to_owned() } else { names.join(" + ") };
        let words = format!("{} ({}): {reason}", recording.name, path.display());
        Failure { seed, kind: format!("{container}: {what}"), words }
    }
}

fn message(error: tokio::task::JoinError) -> String {
    let panic = error.into_panic();
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
