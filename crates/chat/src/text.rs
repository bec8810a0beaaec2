//! What a message may say: cleaning, the length limit, and what counts as an emoji.

use unicode_properties::{EmojiStatus, UnicodeEmoji};
use unicode_segmentation::UnicodeSegmentation;

use crate::Refusal;

/// Longest content of a message, in Unicode scalar values after trimming. A longer one is refused.
pub const CONTENT_LIMIT: usize = 2_000;
/// Most emoji in a message of the kind `emoji`. More are refused.
pub const EMOJI_LIMIT: usize = 12;
/// Most scalar values in one emoji: the longest in Unicode (a family, a flag of a region) have about ten.
const EMOJI_SCALARS: usize = 16;

/// Content as it is stored: line ends made `\n`, control characters and those that reorder the text around them
/// taken out, invisible and blank characters trimmed from both ends.
///
/// # Errors
///
/// [`Refusal::Empty`] when nothing visible is left, [`Refusal::TooLong`] past [`CONTENT_LIMIT`].
pub(crate) fn clean(raw: &str) -> Result<String, Refusal> {
    let unified = raw.replace("\r\n", "\n");
    let kept: String = unified.chars().filter_map(kept).collect();
    let trimmed = kept.trim_matches(|c: char| is_blank(c) && !joins_emoji(c));
    if trimmed.chars().all(is_blank) {
        return Err(Refusal::Empty);
    }
    match trimmed.chars().count() {
        count if count > CONTENT_LIMIT => Err(Refusal::TooLong),
        _ => Ok(trimmed.to_owned()),
    }
}

/// Content of a message of the kind `emoji`: 1 to [`EMOJI_LIMIT`] emoji, blanks between them taken out.
///
/// # Errors
///
/// [`Refusal::Empty`] without any, [`Refusal::NotEmoji`] when something else is there or they are too many.
pub(crate) fn emoji_line(raw: &str) -> Result<String, Refusal> {
    let cleaned = clean(raw)?;
    let mut line = String::with_capacity(cleaned.len());
    let blank = |grapheme: &&str| grapheme.chars().all(char::is_whitespace);
    for (count, grapheme) in cleaned.graphemes(true).filter(|grapheme| !blank(grapheme)).enumerate() {
        line.push_str(&emoji(grapheme).filter(|_| count < EMOJI_LIMIT).ok_or(Refusal::NotEmoji)?);
    }
    Ok(line)
}

/// Content of a reaction: exactly one emoji, in its form with colours (`❤` is counted as `❤️`).
///
/// # Errors
///
/// [`Refusal::Empty`] without any, [`Refusal::NotOneEmoji`] for anything but one emoji.
pub(crate) fn reaction(raw: &str) -> Result<String, Refusal> {
    let cleaned = clean(raw)?;
    let mut graphemes = cleaned.graphemes(true);
    match (graphemes.next(), graphemes.next()) {
        (Some(only), None) => emoji(only).ok_or(Refusal::NotOneEmoji),
        _ => Err(Refusal::NotOneEmoji),
    }
}

/// The emoji a grapheme is, asking for its coloured form where a bare character would be drawn as text.
fn emoji(grapheme: &str) -> Option<String> {
    let mut chars = grapheme.chars();
    let first = chars.next()?;
    let rest = chars.as_str();
    let known = match first.emoji_status() {
        EmojiStatus::NonEmoji | EmojiStatus::NonEmojiButEmojiComponent => false,
        _ if first.is_ascii() => rest.ends_with('\u{20E3}'),
        _ => true,
    };
    if !known || grapheme.chars().count() > EMOJI_SCALARS || !rest.chars().all(continues_emoji) {
        return None;
    }
    let regional = ('\u{1F1E6}'..='\u{1F1FF}').contains(&first);
    if regional && rest.is_empty() {
        return None;
    }
    let coloured = matches!(
        first.emoji_status(),
        EmojiStatus::EmojiPresentation
            | EmojiStatus::EmojiPresentationAndModifierBase
            | EmojiStatus::EmojiPresentationAndModifierAndEmojiComponent
            | EmojiStatus::EmojiPresentationAndEmojiComponent
    );
    Some(if rest.is_empty() && !coloured { format!("{first}\u{FE0F}") } else { grapheme.to_owned() })
}

/// Whether a character may stand inside an emoji after its first one.
fn continues_emoji(c: char) -> bool {
    joins_emoji(c) || c == '\u{20E3}' || (!c.is_ascii() && c.is_emoji_char_or_emoji_component())
}

/// The joiner, the two variation selectors and the tags from which emoji are put together.
fn joins_emoji(c: char) -> bool {
    matches!(c, '\u{200D}' | '\u{FE0E}' | '\u{FE0F}' | '\u{E0020}'..='\u{E007F}')
}

/// The character as it is stored, or nothing for controls and for what turns the direction of text around it.
fn kept(c: char) -> Option<char> {
    match c {
        '\n' | '\t' => Some(c),
        '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' => None,
        _ if c.is_control() => None,
        _ => Some(c),
    }
}

/// Whether a character shows nothing by itself: white space, zero-width marks, fillers, variation selectors, tags.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_trimmed_and_keeps_its_lines() {
        assert_eq!(clean("  Bonsoir\r\nà tous \u{200B}\n").unwrap(), "Bonsoir\nà tous");
        assert_eq!(clean("\u{202E}renversé\u{202C}").unwrap(), "renversé");
        assert_eq!(clean("a\u{0}b\u{7}c").unwrap(), "abc");
    }

    #[test]
    fn nothing_visible_is_nothing_said() {
        for raw in [
            "",
            "   ",
            "\n\t",
            "\u{200B}\u{200D}",
            "\u{202E}\u{2066}",
            "\u{3164}",
            "\u{2800} \u{AD}",
            "\u{0}",
        ] {
            assert_eq!(clean(raw), Err(Refusal::Empty), "{raw:?}");
        }
    }

    #[test]
    fn two_thousand_characters_pass_and_one_more_does_not() {
        assert_eq!(clean(&"é".repeat(CONTENT_LIMIT)).unwrap().chars().count(), CONTENT_LIMIT);
        assert_eq!(clean(&format!("  {}  ", "🎉".repeat(CONTENT_LIMIT))).map(|text| text.len()), Ok(8_000));
        assert_eq!(clean(&"é".repeat(CONTENT_LIMIT + 1)), Err(Refusal::TooLong));
    }

    #[test]
    fn a_reaction_is_exactly_one_emoji() {
        for one in ["❤️", "👍", "👍🏽", "👨‍👩‍👧‍👦", "🇫🇷", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🔥"]
        {
            assert_eq!(reaction(one).as_deref(), Ok(one), "{one}");
        }
        assert_eq!(reaction("❤").as_deref(), Ok("❤️"));
        for wrong in ["a", "1", "❤️❤️", "❤️ x", "🇫", "é", "#", "\u{1F3FB}a"] {
            assert_eq!(reaction(wrong), Err(Refusal::NotOneEmoji), "{wrong}");
        }
    }

    #[test]
    fn an_emoji_line_holds_a_few_emoji_and_nothing_else() {
        assert_eq!(emoji_line(" 🎉 🎉❤ ").as_deref(), Ok("🎉🎉❤️"));
        assert_eq!(emoji_line("🎉 bravo"), Err(Refusal::NotEmoji));
        assert_eq!(emoji_line(&"🎉".repeat(EMOJI_LIMIT + 1)), Err(Refusal::NotEmoji));
    }
}
