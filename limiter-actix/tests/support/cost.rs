//! The CPU time of a piece of work.

use std::time::Duration;

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
    now().saturating_sub(start)
}
