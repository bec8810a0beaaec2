//! `serve --check`: every mistake of a command line, where one that is run stops at the first.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, Error};

/// How many mistakes are looked for.
const MOST: usize = 200;

/// Whether somebody asks for it.
pub(crate) fn is_asked(arguments: &[OsString]) -> bool {
    arguments.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "--check")
}

/// Every mistake of the words of a command line and of the variables that stand for them, and what is left without those, if
/// that can be read.
pub(crate) fn mistakes(
    mut command: Command,
    mut arguments: Vec<OsString>,
) -> (Vec<String>, Option<ArgMatches>) {
    let mut found = Vec::new();
    while found.len() < MOST {
        let error = match command.clone().try_get_matches_from(&arguments) {
            Ok(matches) => return (found, Some(matches)),
            Err(error) => error,
        };
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return (found, None);
        }
        found.push(sentence(&error));
        let Some(word) = wrong(&error) else { return (found, None) };
        if !take_out(&mut arguments, &word) {
            let is_there = command.get_arguments().any(|argument| is_called(argument, &word));
            if !is_there {
                return (found, None);
            }
            // It comes from the environment, which is not ours to change.
            command = without_variable(command, &word);
            command = command.mut_subcommands(|command| without_variable(command, &word));
        }
    }
    (found, None)
}

/// What an error says, in one line.
fn sentence(error: &Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}

/// The word that is wrong: an option or something that is none.
fn wrong(error: &Error) -> Option<String> {
    let said =
        match error.get(ContextKind::InvalidArg).or_else(|| error.get(ContextKind::InvalidSubcommand))? {
            ContextValue::String(said) => said.as_str(),
            ContextValue::Strings(said) => said.first()?,
            _ => return None,
        };
    said.split_whitespace().next().map(str::to_owned)
}

fn is_called(argument: &clap::Arg, word: &str) -> bool {
    argument.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long))
}

/// Takes a word out, with its value.
fn take_out(arguments: &mut Vec<OsString>, word: &str) -> bool {
    let with_value = format!("{word}=");
    let is_it = |said: &OsStr| said == word || said.as_encoded_bytes().starts_with(with_value.as_bytes());
    let Some(at) = arguments.iter().skip(1).position(|said| is_it(said)).map(|at| at + 1) else {
        return false;
    };
    let is_alone = arguments.get(at).is_some_and(|said| said == word);
    arguments.remove(at);
    let is_value = |next: &OsString| !next.as_encoded_bytes().starts_with(b"-");
    if is_alone && word.starts_with("--") && arguments.get(at).is_some_and(is_value) {
        arguments.remove(at);
    }
    true
}

fn without_variable(command: Command, word: &str) -> Command {
    command.mut_args(
        |argument| if is_called(&argument, word) { argument.env(Resettable::Reset) } else { argument },
    )
}

#[cfg(test)]
mod tests {
    use clap::{Arg, value_parser};

    use super::*;

    fn command() -> Command {
        let number = |name: &'static str| Arg::new(name).long(name).value_parser(value_parser!(u32));
        let check = Arg::new("check").long("check").action(clap::ArgAction::SetTrue);
        Command::new("program").args([number("lives"), number("bytes"), number("days"), check])
    }

    #[test]
    fn every_mistake_is_named() {
        let line = ["program", "--check", "--lives", "many", "--bytes=few", "--nonsense", "--days", "7"];
        assert!(is_asked(&line.map(OsString::from)));
        let (found, left) = mistakes(command(), line.map(OsString::from).into());
        assert_eq!(found.len(), 3, "{found:#?}");
        for (mistake, part) in found.iter().zip(["--nonsense", "--lives", "--bytes"]) {
            assert!(found.iter().any(|mistake| mistake.contains(part)), "{part}: {mistake}");
        }
        assert_eq!(left.unwrap().get_one::<u32>("days"), Some(&7), "what is right is left");
    }

    #[test]
    fn a_right_line_has_none() {
        let (found, left) =
            mistakes(command(), ["program", "--check", "--days", "7"].map(OsString::from).into());
        assert!(found.is_empty() && left.is_some());
    }
}
