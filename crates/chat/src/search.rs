//! What people type into the search box, as a query that SQLite's full-text search understands.

/// Longest query that is looked at, in characters; the rest is left out.
const QUERY_LIMIT: usize = 200;
/// Most words of a query; further ones are left out.
const WORDS: usize = 16;

/// The query in FTS5's syntax: every word must be there, a word that ends in `*` stands for its beginning, words
/// between double quotes follow each other. Nothing in the input is syntax beyond that. `None` without a word.
pub(crate) fn query(raw: &str) -> Option<String> {
    let short: String = raw.chars().take(QUERY_LIMIT).collect();
    let terms: Vec<String> = terms(&short).take(WORDS).collect();
    (!terms.is_empty()).then(|| terms.join(" "))
}

fn terms(raw: &str) -> impl Iterator<Item = String> + '_ {
    raw.split('"').enumerate().flat_map(|(index, part)| {
        let quoted = index % 2 == 1;
        let words: Vec<&str> = if quoted { vec![part] } else { part.split_whitespace().collect() };
        words.into_iter().filter_map(term)
    })
}

fn term(word: &str) -> Option<String> {
    let searchable: String = word.chars().filter(|c| !c.is_control()).collect();
    let prefix = if searchable.ends_with('*') { "*" } else { "" };
    searchable
        .contains(char::is_alphanumeric)
        .then(|| format!("\"{}\"{prefix}", searchable.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_quoted_so_that_nothing_is_syntax() {
        assert_eq!(query("bonjour le monde").as_deref(), Some(r#""bonjour" "le" "monde""#));
        assert_eq!(
            query("content:x OR NEAR(a b) - ^c").as_deref(),
            Some(r#""content:x" "OR" "NEAR(a" "b)" "^c""#)
        );
        assert_eq!(query(r#"dit "à bientôt" cam*"#).as_deref(), Some(r#""dit" "à bientôt" "cam"*"#));
    }

    #[test]
    fn a_query_without_a_word_finds_nothing() {
        for raw in ["", "   ", "***", "\"", "\"\"", "!?", "🎉", "\u{0}"] {
            assert_eq!(query(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn a_long_query_is_cut() {
        assert_eq!(query(&"a ".repeat(1_000)).unwrap().split(' ').count(), WORDS);
        assert!(query(&"é".repeat(100_000)).unwrap().chars().count() <= QUERY_LIMIT + 2);
    }
}
