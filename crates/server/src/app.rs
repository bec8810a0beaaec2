use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use accounts::{Accounts, SigningKey, Store};
use axum::extract::FromRef;
use chat::Chat;
use delivery::hls::Hls;
use delivery::poster::Posters;
use delivery::replay::Replays;
use ingest::Publishers;
use ingest::upload::Uploads;
use lives::{Lifecycle, Lives, MediaTokens};
use recorder::Recorder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webhooks::Webhooks;

use crate::clock::now_ms;
use crate::config::Config;
use crate::engines::Engines;
use crate::erasing::Erasing;
use crate::error::Error;
use crate::http::chat_cost::ChatCosts;
use crate::http::chat_state::{Sources, States};
use crate::http::log::Counts;
use crate::listeners::{Followers, Listeners};
use crate::names::Names;
use crate::presence::{Here, Viewers};
use crate::quota::Quota;
use crate::recorded::{Made, Recordings};
use crate::summaries::Summaries;

/// Everything that a request may need; clones share it.
#[derive(Clone, FromRef)]
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) engines: Engines,
    pub(crate) accounts: Accounts,
    pub(crate) lives: Lives,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) listeners: Listeners,
    pub(crate) summaries: Arc<Summaries>,
    pub(crate) media_tokens: MediaTokens,
    pub(crate) chat: Chat,
    pub(crate) chat_limits: Arc<chat::Limits>,
    pub(crate) chat_states: States,
    pub(crate) chat_costs: ChatCosts,
    pub(crate) recordings: Recordings,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) uploads: Arc<Uploads>,
    /// The publishers of all doors.
    pub(crate) publishers: Arc<Publishers>,
    /// Where RTMP is taken, if it is.
    pub(crate) rtmp: RtmpDoor,
    pub(crate) replays: Arc<Replays>,
    pub(crate) hls: Arc<Hls>,
    pub(crate) posters: Arc<Posters>,
    pub(crate) viewers: Viewers,
    pub(crate) here: Here,
    pub(crate) counts: Arc<Counts>,
    pub(crate) quota: Arc<Quota>,
    pub(crate) erasing: Erasing,
    pub(crate) webhooks: Webhooks,
    /// Cancelled when the server leaves: answers that do not end by themselves end then.
    pub(crate) leaving: CancellationToken,
    /// Tasks that outlive their request; leaving waits for them.
    pub(crate) tasks: TaskTracker,
    pub(crate) since: Instant,
}

/// Where RTMP is taken, once that is known: the scheme of its address and its port; `None` where it is not taken.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RtmpDoor(pub(crate) Option<(&'static str, u16)>);

impl App {
    /// Opens what is kept in the data directory.
    pub(crate) async fn open(config: Config) -> Result<Self, Error> {
        let engines = Engines::open(&config.data_dir)?;
        let key = signing_key(&engines, &config.data_dir).await?;
        let accounts = Accounts::new(engines.people(), &key, config.accounts.clone());
        let lives = Lives::new(engines.lives(), accounts.clone());
        let lifecycle = Lifecycle::open(lives.clone(), config.running_lives).await?;
        let recorder =
            Recorder::open(&config.data_dir, config.reserve)?.with_unread_limit(config.unread_limit);
        let recorder = Arc::new(recorder);
        let chat_limits = Arc::new(chat::Limits::new(config.message_burst, config.messages_per_s));
        let quota = Arc::new(Quota::new(config.storage_per_person));
        let uploads = Arc::new(Uploads::new(Arc::clone(&recorder), || now_ms().0));
        let publishers = Arc::new(Publishers::new(Arc::clone(&recorder), || now_ms().0));
        let replays = Arc::<Replays>::default();
        let hls = Arc::<Hls>::default();
        let made = Made { replays: Arc::clone(&replays), hls: Arc::clone(&hls) };
        let recordings =
            Recordings::new(Arc::clone(&recorder), Arc::clone(&uploads), Arc::clone(&publishers), made);
        let viewers = Viewers::default();
        let summaries = Arc::new(Summaries::new(recordings.clone(), lives.clone(), viewers.clone()));
        let chat = Chat::new(engines.conversations(), Names(accounts.clone()));
        let (chat_states, tasks) = (States::default(), TaskTracker::new());
        let webhooks = Webhooks::new(engines.webhooks()).map_err(Error::Client)?;
        let listeners = Listeners::new(Followers {
            lifecycle: lifecycle.clone(),
            recordings: recordings.clone(),
            summaries: Arc::clone(&summaries),
            chat: chat.clone(),
            chat_states: chat_states.clone(),
            tasks: tasks.clone(),
        });
        Ok(Self {
            config: Arc::new(config),
            lives,
            lifecycle,
            listeners,
            summaries,
            chat,
            accounts,
            chat_limits,
            chat_states,
            engines,
            media_tokens: MediaTokens::new(key.derive("media token")),
            recordings,
            uploads,
            publishers,
            rtmp: RtmpDoor::default(),
            recorder,
            replays,
            hls,
            posters: Arc::default(),
            viewers,
            chat_costs: ChatCosts::default(),
            here: Here::default(),
            counts: Arc::default(),
            quota,
            erasing: Erasing::default(),
            webhooks,
            leaving: CancellationToken::new(),
            tasks,
            since: Instant::now(),
        })
    }

    /// From what it is worked out how lives stand.
    pub(crate) fn sources(&self) -> Sources {
        Sources {
            lives: self.lives.clone(),
            recordings: self.recordings.clone(),
            viewers: self.viewers.clone(),
            leaving: self.leaving.clone(),
        }
    }

    /// Closes it all, what others stand on last.
    pub(crate) async fn close(&self) {
        self.engines.close().await;
    }
}

/// The key of a data directory, made where there is nobody yet whose tokens it would end.
pub(crate) async fn signing_key(engines: &Engines, data_dir: &Path) -> Result<SigningKey, Error> {
    let path = data_dir.join("signing.key");
    let is_missing = path.try_exists().is_ok_and(|exists| !exists);
    if is_missing && engines.people().has_people().await? {
        return Err(Error::NoKey(path));
    }
    SigningKey::open(&path).map_err(|error| Error::File { path, error })
}
