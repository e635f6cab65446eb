//! The means of a machine to install packages.

use std::{env, path::Path, process::Command};

/// The ways to install that a machine has.
#[derive(Clone, Copy)]
pub(super) struct Machine {
    pub(super) apt: Option<Apt>,
    pub(super) has_rustup: bool,
}

/// The user that may call apt-get.
#[derive(Clone, Copy)]
pub(super) enum Apt {
    AsRoot,
    BySudo,
}

impl Machine {
    /// Returns the ways of this machine.
    pub(super) fn here() -> Self {
        let user = Command::new("id").arg("-u").output();
        let is_root = user.is_ok_and(|user| user.stdout == b"0\n");
        let apt = if is_root { Some(Apt::AsRoot) } else { has("sudo").then_some(Apt::BySudo) };
        Self { apt: apt.filter(|_| has("apt-get")), has_rustup: has("rustup") }
    }
}

/// Returns whether there is a program of this name.
pub(super) fn has(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian has servers in a folder that is in the path of root only.
    env::split_paths(&path)
        .chain([Path::new("/usr/sbin").into()])
        .any(|folder| folder.join(program).is_file())
}
