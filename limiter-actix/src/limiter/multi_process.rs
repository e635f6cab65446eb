//! Whether other processes count beside this one.

use std::{env, sync::Once};

use crate::settings::{Settings, backend::Backend};

/// Says once that counts are in the memory of this process though the environment declares several processes.
pub(crate) fn warn_if_detected(settings: &Settings) {
    static LOGGED: Once = Once::new();
    if settings.per_process || !matches!(settings.storage, Backend::Memory(_)) {
        return;
    }
    let Some((variable, value)) = several(|name| env::var(name).ok()) else { return };
    LOGGED.call_once(|| {
        tracing::warn!(
            code = "L030",
            variable,
            value,
            "the environment declares several processes, but each counts for itself in memory, and together \
             they admit a multiple: share counts with `LimiterBuilder::storage_uri`, or say that this is meant, \
             or that they are threads of one process, with `LimiterBuilder::per_process`"
        );
    });
}

/// Whether a value declares several processes.
type IsSeveral = fn(&str) -> bool;

/// What declares several processes, and whether its value does. Variables that merely tell processes apart say
/// nothing of how many there are; those that number them do so from the second one on.
const SIGNS: [(&str, IsSeveral); 4] = [
    // How many processes serve requests: a habit of Heroku that many servers and hosts have taken up.
    ("WEB_CONCURRENCY", |value| number(value) > Some(1)),
    // Heroku: `web.2` is the second that serves requests. Others, such as `worker.2`, do not.
    ("DYNO", |value| value.strip_prefix("web.").and_then(number) > Some(1)),
    // Cloud Foundry and Nomad: from 0 on.
    ("CF_INSTANCE_INDEX", |value| number(value) > Some(0)),
    ("NOMAD_ALLOC_INDEX", |value| number(value) > Some(0)),
];

fn several(read: impl Fn(&str) -> Option<String>) -> Option<(&'static str, String)> {
    SIGNS.iter().find_map(|(name, is_several)| {
        let value = read(name).filter(|value| is_several(value))?;
        Some((*name, value))
    })
}

fn number(text: &str) -> Option<u32> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_declares_several_processes() {
        for (variable, value, expected) in [
            ("WEB_CONCURRENCY", "2", true),
            ("WEB_CONCURRENCY", " 16 ", true),
            ("WEB_CONCURRENCY", "1", false),
            ("WEB_CONCURRENCY", "0", false),
            ("WEB_CONCURRENCY", "", false),
            ("WEB_CONCURRENCY", "auto", false),
            ("WEB_CONCURRENCY", "-2", false),
            ("DYNO", "web.1", false),
            ("DYNO", "web.2", true),
            ("DYNO", "worker.2", false),
            ("DYNO", "run.9157", false),
            ("DYNO", "web-12a34b56d-e78f9", false),
            ("CF_INSTANCE_INDEX", "0", false),
            ("CF_INSTANCE_INDEX", "1", true),
            ("NOMAD_ALLOC_INDEX", "0", false),
            ("NOMAD_ALLOC_INDEX", "3", true),
            ("HOSTNAME", "web-3", false),
        ] {
            let sign = several(|name| (name == variable).then(|| value.to_owned()));
            assert_eq!(sign, expected.then(|| (variable, value.to_owned())), "{variable}={value}");
        }
    }
}
