use std::error::Error;

use super::{Outcome, Step};
use crate::cargo::test_storages;

/// The tests of storages that run without servers.
pub(super) const STEP: Step =
    Step { name: "storages", about: "all storages, as far as that takes no server", ci_only: false, run };

fn run() -> Result<Outcome, Box<dyn Error>> {
    test_storages(&["--doc"]).run()?;
    test_storages(&["--test", "replies"]).run()?;
    test_storages(&["--lib", "--test", "remote", "wrappers::"]).run()
}
