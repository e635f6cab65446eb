//! Tests in processes of their own, since others of a program may link or configure what is missing.

use std::{
    env,
    process::{Command, Stdio},
};

/// Runs these tests of this program, one after the other, each in its own process.
///
/// # Panics
///
/// Unless all of them pass.
#[track_caller]
pub fn run_alone(tests: &[&str]) {
    let program = env::current_exe().expect("the path of this program");
    let failures: Vec<_> = tests.iter().filter_map(|test| failure(Command::new(&program), test)).collect();
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

/// Returns the output of a test that has failed, or that does not exist.
fn failure(mut program: Command, test: &str) -> Option<String> {
    let output = program.args(["--exact", test]).stdin(Stdio::null()).output().expect("the program runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let has_passed = output.status.success() && printed.contains("1 passed");
    (!has_passed).then(|| format!("{test}: {printed}{}", String::from_utf8_lossy(&output.stderr)))
}
