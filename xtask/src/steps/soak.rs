use std::{error::Error, ffi::OsStr};

use super::{Outcome, Step, mongodb, redis};
use crate::cargo::{Cargo, tested};

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
    run_tests(["on_servers::"]).env(mongodb::SERVER, &mongod).env(redis::SERVER, redis::program()?).run()?;
    let on_redis = ["hostile::on_redis", "clear_all::on_redis", "ready::a_server", "remote_kinds::on_redis"];
    run_tests(on_redis.map(|name| format!("on_servers::{name}"))).env(redis::SERVER, redis::valkey()?).run()
}

fn run_tests(names: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Cargo {
    tested("test", ["--test", "server", "--", "--nocapture"]).args(names)
}
