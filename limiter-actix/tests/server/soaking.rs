//! What all soaks share: their length, and what they watch in this process.

use std::{
    env, fs, panic,
    process::Command,
    sync::{
        Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

/// Reads the length of a soak from this variable.
pub(crate) fn seconds(variable: &str, default: u64) -> Duration {
    Duration::from_secs(number(variable).unwrap_or(default))
}

/// Reads a number from this variable, if it is set.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let number = env::var(variable).ok()?;
    Some(number.parse().unwrap_or_else(|_| panic!("{variable}={number}: expected a whole number")))
}

/// Checks the longest time of an answer. It depends on the machine, so this happens only if a variable states the bound.
pub(crate) fn assert_prompt(longest: Duration) {
    if let Some(most) = number("LIMITER_SOAK_MAX_MS") {
        assert!(longest < Duration::from_millis(most), "{longest:?}");
    }
}

/// Resident memory of this process, in kilobytes.
pub(crate) fn resident_kb() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics in the code of the limiter from now on, those of all threads.
pub(crate) fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let file = info.location().map_or("", |location| location.file());
            if file.contains("limiter-core/src") || file.contains("limiter-actix/src") {
                PANICS.fetch_add(1, SeqCst);
            }
            before(info);
        }));
    });
}

/// The number of such panics.
pub(crate) fn panics() -> usize {
    PANICS.load(SeqCst)
}

/// Waits for other soaks, so that each has the machine for itself.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test in a process of its own, since other tests of this one take memory, too.
pub(crate) fn in_own_process(name: &str, test: impl FnOnce()) {
    const VARIABLE: &str = "LIMITER_SOAK_PROCESS";
    if env::var_os(VARIABLE).is_some() {
        return test();
    }
    let _alone = alone();
    let program = env::current_exe().expect("the path of this program");
    let mut process = Command::new(program);
    let status = process.args([name, "--exact", "--nocapture"]).env(VARIABLE, "1").status();
    assert!(status.expect("it starts").success(), "{name} fails, see above");
}
