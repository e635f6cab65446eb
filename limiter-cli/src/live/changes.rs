//! Changes of a running limiter.

use std::io::Write;

use serde_json::{Value, json};

use super::{connection::Connection, with_version};
use crate::{
    args::{Ban, Lookup, Running},
    outcome::{Failure, Outcome},
    output::{Output, harmless},
};

pub(super) fn clear(lookup: &Lookup, output: &mut Output) -> Result<Outcome, Failure> {
    let change = json!({"action": "clear", "client": lookup.client});
    make(&lookup.running, &change, &format!("cleared {}", harmless(&lookup.client)), output)
}

pub(super) fn ban(ban: &Ban, output: &mut Output) -> Result<Outcome, Failure> {
    let seconds = ban.duration.as_secs();
    let change = json!({"action": "ban", "client": ban.client, "seconds": seconds, "reason": ban.reason});
    make(&ban.running, &change, &format!("banned {} for {seconds} s", harmless(&ban.client)), output)
}

pub(super) fn unban(lookup: &Lookup, output: &mut Output) -> Result<Outcome, Failure> {
    let change = json!({"action": "unban", "client": lookup.client});
    make(&lookup.running, &change, &format!("unbanned {}", harmless(&lookup.client)), output)
}

/// Makes a change. It is a problem if there was nothing to change.
fn make(running: &Running, change: &Value, done: &str, output: &mut Output) -> Result<Outcome, Failure> {
    let result = Connection::new(running)?.change(change)?;
    let has_changed = result["has_changed"] == true;
    let is_complete = result["is_complete"] == true;
    if running.json {
        let command = result["action"].as_str().unwrap_or_default().to_owned();
        output.json(&with_version(&command, result))?;
    } else if has_changed {
        writeln!(output, "{done}")?;
        if !is_complete {
            writeln!(output, "The storage could only clear the limits that the process knows.")?;
        }
    } else {
        writeln!(output, "nothing to change")?;
    }
    Ok(if has_changed { Outcome::Good } else { Outcome::Problems })
}
