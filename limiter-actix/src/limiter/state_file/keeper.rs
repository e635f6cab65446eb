//! Writes the state at intervals, and when the limiter ends.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::file::StateFile;

/// The time between two writes. What was counted since the last is lost if the process is killed.
pub(crate) const INTERVAL: Duration = Duration::from_secs(30);

/// Keeps the state of a limiter. Dropping it writes the file once more.
pub(crate) struct StateKeeper {
    file: Arc<StateFile>,
    /// The thread, and what it runs as long as.
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl StateKeeper {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If there is no thread.
    pub(in crate::limiter) fn start(file: StateFile, interval: Duration) -> io::Result<Self> {
        let (alive, ended) = mpsc::channel();
        let file = Arc::new(file);
        let written = Arc::clone(&file);
        let thread = thread::Builder::new().name("limiter-persist".to_owned());
        let thread = thread.spawn(move || keep(&written, &ended, interval))?;
        Ok(Self { file, running: Some((alive, thread)) })
    }

    /// Writes the file now.
    pub(in crate::limiter) fn write(&self) -> io::Result<()> {
        self.file.write()
    }
}

/// Errors are logged.
fn keep(file: &StateFile, ended: &Receiver<()>, interval: Duration) {
    loop {
        let is_over = ended.recv_timeout(interval) != Err(RecvTimeoutError::Timeout);
        drop(file.write());
        if is_over {
            return;
        }
    }
}

impl Drop for StateKeeper {
    fn drop(&mut self) {
        if let Some((alive, thread)) = self.running.take() {
            drop(alive);
            // It has written the file by then. A panic is reported by itself.
            drop(thread.join());
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        env, fs,
        os::unix::fs::PermissionsExt,
        path::PathBuf,
        time::{Duration, Instant},
    };

    use limiter_core::{
        Clock, Key, ManualClock, Policy, Quota, Scope, Strategy, Timestamp,
        storage::{Batch, Hit, MemoryStorage},
    };

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = env::temp_dir().join(format!("limiter-{name}-{}", std::process::id()));
            drop(fs::remove_dir_all(&folder));
            fs::create_dir(&folder).expect("a folder");
            Self(folder)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("a folder");
            let mut names: Vec<_> =
                entries.map(|it| it.expect("an entry").file_name().into_string().expect("a name")).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn open(folder: &Folder, memory: &Arc<MemoryStorage>) -> StateFile {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_225_600_000)));
        StateFile::open(&folder.0.join("limits.state"), memory, &clock)
    }

    fn hit(memory: &MemoryStorage) -> u64 {
        let policy = Policy::new(Quota::per_day(100), Strategy::FixedWindow);
        let (scope, key) = (Scope::new(["a"]), Key::from("somebody"));
        let now = Timestamp::from_millis(1_767_225_600_000);
        memory.decide(&Batch::new(&[Hit::new(&scope, &key, &policy)]), now).limits()[0].remaining()
    }

    #[test]
    fn the_file_is_private_and_replaced_as_a_whole() {
        let folder = Folder::new("private");
        let memory = Arc::new(MemoryStorage::new());
        assert_eq!(hit(&memory), 99);
        // A link in the place of the temporary file is not followed.
        let other = folder.0.join("other");
        fs::write(&other, "precious").expect("a file");
        std::os::unix::fs::symlink(&other, folder.0.join("limits.state.tmp")).expect("a link");
        let file = open(&folder, &memory);
        file.write().expect("it is written");
        assert_eq!(fs::read_to_string(&other).expect("a file"), "precious");
        assert_eq!(folder.names(), ["limits.state", "limits.state.lock", "other"]);
        for name in ["limits.state", "limits.state.lock"] {
            let mode = fs::metadata(folder.0.join(name)).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let before = fs::read(folder.0.join("limits.state")).expect("a file");
        // The temporary file cannot be made, so the old state stays.
        fs::create_dir(folder.0.join("limits.state.tmp")).expect("a folder");
        assert_eq!(hit(&memory), 98);
        assert!(file.write().is_err());
        assert_eq!(fs::read(folder.0.join("limits.state")).expect("a file"), before);
    }

    #[test]
    fn it_is_written_at_intervals_and_at_the_end() {
        let folder = Folder::new("intervals");
        let memory = Arc::new(MemoryStorage::new());
        let keeper = StateKeeper::start(open(&folder, &memory), Duration::from_millis(5)).expect("a thread");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !folder.names().contains(&"limits.state".to_owned()) {
            assert!(Instant::now() < deadline, "it was never written");
            thread::yield_now();
        }
        drop(keeper);
        let keeper = StateKeeper::start(open(&folder, &memory), Duration::from_secs(3600)).expect("a thread");
        assert_eq!(hit(&memory), 99);
        drop(keeper);
        let restored = Arc::new(MemoryStorage::new());
        let file = open(&folder, &restored);
        assert_eq!(hit(&restored), 98, "one was counted before");
        drop(file);
    }

    /// A second process, as far as locks are concerned.
    #[test]
    fn the_file_belongs_to_one_at_a_time() {
        let folder = Folder::new("locks");
        let [first, second] = [(); 2].map(|()| Arc::new(MemoryStorage::new()));
        let (owner, other) = (open(&folder, &first), open(&folder, &second));
        assert_eq!(hit(&second), 99);
        other.write().expect("nothing fails");
        assert_eq!(folder.names(), ["limits.state.lock"], "nothing is written");
        drop(owner);
        other.write().expect("it is written");
        let restored = Arc::new(MemoryStorage::new());
        drop(open(&folder, &restored));
        assert_eq!(hit(&restored), 98);
    }
}
