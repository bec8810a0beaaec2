//! Campaigns: the real server, people who use it, and a fault that strikes again and again at random moments.
//!
//! `campaigns NAME [COUNT] [SEED]`, as `scripts/campaign.sh` calls it. Each prints its seed and its counts, and ends with
//! a panic (exit code 101) at the first thing that is not as `docs/DURABILITY.md` promises.

mod clocks;
mod conversation;
mod cost;
mod crowd;
mod full;
mod machine;
mod network;
mod odd;
mod proxy;
mod slow;
mod strikes;
mod torn;

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use strikes::Fault;

/// A campaign, and how often its fault strikes in the short form.
const CAMPAIGNS: &[(&str, u64, &str)] = &[
    ("kill", 10, "kill -9 under publishers, viewers and messages"),
    ("power", 3, "the power is cut: an ext4 image loses what was not synced"),
    ("torn", 2_000, "bodies, indexes and journals are torn and damaged"),
    ("full", 3, "a small disk is filled while somebody publishes"),
    ("network", 5, "a bad network: requests delayed, cut, lost, doubled, reordered"),
    ("conversation", 10, "100 authors of so many messages each; every line is cut ten times"),
    ("slow", 1, "200 of 1,000 viewers stop reading"),
    ("clocks", 6, "the clocks of the server and of its publishers are set anew"),
    ("cost", 1, "so many megabytes of the most expensive structures"),
    ("odd", 300, "recordings with odd structure, held against ffmpeg"),
    ("leave", 4, "SIGTERM under the same load, every other time a second one"),
];

#[expect(clippy::print_stdout, reason = "the names are for the script")]
fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    if name == "list" {
        CAMPAIGNS.iter().for_each(|(name, ..)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let Some(&(_, short, about)) = CAMPAIGNS.iter().find(|(known, ..)| *known == name) else {
        eprintln!("campaigns NAME [COUNT] [SEED]");
        CAMPAIGNS.iter().for_each(|(name, short, about)| eprintln!("  {name:<8} {short:>5}  {about}"));
        return ExitCode::from(2);
    };
    let count = words.next().map_or(short, |word| word.parse().expect("COUNT is a number"));
    let seed = words.next().map_or_else(seed_of_now, |word| word.parse().expect("SEED is a number"));
    eprintln!("campaign {name} {count}, seed {seed}: {about}");
    let begin = Instant::now();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let told = runtime.block_on(async {
        match name.as_str() {
            "kill" => strikes::run(Fault::Kill, count, seed).await,
            "power" => match machine::Image::make() {
                Ok(image) => strikes::run(Fault::PowerCut(image), count, seed).await,
                Err(reason) => format!("SKIPPED, nothing was tested: {reason}"),
            },
            "torn" => torn::run(count, seed).await,
            "full" => full::run(count, seed).await,
            "network" => network::run(count, seed).await,
            "conversation" => conversation::run(count, seed).await,
            "slow" => slow::run(count, seed).await,
            "clocks" => clocks::run(count, seed).await,
            "cost" => cost::run(count, seed).await,
            "odd" => odd::run(count, seed).await,
            _ => strikes::run(Fault::Leave, count, seed).await,
        }
    });
    eprintln!("campaign {name} {count}, seed {seed}, {:.0} s: {told}", begin.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn seed_of_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_millis() as u64)
}
