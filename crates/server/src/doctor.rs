//! `communiconnect doctor`: whether this machine can do what the configuration wants, a line each: ok, or what to do.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use delivery::poster;
use rustix::process::{Resource, getrlimit};

use crate::config::Config;
use crate::in_use::{self, InUse};
use crate::{data_dir, engines, tls};

/// A moment that is over: a clock before it is wrong. In seconds since 1970, the first of January 2026.
const OVER_S: u64 = 1_767_225_600;
/// How far files may come from the future.
const AHEAD: Duration = Duration::from_secs(60);
/// Syncs that are tried, and bytes of each.
const SYNCS: usize = 40;
const SYNCED: usize = 16 << 10;
/// What one may take in the middle: a publisher waits for one or two of them each time that bytes are acknowledged.
const SLOW: Duration = Duration::from_millis(100);
/// Files that are open beside the connections: bodies, the database, the program itself.
const OTHER_FILES: u64 = 512;

/// Something that was looked at.
pub(crate) struct Finding {
    /// What it is about, in a word or two.
    pub(crate) about: &'static str,
    /// How it is, or what to do.
    pub(crate) said: Result<String, String>,
}

/// Looks at everything. Changes nothing but a file that is written and removed again in the data directory.
pub(crate) async fn look(config: &Config) -> Vec<Finding> {
    let finding = |about, said| Finding { about, said };
    vec![
        finding("configuration", Ok("every option can be meant".to_owned())),
        finding("data directory", directory(&config.data_dir)),
        finding("ports", ports(config)),
        finding("time", time(&config.data_dir)),
        finding("disk speed", disk_speed(&config.data_dir)),
        finding("disk room", disk_room(config)),
        finding("open files", open_files(config)),
        finding("https", https(config)),
        finding("proxy headers", proxy_headers(config)),
        finding("poster decoder", decoder().await),
        finding("engines", rows(&config.data_dir)),
    ]
}

fn directory(path: &Path) -> Result<String, String> {
    let shown = path.display();
    if !path.exists() {
        return Ok(format!("{shown} is not there yet: the first start makes it"));
    }
    data_dir::make(path).map_err(|error| error.to_string())?;
    let probe = Probe::in_directory(path);
    probe.map(|_| format!("{shown} can be written, and is closed to others")).map_err(|error| {
        format!("{shown} cannot be written ({error}): give it to the user that the server runs as (chown), or name another")
    })
}

fn ports(config: &Config) -> Result<String, String> {
    let is_served = InUse::is_taken(&config.data_dir);
    let wanted = [
        ("", Some(config.listen)),
        ("plain HTTP ", config.http_listen),
        ("RTMP ", config.rtmp),
        ("RTMPS ", config.rtmps),
        ("metrics ", config.metrics_listen),
    ];
    let mut free = Vec::new();
    let mut taken = Vec::new();
    for (what, address) in wanted {
        let Some(address) = address else { continue };
        match TcpListener::bind(address) {
            Ok(_) => free.push(format!("{what}{address} is free")),
            Err(error) if is_served && error.kind() == std::io::ErrorKind::AddrInUse => {
                free.push(format!("{what}{address} is the running server's"));
            }
            Err(error) => taken.push(refused(what, address, &error)),
        }
    }
    if taken.is_empty() { Ok(free.join(", ")) } else { Err(taken.join("; ")) }
}

fn refused(what: &str, address: SocketAddr, error: &std::io::Error) -> String {
    let advice = match error.kind() {
        std::io::ErrorKind::AddrInUse => "stop what listens there (ss -ltnp tells), or take another port",
        std::io::ErrorKind::PermissionDenied => {
            "a port below 1024 needs AmbientCapabilities=CAP_NET_BIND_SERVICE, or take another port"
        }
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address: 0.0.0.0 is all of them",
        _ => "take another address",
    };
    format!("{what}{address} cannot be had ({error}): {advice}")
}

fn time(data_dir: &Path) -> Result<String, String> {
    let advice = "set the clock right: timedatectl set-ntp true";
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    if since.as_secs() < OVER_S {
        return Err(format!("the clock is before 2026: {advice}"));
    }
    let newest = std::fs::metadata(engines::path(data_dir)).and_then(|file| file.modified());
    if newest.is_ok_and(|newest| newest > now + AHEAD) {
        return Err(format!("the database was written later than it is now: {advice}"));
    }
    let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Ok(format!("it is {}", wire::Time(now)))
}

fn disk_speed(data_dir: &Path) -> Result<String, String> {
    let path = if data_dir.exists() { data_dir.to_owned() } else { above(data_dir) };
    let mut times = Probe::in_directory(&path)
        .and_then(|mut probe| (0..SYNCS).map(|_| probe.sync()).collect::<std::io::Result<Vec<_>>>())
        .map_err(|error| format!("nothing can be written in {}: {error}", path.display()))?;
    times.sort();
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1_000.0);
    let (middle, longest) = (times.get(SYNCS / 2), times.last());
    let said =
        format!("{:.1} ms until bytes are on the disk, {:.1} ms at the longest", ms(middle), ms(longest));
    if middle.is_some_and(|middle| *middle > SLOW) {
        let most = SLOW.as_millis();
        return Err(format!(
            "{said}, where {most} ms are usual: put the data directory on an SSD of this machine"
        ));
    }
    Ok(said)
}

/// The nearest folder above that is there.
fn above(path: &Path) -> std::path::PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new(".")).to_owned()
}

