use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use accounts::{Accounts, SigningKey};
use chat::Chat;
use delivery::poster::Posters;
use delivery::replay::Replays;
use ids::UnixMs;
use ingest::upload::Uploads;
use lives::{Lifecycle, Lives, MediaTokens};
use recorder::Recorder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::engines::Engines;
use crate::http::{ChatStates, Counts};
use crate::listeners::Listeners;
use crate::names::Names;
use crate::presence::{Here, Viewers};
use crate::quota::Quota;
use crate::serve::Error;
use crate::summaries::Summaries;

/// Everything that a request may need; clones share it.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) engines: Engines,
    pub(crate) accounts: Accounts,
    pub(crate) lives: Lives,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) listeners: Arc<Listeners>,
    pub(crate) summaries: Arc<Summaries>,
    pub(crate) media_tokens: MediaTokens,
    pub(crate) chat: Chat,
    pub(crate) chat_limits: Arc<chat::Limits>,
    pub(crate) chat_states: ChatStates,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) replays: Arc<Replays>,
    pub(crate) posters: Arc<Posters>,
    pub(crate) viewers: Viewers,
    pub(crate) here: Here,
    pub(crate) counts: Arc<Counts>,
    pub(crate) quota: Arc<Quota>,
    /// Cancelled when the server leaves: answers that do not end by themselves end then.
    pub(crate) leaving: CancellationToken,
    /// Tasks that outlive their request; leaving waits for them.
    pub(crate) tasks: TaskTracker,
    pub(crate) since: Instant,
}

impl App {
    /// Opens what is kept in the data directory.
    pub(crate) async fn open(config: Config) -> Result<Self, Error> {
        let engines = Engines::open(&config.data_dir)?;
        let key = SigningKey::open(&key_path(&config.data_dir))
            .map_err(|error| Error::File { path: key_path(&config.data_dir), error })?;
        let accounts = Accounts::new(engines.people(), &key, config.accounts.clone());
        let lives = Lives::new(engines.lives(), accounts.clone());
        let lifecycle = Lifecycle::open(lives.clone(), config.running_lives).await?;
        let recorder = Arc::new(Recorder::open(&config.data_dir, config.reserve)?);
        let chat_limits = Arc::new(chat::Limits::new(config.message_burst, config.messages_per_s));
        let quota = Arc::new(Quota::new(config.storage_per_person));
        Ok(Self {
            config: Arc::new(config),
            lives,
            lifecycle,
            listeners: Arc::default(),
            summaries: Arc::default(),
            chat: Chat::new(engines.conversations(), Names(accounts.clone())),
            accounts,
            chat_limits,
            chat_states: ChatStates::default(),
            engines,
            media_tokens: MediaTokens::new(key.derive("media token")),
            uploads: Arc::new(Uploads::new(Arc::clone(&recorder), || now_ms().0)),
            recorder,
            replays: Arc::default(),
            posters: Arc::default(),
            viewers: Viewers::default(),
            here: Here::default(),
            counts: Arc::default(),
            quota,
            leaving: CancellationToken::new(),
            tasks: TaskTracker::new(),
            since: Instant::now(),
        })
    }

    /// Closes it all, what others stand on last.
    pub(crate) async fn close(&self) {
        self.engines.close().await;
    }
}

pub(crate) fn key_path(data_dir: &Path) -> PathBuf {
    data_dir.join("signing.key")
}

/// What the clock says.
pub(crate) fn now_ms() -> UnixMs {
    UnixMs::now()
}
