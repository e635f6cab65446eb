//! The commands that show and steer: a running limiter by way of its inspector, or a storage.

mod answer;
mod changes;
mod connection;
mod inspector;
mod show;
mod storage;
mod watch;

use serde_json::Value;

use self::{connection::Connection, inspector::Inspector};
use crate::{
    args::{Allow, Ban, InspectorArguments, Lookup, StorageArguments, Watch},
    outcome::{Failure, Outcome},
    output::Output,
};

/// The commands, with the arguments that name a storage.
pub(crate) struct Live<'a> {
    stored: &'a StorageArguments,
}

impl<'a> Live<'a> {
    pub(crate) fn new(stored: &'a StorageArguments) -> Self {
        Self { stored }
    }

    /// Shows a client. A refused one is a problem.
    pub(crate) fn client(&self, lookup: &Lookup, output: &mut Output) -> Result<Outcome, Failure> {
        let client = Connection::new(&lookup.running, self.stored)?.client(&lookup.client)?;
        let is_refused = client["is_refused"] == true;
        print(&lookup.running, "client", client, output, show::client)?;
        Ok(if is_refused { Outcome::Problems } else { Outcome::Good })
    }

    /// Shows all bans and passes.
    pub(crate) fn bans(&self, running: &InspectorArguments, output: &mut Output) -> Result<Outcome, Failure> {
        let bans = Connection::new(running, self.stored)?.get("bans", &[])?;
        print(running, "bans", bans, output, show::bans)
    }

    /// Forgets the counts of a client.
    pub(crate) fn clear(&self, lookup: &Lookup, output: &mut Output) -> Result<Outcome, Failure> {
        changes::clear(lookup, self.stored, output)
    }

    /// Bans a client or a network.
    pub(crate) fn ban(&self, ban: &Ban, output: &mut Output) -> Result<Outcome, Failure> {
        changes::ban(ban, self.stored, output)
    }

    /// Ends a ban.
    pub(crate) fn unban(&self, lookup: &Lookup, output: &mut Output) -> Result<Outcome, Failure> {
        changes::unban(lookup, self.stored, output)
    }

    /// Gives a client or a network a pass.
    pub(crate) fn allow(&self, allow: &Allow, output: &mut Output) -> Result<Outcome, Failure> {
        changes::allow(allow, self.stored, output)
    }

    /// Ends a pass.
    pub(crate) fn disallow(&self, lookup: &Lookup, output: &mut Output) -> Result<Outcome, Failure> {
        changes::disallow(lookup, self.stored, output)
    }
}

/// Shows the limits by route.
pub(crate) fn limits(running: &InspectorArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let limits = Inspector::new(running)?.get("limits", &[])?;
    print(running, "limits", limits, output, show::limits)
}

/// Shows the settings in force.
pub(crate) fn config(running: &InspectorArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let settings = Inspector::new(running)?.get("settings", &[])?;
    print(running, "config", settings, output, show::settings)
}

/// Shows the busiest and the most refused clients.
pub(crate) fn top(running: &InspectorArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let top = Inspector::new(running)?.get("top", &[])?;
    print(running, "top", top, output, show::top)
}

/// Shows the outcomes of requests, until it is interrupted.
pub(crate) fn watch(arguments: &Watch, output: &mut Output) -> Result<Outcome, Failure> {
    watch::run(arguments, output)
}

/// Prints an answer as JSON, or by `show`.
fn print(
    running: &InspectorArguments,
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
