//! What `cargo xtask test` runs, in this order.
//!
//! A step that is more than a call of cargo, such as one that starts a server, is a module with a `STEP`.
//! Such a step fails when its server is missing: a test that did not run has not passed.

use std::{env, error::Error};

use crate::cargo::cargo;

mod dependencies;
pub(crate) mod house;
mod instructions;
mod memcached;
mod model;
mod mongodb;
mod redis;
mod storages;

/// One thing to check.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Left out elsewhere, so that nobody waits for it while writing.
    ci_only: bool,
    pub(crate) run: fn() -> Result<Outcome, Box<dyn Error>>,
}

/// How a step that did not fail came out.
pub(crate) enum Outcome {
    Passed,
    /// Something that is not a test could not be had; says what, and how to get it.
    Missing(String),
}

/// All steps.
pub(crate) const ALL: &[Step] = &[
    Step { name: "format", about: "the code is formatted (CI only)", ci_only: true, run: format },
    Step { name: "clippy", about: "no warnings (CI only)", ci_only: true, run: clippy },
    house::STEP,
    Step { name: "test", about: "unit, integration, UI and documentation tests", ci_only: false, run: test },
    model::STEP,
    instructions::STEP,
    storages::STEP,
    redis::REDIS,
    redis::VALKEY,
    memcached::STEP,
    mongodb::STEP,
    Step { name: "doc", about: "the documentation builds without warnings", ci_only: false, run: doc },
    Step { name: "features", about: "builds with other features", ci_only: false, run: features },
    dependencies::STEP,
];

/// Why a step is left out when all are asked for; none when it runs.
pub(crate) fn omission_here(step: &Step) -> Option<&'static str> {
    let ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
    (step.ci_only && !ci).then_some("runs where CI is set")
}

fn format() -> Result<Outcome, Box<dyn Error>> {
    cargo(["fmt", "--all", "--check"]).run()
}

fn clippy() -> Result<Outcome, Box<dyn Error>> {
    cargo(["clippy", "--all-targets", "--", "-D", "warnings"]).run()
}

fn test() -> Result<Outcome, Box<dyn Error>> {
    cargo(["test", "--no-fail-fast"]).run()
}

fn doc() -> Result<Outcome, Box<dyn Error>> {
    cargo(["doc", "--no-deps"]).append("RUSTDOCFLAGS", "-D warnings").run()
}

fn features() -> Result<Outcome, Box<dyn Error>> {
    cargo(["check", "-p", "limiter-core", "--no-default-features"]).run()?;
    // Those with few dependencies of their own: the others are built by the tests of all storages, and by
    // themselves would take longer than they are worth.
    for feature in ["remote", "redis", "redis-sentinel", "redis-cluster", "memcached"] {
        cargo(["check", "-p", "limiter-core", "--no-default-features", "--features", feature]).run()?;
    }
    cargo(["check", "-p", "limiter-actix", "--no-default-features"]).run()?;
    for feature in ["config-file", "cookies", "metrics"] {
        cargo(["check", "-p", "limiter-actix", "--no-default-features", "--features", feature]).run()?;
    }
    cargo(["test", "-p", "limiter-actix", "--all-features", "--lib"]).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (index, step) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.name != step.name), "{} stands twice", step.name);
        }
    }
}
