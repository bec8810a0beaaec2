//! Makes up what people write under a live, in French and a little English: greetings, questions, remarks, names and
//! places, emoji, slips of the fingers, accents left out, short forms. The same seed writes the same messages.
//!
//! Words are drawn as Zipf's law has it from the lists of `words.txt`. Of every list the [`Ear::Training`] knows only
//! two thirds, so that what is trained on it meets words and turns that it never heard.

use std::collections::HashMap;

const WORDS: &str = include_str!("words.txt");

/// Of what rare words are made.
const SYLLABLES: [&str; 48] = [
    "ba", "bou", "cha", "dia", "di", "dou", "é", "fa", "fi", "ga", "gne", "go", "gui", "ka", "ki", "kou",
    "la", "li", "lou", "ma", "mé", "mi", "mo", "na", "ni", "nou", "pa", "pé", "pi", "ra", "re", "ri", "ro",
    "sa", "se", "si", "sou", "ta", "té", "ti", "tou", "va", "vi", "ya", "zi", "tion", "ment", "eur",
];

/// Who listens: it decides which pieces are heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ear {
    /// Everything.
    #[allow(dead_code, reason = "a benchmark listens to everything, the training does not")]
    Everybody,
    /// All but every third piece.
    #[allow(dead_code, reason = "a benchmark listens to everything, the training does not")]
    Training,
}

/// Somebody who goes on writing messages.
pub(crate) struct Talk {
    lists: HashMap<&'static str, Vec<&'static str>>,
    state: u64,
}

impl Talk {
    pub(crate) fn new(seed: u64, ear: Ear) -> Self {
        let mut lists: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut name = "";
        for (index, line) in WORDS.lines().filter(|line| !line.starts_with('#')).enumerate() {
            match line.strip_prefix('=') {
                Some(begun) => name = begun,
                None if ear == Ear::Training && index % 3 == 0 => {}
                None => lists.entry(name).or_default().push(line),
            }
        }
        Self { lists, state: seed }
    }

    /// The next message: about 50 characters in the mean, most of them shorter, a few of several sentences.
    pub(crate) fn message(&mut self) -> String {
        let sentences = match self.below(100) {
            0..=63 => 1,
            64..=87 => 2,
            88..=97 => 3,
            _ => 4 + self.below(8),
        };
        let said: Vec<String> = (0..sentences).map(|_| self.sentence(sentences)).collect();
        let mut text = said.join([". ", ", ", " ", "... ", " ! "][self.below(5) as usize]);
        text = self.in_their_hand(text);
        if self.below(100) < 28 {
            let emoji = self.pick("emoji").repeat(1 + self.below(3) as usize % 2);
            text = format!("{text} {emoji}");
        }
        text
    }

    fn sentence(&mut self, of: u64) -> String {
        match self.below(100) {
            0..=21 if of == 1 => self.pick("said").to_owned(),
            0..=34 => {
                let ask = self.pick("ask");
                self.filled(ask)
            }
            35..=39 => format!("{} {}", self.pick("said"), self.pick("name")),
            _ => {
                let tell = self.pick("tell");
                let told = self.filled(tell);
                if self.below(4) == 0 { format!("{} {told}", self.pick("said")) } else { told }
            }
        }
    }

    /// A pattern with a piece in each place.
    fn filled(&mut self, pattern: &str) -> String {
        let mut text = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            let (list, after) = after.split_once('}').unwrap_or((after, ""));
            text.push_str(before);
            if list == "n" {
                let most = [10, 100, 10_000][self.below(3) as usize];
                text.push_str(&(1 + self.below(most)).to_string());
            } else if matches!(list, "the" | "name" | "place") && self.below(100) < 12 {
                text.push_str(&self.coined(list));
            } else {
                text.push_str(self.pick(list));
            }
            rest = after;
        }
        text + rest
    }

    /// A word that hardly anybody else says: every conversation is full of them.
    fn coined(&mut self, list: &str) -> String {
        let syllables = 2 + self.below(3);
        let word: String =
            (0..syllables).map(|_| SYLLABLES[self.below(SYLLABLES.len() as u64) as usize]).collect();
        if list == "the" {
            format!("{} {word}", ["le", "la", "les", "du"][self.below(4) as usize])
        } else {
            capitalised(&word)
        }
    }

    /// The text as somebody in a hurry types it.
    fn in_their_hand(&mut self, text: String) -> String {
        let mut text = text;
        if self.below(100) < 18 {
            let (long, short) = self.pick("short").split_once('>').unwrap_or_default();
            text = text.replace(long, short);
        }
        match self.below(100) {
            0..=9 => text = text.chars().map(without_accent).collect(),
            10..=13 => text = text.to_uppercase(),
            14..=33 => text = capitalised(&text),
            34..=41 => text = self.with_a_slip(&text),
            42..=45 => text.push_str(&"!".repeat(1 + self.below(4) as usize)),
            _ => {}
        }
        text
    }

    /// The text with one letter doubled, left out or swapped with the next.
    fn with_a_slip(&mut self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let at = self.below(chars.len().max(1) as u64) as usize;
        match (self.below(3), chars.get(at).copied()) {
            (0, Some(letter)) => {
                chars.splice(at..at, [letter].repeat(1 + self.below(4) as usize)).for_each(drop)
            }
            (1, Some(_)) if chars.len() > 2 => drop(chars.remove(at)),
            (_, Some(_)) if at + 1 < chars.len() => chars.swap(at, at + 1),
            _ => {}
        }
        chars.into_iter().collect()
    }

    /// A piece of a list, the n-th about 1/n as often as the first.
    fn pick(&mut self, list: &str) -> &'static str {
        let pieces = self.lists.get(list).map_or(0, Vec::len) as f64;
        let at = (self.unit() * (pieces + 1.0).ln()).exp() - 1.0;
        self.lists.get(list).and_then(|pieces| pieces.get(at as usize)).copied().unwrap_or("")
    }

    fn unit(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.state >> 33) * end) >> 31
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn without_accent(letter: char) -> char {
    match letter {
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'à' | 'â' => 'a',
        'î' | 'ï' => 'i',
        'ô' => 'o',
        'û' | 'ù' => 'u',
        'ç' => 'c',
        other => other,
    }
}
