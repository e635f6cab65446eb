//! Installs the programs that steps run, where the machine lacks them.
//!
//! It can do so on Debian and its derivatives. Elsewhere it fails and names the missing programs.

use std::{
    error::Error,
    process::{Command, Stdio},
};

use self::{
    machine::{Apt, Machine},
    needs::Need,
};

mod machine;
mod needs;

/// Installs all that the given steps need, after printing it with the reasons.
pub(crate) fn prepare(steps: &[&str]) -> Result<(), Box<dyn Error>> {
    let is_present = |need: &Need| (need.is_present)();
    let missing = needs::missing(steps, &is_present);
    if missing.is_empty() {
        return Ok(());
    }
    println!("xtask: missing on this machine:");
    for need in &missing {
        println!("  {:<18}{}", need.source, need.reason);
    }
    for command in commands(&missing, Machine::here())? {
        println!("xtask: {}", command.join(" "));
        let status = Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("`{}` failed", command.join(" ")).into());
        }
    }
    let missing = needs::missing(steps, &is_present);
    if missing.is_empty() { Ok(()) } else { Err(format!("still missing: {}", names(&missing)).into()) }
}

/// Returns the commands that install what is missing, each as its words.
fn commands(missing: &[&Need], machine: Machine) -> Result<Vec<Vec<String>>, String> {
    let (packages, components): (Vec<_>, Vec<_>) = missing.iter().partition(|need| need.source.is_package());
    let mut commands = Vec::new();
    if !packages.is_empty() {
        let how = "install them by hand, since this takes apt-get, as root or by sudo";
        let apt = machine.apt.ok_or_else(|| format!("missing: {}; {how}", names(missing)))?;
        let sudo = match apt {
            Apt::AsRoot => "",
            Apt::BySudo => "sudo ",
        };
        let install = "env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends";
        commands.push(words(&format!("{sudo}apt-get update -qq"), &[]));
        commands.push(words(&format!("{sudo}{install}"), &packages));
    }
    if !components.is_empty() && !machine.has_rustup {
        let how = "install these parts of Rust by hand, since this takes rustup";
        return Err(format!("missing: {}; {how}", names(&components)));
    }
    if !components.is_empty() {
        commands.push(words("rustup component add", &components));
    }
    Ok(commands)
}

fn words(command: &str, needs: &[&Need]) -> Vec<String> {
    let names = needs.iter().map(|need| need.source.to_string());
    command.split(' ').map(str::to_owned).chain(names).collect()
}

fn names(needs: &[&Need]) -> String {
    needs.iter().map(|need| need.source.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
