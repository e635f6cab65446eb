use std::{env, error::Error, process::Command};

use super::{Outcome, Step};
use crate::{
    cargo::{target, tested},
    python::{Package, works},
};

/// The tests of all crates, but for those that take servers or a browser.
pub(super) const STEP: Step =
    Step { name: "test", about: "unit, integration, UI and documentation tests", ci_only: false, run };

/// A client that reads `Retry-After`.
const URLLIB3: Package = Package {
    name: "urllib3",
    requirement: "urllib3==2.8.0 \
        --hash=sha256:0cf3cae568d36aa9576b28dfb35f11328f1cb974ca7647d9475ebb86c75ac6e3",
};

fn run() -> Result<Outcome, Box<dyn Error>> {
    let tests = tested("test", ["--no-fail-fast", "--", "--skip", "on_servers::"]);
    // Cargo builds the examples for tests, too. Built for themselves, all that they depend on would be built again.
    let tests = tests.env("LIMITER_EXAMPLES", env::current_dir()?.join(target()).join("debug/examples"));
    if works(&mut import_urllib3()) {
        return tests.run();
    }
    let folder = URLLIB3.folder()?;
    if !works(import_urllib3().env("PYTHONPATH", &folder)) {
        URLLIB3.fetch()?;
    }
    tests.env("PYTHONPATH", folder).run()
}

fn import_urllib3() -> Command {
    let mut python = Command::new("python3");
    python.args(["-c", "import urllib3"]);
    python
}
