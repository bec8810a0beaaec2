//! The people of a campaign: publishers, authors, viewers and readers who come back after each fault.

mod author;
mod encoder;
mod publisher;
mod viewer;

use std::sync::Arc;
use std::time::Duration;

use promises::{Answer, Api};
use reqwest::RequestBuilder;
use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) use author::{Acknowledged, Author, Reader};
pub(crate) use encoder::{Encoder, OnAir, Stream, saved};
pub(crate) use publisher::{Publisher, SOURCES, Source, Stage};
pub(crate) use viewer::watch_anything;

/// How long somebody tries before the campaign has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The pause before the next attempt.
const AGAIN: Duration = Duration::from_millis(20);

/// Where the server answers, while it does; and whether it is time to go home.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    base: watch::Receiver<Option<String>>,
    end: watch::Receiver<bool>,
    /// Whether a dying disk may answer 500.
    may_fail: bool,
    attempt: Duration,
}

/// Who says where the server answers.
#[derive(Debug)]
pub(crate) struct Signpost {
    base: watch::Sender<Option<String>>,
    end: watch::Sender<bool>,
    may_fail: bool,
}

impl Signpost {
    pub(crate) fn new(may_fail: bool) -> Self {
        Self { base: watch::Sender::new(None), end: watch::Sender::new(false), may_fail }
    }

    pub(crate) fn place(&self) -> Place {
        Place {
            base: self.base.subscribe(),
            end: self.end.subscribe(),
            may_fail: self.may_fail,
            attempt: ATTEMPT,
        }
    }

    /// From now on it answers here, or nowhere.
    pub(crate) fn point(&self, base: Option<&str>) {
        self.base.send_replace(base.map(str::to_owned));
    }

    /// Everybody finishes what they are doing.
    pub(crate) fn end(&self) {
        self.end.send_replace(true);
    }
}

impl Place {
    /// The same place, where each attempt may take this long.
    pub(crate) fn hurried(self, attempt: Duration) -> Self {
        Self { attempt, ..self }
    }

    pub(crate) fn is_over(&self) -> bool {
        *self.end.borrow()
    }

    /// Where the server answers, once it does.
    pub(crate) async fn base(&self) -> String {
        let mut base = self.base.clone();
        let found = base.wait_for(Option::is_some).await.expect("the campaign goes on");
        found.clone().unwrap_or_default()
    }

    /// Asks until there is an answer with one of these statuses.
    pub(crate) async fn ask(
        &self,
        api: &Api,
        statuses: &[u16],
        request: impl Fn(&Api) -> RequestBuilder,
    ) -> Answer {
        let begin = Instant::now();
        loop {
            let api = api.moved_to(&self.base().await);
            let reason = match tokio::time::timeout(self.attempt, api.try_send(request(&api))).await {
                Ok(Ok(answer)) => match self.expect(answer, statuses) {
                    Ok(answer) => return answer,
                    Err(busy) => busy,
                },
                Ok(Err(error)) => format!("{error:?}"),
                Err(_) => "no answer in time".to_owned(),
            };
            assert!(begin.elapsed() < PATIENCE, "not possible in {PATIENCE:?}: {reason}");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// An answer with one of these statuses; being too busy, or on a disk that dies, is a reason to come again.
    pub(crate) fn expect(&self, answer: Answer, statuses: &[u16]) -> Result<Answer, String> {
        let busy = answer.status == 503 || (self.may_fail && matches!(answer.status, 500 | 507));
        if busy && !statuses.contains(&answer.status) {
            return Err(format!("{}: {}", answer.what, answer.text()));
        }
        assert!(statuses.contains(&answer.status), "{}: {} {}", answer.what, answer.status, answer.text());
        Ok(answer)
    }
}

/// A lock that a panic elsewhere does not close.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What many look at.
pub(crate) type Shared<T> = Arc<std::sync::Mutex<T>>;
