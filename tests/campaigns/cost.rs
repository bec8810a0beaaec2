//! What hostile bytes cost: the most expensive structures that can be built, published to the real server, its memory and the
//! time of its processor counted by the kernel.
//!
//! The bound is 64 MiB, and a second of processor for 20 MB, whether they are recorded or refused. It is that of a program
//! which was built for speed (`RELEASE=1 scripts/campaign.sh cost 20`); another may take thirty times as long.

mod structures;

use std::time::Duration;

use promises::{Server, Upload};
use serde_json::json;

/// Bytes of memory that a structure may add.
const MEMORY: u64 = 64 << 20;
/// Megabytes for which there is a second of processor.
const MEGABYTES_A_SECOND: u64 = 20;
/// How much slower a program may be that was not built for speed.
const UNOPTIMISED: u32 = if cfg!(debug_assertions) { 30 } else { 1 };

/// Publishes each structure in so many megabytes.
pub(crate) async fn run(megabytes: u64, _seed: u64) -> String {
    let size = usize::try_from(megabytes).expect("a number") * 1_000_000;
    let patience = Duration::from_secs(1) * u32::try_from(megabytes).expect("a number") * UNOPTIMISED
        / u32::try_from(MEGABYTES_A_SECOND).expect("a number");
    let (mut most_memory, mut most_time, mut wrong) = (0, Duration::ZERO, Vec::new());
    let all = structures::all(size);
    let count = all.len();
    for (name, bytes) in all {
        // A server of its own: what the one before left in its caches is not counted.
        let server = Server::start().await;
        let author = server.person("Awa").await;
        let live = author.start_live(json!({})).await;
        let (memory, time) = (server.resident_memory(), server.processor_time());
        let upload = Upload::create(&author.api, &live).await;
        let (mut offset, mut status) = (0, 204);
        for slice in bytes.chunks(500_000) {
            status = upload.patch_at(offset, slice, &[]).await.status;
            offset += slice.len() as u64;
            if status != 204 {
                break;
            }
        }
        if status == 204 {
            let length = offset.to_string();
            status = upload.patch_at(offset, b"", &[("Upload-Length", &length)]).await.status;
        }
        let time = server.processor_time().saturating_sub(time);
        let memory = server.peak_memory().saturating_sub(memory);
        eprintln!("{name}: {status}, {} ms of processor, {} MiB", time.as_millis(), memory >> 20);
        if memory > MEMORY || time > patience || status >= 500 {
            wrong.push(name);
        }
        (most_memory, most_time) = (memory.max(most_memory), time.max(most_time));
    }
    let most_ms = most_time.as_millis();
    let told = format!("{count} structures: at most {most_ms} ms of processor and {} MiB", most_memory >> 20);
    assert!(wrong.is_empty(), "{told}; over the bound: {wrong:?}");
    told
}
