//! What is read over HTTP while others write.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Failure;
use crate::measures::spread;

/// Requests of several kinds, each kind by somebody of its own, at a steady rate.
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
        let start = Instant::now();
        let found: Vec<Result<_, String>> = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..self.kinds.len())
                .map(|kind| {
                    let reader = &self;
                    scope.spawn(move || reader.read(kind, start).map_err(|error| error.to_string()))
                })
                .collect();
            readers
                .into_iter()
                .map(|reader| reader.join().map_err(|_| "a reader panicked".to_owned())?)
                .collect()
        });
        let told = self.kinds.iter().zip(found).map(|((name, _), found)| Ok((name.clone(), found?)));
        Ok(Value::Object(told.collect::<Result<_, String>>()?))
    }

    /// One kind on one connection, so that a slow request delays only its own kind; the kinds take turns.
    fn read(&self, kind: usize, start: Instant) -> Result<Value, Failure> {
        let mut connection = BufReader::new(TcpStream::connect(self.address)?);
        connection.get_ref().set_nodelay(true)?;
        let (mut times, mut bytes, mut body) = (Vec::new(), 0, Vec::new());
        let paths = &self.kinds[kind].1;
        for (number, turn) in
            (kind..(self.rate * self.seconds) as usize).step_by(self.kinds.len()).enumerate()
        {
            let due = start + Duration::from_secs(1) * turn as u32 / self.rate;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            get(&mut connection, &paths[number % paths.len()], &mut body)?;
            times.push(due.elapsed().as_micros() as u32);
            bytes += body.len();
        }
        Ok(json!({"bytes": bytes / times.len().max(1), "times": spread(times)}))
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
