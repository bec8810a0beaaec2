//! The command `communiconnect`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::main()
}
