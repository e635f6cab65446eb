//! Calls of cargo.

use std::{
    env,
    error::Error,
    ffi::OsStr,
    fmt, io,
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
};

use crate::steps::{Outcome, is_ci};

/// The folder that cargo puts its results into.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

/// A call of cargo that is yet to be made. It gets no standard input.
pub(crate) struct Cargo(Command);

/// A call of the cargo that runs this program.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Cargo {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).stdin(Stdio::null());
    remove_package(&mut command);
    Cargo(command)
}

/// Removes the variables that describe this package, which cargo set to run it. The build script of `ring` watches them,
/// so that all storages would be compiled again after a call by hand, and once more after that.
fn remove_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let is_of_package =
            ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|it| name.to_string_lossy().starts_with(it));
        if is_of_package {
            command.env_remove(name);
        }
    }
}

/// The packages and features of all tests. They are the same for all steps, so that everything is compiled once:
/// cargo compiles a crate again for other features of it or of what it depends on.
///
/// Those of limiter-core are in `limiter-core/tests/remote/Cargo.toml`. If they were here, the macros would depend on a
/// limiter-core with all storages, too, compiled for the compiler.
const TESTED: &[&str] = &[
    "--workspace",
    // These are of use in a release build only: `cargo xtask test instructions`.
    "--exclude",
    "limiter-benches",
    "--features",
    "limiter-actix/config-file,limiter-actix/cookies,limiter-actix/inspector,limiter-actix/lookup,\
     limiter-actix/metrics,limiter-actix/mongodb,limiter-examples/metrics,limiter-examples/sqlite",
];

/// A call of cargo for all that is tested, such as `test` or `clippy`.
pub(crate) fn tested<const N: usize>(subcommand: &str, arguments: [&str; N]) -> Cargo {
    let mut cargo = cargo([subcommand]);
    cargo.0.args(TESTED).args(arguments);
    cargo
}

/// Runs the simulation of fleets with these arguments.
pub(crate) fn simulate(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let mut cargo = cargo(["run", "--release", "--quiet", "-p", "limiter-simulation", "--"]);
    cargo.0.args(arguments);
    cargo.run().map(drop)
}

impl Cargo {
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.0.args(arguments);
        self
    }

    /// Makes the call in another folder.
    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs three tests for each processor at once, of those that mostly wait for servers.
    pub(crate) fn mostly_waiting(self) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        self.env("RUST_TEST_THREADS", (3 * processors).to_string())
    }

    /// Adds to a variable that lists flags, keeping those it has.
    pub(crate) fn append(self, name: &str, flags: &str) -> Self {
        match env::var(name) {
            Ok(present) if !present.is_empty() => self.env(name, format!("{present} {flags}")),
            _ => self.env(name, flags),
        }
    }

    /// Shows the call, makes it, and fails when it does.
    pub(crate) fn run(mut self) -> Result<Outcome, Box<dyn Error>> {
        println!("{self}");
        let status = self.status()?;
        if status.success() { Ok(Outcome::Passed) } else { Err(status.to_string().into()) }
    }

    /// Makes the call without output, and returns whether it succeeded.
    pub(crate) fn works(mut self) -> bool {
        self.0.stdout(Stdio::null()).stderr(Stdio::null());
        self.status().is_ok_and(|status| status.success())
    }

    fn status(&mut self) -> io::Result<ExitStatus> {
        if is_ci() {
            // Nothing is built a second time, so what would make that faster only costs time.
            self.0.env("CARGO_INCREMENTAL", "0");
            // Nobody debugs there, and panics name file and line all the same. It holds for the packages that UI tests
            // make, too.
            self.0.env("CARGO_PROFILE_DEV_DEBUG", "none");
            self.0.env("CARGO_PROFILE_RELEASE_DEBUG", "none");
        }
        self.0.status()
    }
}

/// As one would type it.
impl fmt::Display for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.0.get_envs() {
            let Some(value) = value.map(OsStr::to_string_lossy) else { continue };
            let quote = if value.contains(' ') { "\"" } else { "" };
            write!(f, "{}={quote}{value}{quote} ", name.display())?;
        }
        write!(f, "cargo")?;
        self.0.get_args().try_for_each(|argument| write!(f, " {}", argument.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_shown_as_one_would_type_it() {
        let call = cargo(["test", "--release"]).env("A", "1").env("B", "--cfg limiter_loom");
        assert_eq!(call.to_string(), "A=1 B=\"--cfg limiter_loom\" cargo test --release");
    }
}
