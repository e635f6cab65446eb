use std::error::Error;

use super::{Outcome, Step, mongodb, redis};
use crate::cargo::{Cargo, cargo};

/// Hostile clients against a server with each of the remote storages, what operators do with these, and faults of Redis
/// clusters and of Redis under Sentinel. `LIMITER_SOAK_SECONDS` sets how long the attack on each takes, and
/// `LIMITER_CHAOS_SECONDS` how long the faults of each last.
///
/// Those that need no server run in the step `test`.
pub(super) const STEP: Step = Step {
    name: "soak",
    about: "hostile clients, faults at random, `clear_all`, `ready`, bans and reservations, with all storages on real servers",
    ci_only: false,
    run,
};

fn run() -> Result<Outcome, Box<dyn Error>> {
    let mongod = mongodb::server()?;
    let all = [
        "hostile::remote::",
        "chaos::",
        "clear_all::",
        "ready::",
        "remote_kinds::",
        "secrets::",
        "concurrent_processes::",
    ];
    run_tests(all).env(mongodb::SERVER, &mongod).env(redis::SERVER, redis::program()?).run()?;
    let redis_only =
        ["hostile::remote::on_redis", "clear_all::on_redis", "ready::a_server", "remote_kinds::on_redis"];
    run_tests(redis_only).env(redis::SERVER, redis::valkey()?).run()
}

/// The features are those of the step `features`, so that the libraries are compiled once.
fn run_tests(tests: impl IntoIterator<Item = &'static str>) -> Cargo {
    let run = ["test", "-p", "limiter-actix", "--all-features", "--test", "server", "--", "--nocapture"];
    cargo(run).args(tests)
}
