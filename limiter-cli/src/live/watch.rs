//! Shows what happens, as it happens.

use std::io::{BufRead, Write};

use serde_json::Value;

use super::{
    inspector::Inspector,
    show::{each, moment},
};
use crate::{
    args::Watch,
    outcome::{Failure, Outcome},
    output::{Output, Style, grouped},
};

/// The outcomes of requests, as they are named in the interface and here.
const COLUMNS: [(&str, &str); 6] = [
    ("allowed", "admitted"),
    ("shadow_refused", "shadow"),
    ("refused", "refused"),
    ("reserved", "reserved"),
    ("banned", "banned"),
    ("undecided", "undecided"),
];

pub(super) fn run(arguments: &Watch, output: &mut Output) -> Result<Outcome, Failure> {
    let connection = Inspector::new(&arguments.running)?;
    let mut left = arguments.updates.unwrap_or(u64::MAX);
    if !arguments.running.json {
        let heads: Vec<_> = COLUMNS.iter().map(|(_, head)| format!("{head:>10}")).collect();
        let heads = output.styled(Style::Dim, format!("{:<20}{}  state", "time (UTC)", heads.concat()));
        writeln!(output, "{heads}")?;
    }
    // The inspector ends a stream after some minutes.
    while left > 0 {
        let mut events = connection.events()?;
        let (mut line, before) = (String::new(), left);
        while left > 0
            && events.read_line(&mut line).map_err(|error| connection.failed(error.to_string()))? > 0
        {
            if let Some(event) = line.strip_prefix("data: ").and_then(|data| serde_json::from_str(data).ok())
            {
                show(&event, arguments.running.json, output)?;
                output.flush()?;
                left -= 1;
            }
            line.clear();
        }
        if left == before {
            return Err(connection.failed("the stream has no events"));
        }
    }
    Ok(Outcome::Good)
}

/// Shows the last complete minute together with the current one.
fn show(event: &Value, as_json: bool, output: &mut Output) -> std::io::Result<()> {
    if as_json {
        return writeln!(output, "{event}");
    }
    let minutes: Vec<_> = each(&event["minutes"]).collect();
    let last = &minutes[minutes.len().saturating_sub(2)..];
    let sum = |name: &str| last.iter().filter_map(|minute| minute[name].as_u64()).sum::<u64>();
    let numbers: Vec<_> = COLUMNS.iter().map(|(name, _)| format!("{:>10}", grouped(sum(name)))).collect();
    let mut state = Vec::new();
    if event["enabled"] != true {
        state.push("switched off");
    }
    if event["storage"]["is_failing"] == true {
        state.push("storage failing");
    }
    let state = output.styled(Style::Bad, state.join(", "));
    writeln!(output, "{:<20}{}  {state}", moment(&event["now"]).unwrap_or_default(), numbers.concat())
}
