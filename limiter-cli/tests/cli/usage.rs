//! Help, invalid arguments, completions, the manual page, and pipes.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::support::{Folder, limiter, line, program};

#[test]
fn help_names_commands_and_exit_codes() {
    let folder = Folder::new(&[]);
    let run = limiter(&folder, &["--help"]);
    for text in [
        "check",
        "replay",
        "suggest",
        "completions",
        "man",
        "Exit codes:",
        "3  reading or writing a file failed",
    ] {
        assert!(run.code == 0 && run.out.contains(text), "{text}: {run:?}");
    }
    assert!(!run.out.contains('\x1b'), "{run:?}");
    for command in ["check", "replay", "suggest"] {
        let run = limiter(&folder, &[command, "--help"]);
        assert!(run.code == 0 && run.out.contains("--json"), "{run:?}");
    }
}

#[test]
fn invalid_arguments_have_their_own_code() {
    let folder = Folder::new(&[("limits.toml", b""), ("a.log", b"")]);
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["check"],
        &["replay", "limits.toml"],
        &["replay", "limits.toml", "a.log", "--format", "iis"],
        &["replay", "limits.toml", "a.log", "--json", "--html", "a.html"],
        &["replay", "limits.toml", "a.log", "--route", "no/slash"],
        &["replay", "limits.toml", "a.log", "--route", "GET /a"],
        &["replay", "limits.toml", "a.log", "--route", "/a/{b"],
        &["suggest", "a.log", "--share", "101"],
        &["suggest", "a.log", "--strategy", "token-bucket"],
    ] {
        let run = limiter(&folder, arguments);
        assert!(run.code == 2 && run.out.is_empty() && !run.errors.is_empty(), "{arguments:?}: {run:?}");
    }
}

#[test]
fn files_that_cannot_be_read_or_written_have_their_own_code() {
    let folder = Folder::new(&[("limits.toml", b""), ("a.log", line("192.0.2.1", 0, "GET /").as_bytes())]);
    for arguments in [
        &["replay", "limits.toml", "missing.log"][..],
        &["suggest", "missing.log"],
        &["replay", "limits.toml", "a.log", "--html", "missing/a.html"],
        &["replay", "limits.toml", "a.log", "--routes", "missing.txt"],
    ] {
        let run = limiter(&folder, arguments);
        assert!(run.code == 3 && run.errors.contains("missing"), "{arguments:?}: {run:?}");
    }
}

#[test]
fn completions_and_manual_page_name_all_commands() {
    let folder = Folder::new(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = limiter(&folder, &["completions", shell]);
        assert!(run.code == 0 && run.out.contains("suggest") && run.out.contains("max-refused"), "{shell}");
    }
    let run = limiter(&folder, &["man"]);
    assert!(run.code == 0 && run.out.contains(".TH limiter 1"), "{}", run.out);
    for text in ["LIMITER CHECK", "LIMITER REPLAY", "LIMITER SUGGEST", "max\\-refused", "Exit codes"] {
        assert!(run.out.contains(text), "{text}: {}", run.out);
    }
}

#[test]
fn a_closed_pipe_is_quiet() {
    let mut child = Command::new(program())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It may be done writing before, into the buffer of the pipe. Then this cannot fail.
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn the_output_may_be_cut_by_its_reader() {
    let paths: Vec<_> = (0..2000).map(|number| format!("/route/{number}/with/a/long/path")).collect();
    let routes = paths.join("\n");
    let log: String = paths.iter().map(|path| line("192.0.2.1", 0, &format!("GET {path}"))).collect();
    let folder =
        Folder::new(&[("limits.toml", b""), ("r.txt", routes.as_bytes()), ("a.log", log.as_bytes())]);
    let mut child = Command::new(program())
        .args(["replay", "limits.toml", "a.log", "--routes", "r.txt", "--json"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("it has an output"));
    let mut first = String::new();
    stdout.read_line(&mut first).expect("it writes a line");
    drop(stdout);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((first.as_str(), output.status.code(), output.stderr.as_slice()), ("{\n", Some(0), &b""[..]));
}
