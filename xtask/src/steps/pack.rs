//! Does as a stranger does: packs the crates, and uses the packed ones in an application of its own.

use std::{
    env,
    error::Error,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use self::transcript::Transcript;
use super::{Outcome, Step};
use crate::{
    cargo::{cargo, target},
    readme::{self, CRATES},
};

mod server;
mod transcript;

pub(super) const STEP: Step = Step {
    name: "pack",
    about: "the README's program and curl lines, with the packed crates outside of the workspace",
    ci_only: false,
    run,
};

/// A program that takes a feature which it does not enable. In the workspace, other packages enable it.
const WITHOUT_FEATURE: &str = include_str!("pack/without_feature.rs");

/// Files that each package has, as they are at the root.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

fn run() -> Result<Outcome, Box<dyn Error>> {
    readme::check()?;
    let readme = fs::read_to_string("README.md")?;
    let program = transcript::program(&readme).ok_or("README.md: no program")?;
    let transcript = Transcript::of(&readme).ok_or("README.md: no lines with curl")?;
    let stranger = Stranger::new()?;
    stranger.pack()?;
    let port = server::free_port()?;
    stranger.write_application(&server::with_port(program, port))?;
    stranger.cargo(["build", "-p", "stranger", "--bins"])?;
    server::run(&target().join("debug/stranger"), port, &transcript)?;
    stranger.cargo(["run", "-p", "stranger", "--bin", "without_feature"])?;
    // Types only: that the features work is tested in the workspace.
    stranger.cargo(["check", "--workspace", "--features", &all_features()?])?;
    fs::remove_dir_all(&stranger.folder)?;
    Ok(Outcome::Passed)
}

/// The folder of somebody who does not have this workspace.
struct Stranger {
    folder: PathBuf,
}

impl Stranger {
    /// Makes the folder. Its name is that of the last time, so that cargo replaces what it built then.
    fn new() -> Result<Self, Box<dyn Error>> {
        let mut hasher = DefaultHasher::new();
        env::current_dir()?.hash(&mut hasher);
        let folder = env::temp_dir().join(format!("limiter-stranger-{:x}", hasher.finish()));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(folder.join("stranger/src/bin"))?;
        Ok(Self { folder })
    }

    /// Packs all crates that are published, and unpacks them in the folder.
    fn pack(&self) -> Result<(), Box<dyn Error>> {
        let packages = CRATES.iter().flat_map(|(name, _)| ["-p", name]);
        cargo(["package", "--no-verify", "--allow-dirty"]).args(packages).run()?;
        for (name, _) in CRATES {
            let package = format!("{name}-{}", env!("CARGO_PKG_VERSION"));
            let file = target().join(format!("package/{package}.crate"));
            let mut tar = Command::new("tar");
            tar.arg("-xzf").arg(file).arg("-C").arg(&self.folder).stdin(Stdio::null());
            if !tar.status()?.success() {
                return Err(format!("unpacking {package} failed").into());
            }
            fs::rename(self.folder.join(package), self.folder.join(name))?;
            self.check_files(name)?;
        }
        Ok(())
    }

    fn check_files(&self, name: &str) -> Result<(), Box<dyn Error>> {
        let package = self.folder.join(name);
        let sources = LICENCES.map(|it| (it, PathBuf::from(it)));
        let readme = ("README.md", Path::new(name).join("README.md"));
        for (file, source) in sources.into_iter().chain([readme]) {
            if fs::read(package.join(file)).ok() != Some(fs::read(source)?) {
                return Err(format!("the package of {name} lacks {file}").into());
            }
        }
        if package.join("tests").exists() {
            return Err(format!("the package of {name} has tests, which need the repository").into());
        }
        Ok(())
    }

    /// Writes the application, and the versions of its dependencies that are tested here.
    fn write_application(&self, program: &str) -> Result<(), Box<dyn Error>> {
        let patches = CRATES.map(|(name, _)| format!("{name} = {{ path = \"{name}\" }}\n")).concat();
        // The profile is that of the workspace, so that dependencies are built once.
        let workspace = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [\"stranger\", \"limiter-cli\"]\n\n\
             [patch.crates-io]\n{patches}\n[profile.dev]\ndebug = \"line-tables-only\"\n\n\
             [profile.dev.package.\"*\"]\ndebug = false\n"
        );
        fs::write(self.folder.join("Cargo.toml"), workspace)?;
        let version = env!("CARGO_PKG_VERSION");
        // Without its compression, which is C and takes longer to compile than all else here.
        let actix = "{ version = \"4\", default-features = false, features = [\"macros\"] }";
        let package = format!(
            "[package]\nname = \"stranger\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nactix-web = {actix}\nlimiter-actix = \"{version}\"\n"
        );
        fs::write(self.folder.join("stranger/Cargo.toml"), package)?;
        fs::write(self.folder.join("stranger/src/main.rs"), program)?;
        fs::write(self.folder.join("stranger/src/bin/without_feature.rs"), WITHOUT_FEATURE)?;
        fs::copy("Cargo.lock", self.folder.join("Cargo.lock"))?;
        Ok(())
    }

    fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Result<Outcome, Box<dyn Error>> {
        let target = env::current_dir()?.join(target());
        cargo(arguments).folder(&self.folder).env("CARGO_TARGET_DIR", target).run()
    }
}

/// Returns the features of limiter-actix, as an application writes them.
fn all_features() -> Result<String, Box<dyn Error>> {
    let manifest = fs::read_to_string("limiter-actix/Cargo.toml")?;
    let (_, features) = manifest.split_once("[features]\n").ok_or("limiter-actix has no features")?;
    let names = features.lines().take_while(|line| !line.starts_with('['));
    let names = names.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    Ok(names.map(|(name, _)| format!("limiter-actix/{name}")).collect::<Vec<_>>().join(","))
}
