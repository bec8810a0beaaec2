//! How many bits a second segments take.

use super::TARGET_US;
use super::layout::{Rendition, Segment};

/// Bits a second: of the densest stretch, and of all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rates {
    pub(super) peak: u64,
    pub(super) average: u64,
}

impl std::ops::Add for Rates {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { peak: self.peak + other.peak, average: self.average + other.average }
    }
}

/// The rates of the segments that are there (4.1): the peak is that of the densest run of segments that is between half and
/// one and a half target durations long. `None` where there is no segment yet.
pub(super) fn rates(rendition: &Rendition) -> Option<Rates> {
    let there: Vec<&Segment> = rendition.segments.iter().filter(|segment| segment.run.is_some()).collect();
    let (bytes, us) =
        there.iter().fold((0, 0), |(bytes, us), segment| (bytes + segment.bytes, us + segment.duration));
    let average = of(bytes, us)?;
    let peak = (0..there.len()).filter_map(|from| densest(&there[from..])).max();
    Some(Rates { peak: peak.unwrap_or(average).max(average), average })
}

/// The highest rate of the runs that begin with the first of these segments.
fn densest(segments: &[&Segment]) -> Option<u64> {
    let (mut bytes, mut us, mut peak) = (0, 0, None);
    for segment in segments {
        bytes += segment.bytes;
        us += segment.duration;
        if us > TARGET_US * 3 / 2 {
            break;
        }
        if us >= TARGET_US / 2 {
            peak = peak.max(of(bytes, us));
        }
    }
    peak
}

/// Bits a second, rounded up.
pub(super) fn of(bytes: u64, us: i64) -> Option<u64> {
    let us = u128::try_from(us).ok().filter(|us| *us > 0)?;
    let bits = u128::from(bytes) * 8 * 1_000_000;
    u64::try_from(bits.div_ceil(us)).ok()
}
