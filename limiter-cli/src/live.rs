//! The commands for a running limiter, by way of its inspector.

mod changes;
mod connection;
mod show;
mod watch;

use serde_json::Value;

use self::connection::Connection;
use crate::{
    args::{Ban, Lookup, Running},
    outcome::{Failure, Outcome},
    output::Output,
};

/// Shows the limits by route.
pub(crate) fn limits(running: &Running, output: &mut Output) -> Result<Outcome, Failure> {
    let limits = Connection::new(running)?.get("limits", None)?;
    print(running, "limits", limits, output, show::limits)
}

/// Shows the settings in force.
pub(crate) fn config(running: &Running, output: &mut Output) -> Result<Outcome, Failure> {
    let settings = Connection::new(running)?.get("settings", None)?;
    print(running, "config", settings, output, show::settings)
}

/// Shows a client. A refused one is a problem.
pub(crate) fn client(lookup: &Lookup, output: &mut Output) -> Result<Outcome, Failure> {
    let client = Connection::new(&lookup.running)?.get("client", Some(&lookup.client))?;
    let is_refused = client["is_refused"] == true;
    print(&lookup.running, "client", client, output, show::client)?;
    Ok(if is_refused { Outcome::Problems } else { Outcome::Good })
}

/// Shows the busiest and the most refused clients.
pub(crate) fn top(running: &Running, output: &mut Output) -> Result<Outcome, Failure> {
    let top = Connection::new(running)?.get("top", None)?;
    print(running, "top", top, output, show::top)
}

/// Forgets the counts of a client.
pub(crate) fn clear(lookup: &Lookup, output: &mut Output) -> Result<Outcome, Failure> {
    changes::clear(lookup, output)
}

/// Bans a client or a network.
pub(crate) fn ban(ban: &Ban, output: &mut Output) -> Result<Outcome, Failure> {
    changes::ban(ban, output)
}

/// Ends a ban.
pub(crate) fn unban(lookup: &Lookup, output: &mut Output) -> Result<Outcome, Failure> {
    changes::unban(lookup, output)
}

/// Shows what happens, until it is interrupted.
pub(crate) fn watch(arguments: &crate::args::Watch, output: &mut Output) -> Result<Outcome, Failure> {
    watch::run(arguments, output)
}

/// Prints an answer as JSON, or by `show`.
fn print(
    running: &Running,
    command: &str,
    answer: Value,
    output: &mut Output,
    show: fn(&Value, &mut Output) -> std::io::Result<()>,
) -> Result<Outcome, Failure> {
    if running.json {
        output.json(&with_version(command, answer))?;
    } else {
        show(&answer, output)?;
    }
    Ok(Outcome::Good)
}

/// Adds the version of the output, and the command, as other commands do.
fn with_version(command: &str, answer: Value) -> Value {
    let mut all = serde_json::Map::new();
    all.insert("version".to_owned(), 1.into());
    all.insert("command".to_owned(), command.into());
    if let Value::Object(fields) = answer {
        all.extend(fields);
    }
    Value::Object(all)
}
