//! The log of this process.

use std::{
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread::{self, ThreadId},
};

use log::{LevelFilter, Log, Metadata, Record};

static LINES: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

struct Capture;

impl Log for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("limiter")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            lines().push((thread::current().id(), format!("{} {}", record.level(), record.args())));
        }
    }

    fn flush(&self) {}
}

/// Captures all that the limiter logs from now on.
///
/// # Panics
///
/// When something else captures it.
pub fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Capture).expect("there is no other logger");
        log::set_max_level(LevelFilter::Trace);
    });
}

/// The lines of this thread that contain `text`, since [`capture`].
pub fn here(text: &str) -> Vec<String> {
    let here = thread::current().id();
    let lines = lines();
    let matching = lines.iter().filter(|(thread, line)| *thread == here && line.contains(text));
    matching.map(|(_, line)| line.clone()).collect()
}

/// The lines of all threads that contain `text`, since [`capture`].
pub fn everywhere(text: &str) -> Vec<String> {
    lines().iter().filter(|(_, line)| line.contains(text)).map(|(_, line)| line.clone()).collect()
}

/// Forgets all lines but those that contain `text`. Returns how many of them contain none of `uncounted`.
pub fn forget_except(text: &str, uncounted: &[&str]) -> usize {
    let forgotten = lines().extract_if(.., |(_, line)| !line.contains(text)).collect::<Vec<_>>();
    forgotten.iter().filter(|(_, line)| !uncounted.iter().any(|text| line.contains(text))).count()
}

fn lines() -> MutexGuard<'static, Vec<(ThreadId, String)>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}
