//! The examples, as programs of their own.

use std::{
    env,
    io::{BufRead, BufReader, Lines},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

/// An example that runs until it is dropped.
#[derive(Debug)]
pub struct Program {
    /// Where it listens.
    pub address: SocketAddr,
    process: Child,
    /// Open, so that it may go on to write.
    _output: Lines<BufReader<ChildStdout>>,
}

/// Builds an example, and returns where cargo has put it.
///
/// # Panics
///
/// When it does not build.
pub fn build_example(name: &str) -> PathBuf {
    build_example_with(name, "")
}

/// Builds an example with features of the examples, separated by commas.
///
/// Uses the one in the folder `LIMITER_EXAMPLES`, if that is set: there is no need to build it then.
fn build_example_with(name: &str, features: &str) -> PathBuf {
    if let Some(folder) = env::var_os("LIMITER_EXAMPLES") {
        return PathBuf::from(folder).join(name);
    }
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "limiter-examples", "--example", name])
        .args(["--message-format=json", "--features", features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the example {name} does not build");
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    let mut executables = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    executables.next_back().expect("cargo says where the example is")
}

/// Runs an example on a free port, given as `ADDR`, and waits until it listens.
///
/// # Panics
///
/// When it does not start.
pub fn run_example(name: &str) -> Program {
    run_example_with(name, "")
}

/// Runs an example that needs features, separated by commas, as [`run_example`] does.
///
/// # Panics
///
/// When it does not start.
pub fn run_example_with(name: &str, features: &str) -> Program {
    run(build_example_with(name, features), &[])
}

/// Runs an example with variables in its environment, as [`run_example`] does.
///
/// # Panics
///
/// When it does not start.
pub fn run_example_in(name: &str, environment: &[(&str, &str)]) -> Program {
    run(build_example(name), environment)
}

fn run(program: PathBuf, environment: &[(&str, &str)]) -> Program {
    // Nobody else is given the port so soon after it was free.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port is free");
    let mut process = Command::new(program)
        .env("ADDR", address.to_string())
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let mut lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    assert!(first.contains(&address.to_string()), "the example says: {first}");
    Program { address, process, _output: lines }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
