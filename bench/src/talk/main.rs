//! The load of the conversation's benchmarks: `talk WHAT JSON` does what the JSON asks for and prints what it found as
//! JSON. `bench/conversation.py` says what is asked for and what the figures mean.
//!
//! One thread, raw frames and nothing parsed that is not counted, so that on one core it keeps up with a server on
//! another.

mod load;
mod measures;
mod process;
mod readings;
mod seed;
mod socket;

use std::process::ExitCode;

use serde::de::DeserializeOwned;
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

#[expect(clippy::print_stdout, reason = "the figures are for the script")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("talk: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<Value, Failure> {
    let [what, asked] = arguments else { return Err("usage: talk WHAT JSON".into()) };
    match what.as_str() {
        "talk" => of::<measures::Talk>(asked)?.measure(),
        "saturate" => of::<measures::Saturation>(asked)?.measure(),
        "idle" => of::<measures::Idle>(asked)?.measure(),
        "storm" => of::<measures::Storm>(asked)?.measure(),
        "read" => of::<readings::Readings>(asked)?.measure(),
        "seed" => of::<seed::Seed>(asked)?.sow(),
        _ => Err(format!("there is no {what}").into()),
    }
}

fn of<T: DeserializeOwned>(asked: &str) -> Result<T, Failure> {
    Ok(serde_json::from_str(asked)?)
}
