//! Whoever wants to get the server down: slow ones, many, floods, uploads that cost more than they bring. Meanwhile somebody
//! publishes, others come; what they waited, and what the server used, is printed and held to bounds.

mod attacks;
mod files;
mod watch;

use std::time::{Duration, Instant};

use promises::files::bytes_on_disk;
use promises::{Live, Person, Server, Upload};
use serde_json::json;

use crate::bounds;
use attacks::{Posters, Stage, look_at};
use watch::{Waits, Watch};

/// Others are served within this time.
const SERVED: Duration = Duration::from_secs(1);
/// A flood of strangers delays the sign-in of whoever is known by this time at most.
const DELAYED: Duration = Duration::from_secs(1);
/// Another's poster is there within this time of being asked for.
const POSTER: Duration = Duration::from_secs(3);
/// What an upload of at most [`LARGE`] bytes may cost, whoever looks at it: memory, a processor's time.
const MEMORY: u64 = 64 << 20;
const PROCESSOR: Duration = Duration::from_secs(5);
/// So many times its size it may take on the disk, beside the blocks of the small files of as many takes as a live may have.
const TIMES_ON_DISK: u64 = 2;
const BLOCKS: u64 = 500 * (24 << 10);
/// Bytes of an upload in the long form, and in the short one.
const LARGE: usize = 20_000_000;
const SMALL: usize = 10_000;
/// From so many seconds on the form is long.
const LONG: u64 = 120;
/// Attacks that take a share of the time each.
const TIMED: u32 = 12;
/// Of the time so much is for them; uploads and preparations have the rest.
const SHARE: f64 = 0.5;
/// Bytes of a request that uploads.
const SLICE: usize = 1_000_000;

/// For so many seconds, about; answers what was measured.
pub(crate) async fn run(seconds: u64, _seed: u64) -> String {
    let arguments = ["--connections", "2000", "--rtmp", "127.0.0.1:0"];
    let server = Server::configured(&arguments, &[("COMMUNICONNECT_LOG", "error")]).await;
    let (honest, attacker) = (server.person("Awa").await, server.person("Modou").await);
    let live = honest.start_live(json!({"title": "Marché de Sandaga"})).await;
    for _ in 0..4 {
        live.publish(&honest.api, &promises::recorded("webm_vp9_opus.webm")).await.complete().await;
    }
    for number in 0..50 {
        let body = json!({"content": format!("Bonjour du marché, message {number}")});
        honest.api.post(&live.path("chat/"), body).await.must_be(201);
    }
    let posters = Posters::publish(&attacker, &honest).await;
    let watch = Watch::begin(&server, &honest).await;
    let mut trial = Trial { server, honest, attacker, live, watch, told: Vec::new(), broken: Vec::new() };
    trial.tell_quiet(Duration::from_secs(1)).await;
    trial.attack_all(Duration::from_secs(seconds).mul_f64(SHARE) / TIMED, &posters).await;
    let size = if seconds >= LONG { LARGE } else { SMALL };
    for (name, made) in files::KINDS {
        trial.upload(name, made(size)).await;
    }
    let Trial { watch, told, broken, .. } = trial;
    watch.end().await;
    assert!(broken.is_empty(), "{}\n\nBROKEN:\n{}", told.join("\n"), broken.join("\n"));
    format!(
        "what others waited is p50/p99/max, of visitors, then of a publisher{}\n{}",
        bounds::said(),
        told.join("\n")
    )
}

struct Trial {
    server: Server,
    honest: Person,
    attacker: Person,
    live: Live,
    watch: Watch,
    told: Vec<String>,
    /// Bounds that were not kept.
    broken: Vec<String>,
}

