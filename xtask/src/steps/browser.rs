use std::{error::Error, process::Command};

use super::{Outcome, Step};
use crate::{cargo::cargo, python::works};

/// The page of the inspector in Chromium.
pub(super) const STEP: Step =
    Step { name: "browser", about: "the page of the inspector in a browser", ci_only: false, run };

fn run() -> Result<Outcome, Box<dyn Error>> {
    for program in ["chromium", "chromedriver"] {
        if !works(Command::new(program).arg("--version")) {
            return Err(format!(
                "{program} was not found; `apt-get install chromium chromium-driver` installs it"
            )
            .into());
        }
    }
    cargo(["test", "-p", "limiter-browser-tests"]).run()
}
