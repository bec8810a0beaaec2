//! The places of connections: so many may be open in all, and no address and no person has more than a share of them.
//!
//! Many people share one address (a carrier's NAT, a school), so the share is large; what it prevents is that one address
//! has all places. Whoever has signed in on a connection counts as a person, not as an address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ids::PersonId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one server. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    /// How many there are, whether taken or not.
    count: Arc<Mutex<usize>>,
    shares: Arc<Shares>,
}

/// The place of a connection; it is free again when the last clone is dropped. A WebSocket keeps it when its request is
/// over.
#[derive(Debug, Clone)]
pub(crate) struct Place(Arc<Held>);

/// A place that nobody has yet.
#[derive(Debug)]
pub(crate) struct Free {
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Shares {
    most: AtomicUsize,
    held: Mutex<HashMap<Holder, usize>>,
}

/// Who has places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    /// One address of IPv4.
    Address(Ipv4Addr),
    /// A network of IPv6: the first 64 bits, of which one subscriber has all the rest (RFC 6177).
    Network(u64),
    /// Somebody who signed in.
    Person(PersonId),
    /// A proxy that is trusted: it speaks for many, and limits them itself.
    Proxy,
}

#[derive(Debug)]
struct Held {
    shares: Arc<Shares>,
    holder: Mutex<Holder>,
    _free: Free,
}

impl Places {
    /// So many places in all, and at most so many for one address or person.
    pub(crate) fn new(all: usize, most: usize) -> Self {
        let shares = Shares { most: AtomicUsize::new(most), held: Mutex::default() };
        let count = Arc::new(Mutex::new(all));
        Self { all: Arc::new(Semaphore::new(all)), count, shares: Arc::new(shares) }
    }

    /// Other numbers from now on. Nobody is sent away: with fewer places, those that come free first are taken away, and
    /// whoever comes waits for those after them. Must be called inside a tokio runtime.
    pub(crate) fn set(&self, all: usize, most: usize) {
        self.shares.most.store(most, Ordering::Relaxed);
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *count, all);
        self.all.add_permits(all.saturating_sub(before));
        for _ in all..before {
            let all = Arc::clone(&self.all);
            tokio::spawn(async move {
                if let Ok(taken) = all.acquire().await {
                    taken.forget();
                }
            });
        }
    }

    /// Waits for a free place.
    pub(crate) async fn free(&self) -> Option<Free> {
        let permit = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Free { _permit: permit })
    }

    /// Gives a place to a connection from an address; `None` where the address has its share.
    pub(crate) fn give(&self, free: Free, address: IpAddr) -> Option<Place> {
        self.give_to(free, Holder::of(address))
    }

    /// Gives a place to a connection of a trusted proxy, which has no share.
    pub(crate) fn give_to_proxy(&self, free: Free) -> Option<Place> {
        self.give_to(free, Holder::Proxy)
    }

    fn give_to(&self, free: Free, holder: Holder) -> Option<Place> {
        self.shares.add(holder).then(|| {
            let shares = Arc::clone(&self.shares);
            Place(Arc::new(Held { shares, holder: Mutex::new(holder), _free: free }))
        })
    }
}

impl Place {
    /// Somebody signed in on this connection: it counts as theirs from now on, as long as they have less than a share.
    pub(crate) fn belongs_to(&self, person: PersonId) {
        let person = Holder::Person(person);
        let mut holder = self.0.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if *holder != person && *holder != Holder::Proxy && self.0.shares.add(person) {
            self.0.shares.remove(*holder);
            *holder = person;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let holder = *self.holder.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.shares.remove(holder);
    }
}

impl Shares {
    /// Counts one more, if there is one.
    fn add(&self, holder: Holder) -> bool {
        let mut held = self.lock();
        let count = held.get(&holder).copied().unwrap_or_default();
        let has_room = count < self.most.load(Ordering::Relaxed) || holder == Holder::Proxy;
        if has_room {
            held.insert(holder, count + 1);
        }
        has_room
    }

    fn remove(&self, holder: Holder) {
        let mut held = self.lock();
        if let Some(count) = held.get_mut(&holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&holder);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Holder, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::Address(address),
            // Shifted, 64 bits are left.
            IpAddr::V6(address) => Self::Network((address.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn give(places: &Places, address: &str) -> Option<Place> {
        let free = places.free().await.unwrap();
        places.give(free, address.parse().unwrap())
    }

    #[tokio::test]
    async fn one_address_has_a_share_and_leaves_the_rest_to_others() {
        let places = Places::new(8, 2);
        let held = [give(&places, "192.0.2.1").await, give(&places, "::ffff:192.0.2.1").await];
        assert!(held.iter().all(Option::is_some));
        assert!(give(&places, "192.0.2.1").await.is_none());
        let other = give(&places, "192.0.2.2").await;
        assert!(other.is_some());
        drop(held);
        assert!(give(&places, "192.0.2.1").await.is_some());
    }

    #[tokio::test]
    async fn the_addresses_of_one_network_count_together() {
        let places = Places::new(8, 1);
        let held = give(&places, "2001:db8:0:1::1").await;
        assert!(held.is_some());
        assert!(give(&places, "2001:db8:0:1:ffff::9").await.is_none());
        assert!(give(&places, "2001:db8:0:2::1").await.is_some());
    }

    #[tokio::test]
    async fn whoever_signed_in_counts_as_a_person() {
        let places = Places::new(8, 1);
        let one = give(&places, "192.0.2.1").await.unwrap();
        one.belongs_to(PersonId(7));
        let two = give(&places, "192.0.2.1").await.unwrap();
        two.belongs_to(PersonId(7));
        assert!(give(&places, "192.0.2.1").await.is_none(), "a person has a share too");
        two.belongs_to(PersonId(8));
        assert!(give(&places, "192.0.2.1").await.is_some());
        drop((one, two));
        assert!(places.shares.lock().is_empty());
    }

    #[tokio::test]
    async fn a_trusted_proxy_has_all_places() {
        let places = Places::new(3, 1);
        let mut held = Vec::new();
        for _ in 0..3 {
            let free = places.free().await.unwrap();
            held.push(places.give_to_proxy(free).unwrap());
        }
        assert_eq!(places.all.available_permits(), 0);
    }

    #[tokio::test]
    async fn there_may_be_more_places_and_fewer() {
        let places = Places::new(2, 2);
        let held = [give(&places, "192.0.2.1").await, give(&places, "192.0.2.2").await];
        places.set(3, 2);
        let third = give(&places, "192.0.2.1").await;
        assert!(third.is_some());
        assert!(give_now(&places).is_none());
        places.set(1, 1);
        // One task for each place that goes.
        while places.all.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        drop(third);
        drop(held);
        while places.all.available_permits() != 1 {
            tokio::task::yield_now().await;
        }
        let last = give(&places, "192.0.2.1").await;
        assert!(last.is_some() && give_now(&places).is_none());
    }

    fn give_now(places: &Places) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&places.all).try_acquire_owned().ok()
    }
}
