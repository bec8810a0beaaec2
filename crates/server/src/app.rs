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
use lives::{Lifecycle, Lives, MediaTokens, WatchKeys};
use recorder::Recorder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webhooks::Webhooks;

use crate::access_log::AccessLog;
use crate::audit::{self, AuditLog};
use crate::clock::now_ms;
use crate::config::{AccessLogFormat, Config};
use crate::engines::Engines;
use crate::erasing::Erasing;
use crate::error::Error;
use crate::http::chat_cost::ChatCosts;
use crate::http::chat_state::{Sources, States};
use crate::listeners::{Followers, Listeners};
use crate::mail::Mail;
use crate::measured_disk::MeasuredDisk;
use crate::metrics::{DISK, Metrics};
use crate::names::Names;
use crate::otlp::Spans;
use crate::places::Places;
use crate::presence::{Here, Viewers};
use crate::quota::{Limits, Quota};
use crate::rates::Rates;
use crate::recorded::{Made, Recordings};
use crate::settings::Settings;
use crate::summaries::Summaries;

/// Everything that a request may need; clones share it.
#[derive(Clone, FromRef)]
pub(crate) struct App {
    /// What the server started with.
    pub(crate) config: Arc<Config>,
    /// The same as it is now, after SIGHUP.
    pub(crate) settings: Settings,
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
    #[from_ref(skip)]
    pub(crate) places: Places,
    /// Those of RTMP: whoever holds them keeps no viewer out.
    #[from_ref(skip)]
    pub(crate) rtmp_places: Places,
    pub(crate) replays: Arc<Replays>,
    pub(crate) hls: Arc<Hls>,
    pub(crate) posters: Arc<Posters>,
    pub(crate) viewers: Viewers,
    pub(crate) here: Here,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) spans: Option<Arc<Spans>>,
    pub(crate) quota: Arc<Quota>,
    pub(crate) erasing: Erasing,
    pub(crate) audit: AuditLog,
    pub(crate) rates: Arc<Rates>,
    pub(crate) mail: Mail,
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
        let audit = open_audit_log(&config)?;
        let mail = Mail::new(config.mail.as_ref())?;
        let engines = Engines::open(&config.data_dir)?;
        let key = signing_key(&engines, &config.data_dir).await?;
        let accounts = Accounts::new(engines.people(), &key, config.accounts.clone());
        let watch_keys = WatchKeys::new(&key.derive("watch key"));
        let lives = Lives::new(engines.lives(), accounts.clone(), watch_keys);
        if lives.seal_watch_keys().await? {
            engines.forget_deleted().await?;
        }
        let lifecycle = Lifecycle::open(lives.clone(), config.running_lives).await?;
        let metrics = Arc::new(Metrics::new());
        let commits = metrics.commits(Engines::NAME);
        engines.on_commit(move |time| commits.observe(time.as_secs_f64()));
        let access_log = access_log(&config, &metrics)?;
        let spans = |address: &String| Arc::new(Spans::new(address, metrics.spans_lost.clone()));
        let spans = config.otlp.as_ref().map(spans);
        let disk = Arc::new(MeasuredDisk::new(metrics.syncs(DISK)));
        let recorder = Recorder::on(disk, &config.data_dir, config.reserve)?;
        let recorder = Arc::new(recorder.with_unread_limit(config.unread_limit));
        let places = || Places::new(config.connections, config.connections_per_address);
        let (places, rtmp_places) = (places(), places());
        let chat_limits = Arc::new(chat::Limits::new(config.message_burst, config.messages_per_s));
        let rates = Arc::new(Rates::new(config.request_burst, config.requests_per_s));
        let quota = Arc::new(Quota::new(quota_limits(&config)));
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
        let fan_out = metrics.fan_out.clone();
        chat.tallies().fan_out.tell(move |time| fan_out.observe(time.as_secs_f64()));
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
        let config = Arc::new(config);
        Ok(Self {
            settings: Settings::new(Arc::clone(&config)),
            config,
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
            places,
            rtmp_places,
            recorder,
            replays,
            hls,
            posters: Arc::default(),
            viewers,
            chat_costs: ChatCosts::default(),
            here: Here::default(),
            metrics,
            access_log,
            spans,
            quota,
            erasing: Erasing::default(),
            audit,
            mail,
            rates,
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
        if let Some(log) = self.access_log.clone() {
            // What it said when it ended was heard there.
            let _ = tokio::task::spawn_blocking(move || log.close()).await;
        }
    }
}

/// What may be stored.
pub(crate) fn quota_limits(config: &Config) -> Limits {
    Limits { person: config.storage_per_person, all: config.storage, little: config.reserve }
}

fn access_log(config: &Config, metrics: &Metrics) -> Result<Option<Arc<AccessLog>>, Error> {
    let Some(AccessLogFormat::Json) = config.access_log else { return Ok(None) };
    let log = AccessLog::begin(metrics.access_log_lost.clone()).map_err(Error::AccessLog)?;
    Ok(Some(Arc::new(log)))
}

/// The audit log, in the file that is named; the data directory keeps which, for the commands.
fn open_audit_log(config: &Config) -> Result<AuditLog, Error> {
    let path = config.audit_log.as_deref();
    let log = AuditLog::open(path).map_err(|error| {
        let path = path.map(Path::to_owned).unwrap_or_default();
        Error::File { path, error }
    })?;
    audit::keep_place(&config.data_dir, path)
        .map_err(|error| Error::File { path: config.data_dir.clone(), error })?;
    Ok(log)
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
