use std::net::IpAddr;

use crate::keys::keyed_hash;
use crate::store::TokenHash;

/// Where a request comes from, as far as one may take it for one place: an address of IPv4, or a /64 of IPv6, of which whoever
/// has one address has them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(u64);

impl Network {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(address.to_bits())),
            // An address of IPv4 is shorter than half of one of IPv6, whose first half is 0 nowhere in the Internet.
            IpAddr::V6(address) => Self((address.to_bits() >> 64) as u64),
        }
    }

    /// What is kept of it: with another key it is another, and nobody reads an address out of it.
    pub(crate) fn hash(self, key: &[u8; 32]) -> TokenHash {
        keyed_hash(key, &[&self.0.to_be_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_or_a_64() {
        let of = |address: &str| Network::of(address.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_ne!(of("192.0.2.1").hash(&[1; 32]), of("192.0.2.1").hash(&[2; 32]));
    }
}
