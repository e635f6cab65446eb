use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// A program that runs until it is dropped, and the folder it may write to, which goes with it.
#[derive(Debug)]
pub struct Process {
    command: Command,
    child: Child,
    folder: Folder,
}

impl Process {
    /// Starts a program; `command` gets the folder, which is new and empty. `advice` is how to get the
    /// program.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(command: impl FnOnce(&Path) -> Command, advice: &str) -> Self {
        let folder = Folder::new();
        let mut command = command(&folder.0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("{}: {error}; {advice}", command.get_program().display());
        });
        Self { command, child, folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Stops the process without ending it: connections stay open and nobody answers.
    ///
    /// # Panics
    ///
    /// When it has ended.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        // Until then some of its threads may still answer.
        let stopped = waitpid(Some(Pid::from_child(&self.child)), WaitOptions::UNTRACED);
        assert!(stopped.is_ok_and(|it| it.is_some_and(|(_, status)| status.stopped())), "it has ended");
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends it, without a word to it.
    ///
    /// # Panics
    ///
    /// When it has ended before.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Starts it again, after it was killed: the same command, with the same folder as it is.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn restart(&mut self) {
        self.child = self.command.spawn().expect("it could be started before");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A folder that goes when it is dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("limiter-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("there is room for a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A port that nobody listens on. Ports from the range the system gives out are not given out twice in a row.
///
/// # Panics
///
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.expect("a port is free").port()
}

/// Waits until something is so, for at most three minutes. That is there for a broken server, not for a busy machine.
///
/// # Panics
///
/// When it is not so by then.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(180), "waited three minutes until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
