//! Wiring: configuration, HTTP, shutdown, the command line, the embedded pages.
//!
//! [`run`] is the whole server; the command line ([`cli`]) only gives it a configuration and a signal to leave.

mod app;
mod audit;
mod backup;
pub mod cli;
mod clock;
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
mod mail;
mod names;
mod offline;
mod pace;
mod parting;
mod people;
mod places;
mod presence;
mod publishing;
mod quota;
mod rates;
mod recorded;
mod rtmp;
mod serve;
mod shutdown;
mod summaries;
mod terminal;
mod timeout;
mod tls;
mod user_command;

pub use config::{Config, ConfigError, Written};
pub use error::Error;
pub use in_use::{InUse, Refused};
pub use mail::{MailError, MailSettings, Secrecy};
pub use serve::run;
pub use tls::{Acme, Broken, Error as TlsError, Files, Settings as Tls};
