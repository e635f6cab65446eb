//! One process writes the file.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use super::write::{private, with_suffix};

/// A lock that ends with its process, on a file of its own: the file with the state is replaced again and again.
pub(super) struct StateLock {
    path: PathBuf,
    held: Option<File>,
    was_refused: bool,
}

impl StateLock {
    pub(super) fn of(state: &Path) -> Self {
        Self { path: with_suffix(state, ".lock"), held: None, was_refused: false }
    }

    /// Acquires the lock. Returns `false` if another process has it.
    ///
    /// Where files have no locks, it is as if it were acquired.
    pub(super) fn acquire(&mut self) -> bool {
        if self.held.is_some() {
            return true;
        }
        let options = OpenOptions::new().create(true).truncate(false).write(true).clone();
        let Ok(file) = private(options).open(&self.path) else { return true };
        match file.try_lock() {
            Ok(()) => self.held = Some(file),
            Err(TryLockError::WouldBlock) => return false,
            Err(TryLockError::Error(_)) => {}
        }
        true
    }

    /// Returns `true` once.
    pub(super) fn is_first_refusal(&mut self) -> bool {
        !std::mem::replace(&mut self.was_refused, true)
    }
}
