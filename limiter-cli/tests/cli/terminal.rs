//! The program in a real terminal, of the program `script`.

use std::process::{Command, Stdio};

use crate::support::{Folder, limiter, line, program};

const BOLD: &str = "\x1b[1m";

/// Runs the program with a terminal as its output.
fn in_terminal(folder: &Folder, arguments: &str, no_color: bool) -> String {
    let mut script = Command::new("script");
    script.args(["-qec", &format!("{} {arguments}", program()), "/dev/null"]).current_dir(folder.path());
    script.env("TERM", "xterm").env_remove("NO_COLOR").stdin(Stdio::null());
    if no_color {
        script.env("NO_COLOR", "1");
    }
    let output = script.output().expect("`script` of the package bsdutils runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).expect("it writes UTF-8")
}

fn folder() -> Folder {
    let log: String = (0..2000).map(|second| line("192.0.2.1", second, "GET /")).collect();
    Folder::new(&[("limits.toml", b"application_limits = '1/minute'"), ("a.log", log.as_bytes())])
}

#[test]
fn colours_are_for_terminals_only() {
    let folder = folder();
    assert!(in_terminal(&folder, "check limits.toml", false).contains(BOLD));
    assert!(!in_terminal(&folder, "check limits.toml", true).contains(BOLD));
    assert!(!in_terminal(&folder, "check limits.toml --color never", false).contains('\x1b'));
    assert!(!limiter(&folder, &["check", "limits.toml"]).out.contains('\x1b'));
    assert!(limiter(&folder, &["check", "limits.toml", "--color", "always"]).out.contains(BOLD));
}

#[test]
fn the_progress_is_for_terminals_only_and_leaves_no_trace() {
    let folder = folder();
    let shown = in_terminal(&folder, "replay limits.toml a.log --color never", false);
    assert!(shown.contains("\x1b[2K"), "the bar clears its line: {shown:?}");
    let quiet = in_terminal(&folder, "replay limits.toml a.log --color never --quiet", false);
    assert!(!quiet.contains('\x1b'), "{quiet:?}");
    assert!(shown.replace('\r', "").ends_with(&quiet.replace('\r', "")), "{shown:?}");
    let piped = limiter(&folder, &["replay", "limits.toml", "a.log"]);
    assert_eq!((piped.out, piped.errors.as_str()), (quiet.replace('\r', ""), ""));
}
