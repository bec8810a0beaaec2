use std::collections::HashMap;
use std::net::IpAddr;

use ids::UnixMs;

/// Lines that refusals get in a second: from one address of IPv4 or one /64 of IPv6, and in all. Whoever floods the server does
/// not fill its disk; what is left out is counted.
const OF_ONE: u32 = 100;
const OF_ALL: u32 = 1_000;

/// How many refusals were written in this second.
#[derive(Default)]
pub(super) struct Refusals {
    second: i64,
    of: HashMap<u64, u32>,
    all: u32,
    left_out: u64,
}

impl Refusals {
    /// Whether one more from there has a line, and how many were left out before, which is told once.
    pub(super) fn admit(&mut self, from: IpAddr, now: UnixMs) -> (bool, u64) {
        let second = now.0.div_euclid(1_000);
        let mut before = 0;
        if second != self.second {
            before = std::mem::take(&mut self.left_out);
            (self.second, self.all) = (second, 0);
            self.of.clear();
        }
        if self.all >= OF_ALL {
            self.left_out += 1;
            return (false, before);
        }
        // Not more of these than lines in a second.
        let of_one = self.of.entry(network(from)).or_default();
        if *of_one >= OF_ONE {
            self.left_out += 1;
            return (false, before);
        }
        *of_one += 1;
        self.all += 1;
        (true, before)
    }
}

fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_has_so_many_lines_a_second_and_the_rest_is_counted() {
        let mut refusals = Refusals::default();
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let admitted = |refusals: &mut Refusals, last, ms| {
            (0..OF_ONE + 5).filter(|_| refusals.admit(address(last), UnixMs(ms)).0).count()
        };
        assert_eq!(admitted(&mut refusals, 1, 1_000), OF_ONE as usize);
        assert_eq!(admitted(&mut refusals, 2, 1_999), OF_ONE as usize);
        assert_eq!(refusals.admit(address(1), UnixMs(2_000)), (true, 10));
        assert_eq!(refusals.admit(address(1), UnixMs(2_000)), (true, 0));
        for last in 0..30 {
            admitted(&mut refusals, last, 3_000);
        }
        assert_eq!(refusals.all, OF_ALL);
    }
}
