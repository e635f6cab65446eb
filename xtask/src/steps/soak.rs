use std::error::Error;

use super::{Outcome, Step, mongodb, redis};
use crate::cargo::{Cargo, cargo};

/// Hostile clients against a server with each of the remote storages. `LIMITER_SOAK_SECONDS` sets how long for each.
///
/// Those that need no server run in the step `test`.
pub(super) const STEP: Step =
    Step { name: "soak", about: "hostile clients, with all storages on real servers", ci_only: false, run };

fn run() -> Result<Outcome, Box<dyn Error>> {
    let mongod = mongodb::server()?;
    attack("hostile::remote::").env(mongodb::SERVER, &mongod).env(redis::SERVER, redis::program()?).run()?;
    attack("hostile::remote::on_redis").env(redis::SERVER, redis::valkey()?).run()
}

/// The features are those of the step `features`, so that the libraries are compiled once.
fn attack(tests: &str) -> Cargo {
    cargo(["test", "-p", "limiter-actix", "--all-features", "--test", "server", tests, "--", "--nocapture"])
}
