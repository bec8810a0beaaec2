use std::future::Future;

use tokio::signal::unix::{SignalKind, signal as listen};

/// Resolves at the first SIGTERM or SIGINT; a second one ends the process at once, whatever is in hand: recovery
/// handles it like a crash.
pub(crate) fn signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("leaving; a second signal leaves at once");
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(130);
        });
    })
}
