//! The rule of the log: each event goes through `limiter_core::log::event`, which bounds, escapes and cuts.

use std::path::Path;

/// The crates that log.
pub(super) const CRATES: [&str; 2] = ["limiter-core", "limiter-actix"];

/// Ways to write a line that is not bounded.
const RAW: [&str; 4] = ["tracing::", "println!", "eprintln!", "dbg!"];
/// Ways around the bounds, for events that no request can cause.
const UNBOUNDED: [&str; 2] = ["unthrottled(", "verbatim("];
/// The home of the mechanism.
const HOME: &str = "limiter-core/src/log";
/// The files with events that no request can cause again and again, with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("limiter-actix/src/key/setup.rs", "once for each limiter"),
    ("limiter-actix/src/limiter/reload.rs", "at a reload"),
    ("limiter-actix/src/routing/name_clashes.rs", "at the first request of each worker"),
    ("limiter-actix/src/routing/warnings.rs", "at the first request of each worker"),
    ("limiter-actix/src/settings/env.rs", "while a limiter is built"),
    ("limiter-actix/src/telemetry/health.rs", "at intervals of its own"),
    ("limiter-core/src/storage/memory/shards.rs", "once for each storage"),
    ("limiter-core/src/storage/mongodb.rs", "once for each storage"),
    ("limiter-core/src/storage/mongodb/index.rs", "once for each storage"),
];

/// Returns the places of a file that may write a line without a bound.
pub(super) fn of_file(path: &Path, text: &str) -> Vec<String> {
    let path = path.to_string_lossy().replace('\\', "/");
    if path.starts_with(HOME) {
        return Vec::new();
    }
    let is_exception = EXCEPTIONS.iter().any(|(file, _)| *file == path);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let is_wrong = |line: &str| {
        let has = |word: &str| line.contains(word);
        RAW.iter().any(|word| has(word)) || (!is_exception && UNBOUNDED.iter().any(|word| has(word)))
    };
    lines
        .filter(|(_, line)| is_wrong(line))
        .map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        of_file(Path::new(path), text).len()
    }

    #[test]
    fn raw_lines_are_found_outside_of_their_home() {
        let text =
            "// tracing::warn!(\"a comment\");\n    tracing::warn!(%path, \"raw\");\n    println!();\n";
        assert_eq!(found("limiter-actix/src/request.rs", text), 2);
        assert_eq!(found("limiter-core/src/log.rs", text), 0);
    }

    #[test]
    fn unbounded_events_are_for_exceptions() {
        let text = "event!(unthrottled(Some(\"L002\")), WARN, \"again\");";
        assert_eq!(found("limiter-actix/src/request.rs", text), 1);
        assert_eq!(found(EXCEPTIONS[0].0, text), 0);
    }
}
