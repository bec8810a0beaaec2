//! Words as they are looked for: lower case, without accents, and by their French stem.
//!
//! A message is indexed under its words and, where it is another, under the stem of each, marked by [`STEM`]. Somebody
//! who types a word finds it as it is and all that have its stem; what ends in `*` or stands between double quotes is
//! looked for as it is written.
//!
//! Scripts that leave no blanks between words (Chinese, Japanese, Thai and their neighbours, and Korean with its particles)
//! are indexed under every two signs that follow each other, and the last one: a word is found wherever it stands in a
//! run. An emoji is indexed under itself, whatever the colour of its skin.

use std::cell::RefCell;
use std::collections::HashSet;

use snowball_stemmers_rs::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_properties::{EmojiStatus, UnicodeEmoji};

/// Longest query that is looked at, in characters; the rest is left out.
const QUERY_LIMIT: usize = 200;
/// Most words of a query; further ones are left out.
const WORDS: usize = 16;
/// Stands before a stem that is not itself a word of the message. Private use (Unicode), so nobody can type it by chance,
/// and part of a word for SQLite.
const STEM: char = '\u{E000}';
/// Stands before the number of a character that is no part of a word for SQLite: an emoji, or a letter that is younger than
/// its tables.
const NUMBER: char = '\u{E001}';
/// Scripts without blanks between words: first and last character of their blocks (Unicode 16).
const WITHOUT_BLANKS: [(char, char); 13] = [
    ('\u{0E00}', '\u{0EFF}'),   // Thai, Lao
    ('\u{1000}', '\u{109F}'),   // Myanmar
    ('\u{1780}', '\u{17FF}'),   // Khmer
    ('\u{1950}', '\u{19DF}'),   // Tai Le, New Tai Lue
    ('\u{1A20}', '\u{1AAF}'),   // Tai Tham
    ('\u{3005}', '\u{30FF}'),   // Hiragana, Katakana
    ('\u{3100}', '\u{312F}'),   // Bopomofo
    ('\u{31F0}', '\u{31FF}'),   // Katakana of Ainu
    ('\u{3400}', '\u{9FFF}'),   // Han
    ('\u{AC00}', '\u{D7A3}'),   // Hangul, whose particles follow without a blank
    ('\u{F900}', '\u{FAFF}'),   // Han, for compatibility
    ('\u{FF66}', '\u{FF9F}'),   // Katakana of half width
    ('\u{20000}', '\u{3FFFF}'), // Han, later additions
];
/// Letters that people write in two ways and that Unicode does not take apart.
const LETTERS: [(char, &str); 14] = [
    ('ß', "ss"),
    ('æ', "ae"),
    ('œ', "oe"),
    ('ø', "o"),
    ('ł', "l"),
    ('đ', "d"),
    ('ð', "d"),
    ('þ', "th"),
    ('ı', "i"),
    ('ς', "σ"),
    ('ŋ', "n"),
    ('ɓ', "b"),
    ('ɗ', "d"),
    ('ƴ', "y"),
];

thread_local! {
    static FRENCH: RefCell<Stemmer> = RefCell::new(Stemmer::create(Algorithm::French));
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What must be there, in FTS5's syntax.
    pub(crate) must: String,
    /// Words, signs and emoji that must follow each other.
    phrases: Vec<Vec<String>>,
}

impl Query {
    /// Every word must be there, a word that ends in `*` stands for its beginning, words between double quotes follow
    /// each other. Nothing in the input is syntax beyond that. `None` without a word or an emoji.
    #[must_use]
    pub fn new(raw: &str) -> Option<Self> {
        let short: String = raw.chars().take(QUERY_LIMIT).collect();
        let (mut terms, mut phrases) = (Vec::new(), Vec::new());
        for (index, part) in short.split('"').enumerate() {
            if index % 2 == 1 {
                let pieces = pieces(part);
                terms.extend(pieces.iter().flat_map(Piece::terms));
                let phrase: Vec<String> = pieces.iter().flat_map(Piece::units).collect();
                phrases.extend((phrase.len() > 1).then_some(phrase));
            } else {
                for word in part.split_whitespace() {
                    let pieces = pieces(word);
                    terms.extend(loose_terms(word, &pieces));
                    phrases.extend(pieces.into_iter().filter_map(long_run));
                }
            }
        }
        terms.truncate(WORDS);
        (!terms.is_empty()).then(|| Self { must: terms.join(" AND "), phrases })
    }

