//! The file, read when a limiter is built, and replaced while it runs.

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use limiter_core::{
    Clock,
    log::{Throttle, event, shown},
    storage::{LoadStateError, MemoryStorage},
};
use parking_lot::Mutex;

use super::{
    lock::StateLock,
    write::{self, BUFFER},
};

/// The file, and the storage whose counts it keeps.
pub(crate) struct StateFile {
    path: PathBuf,
    memory: Arc<MemoryStorage>,
    clock: Arc<dyn Clock>,
    /// Held by the one process that writes the file.
    lock: Mutex<StateLock>,
    failed: Throttle,
}

impl StateFile {
    /// Opens the file and adds its counts to the storage. A file that is not usable is logged, and ignored.
    pub(crate) fn open(path: &Path, memory: &Arc<MemoryStorage>, clock: &Arc<dyn Clock>) -> Self {
        let file = Self {
            path: path.to_owned(),
            memory: Arc::clone(memory),
            clock: Arc::clone(clock),
            lock: Mutex::new(StateLock::of(path)),
            failed: Throttle::of("L045"),
        };
        // First, so that the process before has written its last state, or is known to be running still.
        file.is_owner();
        if let Err(error) = file.load() {
            event!(
                file.failed.permit_now(),
                WARN,
                file = shown(file.path.display()),
                error = shown(&error),
                "state of the limits could not be read: counts begin at zero"
            );
        }
        file
    }

    fn load(&self) -> Result<(), LoadStateError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        self.memory.load(BufReader::with_capacity(BUFFER, file), self.clock.now()).map(drop)
    }

    /// Writes the counts, unless another process writes the file.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. Then the one before stays as it is.
    pub(super) fn write(&self) -> io::Result<()> {
        if !self.is_owner() {
            return Ok(());
        }
        let written = write::replace(&self.path, |file| self.memory.save(file, self.clock.now()));
        if let Err(error) = &written {
            event!(
                self.failed.permit_now(),
                WARN,
                file = shown(self.path.display()),
                error = shown(error),
                "state of the limits could not be written: a restart loses what was counted since the last time"
            );
        }
        written
    }

    /// Returns whether this process may write the file.
    fn is_owner(&self) -> bool {
        let mut lock = self.lock.lock();
        let is_owner = lock.acquire();
        if !is_owner && lock.is_first_refusal() {
            event!(
                self.failed.permit_now(),
                WARN,
                file = shown(self.path.display()),
                "another process keeps the state of the limits: this one writes it once that has ended"
            );
        }
        is_owner
    }
}
