//! The machine below the server: disks that are mounted over its data directory, signals sent to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use promises::Server;

/// Size of the disk images; they are sparse.
const IMAGE_BYTES: u64 = 1 << 30;

/// Asks the file system to stop at once (`FS_IOC_SHUTDOWN` with `FSOP_GOING_FLAGS_NOLOGFLUSH`): nothing that was not
/// synced reaches the disk, as when the power is cut.
const SHUT_DOWN: &str = "import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

/// An ext4 file system in a file, whose power can be cut.
#[derive(Debug)]
pub(crate) struct Image {
    device: String,
    mounted_at: Option<PathBuf>,
    _folder: tempfile::TempDir,
}

impl Image {
    /// Makes one, or says what is missing here.
    pub(crate) fn make() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = folder.path().join("disk.ext4");
        let sparse = std::fs::File::create(&file).and_then(|file| file.set_len(IMAGE_BYTES));
        sparse.map_err(|error| error.to_string())?;
        run("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), &file])?;
        let device = run("losetup", &["-f".as_ref(), "--show".as_ref(), &file])?.trim().to_owned();
        Ok(Self { device, mounted_at: None, _folder: folder })
    }

    /// Mounts it over a directory.
    pub(crate) fn mount(&mut self, at: &Path) {
        run("mount", &[self.device.as_ref(), at]).expect("the image can be mounted");
        self.mounted_at = Some(at.to_path_buf());
    }

    /// Cuts the power. What writes to it from now on gets errors.
    pub(crate) fn cut(&self) {
        let at = self.mounted_at.as_deref().expect("the image is mounted");
        run("python3", &["-c".as_ref(), SHUT_DOWN.as_ref(), at]).expect("the file system can be shut down");
    }

    /// Turns it on again: the file system replays its own journal.
    pub(crate) fn turn_on(&mut self) {
        let at = self.mounted_at.take().expect("the image is mounted");
        run("umount", &[&at]).expect("nobody uses the image");
        self.mount(&at);
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let unmounted = self.mounted_at.take().map_or(Ok(String::new()), |at| run("umount", &[&at]));
        for error in [unmounted, run("losetup", &["-d".as_ref(), self.device.as_ref()])]
            .into_iter()
            .filter_map(Result::err)
        {
            eprintln!("left behind: {error}");
        }
    }
}

/// Runs a program of the system: its standard output, or a sentence.
pub(crate) fn run(program: &str, arguments: &[&Path]) -> Result<String, String> {
    let what = format!("{program} {}", arguments.last().map_or(Path::new(""), |last| last).display());
    let output =
        Command::new(program).args(arguments).output().map_err(|error| format!("{what}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether so much waits for the processors that bounds of time say nothing: in the last minute over four times as many
/// tasks as there are of them.
pub(crate) fn is_overloaded() -> bool {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    load > 4.0 * processors as f64
}

/// An address that nobody listens to, for a server that listens there again after each start.
pub(crate) fn free_address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("there is a free port").to_string()
}

/// SIGTERM.
pub(crate) fn terminate(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGTERM).expect("the server can be signalled");
}

/// The process id of a server, found by its data directory.
pub(crate) fn pid(server: &Server) -> i32 {
    let data = server.data().as_os_str().as_encoded_bytes();
    let processes = std::fs::read_dir("/proc").expect("the kernel lists processes");
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|pid: &i32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = line.split(|byte| *byte == 0);
            words.next().is_some_and(|program| program.ends_with(b"communiconnect"))
                && words.any(|word| word == data)
        })
        .expect("the server runs")
}

/// A small disk in memory, which can be filled.
#[derive(Debug)]
pub(crate) struct Memory(Option<PathBuf>);

impl Memory {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// Mounts it over a directory, or says what is missing here.
    pub(crate) fn mount(&mut self, at: &Path, bytes: u64) -> Result<(), String> {
        let size = format!("size={bytes}");
        let arguments: [&Path; 6] =
            ["-t".as_ref(), "tmpfs".as_ref(), "-o".as_ref(), size.as_ref(), "tmpfs".as_ref(), at];
        run("mount", &arguments)?;
        self.0 = Some(at.to_path_buf());
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(|at| run("umount", &[&at])) {
            eprintln!("left behind: {error}");
        }
    }
}
