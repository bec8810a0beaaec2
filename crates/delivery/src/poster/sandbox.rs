//! What the kernel forbids the process that decodes: everything but to compute, to read and write what is open, and to end.
//!
//! Landlock takes the file system, the network and other processes from it, seccomp every system call that a decoder has no
//! use for. Each is there on Linux where the kernel has it; where it has not, the process runs without, and says so.

use std::fmt;

/// By what a process is shut in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShutIn {
    /// By Landlock: no file can be opened, no address connected to.
    pub(super) landlock: bool,
    /// By seccomp: system calls are those of a short list.
    pub(super) seccomp: bool,
}

impl ShutIn {
    /// As one byte, by which a process says it to the one that started it.
    pub(super) fn to_byte(self) -> u8 {
        u8::from(self.landlock) | u8::from(self.seccomp) << 1
    }

    /// From that byte; `None` for what is none.
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        (byte < 4).then_some(Self { landlock: byte & 1 != 0, seccomp: byte & 2 != 0 })
    }

    /// Whether the kernel does all that can be asked of it.
    pub(super) fn is_whole(self) -> bool {
        self.landlock && self.seccomp
    }
}

/// What is missing.
impl fmt::Display for ShutIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.landlock, self.seccomp) {
            (true, true) => "nothing",
            (true, false) => "seccomp",
            (false, true) => "Landlock",
            (false, false) => "Landlock and seccomp",
        })
    }
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) use linux::{forbid_calls, forbid_places};

/// Where there is no Landlock.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) fn forbid_places() -> bool {
    false
}

/// Where there is no seccomp.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) fn forbid_calls() -> bool {
    false
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, RulesetStatus, Scope,
    };
    use seccompiler::{
        BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, apply_filter,
    };

    /// What a decoder, its threads and the end of a process call.
    const CALLS: [i64; 32] = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_getrandom,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_set_robust_list,
        libc::SYS_set_tid_address,
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_tgkill,
        libc::SYS_restart_syscall,
        libc::SYS_membarrier,
        libc::SYS_exit,
        libc::SYS_exit_group,
        // Answered as unknown before it comes here: see `without_clone3`.
        libc::SYS_clone3,
        libc::SYS_fstat,
    ];

    /// Takes the file system, the network, and what reaches other processes, from this thread and those that it starts;
    /// whether the kernel does that.
    pub(in super::super) fn forbid_places() -> bool {
        let restricted = || -> Result<_, RulesetError> {
            Ruleset::default()
                .handle_access(AccessFs::from_all(ABI::V5))?
                .handle_access(AccessNet::from_all(ABI::V4))?
                .scope(Scope::from_all(ABI::V6))?
                .create()?
                .restrict_self()
        };
        restricted().is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
    }

    /// Takes every system call but those of a decoder from this thread and those that it starts; whether the kernel does
    /// that. A call that is taken fails as one for which the right is missing.
    pub(in super::super) fn forbid_calls() -> bool {
        without_clone3().and_then(|filter| apply_filter(&filter)).is_ok()
            && decoding().and_then(|filter| apply_filter(&filter)).is_ok()
    }

    /// `clone3` hides its flags behind a pointer; whoever hears that it is unknown takes `clone`.
    fn without_clone3() -> Result<BpfProgram, Error> {
        let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
        filter([(libc::SYS_clone3, Vec::new())].into(), SeccompAction::Allow, unknown)
    }

    fn decoding() -> Result<BpfProgram, Error> {
        let only = |argument, mask: i32, value: i32| -> Result<Vec<SeccompRule>, Error> {
            let (mask, value) = (mask as u64, value as u64);
            let bits = SeccompCmpOp::MaskedEq(mask);
            let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, bits, value)?;
            Ok(vec![SeccompRule::new(vec![condition])?])
        };
        let mut calls: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
            CALLS.into_iter().map(|call| (call, Vec::new())).collect();
        // Memory that can be run is not to be had.
        calls.insert(libc::SYS_mmap, only(2, libc::PROT_EXEC, 0)?);
        calls.insert(libc::SYS_mprotect, only(2, libc::PROT_EXEC, 0)?);
        // Threads, no processes.
        calls.insert(libc::SYS_clone, only(0, libc::CLONE_THREAD, libc::CLONE_THREAD)?);
        filter(calls, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
    }

    fn filter(
        calls: std::collections::BTreeMap<i64, Vec<SeccompRule>>,
        others: SeccompAction,
        these: SeccompAction,
    ) -> Result<BpfProgram, Error> {
        let here = std::env::consts::ARCH.try_into()?;
        Ok(SeccompFilter::new(calls, others, these, here)?.try_into()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_one_is_shut_in_goes_over_a_pipe() {
        for (landlock, seccomp) in [(false, false), (true, false), (false, true), (true, true)] {
            let shut = ShutIn { landlock, seccomp };
            assert_eq!(ShutIn::from_byte(shut.to_byte()), Some(shut));
        }
        assert_eq!(ShutIn::from_byte(0xFF), None, "the first byte of a JPEG");
    }

    /// In a thread of its own: both are for the thread that asks for them.
    fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        std::thread::spawn(work).join().expect("the thread ends")
    }

    #[test]
    fn by_landlock_no_file_is_opened() {
        let (is_shut, read, made) = apart(|| {
            let folder = std::env::temp_dir().join("communiconnect-is-not-made");
            (forbid_places(), std::fs::read("/etc/hostname").is_ok(), std::fs::create_dir(folder).is_ok())
        });
        assert!(!is_shut || (!read && !made), "a file is read {read}, a folder made {made}");
    }

    #[test]
    fn by_seccomp_no_file_is_opened_no_address_reached_no_process_started_and_threads_are() {
        let (is_shut, read, reached, started, computed) = apart(|| {
            let is_shut = forbid_calls();
            let read = std::fs::read("/etc/hostname").is_ok();
            let reached = std::net::TcpListener::bind("127.0.0.1:0").is_ok();
            let started = std::process::Command::new("/bin/true").status().is_ok();
            let computed = std::thread::spawn(|| vec![7_u8; 8 << 20].len()).join().expect("it ends");
            (is_shut, read, reached, started, computed)
        });
        assert!(
            !is_shut || (!read && !reached && !started),
            "read {read}, reached {reached}, started {started}"
        );
        assert_eq!(computed, 8 << 20);
    }
}
