//! Wiring: configuration, HTTP, shutdown, the command line, the embedded pages.
//!
//! [`run`] is the whole server; the command line ([`cli`]) only gives it a configuration and a signal to leave.

mod administered;
mod app;
mod backup;
pub mod cli;
mod clock;
mod commands;
mod config;
mod connection;
mod data_dir;
mod engines;
mod erasing;
mod erasure;
mod error;
mod export;
mod http;
mod in_use;
mod listeners;
mod names;
mod offline;
mod outboxes;
mod pace;
mod parting;
mod people;
mod person_export;
mod places;
mod presence;
mod publishing;
mod quota;
mod recorded;
mod rtmp;
mod serve;
mod shutdown;
mod summaries;
mod terminal;
mod timeout;
mod tls;
mod webhook_answers;

pub use config::{Config, ConfigError, Written};
pub use error::Error;
pub use in_use::{InUse, Refused};
pub use serve::run;
pub use tls::{Acme, Broken, Error as TlsError, Files, Settings as Tls};
