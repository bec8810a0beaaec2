//! What is measured over WebSockets.

use std::net::SocketAddr;

use memchr::memmem;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Failure;
use crate::load::{Load, Times, words};
use crate::process::{cpu, memory};
use crate::socket::Came;

/// How an acknowledgement begins.
const ACK: &[u8] = br#"{"type":"ack""#;
/// How a refusal begins.
const REFUSED: &[u8] = br#"{"type":"refused""#;
/// Microseconds waited for what is still on its way.
const LATE: u64 = 5_000_000;

/// Messages at a steady rate to everybody who is connected.
#[derive(Deserialize)]
pub(crate) struct Talk {
    address: SocketAddr,
    /// Of the measured process.
    pid: u32,
    path: String,
    connections: usize,
    /// The first connections write, each as somebody, in turn.
    writers: usize,
    tokens: Vec<String>,
    /// Messages a second, one after another.
    rates: Vec<u64>,
    seconds: u64,
    /// What is sent when the server takes anything; `WORDS` becomes what is said. Ours is spoken to otherwise.
    frame: Option<String>,
}

impl Talk {
    /// What one rate costs after another, and how late acknowledgements and deliveries come.
    pub(crate) fn measure(self) -> Result<Value, Failure> {
        let mut load = Load::new()?;
        load.open_all(self.address, self.connections, |_| self.path.clone())?;
        if self.frame.is_none() {
            sign_in(&mut load, self.writers, &self.tokens)?;
        }
        let mut told = Vec::new();
        for &rate in &self.rates {
            self.pour(&mut load, rate, 1)?;
            told.push(self.pour(&mut load, rate, self.seconds)?);
        }
        Ok(Value::from(told))
    }

    /// Open loop: a message is said when it is time, whatever became of the one before; its time is when it was to
    /// be said.
    fn pour(&self, load: &mut Load, rate: u64, seconds: u64) -> Result<Value, Failure> {
        let (times, count) = (Times::new(), rate * seconds);
        let (mut acks, mut deliveries, mut refused) = (Vec::new(), Vec::new(), 0_u64);
        let (spent, start) = (cpu(self.pid)?, load.now());
        let (end, mut sent) = (start + seconds * 1_000_000, 0);
        let expected = count as usize * self.connections;
        let acked = if self.frame.is_none() { count } else { 0 };
        loop {
            while sent < count && start + sent * 1_000_000 / rate <= load.now() {
                let frame = self.frame(start + sent * 1_000_000 / rate);
                load.send(sent as usize % self.writers, &frame)?;
                sent += 1;
            }
            let all = deliveries.len() >= expected && acks.len() as u64 + refused >= acked;
            if load.now() >= end && (all || load.now() > end + LATE) {
                break;
            }
            let until = if sent < count { start + sent * 1_000_000 / rate } else { load.now() + 20_000 };
            load.turn(until, &mut |_, now, what| {
                if let Came::Text(text) = what {
                    let to = if text.starts_with(ACK) { &mut acks } else { &mut deliveries };
                    let ages =
                        times.of(text).filter(|&said| said >= start).map(|said| now.saturating_sub(said));
                    to.extend(ages.map(|age| age as u32));
                    refused += u64::from(text.starts_with(REFUSED));
                }
                None
            })?;
        }
        let spent = cpu(self.pid)? - spent;
        Ok(json!({
            "rate": rate, "sent": sent, "refused": refused, "cpu": spent, "deliveries": deliveries.len(),
            "expected": expected, "ack": spread(acks), "delivery": spread(deliveries),
        }))
    }

    fn frame(&self, at: u64) -> String {
        match &self.frame {
            Some(frame) => frame.replace("WORDS", &words(at)),
            None => json!({"type": "send", "client_id": client_id(at), "content": words(at)}).to_string(),
        }
    }
}

/// A UUID for a message.
fn client_id(at: u64) -> String {
    format!("00000000-0000-4000-8000-{at:012x}")
}

