//! SIGHUP: the configuration is read again, and what can change while the server runs changes.
//!
//! What the command line and the environment say stays as it was said, so in the end it is the file that is read again. A
//! configuration with a mistake changes nothing.

use tokio::signal::unix::Signal;

use crate::app::{App, quota_limits};
use crate::config::{Config, RELOADED};
use crate::logging;

/// Something that takes a configuration while the server runs: its name, and what it does with it. What fails is said in the
/// log, and leaves what was.
pub(crate) type Part = (&'static str, Box<dyn Fn(&Config) -> Result<(), String> + Send + Sync>);

/// Reads the configuration again at each signal, until the server leaves.
pub(crate) async fn on_hangup(app: App, mut hangup: Signal) {
    let parts = parts(&app);
    loop {
        tokio::select! {
            () = app.leaving.cancelled() => return,
            heard = hangup.recv() => if heard.is_none() { return },
        }
        reload(&app, &parts);
    }
}

/// What changes while the server runs, beside what reads [`crate::settings::Settings`] each time. What else reloads (a
/// certificate, the addresses of webhooks) is a line more here.
fn parts(app: &App) -> Vec<Part> {
    let (accounts, lifecycle) = (app.accounts.clone(), app.lifecycle.clone());
    let (recorder, quota, limits) = (app.recorder.clone(), app.quota.clone(), app.chat_limits.clone());
    let rates = app.rates.clone();
    let (places, rtmp_places) = (app.places.clone(), app.rtmp_places.clone());
    vec![
        ("log", Box::new(|config| logging::set(&config.log))),
        (
            "limits",
            Box::new(move |config| {
                accounts.set_limits(&config.accounts);
                lifecycle.set_running_per_person(config.running_lives);
                recorder.set_reserve(config.reserve);
                recorder.set_unread_limit(config.unread_limit);
                quota.set_limits(quota_limits(config));
                rates.set(config.request_burst, config.requests_per_s);
                limits.set(config.message_burst, config.messages_per_s);
                places.set(config.connections, config.connections_per_address);
                rtmp_places.set(config.connections, config.connections_per_address);
                Ok(())
            }),
        ),
    ]
}

fn reload(app: &App, parts: &[Part]) {
    let before = app.settings.now();
    let config = match before.again() {
        Ok(config) => config,
        Err(error) => {
            for mistake in error.mistakes() {
                tracing::error!(mistake, "the configuration is not taken: the one before stays");
            }
            return;
        }
    };
    let (changed, waiting): (Vec<_>, Vec<_>) =
        before.changed(&config).into_iter().partition(|name| RELOADED.contains(&name.as_str()));
    for (name, take) in parts {
        if let Err(error) = take(&config) {
            tracing::error!(part = name, error, "could not be reloaded: what was before stays");
        }
    }
    app.settings.replace(config);
    if !waiting.is_empty() {
        tracing::warn!(options = waiting.join(", "), "changed, and needs a restart");
    }
    tracing::info!(changed = changed.join(", "), "the configuration was read again");
}
