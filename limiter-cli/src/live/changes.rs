//! Changes of a running limiter.

use std::io::Write;

use serde_json::{Value, json};

use super::{connection::Connection, with_version};
use crate::{
    args::{Allow, Ban, InspectorArguments, Lookup, StorageArguments},
    outcome::{Failure, Outcome},
    output::{Output, harmless},
};

pub(super) fn clear(
    lookup: &Lookup,
    stored: &StorageArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    of_client(lookup, stored, ("clear", "cleared"), output)
}

pub(super) fn unban(
    lookup: &Lookup,
    stored: &StorageArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    of_client(lookup, stored, ("unban", "unbanned"), output)
}

pub(super) fn disallow(
    lookup: &Lookup,
    stored: &StorageArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    of_client(lookup, stored, ("disallow", "ended the pass of"), output)
}

pub(super) fn ban(ban: &Ban, stored: &StorageArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let seconds = ban.duration.as_secs();
    let change = json!({"action": "ban", "client": ban.client, "seconds": seconds, "reason": ban.reason});
    let done = format!("banned {} for {seconds} s", harmless(&ban.client));
    make(&ban.running, stored, &change, &done, output)
}

pub(super) fn allow(
    allow: &Allow,
    stored: &StorageArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let seconds = allow.duration.as_secs();
    let change = json!({"action": "allow", "client": allow.client, "seconds": seconds});
    let done = format!("{} has a pass for {seconds} s", harmless(&allow.client));
    make(&allow.running, stored, &change, &done, output)
}

/// Makes a change of a client that has no other arguments.
fn of_client(
    lookup: &Lookup,
    stored: &StorageArguments,
    (action, done): (&str, &str),
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let change = json!({"action": action, "client": lookup.client});
    let done = format!("{done} {}", harmless(&lookup.client));
    make(&lookup.running, stored, &change, &done, output)
}

/// Makes a change. It is a problem if there was nothing to change.
fn make(
    running: &InspectorArguments,
    stored: &StorageArguments,
    change: &Value,
    done: &str,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let result = Connection::new(running, stored)?.change(change)?;
    let has_changed = result["has_changed"] == true;
    let limits = result["limits"].as_u64();
    if running.json {
        let command = result["action"].as_str().unwrap_or_default().to_owned();
        output.json(&with_version(&command, result))?;
    } else {
        writeln!(output, "{}", if has_changed { done } else { "nothing to change" })?;
        if let Some(limits) = limits {
            writeln!(
                output,
                "The storage cannot find the counts of a client: only those of the {limits} limits that are known here \
                 are cleared."
            )?;
        }
    }
    Ok(if has_changed { Outcome::Good } else { Outcome::Problems })
}
