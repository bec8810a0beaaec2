//! Messages on their way into the database. Those that wait at the same time share one job of the writer, so that a
//! crowd costs little more than one, and are announced in the order of their numbers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use database::Database;
use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::packing::Packed;
use crate::posting::{Desk, Gate, Posted, Posting};
use crate::{Draft, Error, Refusal};

/// Messages that may wait. A further one is refused as overload.
const WAITING: usize = 8_192;
/// Messages that one job stores at most, so that the writer is soon free for others.
const TOGETHER: usize = 512;

/// Called with what was stored, before its author is answered.
type Announce = Box<dyn FnOnce(&Posted) + Send>;
/// How a message ended.
type Outcome = Result<Posted, Error>;

/// What is to be stored, checked as far as it can be without the database.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) posting: Posting,
    pub(crate) draft: Draft,
    /// Its content as it is kept.
    pub(crate) packed: Packed,
    pub(crate) gate: Gate,
}

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
        database: &Database,
        order: Order,
        announce: impl FnOnce(&Posted) + Send + 'static,
    ) -> Outcome {
        let (tell, told) = oneshot::channel();
        let begin = {
            let mut inner = self.lock();
            if inner.waiting.len() >= WAITING {
                return Err(database::Error::Overloaded.into());
            }
            inner.waiting.push_back(Waiting { order, announce: Box::new(announce), tell });
            !std::mem::replace(&mut inner.working, true)
        };
        if begin {
            tokio::spawn(Worker(Arc::clone(self)).work(database.clone()));
        }
        told.await.map_err(|_| database::Error::Panicked)?
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
    async fn work(self, database: Database) {
        // The authors of one batch are answered while the next is stored, one batch after the other.
        let mut answering: Option<JoinHandle<()>> = None;
        loop {
            let batch = self.0.take();
            if batch.is_empty() {
                return;
            }
            let stored = store_batch(&database, batch).await;
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

async fn store_batch(database: &Database, batch: Vec<Waiting>) -> Stored {
    let mut orders = Vec::with_capacity(batch.len());
    let mut authors = Vec::with_capacity(batch.len());
    for Waiting { order, announce, tell } in batch {
        orders.push(order);
        authors.push((announce, tell));
    }
    let orders = Arc::new(orders);
    let together = Arc::clone(&orders);
    let outcomes = match database.write(move |conn| store_all(conn, together.iter())).await {
        Ok(outcomes) => outcomes.into_iter().map(|outcome| outcome.map_err(Error::from)).collect(),
        Err(error) => store_singly(database, &orders, error).await,
    };
    outcomes.into_iter().zip(authors).map(|(outcome, (announce, tell))| (outcome, announce, tell)).collect()
}

/// Nothing of a batch was kept. When that may be the fault of one message, each is tried by itself.
async fn store_singly(database: &Database, orders: &Arc<Vec<Order>>, error: Error) -> Vec<Outcome> {
    let why = database::Error::from(error);
    let everybodys = matches!(
        why,
        database::Error::Full
            | database::Error::Overloaded
            | database::Error::Closed
            | database::Error::TooNew { .. }
    );
    let mut outcomes = Vec::with_capacity(orders.len());
    for index in 0..orders.len() {
        outcomes.push(if everybodys || orders.len() == 1 {
            Err(why.clone().into())
        } else {
            let orders = Arc::clone(orders);
            let stored = database.write(move |conn| store_all(conn, orders.get(index).into_iter())).await;
            stored.and_then(|mut outcomes| {
                outcomes
                    .pop()
                    .map_or(Err(database::Error::Panicked.into()), |outcome| outcome.map_err(Error::from))
            })
        });
    }
    outcomes
}

/// Stores messages in one transaction: what is refused has changed nothing, what fails undoes them all.
fn store_all<'a>(
    conn: &Connection,
    orders: impl Iterator<Item = &'a Order>,
) -> Result<Vec<Result<Posted, Refusal>>, Error> {
    let mut desk = Desk::new(conn);
    let outcomes =
        orders.map(|order| match desk.post(order.posting, &order.draft, &order.packed, order.gate) {
            Ok(posted) => Ok(Ok(posted)),
            Err(Error::Refused(refusal)) => Ok(Err(refusal)),
            Err(error) => Err(error),
        });
    let outcomes = outcomes.collect::<Result<_, Error>>()?;
    desk.close()?;
    Ok(outcomes)
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
