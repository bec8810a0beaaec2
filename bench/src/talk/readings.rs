//! What is read over HTTP while others write.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Failure;
use crate::measures::spread;

/// Requests of several kinds in turn, at a steady rate.
#[derive(Deserialize)]
pub(crate) struct Readings {
    address: SocketAddr,
    /// Each kind: its name and the paths that are asked for in turn.
    kinds: Vec<(String, Vec<String>)>,
    /// Requests a second, of all kinds together.
    rate: u32,
    seconds: u32,
}

impl Readings {
    /// How long each kind takes, from when it was to be asked for to the last byte.
    pub(crate) fn measure(self) -> Result<Value, Failure> {
        let mut connection = BufReader::new(TcpStream::connect(self.address)?);
        connection.get_ref().set_nodelay(true)?;
        let (start, mut times) = (Instant::now(), vec![Vec::new(); self.kinds.len()]);
        let (mut bytes, mut body) = (vec![0; self.kinds.len()], Vec::new());
        for turn in 0..self.rate * self.seconds {
            let due = start + Duration::from_secs(1) * turn / self.rate;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let kind = turn as usize % self.kinds.len();
            let paths = &self.kinds[kind].1;
            let path = &paths[turn as usize / self.kinds.len() % paths.len()];
            get(&mut connection, path, &mut body)?;
            times[kind].push(due.elapsed().as_micros() as u32);
            bytes[kind] += body.len();
        }
        let told = self.kinds.iter().zip(times.into_iter().zip(bytes)).map(|((name, _), (times, bytes))| {
            (name.clone(), json!({"bytes": bytes / times.len().max(1), "times": spread(times)}))
        });
        Ok(Value::Object(told.collect()))
    }
}

/// One request on a connection that is kept.
fn get(connection: &mut BufReader<TcpStream>, path: &str, body: &mut Vec<u8>) -> Result<(), Failure> {
    write!(connection.get_mut(), "GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n")?;
    let (mut line, mut length, mut first) = (String::new(), None, None);
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = Some(value.trim().parse()?);
        }
        first.get_or_insert(header);
    }
    let first = first.unwrap_or_default();
    if !first.contains(" 200") {
        return Err(format!("{path}: {first}").into());
    }
    body.resize(length.ok_or("an answer without a length")?, 0);
    Ok(connection.read_exact(body)?)
}
