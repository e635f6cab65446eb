//! The steps of `cargo xtask test`, in the order in which they run.
//!
//! A step that is more than a call of cargo, such as one that starts a server, is a module with a `STEP`.
//! Such a step fails if its server is missing: a test that did not run has not passed.

use std::{env, error::Error};

use crate::{
    cargo::{cargo, tested},
    interface, readme,
};

mod browser;
mod dependencies;
pub(crate) mod house;
mod instructions;
mod memcached;
mod model;
mod mongodb;
mod pack;
mod redis;
mod soak;
mod workspace;

/// One thing to check.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// `true` for a step that runs only where `CI` is set, since it is of little use while writing code.
    pub(crate) ci_only: bool,
    pub(crate) run: fn() -> Result<Outcome, Box<dyn Error>>,
}

/// The outcome of a step that did not fail.
pub(crate) enum Outcome {
    Passed,
    /// A program that is no test is missing; the text names it and the way to get it. Where `CI` is set this is
    /// a failure.
    Missing(String),
}

/// All steps.
pub(crate) const ALL: &[Step] = &[
    Step { name: "format", about: "the code is formatted (CI only)", ci_only: true, run: format },
    Step { name: "clippy", about: "no warnings (CI only)", ci_only: true, run: clippy },
    house::STEP,
    workspace::STEP,
    model::STEP,
    instructions::STEP,
    redis::REDIS,
    redis::VALKEY,
    memcached::STEP,
    mongodb::STEP,
    soak::STEP,
    browser::STEP,
    pack::STEP,
    Step {
        name: "doc",
        about: "the documentation builds without warnings, and the public interface is as stored",
        ci_only: false,
        run: doc,
    },
    Step { name: "features", about: "builds with other features", ci_only: false, run: features },
    dependencies::STEP,
];

/// Returns whether `CI` is set, so that nothing may be left out.
pub(crate) fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}

impl Step {
    /// Returns the reason to leave the step out of a run of all steps, if there is one.
    pub(crate) fn omission(&self, is_ci: bool) -> Option<&'static str> {
        (self.ci_only && !is_ci).then_some("runs where CI is set")
    }
}

fn format() -> Result<Outcome, Box<dyn Error>> {
    cargo(["fmt", "--all", "--check"]).run()
}

fn clippy() -> Result<Outcome, Box<dyn Error>> {
    tested("clippy", ["--all-targets", "--", "-D", "warnings"]).run()
}

fn doc() -> Result<Outcome, Box<dyn Error>> {
    document()?;
    interface::check()?;
    Ok(Outcome::Passed)
}

/// Builds the documentation of the published crates.
pub(crate) fn document() -> Result<(), Box<dyn Error>> {
    let packages = readme::CRATES.iter().flat_map(|(name, _)| ["-p", name]);
    let doc = cargo(["doc", "--no-deps", "--all-features"]).args(packages);
    doc.append("RUSTDOCFLAGS", "-D warnings").run().map(drop)
}

fn features() -> Result<Outcome, Box<dyn Error>> {
    cargo(["check", "-p", "limiter-core", "--no-default-features"]).run()?;
    // Those with few dependencies of their own: the others are built by the tests of all storages, and by
    // themselves would take longer than they are worth.
    for feature in ["remote", "redis", "redis-sentinel", "redis-cluster", "memcached"] {
        cargo(["check", "-p", "limiter-core", "--no-default-features", "--features", feature]).run()?;
    }
    cargo(["check", "-p", "limiter-actix", "--no-default-features"]).run()?;
    for feature in ["config-file", "cookies", "inspector", "lookup", "metrics"] {
        cargo(["check", "-p", "limiter-actix", "--no-default-features", "--features", feature]).run()?;
    }
    Ok(Outcome::Passed)
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
