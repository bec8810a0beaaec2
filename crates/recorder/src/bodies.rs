//! The bodies that are open for viewers: a fixed number of them, however many lives are watched.

use std::io;
use std::sync::Arc;

use media::Kind;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::{DiskFile, Error};

/// Bodies that are open at once for viewers; the one that was not read for the longest time is closed for another.
const OPEN: u64 = 240;

/// A body: its live, its take, its kind.
pub(crate) type Name = (i64, u32, Kind);

/// Open bodies, each opened once however many viewers ask for it.
#[derive(Debug)]
pub(crate) struct Bodies(Cache<Name, Arc<dyn DiskFile>>);

impl Default for Bodies {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(OPEN).eviction_policy(EvictionPolicy::lru()).build())
    }
}

impl Bodies {
    /// A body that is open already.
    pub(crate) fn get(&self, name: Name) -> Option<Arc<dyn DiskFile>> {
        self.0.get(&name)
    }

    /// A body, opened if it is not. Blocks on the storage.
    pub(crate) fn open(
        &self,
        name: Name,
        open: impl FnOnce() -> io::Result<Arc<dyn DiskFile>>,
    ) -> Result<Arc<dyn DiskFile>, Error> {
        let opened = self.0.try_get_with(name, open);
        // The cache closes what is too much at its leisure, unless it is told to.
        self.0.run_pending_tasks();
        opened.map_err(|error| io::Error::new(error.kind(), error.to_string()).into())
    }

    /// Closes the bodies of a live.
    pub(crate) fn close(&self, live: i64) {
        let names: Vec<Name> = self.0.iter().map(|(name, _)| *name).filter(|name| name.0 == live).collect();
        names.iter().for_each(|name| self.0.invalidate(name));
        self.0.run_pending_tasks();
    }
}
