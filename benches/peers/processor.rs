use rustix::{
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// Nanoseconds of processor time that this thread has used so far: what others do meanwhile does not count.
#[must_use]
pub fn thread_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// The processors on which this thread may run.
///
/// # Panics
///
/// When the kernel does not tell.
#[must_use]
pub fn processors() -> Vec<usize> {
    let set = sched_getaffinity(None).expect("the kernel tells");
    (0..CpuSet::MAX_CPU).filter(|processor| set.is_set(*processor)).collect()
}

/// Keeps this thread, and those it starts from now on, on one processor.
///
/// # Panics
///
/// When the processor is none of [`processors`].
pub fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).expect("the processor is one of those allowed");
}
