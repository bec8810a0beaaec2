use std::sync::Arc;

use tokio::sync::Notify;

/// The sign that somebody is to be erased; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Erasing(Arc<Notify>);

impl Erasing {
    /// Somebody is to be erased.
    pub(crate) fn begin(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody may be.
    pub(crate) async fn begun(&self) {
        self.0.notified().await;
    }
}
