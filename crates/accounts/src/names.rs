//! What a name may be: nothing that is not seen, and no disguise.

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use crate::Error;

/// Characters of a first or last name at most.
const LONGEST: usize = 150;
/// Characters that are not seen, or that change how others are read (Unicode 16: default ignorable, format and bidirectional
/// ones, fillers): first and last.
const UNSEEN: [(char, char); 17] = [
    ('\u{00AD}', '\u{00AD}'),    // soft hyphen
    ('\u{034F}', '\u{034F}'),    // joiner of graphemes
    ('\u{061C}', '\u{061C}'),    // mark of Arabic
    ('\u{115F}', '\u{1160}'),    // fillers of Hangul
    ('\u{17B4}', '\u{17B5}'),    // inherent vowels of Khmer
    ('\u{180B}', '\u{180F}'),    // selectors of Mongolian
    ('\u{200B}', '\u{200F}'),    // of no width, marks of direction
    ('\u{2028}', '\u{202E}'),    // ends of lines, embeddings
    ('\u{2060}', '\u{206F}'),    // joiners, isolates, deprecated ones
    ('\u{2800}', '\u{2800}'),    // empty pattern of Braille
    ('\u{3164}', '\u{3164}'),    // filler of Hangul
    ('\u{E000}', '\u{F8FF}'),    // private use
    ('\u{FE00}', '\u{FE0F}'),    // choices of drawing
    ('\u{FEFF}', '\u{FEFF}'),    // of no width
    ('\u{FFA0}', '\u{FFA0}'),    // filler of Hangul, of half width
    ('\u{FFF0}', '\u{FFFF}'),    // annotations, what stands for none
    ('\u{E0000}', '\u{10FFFF}'), // tags, private use
];

/// A name as it is kept: trimmed.
///
/// # Errors
/// [`Error::BadName`].
pub(crate) fn checked(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.chars().count() > LONGEST || name.chars().any(is_unseen) {
        return Err(Error::BadName);
    }
    Ok(name.to_owned())
}

/// What is left of a name that somebody else wrote.
pub(crate) fn cleaned(name: &str) -> String {
    let seen = name.chars().filter(|c| !is_unseen(*c)).take(LONGEST);
    seen.collect::<String>().trim().to_owned()
}

fn is_unseen(c: char) -> bool {
    c.is_control() || UNSEEN.iter().any(|&(first, last)| (first..=last).contains(&c))
}

/// Whether a name, first and last, looks like another without being it: written with letters of other scripts that look alike
/// (UTS 39, section 4). Whoever is called the same is called the same.
pub(crate) fn is_disguise(name: [&str; 2], of: [&str; 2]) -> bool {
    let (shown, theirs) = (whole(name), whole(of));
    !theirs.is_empty() && folded(&shown) != folded(&theirs) && look(&shown) == look(&theirs)
}

fn whole(name: [&str; 2]) -> String {
    name.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).collect()
}

fn look(name: &str) -> String {
    skeleton(name).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_world_are_names_and_what_is_not_seen_is_none() {
        for name in ["Aïssatou", "N’Diaye-Sow", "Ọláńrewájú", "محمد", "李 小龙", "O'Brien", "Ngô Đình", ""]
        {
            assert_eq!(checked(name).unwrap(), name);
        }
        for bad in [
            "A\u{200B}wa",
            "\u{202E}awA",
            "Awa\u{2066}",
            "A\nwa",
            "\u{3164}",
            "Awa\u{E0041}",
            "\u{FEFF}Awa",
            "a\u{AD}b",
        ] {
            assert!(matches!(checked(bad), Err(Error::BadName)), "{bad:?}");
            assert!(checked(&cleaned(bad)).is_ok(), "{bad:?}");
        }
        assert!(checked(&"x".repeat(151)).is_err());
    }

    #[test]
    fn a_disguise_looks_alike_and_is_not_the_same() {
        let disguised = |first, last| is_disguise([first, last], ["Awa", "Diop"]);
        assert!(disguised("Аwа", "Diop"), "Cyrillic");
        assert!(disguised("Awa", "Diор") && disguised("Аwa Diop", ""));
        assert!(!disguised("Awa", "Diop") && !disguised("awa", "DIOP"), "a namesake");
        assert!(!disguised("Awo", "Diop") && !disguised("", "") && !is_disguise(["", ""], ["", ""]));
    }
}
