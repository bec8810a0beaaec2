use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use storage::Stopwatch;
use tokio::sync::{mpsc, oneshot};

use crate::Error;

/// Jobs that wait for the writer. When as many wait, new ones wait for a place, at most [`PATIENCE`].
const QUEUE: usize = 4_096;
/// Jobs that share one commit at most, so that one commit stays short.
const SHARED: usize = 512;
/// How long a job waits for a place in the queue before it is refused as [`Error::Overloaded`].
const PATIENCE: Duration = Duration::from_secs(5);

/// What a job leaves behind: told how the commit ended, it answers its caller.
type Answer = Box<dyn FnOnce(Result<(), Error>) + Send>;
/// Runs in the shared transaction; the flag says whether what it did is to be kept. Given an error instead of a
/// transaction it passes that on to its caller and leaves nothing.
type Job = Box<dyn FnOnce(Result<&Connection, Error>) -> Option<(bool, Answer)> + Send>;

pub(crate) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection, commits: Arc<Stopwatch>) -> Result<Self, Error> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("database-writer".to_owned())
            .spawn(move || work(connection, receiver, &commits))?;
        Ok(Self { queue: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    pub(crate) async fn run<T, E>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)?;
        let place = tokio::time::timeout(PATIENCE, queue.reserve())
            .await
            .map_err(|_| Error::Overloaded)?
            .map_err(|_| Error::Closed)?;
        let (tell, told) = oneshot::channel();
        place.send(Box::new(move |transaction| {
            let result = match transaction {
                Ok(connection) => job(connection),
                Err(error) => {
                    let _ = tell.send(Err(E::from(error)));
                    return None;
                }
            };
            let keep = result.is_ok();
            let answer: Answer = Box::new(move |committed| {
                // The caller may have stopped waiting; the job is done all the same.
                let _ = tell.send(match (result, committed) {
                    (Ok(value), Ok(())) => Ok(value),
                    (Ok(_), Err(error)) => Err(E::from(error)),
                    (Err(refused), _) => Err(refused),
                });
            });
            Some((keep, answer))
        }));
        drop(queue);
        // The answer is dropped unsent only when the job panicked.
        told.await.map_err(|_| Error::Panicked)?
    }

    /// Jobs that wait, those that are about to be put there too.
    pub(crate) fn waiting(&self) -> usize {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    pub(crate) async fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the database writer panicked");
            }
        }
    }
}

/// The writer thread: takes what waits, runs it in one transaction, commits, answers.
fn work(connection: Connection, mut queue: mpsc::Receiver<Job>, commits: &Stopwatch) {
    let mut batch = Vec::with_capacity(SHARED);
    // Group commit: while one fsync is under way, jobs gather; they share the next. Nobody waits for company, so a job
    // alone costs one fsync, and a thousand at once cost a few.
    while queue.blocking_recv_many(&mut batch, SHARED) > 0 {
        commit_together(&connection, batch.drain(..), commits);
    }
    let folded = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = folded {
        tracing::warn!(%error, "the database log stays beside the file");
    }
}

fn commit_together(connection: &Connection, jobs: impl Iterator<Item = Job>, commits: &Stopwatch) {
    // Kept back until the commit: nobody is told of what a power cut could still take away.
    let mut answers: Vec<Answer> = Vec::new();
    let mut begun = begin(connection);
    for job in jobs {
        if let Err(error) = &begun {
            tracing::error!(%error, "a transaction could not begin");
            job(Err(error.clone()));
            continue;
        }
        if let Some(answer) = run_alone(connection, job) {
            answers.push(answer);
        }
        if connection.is_autocommit() {
            // A full disk or an I/O error made SQLite undo the whole transaction.
            let why = Error::Failed("the transaction was undone by a failure of the disk".to_owned());
            answer_all(&mut answers, &Err(why));
            begun = begin(connection);
        }
    }
    if begun.is_ok() {
        let began = Instant::now();
        let committed = run_cached(connection, "COMMIT");
        commits.took(began.elapsed());
        if let Err(error) = &committed {
            tracing::error!(%error, "a commit failed");
            // A failed COMMIT may leave the transaction open; what is in it was not promised to anybody.
            if !connection.is_autocommit() {
                let _ = run_cached(connection, "ROLLBACK");
            }
        }
        answer_all(&mut answers, &committed);
    }
}

/// Runs one job in a savepoint, so that what it did is undone when it fails and what others did in the same transaction is
/// not. `None` when its caller is answered already, or will be by the dropped channel.
fn run_alone(connection: &Connection, job: Job) -> Option<Answer> {
    if let Err(error) = run_cached(connection, "SAVEPOINT job") {
        job(Err(error));
        return None;
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| job(Ok(connection))));
    // SQLite ends the transaction by itself when the disk is full: then there is no savepoint left to settle.
    let undone = connection.is_autocommit();
    let settled = match &outcome {
        _ if undone => Ok(()),
        Ok(Some((true, _))) => run_cached(connection, "RELEASE job"),
        _ => run_cached(connection, "ROLLBACK TO job").and_then(|()| run_cached(connection, "RELEASE job")),
    };
    match (outcome, settled) {
        (Ok(Some((_, answer))), Ok(())) => Some(answer),
        (Ok(Some((_, answer))), Err(error)) => {
            answer(Err(error));
            None
        }
        (Ok(None), _) => None,
        (Err(_), _) => {
            tracing::error!("a database job panicked");
            None
        }
    }
}

fn begin(connection: &Connection) -> Result<(), Error> {
    run_cached(connection, "BEGIN IMMEDIATE")
}

fn answer_all(answers: &mut Vec<Answer>, outcome: &Result<(), Error>) {
    for answer in answers.drain(..) {
        answer(outcome.clone());
    }
}

fn run_cached(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
