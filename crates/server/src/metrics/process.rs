//! What every exporter says of its process (Prometheus, "Writing client libraries", process metrics), as Linux tells it.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::Readings;

/// Ticks of a second in what Linux tells of processor time, on every machine that is served here (proc_pid_stat(5)).
const TICKS: f64 = 100.0;

/// Reads it; what the system does not tell is left out.
pub(super) fn read(readings: &mut Readings) {
    if let Some(times) = times() {
        let used = "Processor time used, in seconds.";
        readings.count("process_cpu_seconds_total", used, times.used_s);
        let start = "When the process started, in seconds since 1970.";
        readings.plain("process_start_time_seconds", start, times.started_s);
    }
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        for (line, name, help) in [
            ("VmRSS:", "process_resident_memory_bytes", "Resident memory in bytes."),
            ("VmSize:", "process_virtual_memory_bytes", "Virtual memory in bytes."),
        ] {
            if let Some(kib) = kibibytes(&status, line) {
                readings.plain(name, help, kib * 1_024.0);
            }
        }
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them is the folder that is read.
        readings.plain("process_open_fds", "Open files.", open.count().saturating_sub(1) as f64);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        readings.plain("process_max_fds", "Files that may be open.", most as f64);
    }
}

struct Times {
    used_s: f64,
    started_s: f64,
}

fn times() -> Option<Times> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the process stands in brackets and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| -> Option<f64> { fields.get(number)?.parse().ok() };
    let system = fs::read_to_string("/proc/stat").ok()?;
    let booted_s: f64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(Times { used_s: (field(11)? + field(12)?) / TICKS, started_s: booted_s + field(19)? / TICKS })
}

fn kibibytes(status: &str, line: &str) -> Option<f64> {
    status.lines().find_map(|found| found.strip_prefix(line))?.split_whitespace().next()?.parse().ok()
}
