use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use super::{Outcome, Step};
use crate::{
    cargo::{cargo, target},
    python::works,
};

/// Counts the instructions of decisions and requests, which do not depend on how busy the machine is.
pub(super) const STEP: Step =
    Step { name: "instructions", about: "no decision takes more instructions", ci_only: false, run };

/// A line for each scenario: its name and its instructions for one time. A change of them is a commit of its own
/// with the reason.
const BASELINE: &str = "benches/counts.txt";

/// The file of the present counts in the target folder, which may become the baseline.
const PRESENT: &str = "counts.txt";

/// The percentage by which a count may grow.
const TOLERANCE: u64 = 5;

/// Twice as many times and once as many: the difference leaves out what happens once.
const TIMES: u64 = 2000;

fn run() -> Result<Outcome, Box<dyn Error>> {
    if !works(Command::new("valgrind").arg("--version")) {
        return Err("valgrind was not found; `apt-get install valgrind` installs it".into());
    }
    cargo(["build", "--release", "-p", "limiter-benches", "--bin", "count"]).run()?;
    let program = target().join("release").join("count");
    let baseline = fs::read_to_string(BASELINE)?;
    let baseline = read(&baseline)?;
    let (mut present, mut grown) = (String::new(), Vec::new());
    for (scenario, before) in baseline {
        let now = instructions(&program, scenario)?;
        println!("{scenario:<20}{before:>8}{now:>8}");
        writeln!(present, "{scenario} {now}")?;
        if now * 100 > before * (100 + TOLERANCE) {
            grown.push(format!("{scenario} from {before} to {now}"));
        }
    }
    let file = target().join(PRESENT);
    fs::write(&file, present)?;
    if grown.is_empty() {
        return Ok(Outcome::Passed);
    }
    let (grown, file) = (grown.join(", "), file.display());
    Err(format!("instructions have grown by more than {TOLERANCE} %: {grown}; {file} has all of them").into())
}

/// Returns the instructions of a scenario for one time. Valgrind uses one processor, so both runs are made at once.
fn instructions(program: &Path, scenario: &str) -> Result<u64, Box<dyn Error>> {
    thread::scope(|scope| {
        let twice = scope.spawn(|| count(program, scenario, 2 * TIMES).map_err(|error| error.to_string()));
        let once = count(program, scenario, TIMES)?;
        let twice = twice.join().map_err(|_| "counting has panicked")??;
        Ok(twice.saturating_sub(once) / TIMES)
    })
}

/// Returns the instructions of a scenario for all times.
fn count(program: &Path, scenario: &str, times: u64) -> Result<u64, Box<dyn Error>> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(program).arg(scenario).arg(times.to_string()).stdin(Stdio::null());
    let output = valgrind.output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let counted = text.lines().find_map(|line| line.split_once("Collected :")).map(|(_, count)| count.trim());
    match counted {
        Some(count) if output.status.success() => Ok(count.parse()?),
        _ => Err(format!("the scenario {scenario} failed: {text}").into()),
    }
}

fn read(baseline: &str) -> Result<BTreeMap<&str, u64>, Box<dyn Error>> {
    let lines = baseline.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, count) = line.split_once(' ').ok_or_else(|| format!("{BASELINE}: `{line}`"))?;
            Ok((name, count.trim().parse()?))
        })
        .collect()
}
