//! The log on standard error, and how much it says.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// How much is logged where nobody says: what happens to the server, not each request.
pub(crate) const USUAL: &str = "info";

/// The one log of the process, once it has begun.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Begins to log as `COMMUNICONNECT_LOG` says.
pub(crate) fn begin() {
    let said = std::env::var("COMMUNICONNECT_LOG").ok();
    let filter = said.and_then(|said| EnvFilter::try_new(said).ok());
    let (filter, handle) = reload::Layer::new(filter.unwrap_or_else(|| EnvFilter::new(USUAL)));
    let lines = fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).init();
    // It begins once.
    let _ = FILTER.set(handle);
}

/// Logs so much from now on: a level, or one for each part of the program.
///
/// # Errors
/// A sentence: it is no such thing.
pub(crate) fn set(filter: &str) -> Result<(), String> {
    let filter = parsed(filter)?;
    let Some(handle) = FILTER.get() else { return Ok(()) };
    handle.reload(filter).map_err(|error| error.to_string())
}

/// Whether it says how much to log.
///
/// # Errors
/// A sentence: it does not.
pub(crate) fn check(filter: &str) -> Result<(), String> {
    parsed(filter).map(drop)
}

fn parsed(filter: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(filter).map_err(|error| {
        format!("log: \"{filter}\" is neither a level (error, warn, info, debug, trace) nor levels of parts: {error}")
    })
}
