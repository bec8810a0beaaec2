//! Messages on their way into the store. Those that wait at the same time are stored together, so that a
//! crowd costs little more than one, and are announced in the order of their numbers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use storage::Failure;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Error;
use crate::log::Log;
use crate::store::{Order, Posted};

/// Messages that may wait. A further one is refused as overload.
const WAITING: usize = 8_192;
/// Messages that one job stores at most, so that the writer is soon free for others.
const TOGETHER: usize = 512;

/// Called with what was stored, before its author is answered.
type Announce = Box<dyn FnOnce(&Posted) + Send>;
/// How a message ended.
type Outcome = Result<Posted, Error>;

struct Waiting {
    order: Order,
    announce: Announce,
    tell: oneshot::Sender<Outcome>,
}

/// The queue before the writer.
#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Waiting>,
    /// Whether a task stores what waits.
    working: bool,
}

impl Queue {
    /// Stores a message and announces it. Messages are stored in the order in which this is first polled; once that
    /// is done they are, also when the caller stops waiting.
    pub(crate) async fn store(
        self: &Arc<Self>,
        log: &Log,
        order: Order,
        announce: impl FnOnce(&Posted) + Send + 'static,
    ) -> Outcome {
        let (tell, told) = oneshot::channel();
        let begin = {
            let mut inner = self.lock();
            if inner.waiting.len() >= WAITING {
                return Err(Failure::Overloaded.into());
            }
            inner.waiting.push_back(Waiting { order, announce: Box::new(announce), tell });
            !std::mem::replace(&mut inner.working, true)
        };
        if begin {
            tokio::spawn(Worker(Arc::clone(self)).work(log.clone()));
        }
        told.await.map_err(|_| Failure::Panicked)?
    }

    /// What waits next; none when there is nothing more to do.
    fn take(&self) -> Vec<Waiting> {
        let mut inner = self.lock();
        let count = inner.waiting.len().min(TOGETHER);
        inner.working = count > 0;
        inner.waiting.drain(..count).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one that stores what waits. When it ends in the middle, the next message begins another.
struct Worker(Arc<Queue>);

impl Worker {
    async fn work(self, log: Log) {
        // The authors of one batch are answered while the next is stored, one batch after the other.
        let mut answering: Option<JoinHandle<()>> = None;
        loop {
            let batch = self.0.take();
            if batch.is_empty() {
                return;
            }
            let stored = store_batch(&log, batch).await;
            if let Some(before) = answering.take() {
                // One that panicked leaves the rest of its authors without an answer, which they take for one.
                let _ = before.await;
            }
            answering = Some(tokio::spawn(async move { answer_all(stored) }));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().working = false;
        }
    }
}

/// Authors, and how the message of each ended.
type Stored = Vec<(Outcome, Announce, oneshot::Sender<Outcome>)>;

async fn store_batch(log: &Log, batch: Vec<Waiting>) -> Stored {
    let mut orders = Vec::with_capacity(batch.len());
    let mut authors = Vec::with_capacity(batch.len());
    for Waiting { order, announce, tell } in batch {
        orders.push(order);
        authors.push((announce, tell));
    }
    let orders = Arc::new(orders);
    let outcomes = match log.store().post(Arc::clone(&orders)).await {
        Ok(outcomes) => outcomes.into_iter().map(|outcome| outcome.map_err(Error::from)).collect(),
        Err(failure) => store_singly(log, orders, failure).await,
    };
    outcomes.into_iter().zip(authors).map(|(outcome, (announce, tell))| (outcome, announce, tell)).collect()
}

/// Nothing of a batch was kept. When that may be the fault of one message, each is tried by itself.
async fn store_singly(log: &Log, orders: Arc<Vec<Order>>, failure: Failure) -> Vec<Outcome> {
    let count = orders.len();
    // A store that failed still holds what it was given only if it goes on with it, which none does.
    let alone = if count == 1 || failure.is_everybodys() { None } else { Arc::into_inner(orders) };
    let Some(orders) = alone else { return vec![Err(failure.into()); count] };
    let mut outcomes = Vec::with_capacity(count);
    for order in orders {
        let stored = log.store().post(Arc::new(vec![order])).await;
        outcomes.push(match stored.map(|mut outcomes| outcomes.pop()) {
            Ok(Some(outcome)) => outcome.map_err(Error::from),
            Ok(None) => Err(Failure::Panicked.into()),
            Err(failure) => Err(failure.into()),
        });
    }
    outcomes
}

fn answer_all(stored: Stored) {
    for (outcome, announce, tell) in stored {
        if let Ok(posted) = &outcome {
            announce(posted);
        }
        // The author may have stopped waiting; the message is kept all the same.
        let _ = tell.send(outcome);
    }
}
