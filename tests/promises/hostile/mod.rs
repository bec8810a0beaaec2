//! Hundreds of files made to hurt: each is refused with the byte where it went wrong, or recorded up to the damage;
//! never a panic, a hang, or memory over the bound.

mod mp4;
mod webm;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use media::container::{Event, Reader};
use promises::{Server, Upload, recorded};
use serde_json::json;

/// A file made to hurt: what is wrong with it, and its bytes.
struct Hostile {
    name: String,
    bytes: Vec<u8>,
}

impl Hostile {
    fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), bytes }
    }
}

/// How long one of up to 256 KiB may take.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a larger one may take, in an unoptimised build.
const PATIENCE_LARGE: Duration = Duration::from_secs(3);
/// How much the whole corpus may add to the memory in use.
const MEMORY: u64 = 96 * 1024 * 1024;

/// Made once, before memory is measured: tests run beside each other in one process.
static CORPUS: LazyLock<Vec<Hostile>> = LazyLock::new(|| {
    let mut all = webm::corpus();
    all.extend(mp4::corpus());
    all
});

/// Reads a file to its end or its first error: how many frames came, and the error.
fn read(bytes: &[u8]) -> (usize, Option<media::Error>) {
    let mut reader = Reader::new();
    let mut frames = 0;
    let mut drain = |reader: &mut Reader| loop {
        match reader.next() {
            Ok(Some(Event::Frame(_))) => frames += 1,
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    };
    for slice in bytes.chunks(64 * 1024) {
        reader.push(slice);
        if let Some(error) = drain(&mut reader) {
            return (frames, Some(error));
        }
    }
    reader.finish();
    let error = drain(&mut reader);
    (frames, error)
}

/// The most memory that this process had resident, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel counts memory");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a high water mark");
    line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok()).expect("a number of kB") * 1024
}

#[test]
fn not_one_of_three_hundred_hurts_the_reader() {
    let corpus = &*CORPUS;
    assert!(corpus.len() >= 300, "only {} files", corpus.len());
    let before = peak_memory();
    let mut refused = 0;
    let mut slow = Vec::new();
    for Hostile { name, bytes } in corpus {
        let limit = if bytes.len() < 1 << 18 { PATIENCE } else { PATIENCE_LARGE };
        let begin = Instant::now();
        let (_, error) = read(bytes);
        let mut took = begin.elapsed();
        for _ in 0..3 {
            if took > limit {
                // The machine may have been busy elsewhere: what is slow by itself is slow every time.
                let begin = Instant::now();
                let _ = read(bytes);
                took = took.min(begin.elapsed());
            }
        }
        if took > limit {
            slow.push(format!("{name}: {took:?}"));
        }
        if let Some(error) = error {
            refused += 1;
            assert!(error.offset <= bytes.len() as u64, "{name}: {error}, of {} bytes", bytes.len());
            assert!(error.to_string().contains(&error.offset.to_string()), "{name}: {error}");
        }
    }
    let grown = peak_memory().saturating_sub(before);
    eprintln!("{} hostile files, {refused} refused, {grown} bytes of memory", corpus.len());
    assert!(slow.is_empty(), "{slow:#?}");
    assert!(grown <= MEMORY, "{grown} bytes");
    assert!(refused >= 50, "only {refused} refused");
}

#[test]
fn every_cut_in_the_first_four_kibibytes_is_read_up_to_the_cut() {
    for name in ["webm_vp9_opus.webm", "mkv_avc1_opus.mkv", "mp4_av01_opus.mp4", "ff_webm_vp8_opus.webm"] {
        let bytes = recorded(name);
        let mut before = 0;
        for cut in 0..4096 {
            let (frames, error) = read(&bytes[..cut]);
            assert!(error.is_none() || frames == 0 && cut < 1_500, "{name} cut at {cut}: {error:?}");
            assert!(frames >= before, "{name} cut at {cut}: {frames} frames, {before} with less");
            before = frames;
        }
    }
}

#[test]
fn any_flipped_bit_of_a_recording_is_survived() {
    let mut random = promises::random::Random::new(21);
    for name in ["webm_vp9_opus.webm", "mkv_avc1_opus.mkv", "mp4_vp9_opus.mp4"] {
        let bytes = recorded(name);
        let bytes = &bytes[..200_000];
        for _ in 0..150 {
            let mut hurt = bytes.to_vec();
            for _ in 0..random.between(1, 4) {
                // Half of them in the headers, where a bit means most.
                let reach = if random.number().is_multiple_of(2) { 3_000 } else { hurt.len() - 1 };
                let at = random.between(0, reach);
                hurt[at] ^= 1 << random.between(0, 7);
            }
            let _ = read(&hurt);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_refuses_or_records_them_and_lives_on() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    let good = author.start_live(json!({})).await;
    let bytes = recorded("webm_vp9_opus.webm");
    let mut upload = Upload::create(&author.api, &good).await;
    upload.append(&bytes[..400_000]).await;
    for Hostile { name, bytes } in CORPUS.iter().step_by(9) {
        let live = author.start_live(json!({})).await;
        let hostile = Upload::create(&author.api, &live).await;
        // In slices of which a refusal reads the rest: past 1 MiB the server hangs up on who goes on sending.
        let mut offset = 0;
        let mut answer = hostile.patch_at(0, &[], &[]).await;
        for slice in bytes.chunks(500_000) {
            answer = hostile.patch_at(offset, slice, &[]).await;
            if answer.status != 204 {
                break;
            }
            offset += slice.len() as u64;
        }
        match answer.status {
            204 => {}
            status @ (400 | 413 | 415 | 422) => {
                let _ = answer.refusal(status);
            }
            status => panic!("{name}: {status} {}", answer.text()),
        }
        author.api.delete(&live.path("")).await.must_be(204);
    }
    upload.append(&bytes[400_000..]).await;
    good.stop(&author.api).await;
    assert!(server.resident_memory() < 400 * 1024 * 1024, "{} bytes", server.resident_memory());
}
