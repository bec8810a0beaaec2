//! Opening a live again: from its folder to its timeline.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use media::Kind;
use serde::{Deserialize, Serialize};
use timeline::{Container, Entry, Take, Timeline, TrackIndex};

use crate::body::body_name;
use crate::disk::read_all;
use crate::index_file::{MAX_INDEX, index_entries, read_index, write_index};
use crate::scan::{self, Scan, read_range};
use crate::unread::Store;
use crate::{Disk, DiskFile, Error, TakeMark, journal};

/// A `take.json` is at most this long.
const MAX_DESCRIPTION: u64 = 64 << 10;
/// The file that describes a take.
pub(crate) const DESCRIPTION: &str = "take.json";

/// What `take.json` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) number: u32,
    pub(crate) upload: String,
    pub(crate) started_at_ms: i64,
    pub(crate) base_ms: i64,
}

/// A live as it was loaded.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) timeline: Timeline,
    /// The number that the next take gets.
    pub(crate) next_take: u32,
    pub(crate) unread: Store,
}

/// Loads a live's folder, and cuts off what was never acknowledged.
pub(crate) fn load(disk: &Arc<dyn Disk>, dir: &Path, unread_limit: u64) -> Result<Loaded, Error> {
    let unread = Store::load(Arc::clone(disk), dir, unread_limit)?;
    let disk = disk.as_ref();
    let marks = marks(disk, dir)?;
    let mut takes = Vec::new();
    let mut next_take = 1;
    for name in disk.list(&dir.join("takes"))? {
        let Ok(number) = name.parse::<u32>() else { continue };
        next_take = next_take.max(number.saturating_add(1));
        let folder = dir.join("takes").join(&name);
        let Some(description) = description(disk, &folder) else {
            if never_began(disk, &folder)? {
                disk.remove(&folder)?;
            }
            continue;
        };
        let known = marks.get(&description.upload);
        let mark = known.and_then(|known| known.marks.iter().find(|mark| mark.number == number));
        if mark.is_none() && known.is_some_and(|known| !known.is_broken) {
            tracing::warn!(folder = %folder.display(), "removing a take that was never acknowledged");
            disk.remove(&folder)?;
            continue;
        }
        let mut take = Take::new(number, description.started_at_ms, description.base_ms);
        for kind in [Kind::Video, Kind::Audio] {
            let len = mark.map_or(0, |mark| mark.len(kind));
            let acknowledged = match known {
                None => Acknowledged::Unknown,
                Some(known) if known.is_broken => Acknowledged::AtLeast(len),
                Some(_) => Acknowledged::Exactly(len),
            };
            *take.track_mut(kind) = load_track(disk, &folder, kind, acknowledged)?;
        }
        takes.push(take);
    }
    Ok(Loaded { timeline: Timeline::new(revision(disk, dir), takes), next_take, unread })
}

/// Whether a crash kept a take from beginning: its folder is there, its description is not, at most half of one. Bodies
/// are made only after it.
pub(crate) fn never_began(disk: &dyn Disk, folder: &Path) -> Result<bool, Error> {
    Ok(disk.list(folder)?.iter().all(|name| name == "take.json.new"))
}

/// What `take.json` says, if it can be read.
pub(crate) fn description(disk: &dyn Disk, folder: &Path) -> Option<Description> {
    let bytes = read_all(disk, &folder.join(DESCRIPTION), MAX_DESCRIPTION).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// What the journal of an upload says of its bodies.
#[derive(Debug)]
struct Known {
    marks: Vec<TakeMark>,
    /// Whether more was acknowledged than it can say.
    is_broken: bool,
}

/// How much of a body was acknowledged.
#[derive(Debug, Clone, Copy)]
enum Acknowledged {
    /// No journal tells: all that is whole is kept.
    Unknown,
    /// The rest is cut.
    Exactly(u64),
    /// The journal is damaged: what the index proves to be as it was written is kept too.
    AtLeast(u64),
}

/// What is known of each upload of a live, by the upload's name.
fn marks(disk: &dyn Disk, dir: &Path) -> Result<HashMap<String, Known>, Error> {
    let mut marks = HashMap::new();
    for name in disk.list(&dir.join("uploads"))? {
        let Some(upload) = name.strip_suffix(".journal") else { continue };
        match journal::read(disk, &dir.join("uploads").join(&name)) {
            Ok(content) => {
                if let Some(at) = content.damage {
                    tracing::error!(upload, at, "an upload's journal is damaged");
                }
                let known = Known { marks: content.checkpoint.marks, is_broken: content.is_broken };
                marks.insert(upload.to_owned(), known);
            }
            Err(Error::Damaged(reason)) => tracing::error!(reason, "an upload's journal cannot be read"),
            Err(error) => return Err(error),
        }
    }
    Ok(marks)
}

/// How often earlier positions moved.
fn revision(disk: &dyn Disk, dir: &Path) -> u64 {
    read_all(disk, &dir.join("revision"), 32)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok()?.trim().parse().ok())
        .unwrap_or(0)
}

