//! The example that reads a file, as it is built.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use limiter_test_support::{
    client::{Answer, Client},
    program::build_example,
};

use crate::Settings;

fn check(file: &Path) -> Output {
    let output = Command::new(build_example("from_file")).arg("--check").arg(file).output();
    output.expect("the example starts")
}

#[test]
fn the_example_checks_a_file_without_a_server() {
    let shipped = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/limits.toml"));
    let right = check(shipped);
    assert!(right.status.success(), "{right:?}");

    let settings = Settings::new("strategi = 'x'\ndefault_limits = '5'");
    let wrong = check(&settings.path);
    assert_eq!(wrong.status.code(), Some(1));
    let path = settings.path.display();
    let expected = format!(
        "invalid configuration:\n\
         {path}:1:1: unknown name `strategi`; did you mean `strategy`?\n\
         {path}:2:20: `default_limits`: expected `per`, `/` or `concurrent` at byte 1, found the end\n"
    );
    assert_eq!(String::from_utf8_lossy(&wrong.stderr), expected);
}

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn limit(answer: &Answer) -> Option<&str> {
    answer.header("x-ratelimit-limit")
}

#[test]
fn the_example_reloads_its_file() {
    let settings = Settings::new("headers = true\ndefault_limits = '5/hour'\n");
    let address = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port is free");
    let process = Command::new(build_example("from_file"))
        .arg(&settings.path)
        .env("ADDR", address.to_string())
        .env("RATELIMIT_HEADER_REMAINING", "x-left")
        .stdout(Stdio::piped())
        .spawn();
    let mut running = Running(process.expect("the example starts"));
    let mut lines = BufReader::new(running.0.stdout.take().expect("its output is piped")).lines();
    assert!(lines.next().is_some_and(|line| line.is_ok_and(|line| line.contains("Listening"))));

    let mut client = Client::connect(address);
    let first = client.get("/");
    assert_eq!((limit(&first), first.header("x-left")), (Some("5"), Some("4")));
    settings.write("headers = true\ndefault_limits = '6/hour'\n");
    let told = Command::new("kill").args(["-HUP", &running.0.id().to_string()]).status();
    assert!(told.is_ok_and(|status| status.success()));
    // It may have looked by itself just before.
    let is_told = |line: &str| line == "Reloaded" || line == "Nothing has changed";
    assert!(lines.any(|line| line.is_ok_and(|line| is_told(&line))));
    assert_eq!(limit(&client.get("/")), Some("6"));
}
