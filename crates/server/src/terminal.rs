//! Talking to whoever typed a command.

use std::io::{BufRead, Write};

/// Prints a line on standard output; whoever closed it does not want it.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Shows what is to happen, and goes on only after a yes.
///
/// # Errors
/// There was another answer, or none.
pub(crate) fn ask(what: &str) -> Result<(), String> {
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "{what}\nType yes to go on: ").and_then(|()| err.flush());
    match first_line()?.to_lowercase().as_str() {
        "yes" | "y" | "oui" | "o" => Ok(()),
        _ => Err("nothing was changed: answer yes, or give --yes".to_owned()),
    }
}

/// The first line of standard input.
///
/// # Errors
/// It cannot be read.
pub(crate) fn first_line() -> Result<String, String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string())?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
