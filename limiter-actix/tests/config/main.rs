//! Settings from the environment and from files.

use std::{
    env, fs,
    path::PathBuf,
    process,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use actix_web::rt::System;

mod alone;
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

/// Runs a test in a thread with a name like those of the workers of a server.
fn in_worker(test: impl AsyncFnOnce() + Send + 'static) {
    let worker = thread::Builder::new().name("actix-rt|system:0|arbiter:0".to_owned());
    let run = || System::new().block_on(test());
    worker.spawn(run).expect("a thread").join().expect("the test passes");
}

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
