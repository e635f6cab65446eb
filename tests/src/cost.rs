//! What something costs.

use std::{fs, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// The CPU time this thread takes for `work`.
///
/// # Panics
///
/// When the clock runs backwards.
pub fn cpu_time(work: impl FnOnce()) -> Duration {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(time).expect("the clock runs forwards")
    };
    let start = now();
    work();
    now() - start
}

/// How much memory this process holds, in bytes; none where the system does not tell.
pub fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
