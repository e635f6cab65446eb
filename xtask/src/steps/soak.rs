use std::error::Error;

use super::{Outcome, Step, mongodb, redis};
use crate::cargo::{Cargo, cargo};

/// Hostile clients against a server with each of the remote storages, and `clear_all` on them. `LIMITER_SOAK_SECONDS` sets
/// how long the attack on each takes.
///
/// Those that need no server run in the step `test`.
pub(super) const STEP: Step = Step {
    name: "soak",
    about: "hostile clients and `clear_all`, with all storages on real servers",
    ci_only: false,
    run,
};

fn run() -> Result<Outcome, Box<dyn Error>> {
    let mongod = mongodb::server()?;
    let all = ["hostile::remote::", "clear_all::"];
    run_tests(all).env(mongodb::SERVER, &mongod).env(redis::SERVER, redis::program()?).run()?;
    run_tests(all.map(|module| format!("{module}on_redis"))).env(redis::SERVER, redis::valkey()?).run()
}

/// The features are those of the step `features`, so that the libraries are compiled once.
fn run_tests(tests: [impl AsRef<str>; 2]) -> Cargo {
    let [one, other] = [tests[0].as_ref(), tests[1].as_ref()];
    cargo([
        "test",
        "-p",
        "limiter-actix",
        "--all-features",
        "--test",
        "server",
        "--",
        "--nocapture",
        one,
        other,
    ])
}
