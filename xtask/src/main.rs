//! The chores of this workspace. `cargo xtask test` is the one command that runs every test.

use std::{
    env,
    error::Error,
    path::Path,
    process::{self, ExitCode},
};

mod cargo;
mod python;
mod runner;
mod steps;

use self::steps::Step;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.split_first() {
        Some((command, paths)) if command == "house" && !paths.is_empty() => list(paths),
        Some((command, names)) if command == "test" => test(names),
        Some((command, _)) if ["help", "--help", "-h"].contains(&command.as_str()) => {
            print!("{}", usage());
            ExitCode::SUCCESS
        }
        _ => wrong_usage("expected a command"),
    }
}

fn list(paths: &[String]) -> ExitCode {
    match steps::house::list(paths) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Goes to the root of the workspace, which is that of the folder it is called in.
fn go_to_root() -> Result<(), Box<dyn Error>> {
    let here = env::current_dir()?;
    let is_root = |folder: &&Path| folder.join("xtask/Cargo.toml").exists();
    let root = here.ancestors().find(is_root).ok_or("call it within the workspace")?;
    Ok(env::set_current_dir(root)?)
}

fn test(names: &[String]) -> ExitCode {
    if let Err(error) = go_to_root() {
        eprintln!("xtask: {error}");
        return ExitCode::FAILURE;
    }
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
    let commands = "\
cargo xtask test            runs all steps
cargo xtask test STEP...    runs these
cargo xtask house PATH...   lists the banned words in these files and folders";
    format!("{commands}\n\n{}\n", steps.join("\n"))
}
