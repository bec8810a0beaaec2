//! Wiring: configuration, HTTP, shutdown, the command line, the embedded pages.
//!
//! [`run`] is the whole server; the command line ([`cli`]) only gives it a configuration and a signal to leave.

mod access_log;
mod app;
mod audit;
mod backup;
mod check;
pub mod cli;
mod clock;
mod config;
mod connection;
mod data_dir;
mod doctor;
mod engines;
mod erasing;
mod erasure;
mod error;
mod export;
mod http;
mod in_use;
mod listeners;
mod logging;
mod mail;
mod measured_disk;
mod metrics;
mod names;
mod offline;
mod otlp;
mod pace;
mod parting;
mod people;
mod places;
mod presence;
mod publishing;
mod quota;
mod rates;
mod recorded;
mod reload;
mod rtmp;
mod secrets;
mod serve;
mod settings;
mod shutdown;
mod summaries;
mod terminal;
mod timeout;
mod tls;
mod traffic;
mod user_command;

pub use config::{AccessLogFormat, Config, ConfigError, Written};
pub use error::Error;
pub use in_use::{InUse, Refused};
pub use mail::{MailError, MailSettings, Secrecy};
pub use serve::run;
pub use tls::{Acme, Broken, Error as TlsError, Files, Settings as Tls};
