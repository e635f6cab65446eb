//! The chores of this workspace. `cargo xtask test` is the one command that runs every test.

use std::{
    env,
    error::Error,
    path::Path,
    process::{self, ExitCode},
};

mod cargo;
mod interface;
mod python;
mod readme;
mod runner;
mod setup;
mod steps;

use self::steps::Step;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.split_first() {
        Some((command, paths)) if command == "house" && !paths.is_empty() => list(paths),
        Some((command, names)) if command == "test" => test(names),
        Some((command, [])) if command == "interface" => {
            finish(go_to_root().and_then(|()| steps::document()).and_then(|()| interface::write()))
        }
        Some((command, arguments)) if command == "simulate" => {
            finish(go_to_root().and_then(|()| cargo::simulate(arguments)))
        }
        Some((command, [])) if command == "readme" => finish(go_to_root().and_then(|()| readme::write())),
        Some((command, _)) if ["help", "--help", "-h"].contains(&command.as_str()) => {
            print!("{}", usage());
            ExitCode::SUCCESS
        }
        _ => wrong_usage("expected a command"),
    }
}

fn list(paths: &[String]) -> ExitCode {
    finish(steps::house::list(paths))
}

fn finish(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&*error),
    }
}

/// Goes to the root of the workspace around the current folder.
fn go_to_root() -> Result<(), Box<dyn Error>> {
    let here = env::current_dir()?;
    let is_root = |folder: &&Path| folder.join("xtask/Cargo.toml").exists();
    let root = here.ancestors().find(is_root).ok_or("the current folder is outside the workspace")?;
    Ok(env::set_current_dir(root)?)
}

fn test(names: &[String]) -> ExitCode {
    let is_known = |name: &&String| steps::ALL.iter().any(|step| step.name == **name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        wrong_usage(&format!("there is no step `{unknown}`"));
    }
    let is_ci = steps::is_ci();
    let is_named = |step: &Step| names.iter().any(|name| name == step.name);
    let omission = |step: &Step| if is_named(step) { None } else { step.omission(is_ci) };
    let chosen: Vec<_> = steps::ALL.iter().filter(|step| names.is_empty() || is_named(step)).collect();
    let run: Vec<_> = chosen.iter().filter(|step| omission(step).is_none()).map(|step| step.name).collect();
    match go_to_root().and_then(|()| setup::prepare(&run)) {
        Ok(()) => runner::run(chosen.into_iter(), &omission, is_ci),
        Err(error) => failure(&*error),
    }
}

fn failure(error: &dyn Error) -> ExitCode {
    eprintln!("xtask: {error}");
    ExitCode::FAILURE
}

fn wrong_usage(message: &str) -> ! {
    eprint!("xtask: {message}\n\n{}", usage());
    process::exit(2)
}

fn usage() -> String {
    let line = |step: &Step| format!("  {:<14}{}", step.name, step.about);
    let steps: Vec<_> = steps::ALL.iter().map(line).collect();
    let commands = "\
cargo xtask test            runs all steps, after installing the programs they need
cargo xtask test STEP...    runs these steps, after installing the programs they need
cargo xtask house PATH...   lists the banned words in these files and folders
cargo xtask readme          writes the READMEs of the crates, from their documentation
cargo xtask interface       stores the public interface of the libraries
cargo xtask simulate        simulates fleets that share a storage; `--help` lists its options
cargo xtask help            prints this text

steps:";
    format!("{commands}\n{}\n", steps.join("\n"))
}