    /// Whether a text that has all the words has them in the order asked for.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        if self.phrases.is_empty() {
            return true;
        }
        let units: Vec<String> = pieces(text).iter().flat_map(Piece::units).collect();
        self.phrases.iter().all(|phrase| units.windows(phrase.len()).any(|window| window == phrase))
    }

    /// Whether every message that has the words fits.
    #[must_use]
    pub fn is_loose(&self) -> bool {
        self.phrases.is_empty()
    }
}

/// The signs of a run of which the index knows only that each two follow each other.
fn long_run(piece: Piece) -> Option<Vec<String>> {
    match piece {
        Piece::Run(signs) if signs.len() > 2 => Some(signs),
        _ => None,
    }
}

/// The terms of a word without quotes: itself or its stem, or its beginning.
fn loose_terms(word: &str, pieces: &[Piece]) -> Vec<String> {
    let beginning = word.ends_with('*');
    let last = pieces.len().saturating_sub(1);
    let terms = |(index, piece): (usize, &Piece)| {
        let Piece::Word(piece) = piece else { return piece.terms() };
        let word = folded(piece);
        if beginning && index == last {
            return vec![format!("\"{word}\"*")];
        }
        let stem = stem(piece);
        vec![if stem == word {
            format!("(\"{word}\" OR \"{STEM}{stem}\")")
        } else {
            format!("(\"{word}\" OR \"{stem}\" OR \"{STEM}{stem}\")")
        }]
    };
    pieces.iter().enumerate().flat_map(terms).collect()
}

/// What a message is indexed under: its words and their stems, its signs and emoji, each once.
#[must_use]
pub fn words(text: &str) -> String {
    let mut seen = HashSet::new();
    let ones = pieces(text).into_iter().flat_map(|piece| piece.indexed());
    let ones: Vec<String> = ones.filter(|one| seen.insert(one.clone())).collect();
    ones.join(" ")
}

/// What stands for itself in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Letters and digits that follow each other, in lower case, with their accents.
    Word(String),
    /// Signs of a script without blanks that follow each other.
    Run(Vec<String>),
    /// An emoji, as it stands in the index.
    Emoji(String),
}

impl Piece {
    /// What it is indexed under.
    fn indexed(&self) -> Vec<String> {
        match self {
            Self::Word(word) => {
                let (word, stem) = (folded(word), stem(word));
                let stem = (stem != word).then(|| format!("{STEM}{stem}"));
                stem.into_iter().chain([word]).collect()
            }
            Self::Run(signs) => {
                signs.windows(2).map(<[String]>::concat).chain(signs.last().cloned()).collect()
            }
            Self::Emoji(emoji) => vec![emoji.clone()],
        }
    }

    /// What of it must be in the index, in FTS5's syntax.
    fn terms(&self) -> Vec<String> {
        match self {
            Self::Word(word) => vec![format!("\"{}\"", folded(word))],
            // A sign alone is the first of two, or the last one.
            Self::Run(signs) if signs.len() == 1 => vec![format!("\"{}\"*", signs[0])],
            Self::Run(signs) => signs.windows(2).map(|two| format!("\"{}\"", two.concat())).collect(),
            Self::Emoji(emoji) => vec![format!("\"{emoji}\"")],
        }
    }

    /// What of it follows each other.
    fn units(&self) -> Vec<String> {
        match self {
            Self::Word(word) => vec![folded(word)],
            Self::Run(signs) => signs.clone(),
            Self::Emoji(emoji) => vec![emoji.clone()],
        }
    }
}

/// What a character is to the words around it.
enum Part {
    Letter,
    Sign(String),
    Emoji,
    /// One half of a flag: two letters make one.
    Flag,
    /// An accent, the colour of a skin, a choice of drawing: of what is before it.
    Mark,
    Between,
}

fn part(c: char) -> Part {
    let emoji = c.emoji_status();
    match c {
        '\u{1F1E6}'..='\u{1F1FF}' => Part::Flag,
        '\u{1F3FB}'..='\u{1F3FF}' => Part::Mark,
        _ if !c.is_ascii()
            && !matches!(emoji, EmojiStatus::NonEmoji | EmojiStatus::NonEmojiButEmojiComponent) =>
        {
            Part::Emoji
        }
        _ if is_combining_mark(c) => Part::Mark,
        _ if !c.is_alphanumeric() => Part::Between,
        _ if WITHOUT_BLANKS.iter().any(|&(first, last)| (first..=last).contains(&c)) => match sign(c) {
            sign if sign.is_empty() => Part::Mark,
            sign => Part::Sign(sign),
        },
        _ => Part::Letter,
    }
}

