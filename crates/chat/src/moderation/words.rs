//! Unwanted words, seen through accents, look-alike signs, repeated letters and spacing tricks.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use moka::sync::Cache;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Most words of a list. A longer list is refused.
pub const WORDS_LIMIT: usize = 500;
/// Longest word, in characters as written. A longer one is refused.
pub const WORD_LIMIT: usize = 60;
/// Pieces of a message that are read together as one word at most: `c o n n a r d` has seven.
const PIECES: usize = 16;
/// Endings under which a word is still the same.
const ENDINGS: [&str; 4] = ["s", "e", "es", "x"];
/// Characters of the longest of these.
const LONGEST_ENDING: usize = 2;

/// Lists that were read and are remembered: one for each conversation that has one and is talked in.
const REMEMBERED: u64 = 256;

/// Lists by their lines. What one is made into is the same for the same lines, and costs more than to look a message over.
static READ: LazyLock<Cache<String, WordList>> = LazyLock::new(|| Cache::new(REMEMBERED));

/// A list of unwanted words; clones share it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordList(Arc<Words>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Words {
    written: Vec<String>,
    folded: HashSet<String>,
    /// Characters of the longest of them.
    longest: usize,
}

impl WordList {
    /// A list of words; those without a letter or a digit are left out. `None` when they are too many or too long.
    #[must_use]
    pub fn new(words: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut list = Words::default();
        for (count, word) in words.into_iter().enumerate() {
            let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
            if word.chars().count() > WORD_LIMIT || count >= WORDS_LIMIT {
                return None;
            }
            let folded = single_letters(&pieces(&word).concat());
            let length = folded.chars().count();
            if length > 0 && list.folded.insert(folded) {
                list.written.push(word);
                list.longest = list.longest.max(length);
            }
        }
        Some(Self(Arc::new(list)))
    }

    /// A list that was kept, a word on each line. Remembered: it is asked for with every message.
    #[must_use]
    pub fn kept(lines: &str) -> Self {
        if lines.is_empty() {
            return Self::default();
        }
        if let Some(list) = READ.get(lines) {
            return list;
        }
        let list = Self::new(lines.lines().map(str::to_owned)).unwrap_or_default();
        READ.insert(lines.to_owned(), list.clone());
        list
    }

    /// The words as they were written.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0.written
    }

    /// Whether a text holds one of the words. What it costs does not grow with the list.
    #[must_use]
    pub fn found_in(&self, text: &str) -> bool {
        if self.0.folded.is_empty() {
            return false;
        }
        let longest = self.0.longest + LONGEST_ENDING;
        let pieces = pieces(text);
        (0..pieces.len()).any(|start| {
            let (mut word, mut length) = (String::new(), 0);
            pieces[start..].iter().take(PIECES).any(|piece| {
                for c in piece.chars() {
                    if length <= longest && !word.ends_with(c) {
                        word.push(c);
                        length += 1;
                    }
                }
                length <= longest && self.is_unwanted(&word)
            })
        })
    }

    fn is_unwanted(&self, word: &str) -> bool {
        let folded = &self.0.folded;
        let mut without = ENDINGS.iter().filter_map(|ending| word.strip_suffix(ending));
        folded.contains(word) || without.any(|word| folded.contains(word))
    }
}

/// The runs of letters and digits of a text: lower case, without accents, look-alikes made the letters they stand for.
fn pieces(text: &str) -> Vec<String> {
    let folded: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c) && !invisible(*c))
        .flat_map(char::to_lowercase)
        .map(letter)
        .collect();
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|piece| !piece.is_empty())
        .map(str::to_owned)
        .collect()
}

fn invisible(c: char) -> bool {
    crate::text::is_blank(c) && !c.is_whitespace()
}

/// The Latin letter that a sign is used for.
fn letter(c: char) -> char {
    match c {
        '0' | 'ο' | 'о' | 'ø' => 'o',
        '1' | '!' | '|' | 'ı' | 'і' | 'ι' => 'i',
        '3' | '€' | 'е' | 'ε' => 'e',
        '4' | '@' | 'а' | 'α' => 'a',
        '5' | '$' | 'ѕ' => 's',
        '7' | 'т' | 'τ' => 't',
        'с' => 'c',
        'р' | 'ρ' => 'p',
        'х' | 'χ' => 'x',
        'у' => 'y',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'ν' => 'v',
        other => other,
    }
}

/// The word with each repeated letter once.
fn single_letters(word: &str) -> String {
    let mut single = String::with_capacity(word.len());
    for c in word.chars() {
        if !single.ends_with(c) {
            single.push(c);
        }
    }
    single
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> WordList {
        WordList::new(["crétin".to_owned(), "sale type".to_owned(), "  ".to_owned()]).unwrap()
    }

    #[test]
    fn an_unwanted_word_is_found_under_its_disguises() {
        for text in [
            "crétin",
            "Quel CRETIN !",
            "les crétins",
            "c r é t i n",
            "c.r.e.t.i.n",
            "crééééétiiin",
            "cr3t1n",
            "cr\u{200B}étin",
            "ｃｒéｔｉｎ",
            "сrétin",
            "cré-tin",
            "sale   type",
            "SALETYPE",
        ] {
            assert!(list().found_in(text), "{text}");
        }
    }

    #[test]
    fn other_words_are_left_alone() {
        for text in ["crétinerie", "concrétin", "le sel", "sale", "un type", "", "🎉", "cret in vain 1"] {
            let expected = text == "cret in vain 1";
            assert_eq!(list().found_in(text), expected, "{text}");
        }
        assert!(!WordList::default().found_in("crétin"));
    }

    #[test]
    fn a_list_is_limited() {
        assert_eq!(list().words(), ["crétin", "sale type"]);
        assert_eq!(WordList::new(vec!["x".repeat(WORD_LIMIT + 1)]), None);
        assert_eq!(WordList::new((0..=WORDS_LIMIT).map(|n| format!("mot{n}"))), None);
    }

    #[test]
    fn a_long_list_costs_a_message_little() {
        let lines: String = (0..WORDS_LIMIT).map(|n| format!("insulte{n}\n")).collect();
        let message =
            "Bonsoir à tous, on vous entend bien depuis le quartier, merci pour la réunion de ce soir";
        assert!(!WordList::kept(&lines).found_in(message));
        let begun = std::time::Instant::now();
        for _ in 0..1_000 {
            assert!(!WordList::kept(&lines).found_in(message));
        }
        // A millisecond for each: the promise is a twentieth of that, in a build for speed.
        assert!(begun.elapsed() < std::time::Duration::from_secs(1), "{:?}", begun.elapsed());
    }

    #[test]
    fn the_longest_message_is_read_quickly_enough() {
        let begun = std::time::Instant::now();
        assert!(!list().found_in(&"a ".repeat(1_000)));
        assert!(begun.elapsed() < std::time::Duration::from_secs(1));
    }
}
