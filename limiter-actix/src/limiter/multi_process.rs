//! Detects that other processes count beside this one.

use std::env;

use limiter_core::log::{Throttle, event};

use crate::settings::{Settings, backend::Backend};

/// Warns once if counts are in the memory of this process and the environment declares several processes.
pub(crate) fn warn_if_detected(settings: &Settings) {
    static LOGGED: Throttle = Throttle::once("L030");
    if settings.per_process || !matches!(settings.storage, Backend::Memory(_)) {
        return;
    }
    let Some((variable, value)) = several(|name| env::var(name).ok()) else { return };
    event!(
        LOGGED.permit_now(),
        WARN,
        variable = variable,
        value = value.as_str(),
        "several processes are declared in the environment: each counts in its own memory, so that together they admit \
         a multiple; share counts with `LimiterBuilder::storage_uri`, or confirm separate counts with \
         `LimiterBuilder::per_process`"
    );
}

/// Returns whether a value declares several processes.
type IsSeveral = fn(&str) -> bool;

/// The variables that can declare several processes. One that numbers processes does so from the second one on.
const SIGNS: [(&str, IsSeveral); 4] = [
    // The number of processes that serve requests. From Heroku, and adopted by many servers and hosts.
    ("WEB_CONCURRENCY", |value| number(value) > Some(1)),
    // Heroku: `web.2` is the second that serves requests. `worker.2` and others serve none.
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
    fn variables_that_declare_several_processes() {
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