/// The words, runs of signs and emoji of a text.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut half_a_flag = None;
    // Whether what comes may belong to the last piece.
    let mut is_open = false;
    for c in text.nfc().flat_map(char::to_lowercase) {
        let half = half_a_flag.take();
        let last = pieces.last_mut().filter(|_| is_open);
        is_open = true;
        match (part(c), last) {
            (Part::Letter | Part::Mark, Some(Piece::Word(word))) => word.push(c),
            (Part::Letter, _) => pieces.push(Piece::Word(c.to_string())),
            (Part::Sign(sign), Some(Piece::Run(signs))) => signs.push(sign),
            (Part::Sign(sign), _) => pieces.push(Piece::Run(vec![sign])),
            (Part::Emoji, _) => pieces.push(Piece::Emoji(numbered(c))),
            (Part::Flag, _) => match half {
                Some(first) => pieces.push(Piece::Emoji(numbered(first) + &numbered(c))),
                None => (half_a_flag, is_open) = (Some(c), false),
            },
            (Part::Mark, Some(_)) => {}
            (Part::Mark | Part::Between, _) => is_open = false,
        }
    }
    pieces
}

/// A sign as it stands in the index. Syllables of Hangul stay whole.
fn sign(c: char) -> String {
    if ('\u{AC00}'..='\u{D7A3}').contains(&c) { c.to_string() } else { folded(c.encode_utf8(&mut [0; 4])) }
}

/// A piece without its accents.
fn folded(piece: &str) -> String {
    if piece.is_ascii() {
        return piece.to_owned();
    }
    let bare = piece.nfkd().filter(|c| c.is_alphanumeric() && !is_combining_mark(*c));
    let mut folded = String::with_capacity(piece.len());
    for c in bare.flat_map(char::to_lowercase) {
        match LETTERS.iter().find(|(letter, _)| *letter == c) {
            Some((_, letters)) => folded.push_str(letters),
            None if c > '\u{FFFF}' => folded.push_str(&numbered(c)),
            None => folded.push(c),
        }
    }
    folded
}

/// A character that SQLite would not take for a part of a word.
fn numbered(c: char) -> String {
    format!("{NUMBER}{:x}", u32::from(c))
}

/// The stem of a piece, without accents.
fn stem(piece: &str) -> String {
    FRENCH.with_borrow(|french| folded(&french.stem(piece)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn must(raw: &str) -> Option<String> {
        Query::new(raw).map(|query| query.must.replace(STEM, "~"))
    }

    #[test]
    fn every_word_is_quoted_so_that_nothing_is_syntax() {
        assert_eq!(
            must("le monde").as_deref(),
            Some(r#"("le" OR "~le") AND ("monde" OR "mond" OR "~mond")"#)
        );
        assert_eq!(must("a:x - ^b").as_deref(), Some(r#"("a" OR "~a") AND ("x" OR "~x") AND ("b" OR "~b")"#));
        assert_eq!(
            must(r#"dit "à bientôt" cam*"#).as_deref(),
            Some(r#"("dit" OR "~dit") AND "a" AND "bientot" AND "cam"*"#)
        );
    }

    #[test]
    fn a_message_is_indexed_under_its_words_and_their_stems_each_once() {
        assert_eq!(words("L'ÉTÉ, les étés !").replace(STEM, "~"), "l ete ~le les ~ete etes");
        assert_eq!(words("Diop Diop"), "diop");
        assert_eq!(words("e\u{301}te\u{301} ½"), "ete 12");
    }

    #[test]
    fn the_longest_message_is_indexed_at_once() {
        let text: String = (0..2_000).filter_map(|n| char::from_u32(0x4E00 + n)).collect();
        assert_eq!(words(&text).split(' ').count(), 2_000);
    }

    #[test]
    fn words_between_quotes_follow_each_other() {
        let query = Query::new(r#"oui "à bientôt tous""#).unwrap();
        assert!(query.fits("Oui, à BIENTÔT, tous !") && !query.fits("oui tous à bientôt"));
        assert!(!query.is_loose() && Query::new("oui tous").unwrap().fits("n'importe quoi"));
    }

    #[test]
    fn a_query_without_a_word_finds_nothing() {
        for raw in ["", "   ", "***", "\"", "\"\"", "!?", "🇸", "\u{0}"] {
            assert_eq!(Query::new(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn a_long_query_is_cut() {
        assert_eq!(Query::new(&"a ".repeat(1_000)).unwrap().must.split(" AND ").count(), WORDS);
        assert!(Query::new(&"é".repeat(100_000)).unwrap().must.chars().count() <= 3 * QUERY_LIMIT + 30);
    }
}
