//! How often one sender may ask for what costs more than it seems.

use std::num::NonZeroU32;

use chat::Limit;

/// Requests of a crowd for one of somebody alone.
const CROWD: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// A kind of request, with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A sign-in goes on by its refresh token.
    Refresh,
    /// A live starts or stops.
    StartOrStop,
    /// What was said is read.
    History,
    /// A WebSocket is opened by nobody in particular.
    Socket,
}

/// How often one sender may ask for each kind.
#[derive(Debug)]
pub(crate) struct Rates {
    refreshes: Limit,
    starts_and_stops: Limit,
    histories: Limit,
    sockets: Limit,
}

impl Rates {
    /// So many refreshes, and starts and stops, at once, and so many a second in the long run; ten times as many of what a crowd
    /// behind one address asks for: histories and WebSockets.
    pub(crate) fn new(burst: NonZeroU32, per_second: NonZeroU32) -> Self {
        let one = || Limit::new(burst, per_second);
        let crowd = || Limit::new(burst.saturating_mul(CROWD), per_second.saturating_mul(CROWD));
        Self { refreshes: one(), starts_and_stops: one(), histories: crowd(), sockets: crowd() }
    }

    /// The same from now on with other numbers.
    pub(crate) fn set(&self, burst: NonZeroU32, per_second: NonZeroU32) {
        self.refreshes.set(burst, per_second);
        self.starts_and_stops.set(burst, per_second);
        let (burst, per_second) = (burst.saturating_mul(CROWD), per_second.saturating_mul(CROWD));
        self.histories.set(burst, per_second);
        self.sockets.set(burst, per_second);
    }

    /// The limit of a kind.
    pub(crate) fn of(&self, kind: Kind) -> &Limit {
        match kind {
            Kind::Refresh => &self.refreshes,
            Kind::StartOrStop => &self.starts_and_stops,
            Kind::History => &self.histories,
            Kind::Socket => &self.sockets,
        }
    }
}
