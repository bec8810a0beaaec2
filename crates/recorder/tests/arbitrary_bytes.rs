//! Whatever bytes stand where a live's files should: opening it, and verifying it, ends with an answer.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use recorder::journal::{self, Checkpoint, Journal, Raw};
use recorder::{LocalDisk, Recorder, TakeMark, verify};

/// xorshift64*: every run tries the same bytes.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.number() >> 16) as usize % limit
    }

    /// Noise, or small numbers, or a piece of a file's own kind: lengths that almost fit are what readers stumble over.
    fn bytes(&mut self, like: &[u8]) -> Vec<u8> {
        let len = self.below(600);
        let mut bytes: Vec<u8> = match self.below(3) {
            0 => (0..len).map(|_| self.number() as u8).collect(),
            1 => (0..len).map(|_| self.below(4) as u8).collect(),
            _ => like.to_vec(),
        };
        for _ in 0..self.below(6) {
            if !bytes.is_empty() {
                let at = self.below(bytes.len());
                bytes[at] = if self.below(2) == 0 { 0xFF } else { self.number() as u8 };
            }
        }
        bytes
    }
}

/// A journal as it is written.
fn journal_bytes(folder: &Path) -> Vec<u8> {
    let mark = TakeMark { number: 1, started_at_ms: 5, base_ms: 0, video: 700, audio: 70 };
    let checkpoint = Checkpoint { marks: vec![mark], state: Bytes::from_static(b"state") };
    let path = folder.join("sample/u.journal");
    let mut journal = Journal::create(Arc::new(LocalDisk), path.clone(), &checkpoint).unwrap();
    journal.raw(&Raw { at_ms: 1, bytes: Bytes::from_static(b"raw bytes") }).unwrap();
    journal.checkpoint(&checkpoint).unwrap();
    journal.raw(&Raw { at_ms: 2, bytes: Bytes::from_static(b"more of them") }).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn any_bytes_are_a_journal_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let like = journal_bytes(folder.path());
    let mut random = Random(7);
    let mut read = 0;
    for _ in 0..20_000 {
        read += u32::from(journal::parse(&random.bytes(&like)).is_some());
    }
    assert!(read > 1_000, "{read} were journals");
    assert_eq!(journal::parse(&like).unwrap().raws.len(), 1);
}

#[tokio::test]
async fn a_folder_of_any_bytes_opens_or_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let like = journal_bytes(folder.path());
    let description = br#"{"number":1,"upload":"u","started_at_ms":5,"base_ms":0}"#;
    let mut random = Random(11);
    let mut opened = 0;
    for attempt in 0..400 {
        let data = folder.path().join(attempt.to_string());
        let live = data.join("lives/1");
        std::fs::create_dir_all(live.join("takes/1")).unwrap();
        std::fs::create_dir_all(live.join("uploads")).unwrap();
        std::fs::write(live.join("uploads/u.journal"), random.bytes(&like)).unwrap();
        std::fs::write(live.join("revision"), random.bytes(b"3")).unwrap();
        let description = if random.below(4) == 0 { random.bytes(description) } else { description.to_vec() };
        std::fs::write(live.join("takes/1/take.json"), description).unwrap();
        for name in ["video.mp4", "video.idx", "audio.webm", "audio.idx"] {
            if random.below(4) > 0 {
                std::fs::write(live.join("takes/1").join(name), random.bytes(&like)).unwrap();
            }
        }
        verify::verify(&LocalDisk, &data).unwrap();
        let recording = Recorder::open(&data, 0).unwrap().recording(1).await;
        if let Err(error) = &recording {
            assert!(!error.to_string().contains("panic"), "{error}");
        }
        opened += u32::from(recording.is_ok());
    }
    assert!(opened > 50, "{opened} opened");
}
