use std::error::Error;

use super::{Outcome, Step};
use crate::cargo::{cargo, target};

/// The memory storage under a model checker, which tries the ways in which threads can meet.
pub(super) const STEP: Step =
    Step { name: "model", about: "the memory storage under a model checker", ci_only: false, run };

fn run() -> Result<Outcome, Box<dyn Error>> {
    cargo(["test", "-p", "limiter-core", "--test", "model"])
        .append("RUSTFLAGS", "--cfg limiter_loom")
        // A folder of its own, so that the flags do not make everything else rebuild.
        .env("CARGO_TARGET_DIR", target().join("loom"))
        .env("LOOM_MAX_PREEMPTIONS", "3")
        .run()
}
