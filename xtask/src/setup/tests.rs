use super::*;
use crate::steps;

const ROOT: Machine = Machine { apt: Some(Apt::AsRoot), has_rustup: true };

/// Returns the commands for some steps on a machine that has some of their needs.
fn planned(steps: &[&str], present: &[&str], machine: Machine) -> Result<Vec<String>, String> {
    let is_present = |need: &Need| present.contains(&need.source.to_string().as_str());
    let commands = commands(&needs::missing(steps, &is_present), machine)?;
    Ok(commands.iter().map(|command| command.join(" ")).collect())
}

#[test]
fn only_missing_packages_of_the_steps_are_installed() {
    let install = "env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends";
    let planned = |steps: &[&str], present: &[&str]| planned(steps, present, ROOT).unwrap();
    assert_eq!(planned(&["memcached"], &[]), ["apt-get update -qq", &format!("{install} memcached")]);
    assert_eq!(
        planned(&["mongodb", "instructions"], &["python3-pip", "ca-certificates"]),
        ["apt-get update -qq", &format!("{install} valgrind libcurl4")]
    );
    assert!(planned(&["redis"], &["redis-server"]).is_empty());
    assert!(planned(&["house", "doc"], &[]).is_empty());
}

#[test]
fn parts_of_rust_come_from_rustup() {
    let clippy = |machine| planned(&["format", "clippy"], &["rustfmt"], machine);
    assert_eq!(clippy(ROOT).unwrap(), ["rustup component add clippy"]);
    assert!(clippy(Machine { has_rustup: false, ..ROOT }).unwrap_err().starts_with("missing: clippy; "));
}

#[test]
fn packages_take_root_or_sudo() {
    let redis = |apt| planned(&["redis"], &[], Machine { apt, ..ROOT });
    assert_eq!(redis(Some(Apt::BySudo)).unwrap()[0], "sudo apt-get update -qq");
    assert!(redis(None).unwrap_err().starts_with("missing: redis-server; "));
}

#[test]
fn needs_name_steps_that_exist() {
    let all: Vec<_> = steps::ALL.iter().map(|step| step.name).collect();
    let needs = needs::missing(&all, &|_| false);
    for step in needs.iter().flat_map(|need| need.steps) {
        assert!(all.contains(step), "there is no step `{step}`");
    }
}
