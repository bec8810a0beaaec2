//! A certificate in files that somebody else keeps: a change of them is served within seconds.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::certificate::{self, Broken, Certificate, date};
use super::served::Served;
use super::settings::Files;

/// How often the files are looked at. A change is judged when two looks saw the same: whoever writes one file and then the
/// other is not caught between them.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the files say, or why they cannot be read.
type Seen = Result<(Vec<u8>, Vec<u8>), Broken>;

/// Looks at the files until the server leaves, and serves what they say. What cannot be served leaves what is.
#[derive(Debug)]
pub(crate) struct Watch {
    files: Files,
    served: Arc<Served>,
    /// What was judged last.
    judged: Seen,
    /// What the last look saw.
    seen: Seen,
    until: SystemTime,
    /// That what is served has expired was said.
    is_expiry_said: bool,
}

/// Reads the certificate for the start.
///
/// # Errors
/// It cannot be served. One that has expired can: nobody is helped by a server that does not start.
pub(crate) fn open(files: &Files) -> Result<(Certificate, Seen), Broken> {
    let (certificate, key) = read(files)?;
    let read = Certificate::from_pem(&certificate, &key)?;
    Ok((read, Ok((certificate, key))))
}

impl Watch {
    /// `judged` is what [`open`] saw.
    pub(crate) fn new(files: Files, served: Arc<Served>, first: &Certificate, judged: Seen) -> Self {
        Self { files, served, seen: judged.clone(), judged, until: first.until, is_expiry_said: false }
    }

    /// Until the server leaves.
    pub(crate) async fn run(mut self, leaving: CancellationToken) {
        self.say_expiry();
        while leaving.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
            let files = self.files.clone();
            if let Ok(seen) = tokio::task::spawn_blocking(move || read(&files)).await {
                self.look(seen);
            }
            self.say_expiry();
        }
    }

    fn look(&mut self, seen: Seen) {
        let is_still = seen == self.seen;
        self.seen = seen;
        if !is_still || self.seen == self.judged {
            return;
        }
        self.judged = self.seen.clone();
        let file = self.files.certificate.display();
        match self.judged.clone().and_then(meant) {
            Ok(certificate) => {
                tracing::info!(%file, until = date(certificate.until), "a changed certificate is served");
                (self.until, self.is_expiry_said) = (certificate.until, false);
                self.served.show(certificate.key);
            }
            Err(error) => {
                tracing::error!(%file, %error, "a changed certificate is not served; the one before it is")
            }
        }
    }

    fn say_expiry(&mut self) {
        if !self.is_expiry_said && self.until <= SystemTime::now() {
            self.is_expiry_said = true;
            let (file, until) = (self.files.certificate.display(), date(self.until));
            tracing::error!(%file, until, "the certificate that is served has expired");
        }
    }
}

fn meant((certificate, key): (Vec<u8>, Vec<u8>)) -> Result<Certificate, Broken> {
    Certificate::from_pem(&certificate, &key)?.unless_expired(SystemTime::now())
}

fn read(files: &Files) -> Seen {
    Ok((certificate::read(&files.certificate)?, certificate::read(&files.key)?))
}
