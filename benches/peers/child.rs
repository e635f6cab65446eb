use std::{
    env,
    io::{BufRead, BufReader, Read},
    process::{self, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

const ROLE: &str = "LIMITER_PEERS_ROLE";

/// What this process is to do for the one that started it; none for the first one.
#[must_use]
pub fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// This program once more, as a process of its own, which ends with this one.
pub struct Child {
    process: process::Child,
    lines: BufReader<ChildStdout>,
    /// Closed when this process ends, however it ends.
    _input: ChildStdin,
}

impl Child {
    /// Starts it for a role.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(role: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("this program has a path"));
        command.args(env::args().skip(1)).env(ROLE, role).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("this program starts again");
        let output = process.stdout.take().expect("it is piped");
        let input = process.stdin.take().expect("it is piped");
        Self { process, lines: BufReader::new(output), _input: input }
    }

    /// The next line that it prints, without its end.
    ///
    /// # Panics
    ///
    /// When it ends before.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("its output is text");
        assert!(read > 0, "the process ended too early");
        line.trim_end().into()
    }

    /// All that it prints until it ends.
    ///
    /// # Panics
    ///
    /// When it fails.
    #[must_use]
    pub fn finish(mut self) -> String {
        let mut text = String::new();
        self.lines.read_to_string(&mut text).expect("its output is text");
        assert!(self.process.wait().expect("it ends").success(), "the process failed");
        text
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Child {
    /// One that has ended already cannot be ended once more.
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Ends this process as soon as the one that started it has ended.
pub fn end_with_parent() {
    thread::spawn(|| {
        // Nothing is ever written: this returns when the other end is closed.
        let ended = std::io::stdin().read_to_end(&mut Vec::new());
        process::exit(i32::from(ended.is_err()));
    });
}
