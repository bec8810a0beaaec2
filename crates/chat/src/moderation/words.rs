//! Unwanted words, seen through accents, look-alike signs, repeated letters and spacing tricks.

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

/// A list of unwanted words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordList {
    written: Vec<String>,
    folded: Vec<String>,
}

impl WordList {
    /// A list of words; those without a letter or a digit are left out. `None` when they are too many or too long.
    #[must_use]
    pub fn new(words: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut list = Self::default();
        for (count, word) in words.into_iter().enumerate() {
            let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
            let folded = pieces(&word).concat();
            if word.chars().count() > WORD_LIMIT || count >= WORDS_LIMIT {
                return None;
            }
            let folded = single_letters(&folded);
            if !folded.is_empty() && !list.folded.contains(&folded) {
                list.written.push(word);
                list.folded.push(folded);
            }
        }
        Some(list)
    }

    /// The words as they were written.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.written
    }

    /// Whether a text holds one of the words.
    #[must_use]
    pub fn found_in(&self, text: &str) -> bool {
        if self.folded.is_empty() {
            return false;
        }
        let longest = self.folded.iter().map(String::len).max().unwrap_or(0) + 2;
        let pieces = pieces(text);
        (0..pieces.len()).any(|start| {
            let mut joined = String::new();
            pieces[start..].iter().take(PIECES).any(|piece| {
                joined.push_str(piece);
                let word = single_letters(&joined);
                word.len() <= longest && self.is_unwanted(&word)
            })
        })
    }

    fn is_unwanted(&self, word: &str) -> bool {
        self.folded.iter().any(|unwanted| {
            word.strip_prefix(unwanted.as_str())
                .is_some_and(|ending| ending.is_empty() || ENDINGS.contains(&ending))
        })
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
    fn the_longest_message_is_read_quickly_enough() {
        let begun = std::time::Instant::now();
        assert!(!list().found_in(&"a ".repeat(1_000)));
        assert!(begun.elapsed() < std::time::Duration::from_secs(1));
    }
}
