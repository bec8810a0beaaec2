//! Words as they are looked for: lower case, without accents, and by their French stem.
//!
//! A message is indexed under its words and, where it is another, under the stem of each, marked by [`STEM`]. Somebody
//! who types a word finds it as it is and all that have its stem; what ends in `*` or stands between double quotes is
//! looked for as it is written.

use std::cell::RefCell;

use snowball_stemmers_rs::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest query that is looked at, in characters; the rest is left out.
const QUERY_LIMIT: usize = 200;
/// Most words of a query; further ones are left out.
const WORDS: usize = 16;
/// Stands before a stem that is not itself a word of the message. Private use (Unicode), so nobody can type it by chance,
/// and part of a word for SQLite.
const STEM: char = '\u{E000}';

thread_local! {
    static FRENCH: RefCell<Stemmer> = RefCell::new(Stemmer::create(Algorithm::French));
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    /// What must be there, in FTS5's syntax.
    pub(crate) must: String,
    /// Words that must follow each other.
    phrases: Vec<Vec<String>>,
}

impl Query {
    /// Every word must be there, a word that ends in `*` stands for its beginning, words between double quotes follow
    /// each other. Nothing in the input is syntax beyond that. `None` without a word.
    pub(crate) fn new(raw: &str) -> Option<Self> {
        let short: String = raw.chars().take(QUERY_LIMIT).collect();
        let (mut terms, mut phrases) = (Vec::new(), Vec::new());
        for (index, part) in short.split('"').enumerate() {
            if index % 2 == 1 {
                let phrase: Vec<String> = pieces(part).map(|piece| folded(&piece)).collect();
                terms.extend(phrase.iter().map(|word| format!("\"{word}\"")));
                phrases.extend((phrase.len() > 1).then_some(phrase));
            } else {
                terms.extend(part.split_whitespace().flat_map(loose_terms));
            }
        }
        terms.truncate(WORDS);
        (!terms.is_empty()).then(|| Self { must: terms.join(" AND "), phrases })
    }

    /// Whether a text that has all the words has them in the order asked for.
    pub(crate) fn fits(&self, text: &str) -> bool {
        if self.phrases.is_empty() {
            return true;
        }
        let words: Vec<String> = pieces(text).map(|piece| folded(&piece)).collect();
        self.phrases.iter().all(|phrase| words.windows(phrase.len()).any(|window| window == phrase))
    }

    /// Whether every message that has the words fits.
    pub(crate) fn is_loose(&self) -> bool {
        self.phrases.is_empty()
    }
}

/// The terms of a word without quotes: itself or its stem, or its beginning.
fn loose_terms(word: &str) -> Vec<String> {
    let beginning = word.ends_with('*');
    let pieces: Vec<String> = pieces(word).collect();
    let last = pieces.len().saturating_sub(1);
    let term = |(index, piece): (usize, &String)| {
        let word = folded(piece);
        if beginning && index == last {
            return format!("\"{word}\"*");
        }
        let stem = stem(piece);
        if stem == word {
            format!("(\"{word}\" OR \"{STEM}{stem}\")")
        } else {
            format!("(\"{word}\" OR \"{stem}\" OR \"{STEM}{stem}\")")
        }
    };
    pieces.iter().enumerate().map(term).collect()
}

/// What a message is indexed under: its words and their stems, each once.
#[must_use]
pub fn words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for piece in pieces(text) {
        let (word, stem) = (folded(&piece), stem(&piece));
        let stem = (stem != word).then(|| format!("{STEM}{stem}"));
        for one in stem.into_iter().chain([word]) {
            if !words.contains(&one) {
                words.push(one);
            }
        }
    }
    words.join(" ")
}

/// The runs of letters and digits of a text, in lower case, with their accents.
fn pieces(text: &str) -> impl Iterator<Item = String> {
    let lower: String = text.nfc().flat_map(char::to_lowercase).collect();
    let pieces: Vec<String> = lower
        .split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c))
        .filter(|piece| piece.contains(char::is_alphanumeric))
        .map(str::to_owned)
        .collect();
    pieces.into_iter()
}

/// A piece without its accents.
fn folded(piece: &str) -> String {
    if piece.is_ascii() {
        return piece.to_owned();
    }
    piece
        .nfkd()
        .filter(|c| c.is_alphanumeric() && !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect()
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
        assert_eq!(words("e\u{301}te\u{301} 🎉 ½"), "ete 12");
    }

    #[test]
    fn words_between_quotes_follow_each_other() {
        let query = Query::new(r#"oui "à bientôt tous""#).unwrap();
        assert!(query.fits("Oui, à BIENTÔT, tous !") && !query.fits("oui tous à bientôt"));
        assert!(!query.is_loose() && Query::new("oui tous").unwrap().fits("n'importe quoi"));
    }

    #[test]
    fn a_query_without_a_word_finds_nothing() {
        for raw in ["", "   ", "***", "\"", "\"\"", "!?", "🎉", "\u{0}"] {
            assert_eq!(Query::new(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn a_long_query_is_cut() {
        assert_eq!(Query::new(&"a ".repeat(1_000)).unwrap().must.split(" AND ").count(), WORDS);
        assert!(Query::new(&"é".repeat(100_000)).unwrap().must.chars().count() <= 3 * QUERY_LIMIT + 30);
    }
}
