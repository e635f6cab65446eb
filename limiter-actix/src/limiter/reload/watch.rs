//! Watches a file for changes.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::{
    ConfigError, ConfigIssue,
    settings::{config_error::Origin, file::File},
};

/// The time that a file must stay unchanged before it is applied, so that its writer has finished.
const SETTLED: Duration = Duration::from_millis(50);

/// Watches a file, until its limiter ends.
pub(super) struct Watcher<T> {
    pub(super) file: File,
    /// Applies the content, if it is still that of the file, and returns whether it is. `None` once the limiter has
    /// ended.
    pub(super) apply: T,
    /// Closed once the limiter has ended.
    pub(super) alive: Receiver<()>,
    pub(super) interval: Duration,
}

/// The content of the file, or why it is not readable.
pub(super) type FileText = Result<String, ConfigError>;

impl<T: Fn(&FileText) -> Option<bool> + Send + 'static> Watcher<T> {
    /// Starts the thread. `text` is the content that is applied.
    pub(super) fn start(self, text: String) -> Result<(), ConfigError> {
        let origin = self.file.origin();
        let thread = thread::Builder::new().name("limiter-reload".to_owned());
        match thread.spawn(move || self.run(Ok(text))) {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(ConfigIssue::new(Origin::whole(origin), format!("no thread to watch it: {error}")).into())
            }
        }
    }

    fn run(self, mut last: FileText) {
        while self.waits(self.interval) {
            let found = self.file.read();
            if found == last {
                continue;
            }
            if !self.waits(SETTLED) {
                continue;
            }
            match (self.apply)(&found) {
                Some(true) => last = found,
                Some(false) => {}
                None => return,
            }
        }
    }

    /// Waits. Returns `false` once the limiter has ended.
    fn waits(&self, time: Duration) -> bool {
        self.alive.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        env, fs, process, thread,
        time::{Duration, Instant},
    };

    use crate::Limiter;

    /// Returns how many threads of this process are watchers.
    fn watchers() -> usize {
        let threads = fs::read_dir("/proc/self/task").expect("a process has threads");
        // A thread may end while it is looked at.
        let names = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
        names.filter(|name| name.trim() == "limiter-reload").count()
    }

    /// A thread takes its name when it first runs.
    fn until_there_are(number: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while watchers() != number {
            assert!(Instant::now() < deadline, "{} watchers in place of {number}", watchers());
            thread::yield_now();
        }
    }

    /// The interval is longer than the test waits.
    #[test]
    fn the_thread_ends_with_the_last_clone() {
        let path = env::temp_dir().join(format!("watched-{}.toml", process::id()));
        fs::write(&path, "enabled = true").expect("a file can be written");
        let limiter = Limiter::builder().from_file(&path).reload_every(Duration::from_secs(3600)).build();
        let limiter = limiter.expect("a limiter");
        let clone = limiter.clone();
        drop(limiter);
        until_there_are(1);
        drop(clone);
        until_there_are(0);
        fs::remove_file(&path).expect("the file is there");
    }
}
