//! A case: a recording, what is done to it, and how it is published; all of it from one seed.

use promises::random::Random;

use super::corpus::{Content, Recording};
use super::made::Made;
use super::oddity::{self, Change, Law, Oddity};

/// What makes a case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// The recording, by its place in the corpus.
    pub(crate) recording: usize,
    /// What is done to it, each with a seed of its own: the others can go without changing it.
    pub(crate) oddities: Vec<(Oddity, u64)>,
    /// Of the slices.
    pub(crate) way: u64,
}

/// A changed file, and what must become of it.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    pub(crate) made: Made,
    pub(crate) laws: Vec<Law>,
    /// The names of the oddities that the file had a place for.
    pub(crate) names: Vec<&'static str>,
    pub(crate) extension: &'static str,
    /// Whether a sample of sound is the configuration.
    pub(crate) has_configuration_as_sample: bool,
    /// Whether the recording itself has two tracks of sound.
    pub(crate) has_second_sound: bool,
}

impl Changed {
    pub(crate) fn has(&self, law: Law) -> bool {
        self.laws.contains(&law)
    }
}

impl Case {
    /// The case of a seed. The first ones are the recordings as they are.
    pub(crate) fn new(corpus: &[Recording], seed: u64) -> Self {
        if let Some(recording) = usize::try_from(seed).ok().filter(|number| *number < corpus.len()) {
            return Self { recording, oddities: Vec::new(), way: seed };
        }
        let mut random = Random::new(seed);
        // The first numbers of near seeds are near.
        (0..8).for_each(|_| {
            random.number();
        });
        let recording = random.between(0, corpus.len() - 1);
        let all = oddity::all(corpus[recording].is_webm());
        let count = random.between(1, 4);
        let mut chosen: Vec<(usize, u64)> =
            (0..count).map(|_| (random.between(0, all.len() - 1), random.number())).collect();
        chosen.sort_unstable();
        let oddities = chosen.into_iter().map(|(index, seed)| (all[index], seed)).collect();
        Self { recording, oddities, way: random.number() }
    }

    /// The changed file; `None` where nothing could be changed.
    pub(crate) fn make(&self, corpus: &[Recording]) -> Option<Changed> {
        let recording = &corpus[self.recording];
        let mut names = Vec::new();
        let mut laws = Vec::new();
        let mut note = |is_changed: bool, oddity: &Oddity| {
            if is_changed {
                names.push(oddity.name);
                laws.push(oddity.law);
            }
        };
        let mut made = match &recording.content {
            _ if self.oddities.is_empty() => recording.whole(),
            Content::Webm(document) => {
                let mut document = document.clone();
                for (oddity, seed) in &self.oddities {
                    if let Change::Webm(change) = oddity.change {
                        // A change that found no place may have left a part of itself behind.
                        let before = document.clone();
                        let is_changed = change(&mut document, &mut Random::new(*seed));
                        note(is_changed, oddity);
                        if !is_changed {
                            document = before;
                        }
                    }
                }
                document.write()
            }
            Content::Mp4(movie) => {
                let mut movie = movie.clone();
                for (oddity, seed) in &self.oddities {
                    if let Change::Movie(change) = oddity.change {
                        let before = movie.clone();
                        let is_changed = change(&mut movie, &mut Random::new(*seed));
                        note(is_changed, oddity);
                        if !is_changed {
                            movie = before;
                        }
                    }
                }
                let mut boxes = movie.boxes();
                for (oddity, seed) in &self.oddities {
                    if let Change::Boxes(change) = oddity.change {
                        note(change(&mut boxes, &mut Random::new(*seed)), oddity);
                    }
                }
                movie.write(&boxes)
            }
        };
        for (oddity, seed) in &self.oddities {
            if let Change::Bytes(change) = oddity.change {
                note(change(&mut made, &mut Random::new(*seed)), oddity);
            }
        }
        if recording.has_edits() {
            laws.push(Law::Shown);
        } else if recording.is_odd() {
            laws.push(Law::Moved);
        }
        // Without any oddity it is the recording as it is, which is held against ffmpeg too.
        (!names.is_empty() || self.oddities.is_empty()).then(|| Changed {
            made,
            laws,
            names,
            extension: recording.extension(),
            has_second_sound: recording.name.contains("second_sound"),
            has_configuration_as_sample: recording.name.contains("config_as_first_sample"),
        })
    }
}
