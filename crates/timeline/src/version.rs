//! A version of a replay: how many fragments of each body it is made of.

use std::fmt;
use std::str::FromStr;

/// Grows when the bytes made for the same fragments change, so that old versions never get new bytes.
const LAYOUT: u32 = 1;

/// Takes that a version may name; more than a live of a day on the worst network has.
const MAX_TAKES: usize = 10_000;

/// A set of fragments. Written as `1-120.241-0.17-7:50.100`: the layout, then for each take its fragments of video and
/// audio; a take whose number does not follow the one before it says so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    takes: Vec<(u32, [usize; 2])>,
}

impl Version {
    /// The version made of these numbers of fragments of video and audio; takes by number.
    #[must_use]
    pub fn new(takes: impl IntoIterator<Item = (u32, [usize; 2])>) -> Self {
        Self {
            takes: takes.into_iter().filter(|(_, counts)| counts.iter().any(|&count| count > 0)).collect(),
        }
    }

    /// Whether there is no fragment in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.takes.is_empty()
    }

    /// The takes and how many fragments of video and audio each has in it.
    pub fn takes(&self) -> impl Iterator<Item = (u32, [usize; 2])> {
        self.takes.iter().copied()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LAYOUT}")?;
        let mut expected = 1;
        for (number, [video, audio]) in &self.takes {
            if *number == expected {
                write!(f, "-{video}.{audio}")?;
            } else {
                write!(f, "-{number}:{video}.{audio}")?;
            }
            expected = number.saturating_add(1);
        }
        Ok(())
    }
}

/// Not the name of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a version")]
pub struct NotAVersion;

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let mut parts = text.split('-');
        if parts.next().and_then(|layout| layout.parse().ok()) != Some(LAYOUT) {
            return Err(NotAVersion);
        }
        let mut takes: Vec<(u32, [usize; 2])> = Vec::new();
        let mut expected: u32 = 1;
        for part in parts {
            let (number, counts) = match part.split_once(':') {
                Some((number, counts)) => (number.parse().map_err(|_| NotAVersion)?, counts),
                None => (expected, part),
            };
            let (video, audio) = counts.split_once('.').ok_or(NotAVersion)?;
            let video = video.parse().map_err(|_| NotAVersion)?;
            let audio = audio.parse().map_err(|_| NotAVersion)?;
            if number < expected || takes.len() >= MAX_TAKES {
                return Err(NotAVersion);
            }
            takes.push((number, [video, audio]));
            expected = number.checked_add(1).ok_or(NotAVersion)?;
        }
        Ok(Self { takes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_reads_back_as_it_was_written() {
        for text in ["1-120.241", "1-120.241-0.17-7:50.100", "1"] {
            assert_eq!(text.parse::<Version>().map(|version| version.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_not_a_version_is_refused() {
        for text in ["", "2-1.1", "1-1", "1-a.b", "1-3:1.1-2:1.1", "1--", "1-99999999999999999999.1"] {
            assert_eq!(text.parse::<Version>(), Err(NotAVersion), "{text}");
        }
    }
}
