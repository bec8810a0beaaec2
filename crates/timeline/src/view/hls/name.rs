//! The names of segments and parts in addresses.

use std::fmt;
use std::str::FromStr;

use super::{MOST_FRAMES, Place};

/// Farther than this no take begins on the clock: three years.
const FARTHEST_MS: i64 = 100_000_000_000;

/// A segment, `OFFSET-FRAGMENT.FRAME.m4s`; the part of it with a number, `OFFSET-FRAGMENT.FRAME.PART.m4s`; or as many frames,
/// where a take ended, `OFFSET-FRAGMENT.FRAMEeCOUNT.m4s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Where its take begins on the clock, in milliseconds.
    pub offset_ms: i64,
    /// Where the segment begins, or what ends with its take.
    pub from: Place,
    /// Which of it.
    pub which: Which,
}

/// What is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The segment.
    Segment,
    /// The part of it with this number, from 0.
    Part(u32),
    /// This many frames, the last of a take.
    End(u32),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset_ms, from: Place { fragment, frame }, which } = self;
        write!(f, "{offset_ms}-{fragment}.{frame}")?;
        match which {
            Which::Segment => {}
            Which::Part(number) => write!(f, ".{number}")?,
            Which::End(frames) => write!(f, "e{frames}")?,
        }
        f.write_str(".m4s")
    }
}

/// Not the name of a segment or a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a segment or a part")]
pub struct NotAName;

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let name = parse(text).ok_or(NotAName)?;
        // One name for one thing: no signs, no zeros in front.
        if name.to_string() == text { Ok(name) } else { Err(NotAName) }
    }
}

fn parse(text: &str) -> Option<Name> {
    let (offset, place) = text.strip_suffix(".m4s")?.split_once('-')?;
    let (fragment, rest) = place.split_once('.')?;
    let (frame, which) = match (rest.split_once('.'), rest.split_once('e')) {
        (Some((frame, part)), _) => (frame, Which::Part(part.parse().ok()?)),
        (_, Some((frame, frames))) => (frame, Which::End(frames.parse().ok()?)),
        _ => (rest, Which::Segment),
    };
    let offset_ms = offset.parse().ok().filter(|offset| (0..FARTHEST_MS).contains(offset))?;
    let from = Place { fragment: fragment.parse().ok()?, frame: frame.parse().ok()? };
    let is_bounded = !matches!(which, Which::End(frames) if frames == 0 || frames > MOST_FRAMES);
    is_bounded.then_some(Name { offset_ms, from, which })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_it_was_written() {
        for text in ["0-0.0.m4s", "61250-17.3.m4s", "61250-17.3.4.m4s", "0-4294967295.0e61.m4s"] {
            assert_eq!(text.parse::<Name>().map(|name| name.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let wrong = [
            "",
            ".m4s",
            "0-0.0",
            "0-0.m4s",
            "-1-0.0.m4s",
            "0--1.0.m4s",
            "0-0.-1.m4s",
            "0-0.0.-1.m4s",
            "+0-0.0.m4s",
            "00-0.0.m4s",
            "0-0.0.01.m4s",
            "0-0.0e0.m4s",
            "0-0.0e10001.m4s",
            "0-4294967296.0.m4s",
            "100000000000-0.0.m4s",
            "99999999999999999999-0.0.m4s",
            "0-0.0.1.2.m4s",
            "0-0.0.1e2.m4s",
            "0-0.0e1.2.m4s",
            "0-0.0.m4s.m4s",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Name>(), Err(NotAName), "{text}");
        }
    }
}
