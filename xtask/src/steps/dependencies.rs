use std::error::Error;

use super::{Outcome, Step};
use crate::cargo::cargo;

/// What `deny.toml` asks of the dependencies. The list of advisories is left out: it must be fetched, and
/// changes without us.
pub(super) const STEP: Step =
    Step { name: "deny", about: "licences and origins of the dependencies", ci_only: false, run };

fn run() -> Result<Outcome, Box<dyn Error>> {
    if !cargo(["deny", "--version"]).works() {
        let how = "cargo-deny was not found; `cargo install --locked cargo-deny` installs it";
        return Ok(Outcome::Missing(how.into()));
    }
    cargo(["deny", "check", "bans", "licenses", "sources"]).run()
}
