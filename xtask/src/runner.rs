//! Runs steps one after another, says how each came out, and stops at the first that fails.

use std::{process::ExitCode, time::Instant};

use crate::steps::{Outcome, Step};

/// What is said about the steps at the end, a line each.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
    passed: usize,
}

/// Runs all steps but those that are `omitted` for a reason.
pub(crate) fn run<'a>(
    steps: impl Iterator<Item = &'a Step>,
    omitted: &dyn Fn(&Step) -> Option<&'static str>,
) -> ExitCode {
    let mut report = Report::default();
    for step in steps {
        if let Some(reason) = omitted(step) {
            report.add(step, "omitted", reason);
        } else if let Err(error) = report.run(step) {
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
    fn run(&mut self, step: &Step) -> Result<(), String> {
        println!("\n== {}: {}", step.name, step.about);
        let start = Instant::now();
        let outcome = (step.run)();
        let time = format!("{:.1} s", start.elapsed().as_secs_f64());
        match outcome {
            Ok(Outcome::Passed) => {
                self.passed += 1;
                self.add(step, "passed", &time);
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