impl Trial {
    fn stage(&self, lasting: Duration) -> Stage<'_> {
        Stage {
            server: &self.server,
            live: &self.live,
            attacker: &self.attacker,
            known: &self.honest,
            until: Instant::now() + lasting,
        }
    }

    /// What they wait while nobody attacks.
    async fn tell_quiet(&mut self, lasting: Duration) {
        tokio::time::sleep(lasting).await;
        self.tell("nobody attacks", String::new());
    }

    async fn attack_all(&mut self, lasting: Duration, posters: &Posters) {
        let stage = |trial: &Self| {
            trial.watch.take();
            trial.server.forget_peak();
        };
        macro_rules! attack {
            ($name:literal, $attack:ident) => {
                stage(self);
                let what = self.stage(lasting).$attack().await;
                self.tell($name, what);
            };
        }
        attack!("half heads", half_heads);
        attack!("slow bodies", slow_bodies);
        attack!("slow readers", slow_readers);
        attack!("connections", connections);
        attack!("sockets", sockets);
        attack!("uploads", uploads);
        attack!("ranges", ranges);
        attack!("headers", headers);
        attack!("searches", searches);
        attack!("silence by RTMP", rtmp_silence);
        stage(self);
        let (usual, waits, what) = self.stage(lasting).sign_ins().await;
        self.tell("sign-ins", format!("{what}; somebody known waits {waits}, {usual} before"));
        let delayed = waits.max().saturating_sub(usual.max());
        self.hold("somebody known is delayed", delayed, DELAYED);
        stage(self);
        let (waited, what) = self.stage(lasting).pictures(posters).await;
        self.tell("pictures", format!("{what}; another's poster is there after {} ms", waited.as_millis()));
        self.hold("another's poster is there", waited, POSTER);
    }

    /// What others waited, and what the server holds now; held to the bound.
    fn tell(&mut self, name: &str, what: String) {
        let (health, published) = self.watch.take();
        let (memory, descriptors) = (self.server.peak_memory() >> 20, self.server.descriptors());
        self.told.push(format!(
            "{name}: {health}, {published}; {memory} MiB at most, {descriptors} descriptors; {what}"
        ));
        self.served(name, &health);
        self.served(name, &published);
    }

    fn served(&mut self, name: &str, waits: &Waits) {
        self.hold(&format!("{name}: others are served"), waits.max(), SERVED);
    }

    fn hold(&mut self, what: &str, took: Duration, bound: Duration) {
        let bound = bound.mul_f64(bounds::slower());
        if took > bound {
            self.broken.push(format!("{what} after {} ms, not {} ms", took.as_millis(), bound.as_millis()));
        }
    }

    fn hold_bytes(&mut self, what: &str, bytes: u64, bound: u64) {
        if bytes > bound {
            self.broken.push(format!("{what}: {bytes} bytes, not {bound}"));
        }
    }

    /// An upload and all who look at it cost little.
    async fn upload(&mut self, name: &str, bytes: Vec<u8>) {
        let (health, published) = self.watch.take();
        self.served("between uploads", &health);
        self.served("between uploads", &published);
        let live = self.attacker.start_live(json!({})).await;
        self.server.forget_peak();
        let before = (self.server.resident_memory(), self.server.processor_time());
        let begin = Instant::now();
        let status = self.send(&live, &bytes).await;
        self.attacker.api.post(&live.path("stop/"), json!({})).await.must_be(200);
        let read = look_at(&self.server, &live).await;
        let took = begin.elapsed();
        let memory = self.server.peak_memory().saturating_sub(before.0);
        let processor = self.server.processor_time().saturating_sub(before.1);
        // Others publish meanwhile: what stands in the folder of this live.
        let disk = bytes_on_disk(&self.server.data().join("lives").join(live.id.to_string()));
        self.tell(
            name,
            format!(
                "{} bytes in {:.1} s ended in {status}, {read} bytes read of it: {} MiB, {:.2} s of a processor, {disk} bytes \
                 on the disk",
                bytes.len(),
                took.as_secs_f64(),
                memory >> 20,
                processor.as_secs_f64(),
            ),
        );
        self.hold(&format!("{name}: a processor is used"), processor, PROCESSOR);
        self.hold_bytes(&format!("{name}: memory"), memory, MEMORY);
        self.hold_bytes(&format!("{name}: on the disk"), disk, TIMES_ON_DISK * bytes.len() as u64 + BLOCKS);
        self.attacker.api.delete(&live.path("")).await.must_be(204);
    }

    /// In slices, until one is refused; the last status.
    async fn send(&self, live: &Live, bytes: &[u8]) -> u16 {
        let upload = Upload::create(&self.attacker.api, live).await;
        let mut offset = 0;
        for slice in bytes.chunks(SLICE) {
            let answer = upload.patch_at(offset, slice, &[]).await;
            if answer.status != 204 {
                return answer.status;
            }
            offset += slice.len() as u64;
        }
        let length = offset.to_string();
        upload.patch_at(offset, b"", &[("Upload-Length", &length)]).await.status
    }
}
