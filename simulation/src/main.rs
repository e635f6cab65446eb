//! Simulates fleets of processes that share a storage: the code that ships, with time, network and servers injected.
//!
//! Time is that of tokio, paused: it moves on when nothing is left to do. Its steps are milliseconds. So a run does not
//! depend on how busy the machine is, and the same seed gives the same figures.

use std::{env, error::Error, fs, process::ExitCode};

mod call;
mod fleet;
mod ledger;
mod link;
mod node;
mod report;
mod scenario;
mod slot;
#[cfg(test)]
mod tests;

use self::scenario::Scenario;

const USAGE: &str = "\
Usage: simulate [--seed NUMBER] [--plot FILE] [WORDS]

Prints a table of all scenarios, or of those whose names contain WORDS.

  --seed NUMBER  another course of events; defaults to 1
  --plot FILE    also writes the plot of the documentation, as SVG
";

struct Arguments {
    seed: u64,
    plot: Option<String>,
    words: String,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut arguments = Arguments { seed: 1, plot: None, words: String::new() };
    let mut all = env::args().skip(1);
    while let Some(argument) = all.next() {
        let mut value = || all.next().ok_or_else(|| format!("{argument} requires a value\n\n{USAGE}"));
        match argument.as_str() {
            "--seed" => arguments.seed = value()?.parse().map_err(|_| "--seed requires a whole number")?,
            "--plot" => arguments.plot = Some(value()?),
            option if option.starts_with('-') => return Err(USAGE.into()),
            words => words.clone_into(&mut arguments.words),
        }
    }
    Ok(arguments)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let Arguments { seed, plot, words } = arguments()?;
    let chosen: Vec<_> = Scenario::all().into_iter().filter(|it| it.name.contains(&words)).collect();
    if chosen.is_empty() {
        return Err(format!("no scenario contains `{words}`").into());
    }
    print!("{}", report::HEAD);
    for scenario in chosen.iter().flat_map(|it| [it.without_leases(), it.clone()]) {
        print!("{}", report::row(&scenario, &fleet::run(&scenario, seed)));
    }
    if let Some(file) = plot {
        fs::write(file, report::plot(seed))?;
    }
    Ok(())
}
