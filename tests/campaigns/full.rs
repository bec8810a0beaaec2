//! A disk that is really full: publishers and authors are told, nothing is left half-written, all goes on when there is
//! room again.

use std::time::{Duration, Instant};

use promises::frames;
use promises::random::Random;
use promises::{Server, Upload, recorded};
use serde_json::json;

use crate::machine::Memory;
use crate::strikes::verify;

/// Size of the disk.
const DISK: u64 = 24 << 20;
/// A publisher is told of a full disk within this time of the request that did not fit.
const TOLD: Duration = Duration::from_secs(2);
/// How long it may take after room was made until an attempt succeeds.
const RESUMED: Duration = Duration::from_secs(5);

/// Fills the disk so many times; answers what was counted.
pub(crate) async fn run(count: u64, seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut disk = Memory::new();
    let mut server = Server::configured(&["--reserve", "0"], &[("COMMUNICONNECT_LOG", "error")]).await;
    server.terminate().await;
    if let Err(reason) = disk.mount(server.data(), DISK) {
        return format!("SKIPPED, nothing was tested: {reason}");
    }
    server.restart().await;
    let mut slowest = Duration::ZERO;
    let mut refused_messages = 0;
    for _ in 0..count {
        let (told, refused) = fill_once(&mut server, &mut random).await;
        slowest = slowest.max(told);
        refused_messages += refused;
    }
    drop(server);
    drop(disk);
    format!(
        "the disk was full {count} times; publishers were told within {} ms, {refused_messages} messages refused in \
         words, every recording whole when there was room again",
        slowest.as_millis()
    )
}

async fn fill_once(server: &mut Server, random: &mut Random) -> (Duration, u64) {
    let (mut author, live) = server.live().await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &live).await;
    let first = random.between(10_000, 200_000);
    upload.append(&bytes[..first]).await;
    author.api.post(&live.path("chat/"), json!({"content": "avant"})).await.must_be(201);

    let ballast = server.data().join("ballast");
    fill(&ballast, random.between(0, 100_000) as u64);
    let mut told = Duration::ZERO;
    let refusal = loop {
        let at = usize::try_from(upload.offset).expect("an offset of the test fits");
        assert!(at < bytes.len(), "the recording fitted on a full disk");
        let to = bytes.len().min(at + random.between(1, 30_000));
        let begin = Instant::now();
        let answer = upload.patch_at(upload.offset, &bytes[at..to], &[]).await;
        told = told.max(begin.elapsed());
        if answer.status != 204 {
            break answer.refusal(507);
        }
        upload.offset = to as u64;
    };
    assert!(told < TOLD, "told after {told:?}: {refusal}");
    fill(&ballast, 0);
    let refused = messages_are_refused(&author.api, &live).await;
    server.anonymous().get("/healthz").await.must_be(200);
    server.anonymous().get(&live.path("")).await.must_be(200);

    std::fs::remove_file(&ballast).expect("room is made");
    if random.between(0, 1) == 1 {
        server.kill_nine().await;
        server.restart().await;
        author.follow(server);
        upload.api = author.api.clone();
    }
    let durable = upload.durable().await;
    assert!(durable >= upload.offset, "{} acknowledged, {durable} kept", upload.offset);
    upload.offset = durable;
    let at = usize::try_from(durable).expect("an offset of the test fits");
    let begin = Instant::now();
    for slice in random.cut(&bytes[at..], 1, 60_000) {
        upload.append(slice).await;
    }
    upload.complete().await;
    live.stop(&author.api).await;
    assert!(begin.elapsed() < RESUMED, "went on after {:?}", begin.elapsed());
    author.api.post(&live.path("chat/"), json!({"content": "après"})).await.must_be(201);
    let history = author.api.get(&live.path("chat/messages/")).await.expect(200).json();
    let numbers: Vec<_> = history.as_array().expect("messages").iter().map(|m| m["seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).map(Some).collect::<Vec<_>>());
    let replay = live.replay(&author.api, "mp4").await;
    frames::must_equal(&frames::by_our_reader(&bytes), &frames::by_our_reader(&replay.body), 0);
    server.terminate().await;
    verify(server).await;
    server.restart().await;
    author.follow(server);
    author.api.delete(&live.path("")).await.must_be(204);
    (told, refused)
}

/// Authors are told in words. The first messages may still find room in what the database had set aside.
async fn messages_are_refused(api: &promises::Api, live: &promises::Live) -> u64 {
    let mut refused = 0;
    for number in 0..300 {
        let body = json!({"content": format!("{number} {}", "é".repeat(900))});
        let answer = api.post(&live.path("chat/"), body).await;
        if answer.status != 201 {
            let sentence = answer.refusal_of(&[503, 507]);
            assert!(!sentence.is_empty());
            refused += 1;
            if refused == 5 {
                return refused;
            }
        }
    }
    assert!(refused > 0, "300 long messages fitted on a full disk");
    refused
}

/// Writes until the disk holds nothing more, then leaves this much room.
fn fill(ballast: &std::path::Path, room: u64) {
    use std::io::Write;
    let mut file =
        std::fs::File::options().create(true).append(true).open(ballast).expect("the ballast is opened");
    while file.write_all(&[7; 4096]).is_ok() {}
    let len = file.metadata().map_or(0, |data| data.len());
    file.set_len(len.saturating_sub(room)).expect("room is left");
}
