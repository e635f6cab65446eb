//! Runs of the program, and files for it.

use std::{
    env, fs,
    io::Write,
    net::Ipv4Addr,
    path::PathBuf,
    process::{self, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::Value;

/// Returns the program: that of this build, or the one in `LIMITER_PROGRAM`, such as a build for release.
pub(crate) fn program() -> String {
    env::var("LIMITER_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_limiter").to_owned())
}

/// The end of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl Run {
    /// Returns the output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the program in a folder of files.
pub(crate) fn limiter(folder: &Folder, arguments: &[&str]) -> Run {
    limiter_with(folder, arguments, b"")
}

/// The same with a standard input.
pub(crate) fn limiter_with(folder: &Folder, arguments: &[&str], input: &[u8]) -> Run {
    let mut child = Command::new(program())
        .args(arguments)
        .current_dir(&folder.0)
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("it has a standard input");
    let output = thread::scope(|scope| {
        // It need not read all.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("it ends")
    });
    Run {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("it writes UTF-8"),
        errors: String::from_utf8(output.stderr).expect("it writes UTF-8"),
    }
}

/// A folder that is gone when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Creates a folder with these files.
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = Self(env::temp_dir().join(format!("limiter-cli-{}-{number}", process::id())));
        fs::create_dir_all(&folder.0).expect("the folder can be made");
        for (name, content) in files {
            fs::write(folder.0.join(name), content).expect("the file can be written");
        }
        folder
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).expect("the file can be read")
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns a line in the combined format, a number of seconds after 2026-10-09T13:00:00Z.
pub(crate) fn line(client: &str, second: u64, request: &str) -> String {
    let (hour, minute, second) = (13 + second / 3600, second / 60 % 60, second % 60);
    format!(
        "{client} - - [09/Oct/2026:{hour:02}:{minute:02}:{second:02} +0000] \"{request} HTTP/1.1\" 200 12 \"-\" \
         \"curl/8.5.0\"\n"
    )
}

/// Returns one of the clients. Those with low numbers come most.
pub(crate) fn client(numbers: &mut Numbers, clients: u64) -> Ipv4Addr {
    let number = numbers.below(clients) * numbers.below(clients);
    Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(number).expect("few clients"))
}

/// A sequence of numbers that is the same in each run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