/// The first connections say who writes.
fn sign_in(load: &mut Load, writers: usize, tokens: &[String]) -> Result<(), Failure> {
    for writer in 0..writers {
        load.send(writer, &json!({"type": "auth", "token": tokens[writer % tokens.len()]}).to_string())?;
    }
    let (mut known, mut refused) = (0, None);
    while known < writers {
        let until = load.now() + 1_000_000;
        load.turn(until, &mut |_, _, what| {
            if let Came::Text(text) = what {
                known += usize::from(text.starts_with(br#"{"type":"authenticated""#));
                if text.starts_with(REFUSED) {
                    refused = Some(String::from_utf8_lossy(text).into_owned());
                }
            }
            None
        })?;
        if let Some(refused) = refused {
            return Err(refused.into());
        }
    }
    Ok(())
}

/// Everybody writes again as soon as they are answered.
#[derive(Deserialize)]
pub(crate) struct Saturation {
    address: SocketAddr,
    pid: u32,
    /// Connections are given to these in turn.
    paths: Vec<String>,
    connections: usize,
    tokens: Vec<String>,
    seconds: u64,
}

impl Saturation {
    pub(crate) fn measure(self) -> Result<Value, Failure> {
        let mut load = Load::new()?;
        let path = |number: usize| self.paths[number % self.paths.len()].clone();
        load.open_all(self.address, self.connections, path)?;
        sign_in(&mut load, self.connections, &self.tokens)?;
        for number in 0..self.connections {
            load.send(number, &next(number, 0))?;
        }
        let (spent, start) = (cpu(self.pid)?, load.now());
        let (end, mut acks, mut refused, mut said) = (start + self.seconds * 1_000_000, 0_u64, 0_u64, 0);
        while load.now() < end {
            load.turn(end, &mut |number, _, what| {
                let Came::Text(text) = what else { return None };
                let answered = text.starts_with(ACK);
                acks += u64::from(answered);
                refused += u64::from(text.starts_with(REFUSED));
                said += 1;
                answered.then(|| next(number, said))
            })?;
        }
        let spent = cpu(self.pid)? - spent;
        Ok(json!({"acked": acks, "refused": refused, "seconds": self.seconds, "cpu": spent}))
    }
}

fn next(number: usize, said: u64) -> String {
    let client_id = format!("00000000-0000-4000-8{:03x}-{said:012x}", number % 4_096);
    json!({"type": "send", "client_id": client_id, "content": words(said)}).to_string()
}

/// Viewers who come and are silent.
#[derive(Deserialize)]
pub(crate) struct Idle {
    address: SocketAddr,
    pid: u32,
    path: String,
    /// How many there are, one after another.
    counts: Vec<usize>,
}

impl Idle {
    /// Memory of the process with nobody and with each of the counts.
    pub(crate) fn measure(self) -> Result<Value, Failure> {
        let mut load = Load::new()?;
        let (mut there, mut told) = (0, vec![json!({"viewers": 0, "memory": memory(self.pid)?})]);
        for count in self.counts {
            load.open_all(self.address, count - there, |_| self.path.clone())?;
            there = count;
            told.push(json!({"viewers": count, "memory": memory(self.pid)?}));
        }
        Ok(Value::from(told))
    }
}

/// Viewers who come all at once, some messages behind.
#[derive(Deserialize)]
pub(crate) struct Storm {
    address: SocketAddr,
    pid: u32,
    path: String,
    viewers: usize,
    /// Number of the newest message, and how many each viewer misses.
    newest: u64,
    behind: u64,
}

impl Storm {
    /// When each has all that was missed, each message once and in order.
    pub(crate) fn measure(self) -> Result<Value, Failure> {
        let (mut load, first) = (Load::new()?, self.newest - self.behind + 1);
        let (spent, start) = (cpu(self.pid)?, load.now());
        for _ in 0..self.viewers {
            load.connect(self.address, &self.path)?;
        }
        let connected = load.now() - start;
        let (mut next, mut caught_up, mut wrong) = (vec![first; self.viewers], Vec::new(), 0_u64);
        let seqs = memmem::Finder::new(r#""seq":"#);
        while caught_up.len() < self.viewers && load.now() < start + 60_000_000 {
            let until = load.now() + 1_000_000;
            load.turn(until, &mut |viewer, now, what| {
                let Came::Text(text) = what else { return None };
                for at in seqs.find_iter(text) {
                    let digits = text[at + 6..].iter().take_while(|byte| byte.is_ascii_digit());
                    let seq = digits.fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
                    wrong += u64::from(seq != next[viewer]);
                    next[viewer] = seq + 1;
                    if seq == self.newest {
                        caught_up.push((now - start) as u32);
                    }
                }
                None
            })?;
        }
        let (there, spent) = (caught_up.len(), cpu(self.pid)? - spent);
        Ok(json!({
            "viewers": self.viewers, "caught_up": there, "out_of_order": wrong, "cpu": spent,
            "connecting_ms": connected as f64 / 1e3, "times": spread(caught_up),
        }))
    }
}

/// Median, p99 and longest of times in microseconds, in milliseconds.
pub(crate) fn spread(mut times: Vec<u32>) -> Value {
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1)));
    let ms = |time: Option<&u32>| time.map(|&time| f64::from(time) / 1e3);
    json!({"count": times.len(), "p50": ms(at(50)), "p99": ms(at(99)), "longest": ms(times.last())})
}
