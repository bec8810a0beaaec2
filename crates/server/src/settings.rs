//! The configuration as it is now: what is read again on SIGHUP takes effect here.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Config;

/// The configuration as it is now. Clones see the same. [`Config`] itself is what the server started with.
#[derive(Debug, Clone)]
pub(crate) struct Settings(watch::Sender<Arc<Config>>);

impl Settings {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self(watch::Sender::new(config))
    }

    /// As it is at this moment.
    pub(crate) fn now(&self) -> Arc<Config> {
        Arc::clone(&self.0.borrow())
    }

    /// Hears of changes.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Config>> {
        self.0.subscribe()
    }

    /// Takes another one.
    pub(crate) fn replace(&self, config: Config) {
        self.0.send_replace(Arc::new(config));
    }
}
