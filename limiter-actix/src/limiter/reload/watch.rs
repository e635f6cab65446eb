//! Looks whether a file has changed.

use std::{
    sync::{
        Weak,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use crate::{
    ConfigError, ConfigIssue,
    limiter::shared::Live,
    settings::{config_error::At, file::File},
};

/// How long a file must stay as it is before it is taken: whoever writes it has finished.
const SETTLED: Duration = Duration::from_millis(50);

/// Looks whether a file has changed, for as long as its limiter is there.
pub(super) struct Watcher {
    pub(super) live: Weak<Live>,
    pub(super) file: File,
    /// Closed when the limiter is gone.
    pub(super) alive: Receiver<()>,
    pub(super) interval: Duration,
}

/// What was found where a file was looked for.
pub(super) type Seen = Result<String, ConfigError>;

impl Watcher {
    /// Starts a thread. `text` is what was read last.
    pub(super) fn start(self, text: String) -> Result<(), ConfigError> {
        let origin = self.file.origin();
        let thread = thread::Builder::new().name("limiter-reload".to_owned());
        match thread.spawn(move || self.run(Ok(text))) {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(ConfigIssue::new(At::whole(origin), format!("no thread to watch it: {error}")).into())
            }
        }
    }

    fn run(self, mut seen: Seen) {
        while self.waits(self.interval) {
            let found = self.file.read();
            if found == seen {
                continue;
            }
            if !self.waits(SETTLED) {
                continue;
            }
            let Some(live) = self.live.upgrade() else { return };
            if live.source.as_ref().is_some_and(|source| source.reload_if_still(&live, &found)) {
                seen = found;
            }
        }
    }

    /// Waits; says no when the limiter is gone.
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

    /// How many threads of this process are watchers.
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

    /// With an interval that nobody would wait for.
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

    /// What is taken is what was compared, and not what yet another look may find.
    #[test]
    fn only_what_has_settled_is_taken() {
        let path = env::temp_dir().join(format!("settled-{}.toml", process::id()));
        let write = |text: &str| fs::write(&path, text).expect("a file can be written");
        write("enabled = true");
        let limiter = Limiter::builder().from_file(&path).build().expect("a limiter");
        let source = limiter.live.source.as_ref().expect("a file");
        let in_force = || source.in_force.lock().text.clone();

        write("default_limits = '2/day'");
        let found = source.file.read();
        write("default_limits = '3/day'");
        assert!(!source.reload_if_still(&limiter.live, &found));
        assert_eq!(in_force(), "enabled = true", "it has changed since");
        assert!(source.reload_if_still(&limiter.live, &source.file.read()));
        assert_eq!(in_force(), "default_limits = '3/day'");

        fs::remove_file(&path).expect("the file is there");
        assert!(source.reload_if_still(&limiter.live, &source.file.read()), "it stays unreadable");
        assert_eq!(in_force(), "default_limits = '3/day'");
    }
}
