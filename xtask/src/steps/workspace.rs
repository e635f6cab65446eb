use std::{error::Error, process::Command};

use super::{FEATURES, Outcome, Step};
use crate::{
    cargo::cargo,
    python::{Package, works},
};

/// The tests of all crates with default features.
pub(super) const STEP: Step =
    Step { name: "test", about: "unit, integration, UI and documentation tests", ci_only: false, run };

/// A client that reads `Retry-After`.
const URLLIB3: Package = Package {
    name: "urllib3",
    requirement: "urllib3==2.8.0 \
        --hash=sha256:0cf3cae568d36aa9576b28dfb35f11328f1cb974ca7647d9475ebb86c75ac6e3",
};

fn run() -> Result<Outcome, Box<dyn Error>> {
    let tests = cargo(["test", "--no-fail-fast", "--features", FEATURES]);
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
