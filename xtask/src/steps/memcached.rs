use std::{error::Error, process::Command};

use super::{Outcome, Step};
use crate::{cargo::tested, python::works};

/// The memcached storage on servers that the tests start themselves.
pub(super) const STEP: Step =
    Step { name: "memcached", about: "the memcached storage on real servers", ci_only: false, run };

fn run() -> Result<Outcome, Box<dyn Error>> {
    if !works(Command::new("memcached").arg("--version")) {
        return Err("memcached was not found; `apt-get install memcached` installs it".into());
    }
    tested("test", ["--test", "remote", "on_servers::memcached::"]).run()
}
