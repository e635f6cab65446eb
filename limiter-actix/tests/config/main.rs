//! Settings from the environment and from files.

use std::{
    env, fs,
    path::PathBuf,
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

mod any_file;
mod environment;
mod example;
mod file;
mod issues;
mod listing;
mod outline;
mod precedence;
mod reload;
mod storage_failure;
mod under_load;

/// A file of settings that is gone when it is dropped.
struct Settings {
    path: PathBuf,
}

impl Settings {
    fn new(text: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("limits-{}-{number}.toml", process::id()));
        let settings = Self { path };
        settings.write(text);
        settings
    }

    /// Puts another text in its place, as a whole.
    fn write(&self, text: &str) {
        let beside = self.path.with_extension("new");
        fs::write(&beside, text).expect("a file can be written");
        fs::rename(&beside, &self.path).expect("a file can be renamed");
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        // The test has it no more.
        drop(fs::remove_file(&self.path));
    }
}