fn disk_room(config: &Config) -> Result<String, String> {
    let stat = rustix::fs::statvfs(above(&config.data_dir)).map_err(|error| error.to_string())?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let said = format!("{free} bytes are free, of which {} are kept for the database", config.reserve);
    if free > config.reserve {
        return Ok(said);
    }
    Err(format!("{said}: nothing can be published. Make room, or keep less free (--reserve)"))
}

fn open_files(config: &Config) -> Result<String, String> {
    let Some(most) = getrlimit(Resource::Nofile).maximum else {
        return Ok("as many as the system has".to_owned());
    };
    let wanted = config.connections as u64 + OTHER_FILES;
    if most >= wanted {
        return Ok(format!("{most} may be open, {wanted} may be needed"));
    }
    Err(format!(
        "{most} may be open, and {} connections need {wanted}: set LimitNOFILE={wanted} in the unit (ulimit -Hn), or \
         --connections {}",
        config.connections,
        most.saturating_sub(OTHER_FILES).max(1)
    ))
}

fn https(config: &Config) -> Result<String, String> {
    if let Some(tls) = &config.tls {
        return tls::look(tls);
    }
    match config.public_url.as_deref() {
        Some(url) if url.starts_with("https://") => {
            Ok(format!("people come by {url}; the proxy there has the certificate"))
        }
        Some(url) => {
            Err(format!("browsers give camera and microphone to https pages only, and people come by {url}"))
        }
        None if config.listen.ip().is_loopback() => {
            Ok("only this machine reaches the server, where browsers ask for none".to_owned())
        }
        None => Err(format!(
            "{} is reached from outside without https, where browsers give neither camera nor microphone: put a proxy with a \
             certificate in front, and name it by --public-url https://…, or give --tls and the server's name",
            config.listen
        )),
    }
}

fn proxy_headers(config: &Config) -> Result<String, String> {
    let (trusted, is_local) = (config.trust_proxy, config.listen.ip().is_loopback());
    match (trusted, is_local, &config.public_url) {
        (true, false, _) => Err(format!(
            "whoever reaches {} itself can say to come from any address: listen on 127.0.0.1, or let the firewall pass nobody \
             but the proxy",
            config.listen
        )),
        (true, true, _) => {
            Ok("X-Forwarded-For, -Proto and -Host are believed, of a proxy on this machine".to_owned())
        }
        (false, true, Some(url)) if config.tls.is_none() => Err(format!(
            "a proxy stands in front ({url}), and everybody counts as that proxy: give --trust-proxy, and let it set \
             X-Forwarded-For, -Proto and -Host"
        )),
        (false, _, _) => Ok("none are believed".to_owned()),
    }
}

async fn decoder() -> Result<String, String> {
    if poster::can_decode().await {
        return Ok("a keyframe was made a picture".to_owned());
    }
    Err("a process of this program could not make a keyframe a picture: let it start itself (no noexec, RLIMIT_NPROC, \
         512 MiB of address space)"
        .to_owned())
}

fn rows(data_dir: &Path) -> Result<String, String> {
    let Ok(path) = engines::existing(data_dir) else {
        return Ok("sqlite: there is no database yet, the first start makes it".to_owned());
    };
    let by = in_use::server_of(data_dir).map_or(String::new(), |url| format!(", served at {url}"));
    engines::look(data_dir).map(|()| format!("sqlite: {} can be read{by}", path.display())).map_err(|error| {
        format!("sqlite: {error}. communiconnect verify tells more; communiconnect restore makes it anew of a backup")
    })
}

/// A file in which syncs are tried; removed when it is dropped.
struct Probe {
    file: File,
    path: std::path::PathBuf,
}

impl Probe {
    fn in_directory(directory: &Path) -> std::io::Result<Self> {
        let path = directory.join(format!(".doctor-{}", std::process::id()));
        Ok(Self { file: File::options().write(true).create_new(true).open(&path)?, path })
    }

    fn sync(&mut self) -> std::io::Result<Duration> {
        self.file.write_all(&[0; SYNCED])?;
        let began = Instant::now();
        self.file.sync_data()?;
        Ok(began.elapsed())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Written;

    fn config(listen: &str, public_url: Option<&str>, trust_proxy: bool) -> Config {
        let listen = Some(listen.parse().unwrap());
        let public_url = public_url.map(str::to_owned);
        Written { listen, public_url, trust_proxy: Some(trust_proxy), ..Written::default() }.meant().unwrap()
    }

    #[test]
    fn what_proxies_say_is_believed_where_only_they_come() {
        let public = Some("https://live.example.org");
        assert!(proxy_headers(&config("127.0.0.1:1", public, true)).is_ok());
        assert!(proxy_headers(&config("127.0.0.1:1", public, false)).unwrap_err().contains("--trust-proxy"));
        assert!(proxy_headers(&config("0.0.0.0:1", public, true)).unwrap_err().contains("firewall"));
        assert!(proxy_headers(&config("0.0.0.0:1", None, false)).is_ok());
    }

    #[test]
    fn whoever_comes_from_outside_comes_by_https() {
        assert!(https(&config("127.0.0.1:1", None, false)).is_ok());
        assert!(https(&config("0.0.0.0:1", None, false)).is_err());
        assert!(https(&config("0.0.0.0:1", Some("https://live.example.org"), true)).is_ok());
        assert!(https(&config("0.0.0.0:1", Some("http://live.example.org"), true)).is_err());
    }
}
