//! Whose turn it is: few may work at once, and many may ask.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::Error;
use crate::network::Network;

/// Strangers who may wait; more are refused as [`Error::Overloaded`].
const STRANGERS: usize = 256;
/// Others who may wait.
const KNOWN: usize = 1_024;

/// Who asks for a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Somebody who comes from where they signed in before, or was let in: they go before all strangers.
    Known,
    /// Anybody. Networks take turns, so that a crowd from one holds back itself alone.
    Stranger(Network),
}

/// Turns, given out to so many at once; clones share them. Where there are several, one is kept from strangers, so that whoever
/// is known waits for none of them.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<Line>>);

/// A turn. Dropped, it is the next one's.
pub(crate) struct Turn {
    turns: Option<Turns>,
    is_strangers: bool,
}

struct Line {
    /// Turns that nobody has.
    free: usize,
    /// Those that strangers may have of them.
    free_for_strangers: usize,
    known: VecDeque<oneshot::Sender<Turn>>,
    strangers: HashMap<Network, VecDeque<oneshot::Sender<Turn>>>,
    /// The networks of the strangers who wait, each once, in the order of their turns.
    networks: VecDeque<Network>,
    waiting_strangers: usize,
}

impl Turns {
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(Line {
            free: at_once.max(1),
            free_for_strangers: at_once.saturating_sub(1).max(1),
            known: VecDeque::new(),
            strangers: HashMap::new(),
            networks: VecDeque::new(),
            waiting_strangers: 0,
        })))
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Error::Overloaded`]: too many wait already.
    pub(crate) async fn take(&self, asking: Asking) -> Result<Turn, Error> {
        let is_strangers = matches!(asking, Asking::Stranger(_));
        let waiting = {
            let mut line = self.lock();
            if line.give(is_strangers) {
                return Ok(Turn { turns: Some(self.clone()), is_strangers });
            }
            line.wait(asking)?
        };
        // Whoever has a turn passes it on when it ends, whatever becomes of them.
        waiting.await.map_err(|_| Error::Overloaded)
    }

    /// Gives a turn that ended to the next who still waits.
    fn pass_on(&self, was_strangers: bool) {
        self.lock().take_back(was_strangers);
        loop {
            let Some((next, is_strangers)) = self.lock().next() else { return };
            if let Err(mut turn) = next.send(Turn { turns: Some(self.clone()), is_strangers }) {
                turn.turns = None;
                self.lock().take_back(is_strangers);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.pass_on(self.is_strangers);
        }
    }
}

impl Line {
    fn wait(&mut self, asking: Asking) -> Result<oneshot::Receiver<Turn>, Error> {
        let (give, given) = oneshot::channel();
        match asking {
            Asking::Known if self.known.len() < KNOWN => self.known.push_back(give),
            Asking::Stranger(network) if self.waiting_strangers < STRANGERS => {
                self.waiting_strangers += 1;
                let waiting = self.strangers.entry(network).or_default();
                if waiting.is_empty() {
                    self.networks.push_back(network);
                }
                waiting.push_back(give);
            }
            Asking::Known | Asking::Stranger(_) => return Err(Error::Overloaded),
        }
        Ok(given)
    }

    /// Takes a free turn, if there is one for them.
    fn give(&mut self, to_stranger: bool) -> bool {
        let gives = self.free > 0 && (!to_stranger || self.free_for_strangers > 0);
        if gives {
            self.free -= 1;
            self.free_for_strangers -= usize::from(to_stranger);
        }
        gives
    }

    fn take_back(&mut self, was_strangers: bool) {
        self.free += 1;
        self.free_for_strangers += usize::from(was_strangers);
    }

    /// The next one for whom there is a turn, which is theirs then, and whether they are a stranger.
    fn next(&mut self) -> Option<(oneshot::Sender<Turn>, bool)> {
        if !self.known.is_empty() && self.give(false) {
            return self.known.pop_front().map(|next| (next, false));
        }
        if self.known.is_empty() && !self.networks.is_empty() && self.give(true) {
            return self.next_stranger().map(|next| (next, true));
        }
        None
    }

    fn next_stranger(&mut self) -> Option<oneshot::Sender<Turn>> {
        let network = self.networks.pop_front()?;
        let waiting = self.strangers.get_mut(&network)?;
        let next = waiting.pop_front();
        if waiting.is_empty() {
            self.strangers.remove(&network);
        } else {
            self.networks.push_back(network);
        }
        self.waiting_strangers -= usize::from(next.is_some());
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(number: u8) -> Asking {
        Asking::Stranger(Network::of([192, 0, 2, number].into()))
    }

    /// Turns that are free, and those of them that strangers may have.
    fn left(turns: &Turns) -> (usize, usize) {
        let line = turns.lock();
        (line.free, line.free_for_strangers)
    }

    /// Lets these wait behind one who has the only turn, and tells the order in which they get it.
    async fn order(asking: &[Asking]) -> Vec<usize> {
        let turns = Turns::new(1);
        let first = turns.take(Asking::Known).await.unwrap();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        for (number, asking) in asking.iter().copied().enumerate() {
            let given = turns.lock().wait(asking).unwrap();
            let tell = tell.clone();
            tokio::spawn(async move {
                let turn = given.await.unwrap();
                tell.send(number).unwrap();
                drop(turn);
            });
        }
        drop((first, tell));
        let mut order = Vec::new();
        while let Some(number) = told.recv().await {
            order.push(number);
        }
        assert_eq!(turns.lock().free, 1);
        order
    }

    #[tokio::test]
    async fn who_is_known_goes_first_and_networks_take_turns() {
        let asking = [from(1), from(1), from(1), from(2), Asking::Known, from(3)];
        assert_eq!(order(&asking).await, [4, 0, 3, 5, 1, 2]);
    }

    #[tokio::test]
    async fn who_went_away_is_passed_over() {
        let turns = Turns::new(1);
        let first = turns.take(Asking::Known).await.unwrap();
        let gone: Vec<_> = (0..3).map(|_| turns.lock().wait(from(1)).unwrap()).collect();
        let stays = turns.lock().wait(from(1)).unwrap();
        drop(gone);
        drop(first);
        drop(stays.await.unwrap());
        assert_eq!(left(&turns), (1, 1));
        assert_eq!(turns.lock().waiting_strangers, 0);
    }

    #[tokio::test]
    async fn one_turn_is_kept_from_strangers() {
        let turns = Turns::new(3);
        let strangers = [turns.take(from(1)).await.unwrap(), turns.take(from(2)).await.unwrap()];
        let waits = turns.lock().wait(from(3)).unwrap();
        let known = turns.take(Asking::Known).await.unwrap();
        drop(known);
        assert_eq!(left(&turns), (1, 0));
        drop(strangers);
        drop(waits.await.unwrap());
        assert_eq!(left(&turns), (3, 2));
    }

    #[tokio::test]
    async fn strangers_beyond_a_number_are_refused_and_who_is_known_is_not() {
        let turns = Turns::new(1);
        let _first = turns.take(Asking::Known).await.unwrap();
        let waiting: Vec<_> = (0..STRANGERS).map(|_| turns.lock().wait(from(1)).unwrap()).collect();
        assert!(matches!(turns.take(from(2)).await, Err(Error::Overloaded)));
        assert!(turns.lock().wait(Asking::Known).is_ok());
        drop(waiting);
    }
}
