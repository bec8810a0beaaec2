//! What an oddity is, and the list of all.

use promises::random::Random;

use super::made::Made;
use super::mp4::{Movie, Node};
use super::webm::Document;
use super::{bytes, mp4, webm};

/// A change of a file's structure. It answers whether the file had what it changes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// Of a Matroska or WebM document.
    Webm(fn(&mut Document, &mut Random) -> bool),
    /// Of a movie's samples and tables, before boxes are made of them.
    Movie(fn(&mut Movie, &mut Random) -> bool),
    /// Of the boxes themselves.
    Boxes(fn(&mut Vec<Node>, &mut Random) -> bool),
    /// Of the bytes of either.
    Bytes(fn(&mut Made, &mut Random) -> bool),
}

/// What must become of a file that is changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Law {
    /// All of it is kept, at its times.
    Whole,
    /// All of it is kept; its times are what is odd.
    Moved,
    /// The file says that not all is shown: what ffmpeg shows is shown, no more and no less.
    Shown,
    /// It is kept, or refused, or told as unread: no program is bound to read this.
    Told,
    /// Bytes are lost: the loss is bounded and told.
    Harmed,
}

/// An oddity with its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Oddity {
    pub(crate) name: &'static str,
    pub(crate) law: Law,
    pub(crate) change: Change,
}

/// An oddity of a document.
pub(crate) const fn webm(
    law: Law,
    name: &'static str,
    change: fn(&mut Document, &mut Random) -> bool,
) -> Oddity {
    Oddity { name, law, change: Change::Webm(change) }
}

/// An oddity of a movie.
pub(crate) const fn movie(
    law: Law,
    name: &'static str,
    change: fn(&mut Movie, &mut Random) -> bool,
) -> Oddity {
    Oddity { name, law, change: Change::Movie(change) }
}

/// An oddity of boxes.
pub(crate) const fn boxes(
    law: Law,
    name: &'static str,
    change: fn(&mut Vec<Node>, &mut Random) -> bool,
) -> Oddity {
    Oddity { name, law, change: Change::Boxes(change) }
}

/// An oddity of bytes.
pub(crate) const fn of_bytes(
    law: Law,
    name: &'static str,
    change: fn(&mut Made, &mut Random) -> bool,
) -> Oddity {
    Oddity { name, law, change: Change::Bytes(change) }
}

/// All that can be done to a file of a container, in the order in which it is done.
pub(crate) fn all(is_webm: bool) -> Vec<Oddity> {
    let lists: &[&[Oddity]] = if is_webm { webm::ODDITIES } else { mp4::ODDITIES };
    lists.iter().copied().chain([bytes::ODDITIES]).flatten().copied().collect()
}
