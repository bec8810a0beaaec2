//! The file that `--config` names, with everything in it that is no option or has no meaning, not only the first of it.

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::DeTable;
use toml::{Table, Value};

use super::{Written, WrittenIssuer};

/// The name under which issuers stand.
const ISSUERS: &str = "issuers";

/// What a file says; what is wrong with it is added to the mistakes.
pub(super) fn read(path: &Path, mistakes: &mut Vec<String>) -> Written {
    let named = |mistake: String| format!("{}: {mistake}", path.display());
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            mistakes.push(format!("cannot read {}: {error}", path.display()));
            return Written::default();
        }
    };
    let mut found = Vec::new();
    let written = parsed(&text, &mut found);
    mistakes.extend(found.into_iter().map(named));
    written
}

fn parsed(text: &str, mistakes: &mut Vec<String>) -> Written {
    let Ok(table) = text.parse::<Table>() else {
        let (_, errors) = DeTable::parse_recoverable(text);
        mistakes.extend(errors.iter().map(|error| {
            let at = error.span().map_or(0, |span| span.start);
            format!("line {}: {}", line_of(text, at), error.message())
        }));
        return Written::default();
    };
    let mut written = Written::default();
    for (name, value) in table {
        if name == ISSUERS {
            written.issuers = issuers(value, mistakes);
            continue;
        }
        match alone::<Written>(Table::new(), &name, value) {
            Ok(one) => written = one.or(written),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    written
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn issuers(value: Value, mistakes: &mut Vec<String>) -> Vec<WrittenIssuer> {
    let Value::Array(tables) = value else {
        mistakes.push(format!("{ISSUERS}: they are written as [[{ISSUERS}]]"));
        return Vec::new();
    };
    let mut issuers = Vec::new();
    for (number, value) in tables.into_iter().enumerate() {
        let Value::Table(table) = value else {
            mistakes.push(format!("{ISSUERS}: they are written as [[{ISSUERS}]]"));
            continue;
        };
        let before = mistakes.len();
        let named = Table::from_iter([("name".to_owned(), Value::String(String::new()))]);
        for (name, value) in &table {
            if let Err(mistake) = alone::<WrittenIssuer>(named.clone(), name, value.clone()) {
                mistakes.push(format!("{ISSUERS}, number {}: {mistake}", number + 1));
            }
        }
        match table.try_into() {
            Ok(issuer) => issuers.push(issuer),
            Err(error) if mistakes.len() == before => {
                mistakes.push(format!("{ISSUERS}, number {}: {}", number + 1, error.message()));
            }
            Err(_) => {}
        }
    }
    issuers
}

/// One option by itself, beside what must stand with it.
fn alone<T: DeserializeOwned>(mut beside: Table, name: &str, value: Value) -> Result<T, String> {
    beside.insert(name.to_owned(), value);
    beside.try_into().map_err(|error: toml::de::Error| {
        if error.message().starts_with("unknown field") {
            format!("there is no option {name}")
        } else {
            format!("{name}: {}", error.message())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named() {
        let text = "patience_s = 'long'\nrunning_lives = 7\npatiance_s = 3\nlisten = 'here'\n\
            [[issuers]]\nname = 3\nsecrit = 'x'\n[[issuers]]\nsecret = 'x'\n";
        let mut mistakes = Vec::new();
        let written = parsed(text, &mut mistakes);
        assert_eq!(written.running_lives, Some(7), "what is right is taken");
        assert_eq!(mistakes.len(), 6, "{mistakes:#?}");
        for part in
            ["patience_s: ", "no option patiance_s", "listen: ", "name: ", "no option secrit", "number 2"]
        {
            assert!(mistakes.iter().any(|mistake| mistake.contains(part)), "{part} in {mistakes:#?}");
        }
    }

    #[test]
    fn what_is_no_toml_is_named_by_its_line() {
        let mut mistakes = Vec::new();
        parsed("a = 1\nb = = 2\n", &mut mistakes);
        assert!(!mistakes.is_empty() && mistakes.iter().any(|mistake| mistake.starts_with("line 2: ")));
    }
}
