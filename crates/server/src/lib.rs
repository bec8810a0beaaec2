//! Wiring: configuration, HTTP, shutdown, the command line, the embedded pages.
//!
//! [`run`] is the whole server; the command line ([`cli`]) only gives it a configuration and a signal to leave.

mod app;
pub mod cli;
mod config;
mod connection;
mod engines;
mod http;
mod in_use;
mod leaving;
mod listeners;
mod names;
mod parting;
mod patience;
mod presence;
mod quota;
mod recorded;
mod serve;
mod summaries;

pub use config::{Config, ConfigError, Written};
pub use in_use::{InUse, Refused};
pub use serve::{Error, run};
