//! Runs steps one after another, prints the outcome of each, and stops at the first that fails.

use std::{process::ExitCode, time::Instant};

use crate::steps::{Outcome, Step};

/// The summary of all steps, a line each.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
    passed: usize,
}

/// Runs all steps but those for which `omission` returns a reason. Where `is_ci`, a missing program is a failure.
pub(crate) fn run<'a>(
    steps: impl Iterator<Item = &'a Step>,
    omission: &dyn Fn(&Step) -> Option<&'static str>,
    is_ci: bool,
) -> ExitCode {
    let mut report = Report::default();
    for step in steps {
        if let Some(reason) = omission(step) {
            report.add(step, "omitted", reason);
        } else if let Err(error) = report.run(step, is_ci) {
            report.print();
            println!("xtask: the step `{}` failed: {error}", step.name);
            println!("xtask: {} passed, 1 failed", report.passed);
            return ExitCode::FAILURE;
        }
    }
    report.print();
    println!("xtask: {} passed, 0 failed", report.passed);
    ExitCode::SUCCESS
}

impl Report {
    fn run(&mut self, step: &Step, is_ci: bool) -> Result<(), String> {
        println!("\n== {}: {}", step.name, step.about);
        let start = Instant::now();
        let outcome = (step.run)();
        let time = format!("{:.1} s", start.elapsed().as_secs_f64());
        match outcome {
            Ok(Outcome::Passed) => {
                self.passed += 1;
                self.add(step, "passed", &time);
            }
            Ok(Outcome::Missing(what)) if is_ci => {
                self.add(step, "FAILED", &time);
                return Err(what);
            }
            Ok(Outcome::Missing(what)) => self.add(step, "skipped", &what),
            Err(error) => {
                self.add(step, "FAILED", &time);
                return Err(error.to_string());
            }
        }
        Ok(())
    }

    fn add(&mut self, step: &Step, outcome: &str, note: &str) {
        println!("== {}: {outcome}, {note}", step.name);
        self.lines.push(format!("{:<14}{outcome:<9}{note}", step.name));
    }

    fn print(&self) {
        println!("\n== summary");
        self.lines.iter().for_each(|line| println!("{line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_fails_where_nothing_may_be_left_out() {
        let step = Step {
            name: "it",
            about: "lacks its program",
            ci_only: false,
            run: || Ok(Outcome::Missing("a program".into())),
        };
        assert!(Report::default().run(&step, false).is_ok());
        assert_eq!(Report::default().run(&step, true), Err("a program".into()));
    }
}