fn load_track(
    disk: &dyn Disk,
    folder: &Path,
    kind: Kind,
    acknowledged: Acknowledged,
) -> Result<Option<TrackIndex>, Error> {
    let found = body_container(disk, folder, kind)?;
    let Some(container) = found else { return Ok(None) };
    let path = folder.join(body_name(kind, container));
    if matches!(acknowledged, Acknowledged::Exactly(0)) {
        disk.remove(&path)?;
        disk.remove(&path.with_extension("idx"))?;
        return Ok(None);
    }
    let body = disk.open(&path)?;
    let len = body.len()?;
    let (mark, end) = match acknowledged {
        Acknowledged::Unknown => (None, len),
        Acknowledged::Exactly(mark) => (Some(mark), mark.min(len)),
        Acknowledged::AtLeast(mark) => (Some(mark), len),
    };
    if mark.is_some_and(|mark| mark > len) {
        tracing::error!(body = %path.display(), mark, len, "a body is shorter than was acknowledged");
    }
    let Some((track, init)) = scan::init(body.as_ref(), container, end)? else { return Ok(None) };
    let mut index = TrackIndex::new(track, init.len() as u64);
    if let Acknowledged::AtLeast(mark) = acknowledged {
        keep_proved(disk, &path, body.as_ref(), mark.min(len), &mut index)?;
        add_unknown(body.as_ref(), container, mark.min(len), &mut index)?;
        // Nothing is cut nor written anew: what is left is for somebody to look at.
        return Ok(Some(index));
    }
    let kept = read_index(disk, &path, end, &mut index);
    add_unknown(body.as_ref(), container, end, &mut index)?;
    write_index(disk, &path, kept, &index)?;
    let good = if mark.is_some() { end } else { index.body_len() };
    if len > good {
        tracing::warn!(body = %path.display(), from = len, to = good, "cutting what was never acknowledged");
        body.truncate(good)?;
    }
    Ok(Some(index))
}

/// Takes what the index file says, and of what lies past the mark only fragments that have their checksums.
fn keep_proved(
    disk: &dyn Disk,
    path: &Path,
    body: &dyn DiskFile,
    mark: u64,
    index: &mut TrackIndex,
) -> Result<(), Error> {
    let bytes = read_all(disk, &path.with_extension("idx"), MAX_INDEX).unwrap_or_default();
    for entry in index_entries(&bytes, index.init_len(), body.len()?) {
        if entry.end() > mark {
            let fragment = read_range(body, entry.offset, u64::from(entry.len))?;
            if crc32fast::hash(&fragment) != entry.crc {
                break;
            }
        }
        index.push(entry);
    }
    // It is shown from now on, so it has to be durable.
    Ok(body.sync()?)
}

/// The container of the body that a take has of a kind, if it has one.
pub(crate) fn body_container(disk: &dyn Disk, folder: &Path, kind: Kind) -> Result<Option<Container>, Error> {
    let names = disk.list(folder)?;
    let mut containers = [Container::Mp4, Container::Webm].into_iter();
    Ok(containers.find(|&container| names.contains(&body_name(kind, container))))
}

/// Finds the fragments of a body that its index file did not know.
fn add_unknown(
    body: &dyn DiskFile,
    container: Container,
    end: u64,
    index: &mut TrackIndex,
) -> Result<(), Error> {
    let (track, at) = (index.track().clone(), index.body_len());
    let mut scan = Scan::new(body, container, &track, at, end);
    let mut at = at;
    while let Some((fragment, bytes)) = scan.next()? {
        let entry = Entry::new(at, crc32fast::hash(bytes), &fragment);
        at = entry.end();
        index.push(entry);
    }
    Ok(())
}

/// Puts the description of a take in its folder, durably.
pub(crate) fn write_description(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    description: &Description,
) -> Result<(), Error> {
    disk.create_dir(folder)?;
    let bytes = serde_json::to_vec_pretty(description).expect("plain data always serialises");
    Ok(disk.replace(&folder.join(DESCRIPTION), &bytes)?)
}
