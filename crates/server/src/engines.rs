//! Which engines keep the rows: the one file of this crate that knows one by its name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use database::{Database, Look};
use ids::LiveId;
use storage::Failure;

use crate::error::Error;
use crate::in_use::InUse;

/// The search indexes of all stores.
const INDEXES: &[&str] = &[chat::Sqlite::INDEX, lives::Sqlite::INDEX];

/// The stores of a data directory; clones share the same database.
#[derive(Clone)]
pub(crate) struct Engines {
    database: Database,
}

impl Engines {
    /// What the engine of the rows is called where whoever runs the server looks.
    pub(crate) const NAME: &str = "sqlite";

    /// Opens the database of a data directory with the tables of every crate, each after those it points to.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Error> {
        let sets = [accounts::MIGRATIONS, lives::MIGRATIONS, chat::MIGRATIONS, webhooks::MIGRATIONS];
        Ok(Self { database: Database::open(&path(data_dir), &sets).map_err(Failure::from)? })
    }

    pub(crate) fn people(&self) -> impl accounts::Store + use<> {
        accounts::Sqlite::new(self.database.clone())
    }

    pub(crate) fn lives(&self) -> impl lives::Store + use<> {
        lives::Sqlite::new(self.database.clone())
    }

    pub(crate) fn conversations(&self) -> impl chat::Store + use<> {
        chat::Sqlite::new(self.database.clone())
    }

    pub(crate) fn webhooks(&self) -> impl webhooks::Store + use<> {
        webhooks::Sqlite::new(self.database.clone())
    }

    /// Leaves nothing in the files of what was deleted.
    pub(crate) async fn forget_deleted(&self) -> Result<(), Failure> {
        Ok(self.database.forget_deleted(INDEXES).await?)
    }

    /// Whether they answer.
    pub(crate) async fn answer(&self) -> Result<(), Failure> {
        Ok(self.database.answers().await?)
    }

    /// Whether they take what is written.
    pub(crate) async fn take_writes(&self) -> Result<(), Failure> {
        Ok(self.database.takes_writes().await?)
    }

    /// Tells `hear` how long each commit takes, its sync included.
    pub(crate) fn on_commit(&self, hear: impl Fn(Duration) + Send + Sync + 'static) {
        self.database.commits().tell(hear);
    }

    /// Writes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.database.waiting()
    }

    /// Bytes of the log beside the database.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.database.log_bytes()
    }

    /// Finishes what is being written, and closes them.
    pub(crate) async fn close(&self) {
        self.database.close().await;
    }
}

/// What is wrong with what a data directory's stores keep, one sentence each, changing nothing.
pub(crate) fn verify(data_dir: &Path) -> Result<Vec<String>, String> {
    let path = existing(data_dir)?;
    let look = match Look::at(&path, InUse::is_taken(data_dir)) {
        Ok(look) => look,
        Err(error) => return Ok(vec![error.to_string()]),
    };
    let mut found = look.check().unwrap_or_else(|error| vec![error.to_string()]);
    found.extend(chat::Sqlite::verify(&look).unwrap_or_else(|error| vec![error.to_string()]));
    Ok(found)
}

/// Whether a data directory's stores can be opened and read, changing nothing.
pub(crate) fn look(data_dir: &Path) -> Result<(), String> {
    let look =
        Look::at(&existing(data_dir)?, InUse::is_taken(data_dir)).map_err(|error| error.to_string())?;
    lives::Sqlite::kept(&look).map(drop).map_err(|error| error.to_string())
}

/// Copies the rows of a data directory as they are at this moment, also beside a server.
pub(crate) fn snapshot(data_dir: &Path, to: &Path) -> Result<(), String> {
    let look =
        Look::at(&existing(data_dir)?, InUse::is_taken(data_dir)).map_err(|error| error.to_string())?;
    look.copy_into(to).map_err(|error| error.to_string())
}

/// The lives that rows name which lie by themselves, such as those of [`snapshot`].
pub(crate) fn lives_of(rows: &Path) -> Result<Vec<LiveId>, String> {
    let look = Look::at(rows, false).map_err(|error| error.to_string())?;
    lives::Sqlite::kept(&look).map_err(|error| error.to_string())
}

/// What the rows of a data directory that nobody serves say of what is recorded of each live.
pub(crate) fn recorded_of(data_dir: &Path) -> Result<Vec<(LiveId, lives::Recorded)>, String> {
    let look = Look::at(&existing(data_dir)?, false).map_err(|error| error.to_string())?;
    lives::Sqlite::recorded(&look).map_err(|error| error.to_string())
}

/// Where the database of a data directory is; a sentence when there is none.
pub(crate) fn existing(data_dir: &Path) -> Result<PathBuf, String> {
    let path = path(data_dir);
    if path.is_file() { Ok(path) } else { Err(format!("there is no database in {}", data_dir.display())) }
}

/// Where the database of a data directory belongs.
pub(crate) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("communiconnect.sqlite")
}
