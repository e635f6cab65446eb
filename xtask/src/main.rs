//! The chores of this workspace. `cargo xtask test` is the one command that runs every test.

use std::{
    env,
    path::Path,
    process::{self, ExitCode},
};

mod cargo;
mod python;
mod runner;
mod steps;

use self::steps::Step;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Err(error) = env::set_current_dir(&root) {
        eprintln!("xtask: {}: {error}", root.display());
        return ExitCode::FAILURE;
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.split_first() {
        Some((command, names)) if command == "test" => test(names),
        Some((command, _)) if ["help", "--help", "-h"].contains(&command.as_str()) => {
            print!("{}", usage());
            ExitCode::SUCCESS
        }
        _ => wrong_usage("expected a command"),
    }
}

fn test(names: &[String]) -> ExitCode {
    if names.is_empty() {
        return runner::run(steps::ALL.iter(), &steps::omission_here);
    }
    let known = |name: &&String| steps::ALL.iter().any(|step| step.name == **name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        wrong_usage(&format!("there is no step `{unknown}`"));
    }
    let asked_for = |step: &&Step| names.iter().any(|name| name == step.name);
    runner::run(steps::ALL.iter().filter(asked_for), &|_| None)
}

fn wrong_usage(message: &str) -> ! {
    eprint!("xtask: {message}\n\n{}", usage());
    process::exit(2)
}

fn usage() -> String {
    let line = |step: &Step| format!("  {:<14}{}", step.name, step.about);
    let steps: Vec<_> = steps::ALL.iter().map(line).collect();
    let commands = "cargo xtask test            runs all steps\ncargo xtask test STEP...    runs these";
    format!("{commands}\n\n{}\n", steps.join("\n"))
}
