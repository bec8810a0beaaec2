use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Error;

/// Wrong passwords are counted over windows of this length.
const WINDOW: Duration = Duration::from_secs(60);
/// Pairs of addresses watched at once; when there are more, those whose window is over are let go.
const WATCHED: usize = 65_536;

/// Counts wrong passwords by network address and e-mail address, so that nobody guesses on, and nobody is shut
/// out because many people share one network address.
pub(crate) struct Attempts {
    limit: u32,
    windows: Mutex<HashMap<(IpAddr, String), Window>>,
}

struct Window {
    began: Instant,
    wrong: u32,
}

/// A try under way. It counts as wrong unless [`Attempt::succeeded`].
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    key: (IpAddr, String),
}

impl Attempts {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, windows: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn begin(&self, address: IpAddr, email: &str, now: Instant) -> Result<Attempt<'_>, Error> {
        let key = (address, email.chars().take(254).collect::<String>());
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= WATCHED {
            windows.retain(|_, window| now.duration_since(window.began) < WINDOW);
        }
        if windows.len() >= WATCHED && !windows.contains_key(&key) {
            return Err(Error::Overloaded);
        }
        let window = windows.entry(key.clone()).or_insert(Window { began: now, wrong: 0 });
        let age = now.duration_since(window.began);
        if age >= WINDOW {
            *window = Window { began: now, wrong: 0 };
        } else if window.wrong >= self.limit {
            let left = WINDOW.saturating_sub(age);
            return Err(Error::TooManyTries { retry_after_s: left.as_secs().max(1) });
        }
        window.wrong += 1;
        Ok(Attempt { attempts: self, key })
    }
}

impl Attempt<'_> {
    pub(crate) fn succeeded(self) {
        let mut windows = self.attempts.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.get_mut(&self.key) {
            window.wrong = window.wrong.saturating_sub(1);
            if window.wrong == 0 {
                windows.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn wrong_passwords_are_let_through_up_to_the_limit_of_a_minute() {
        let attempts = Attempts::new(3);
        let start = Instant::now();
        for _ in 0..3 {
            attempts.begin(HERE, "a@b", start).unwrap();
        }
        let refused = attempts.begin(HERE, "a@b", start + Duration::from_secs(10));
        assert!(matches!(refused, Err(Error::TooManyTries { retry_after_s: 50 })));
        assert!(attempts.begin(HERE, "other@b", start).is_ok());
        assert!(attempts.begin(HERE, "a@b", start + WINDOW).is_ok());
    }

    #[test]
    fn right_passwords_do_not_count() {
        let attempts = Attempts::new(1);
        for _ in 0..100 {
            attempts.begin(HERE, "a@b", Instant::now()).unwrap().succeeded();
        }
    }
}
