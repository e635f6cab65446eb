//! Answers of an inspector as tables.

use std::io::{self, Write};

use limiter_actix::Timestamp;
use serde_json::Value;

use crate::{
    output::{Output, Style, grouped, harmless},
    time,
};

pub(super) fn limits(limits: &Value, output: &mut Output) -> io::Result<()> {
    let mut rows = Vec::new();
    for route in each(&limits["routes"]) {
        if each(&route["limits"]).next().is_none() {
            let none = if route["is_exempt"] == true { "exempt" } else { "no limits" };
            rows.push(
                [text(&route["route"]), none.to_owned(), String::new(), String::new(), String::new()].into(),
            );
        }
        for limit in each(&route["limits"]) {
            let mut quota = text(&limit["quota"]);
            if limit["is_shadow"] == true {
                quota.push_str(" (shadow)");
            }
            let names = ["level", "place", "source"].map(|name| text(&limit[name]));
            rows.push([vec![text(&route["route"]), quota], names.to_vec()].concat());
        }
    }
    output.table(&["route", "limit", "level", "declared at", "source"], &rows)
}

pub(super) fn settings(settings: &Value, output: &mut Output) -> io::Result<()> {
    let row = |setting: &Value| ["name", "value", "source"].map(|name| text(&setting[name])).to_vec();
    output.table(&["setting", "value", "source"], &each(&settings["settings"]).map(row).collect::<Vec<_>>())
}

pub(super) fn client(client: &Value, output: &mut Output) -> io::Result<()> {
    let name = text(&client["client"]);
    if client["is_refused"] == true {
        let until = moment(&client["until"]).map(|until| format!(" until {until}")).unwrap_or_default();
        let state = output.styled(Style::Bad, format!("{name} is refused{until}"));
        writeln!(output, "{state}")?;
    } else if client["is_complete"] == true {
        let state = output.styled(Style::Good, format!("{name} may pass"));
        writeln!(output, "{state}")?;
    } else {
        writeln!(output, "{name} is not refused by any limit that is known here")?;
    }
    let ban = &client["ban"];
    if ban.is_object() {
        let kind = if ban["is_pass"] == true { "pass" } else { "ban" };
        let end = moment(&ban["end"]).unwrap_or_default();
        let reason = text(&ban["reason"]);
        let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
        writeln!(output, "{kind} of {} until {end}{reason}", text(&ban["client"]))?;
    }
    let row = |window: &Value| {
        let refused = match (window["is_refused"] == true, window["is_shadow"] == true) {
            (false, _) => String::new(),
            (true, true) => "in shadow only".to_owned(),
            (true, false) => {
                moment(&window["until"]).map_or("always".to_owned(), |until| format!("until {until}"))
            }
        };
        vec![
            text(&window["limit"]),
            text(&window["scope"]),
            number(&window["remaining"]),
            number(&window["amount"]),
            refused,
        ]
    };
    let rows: Vec<_> = each(&client["windows"]).map(row).collect();
    let stored: Vec<_> = each(&client["stored"]).map(|place| vec![text(place)]).collect();
    if rows.is_empty() && stored.is_empty() {
        writeln!(output, "no limit has a count of it")?;
    }
    if !rows.is_empty() {
        output.heading("Limits that it has used")?;
        output.table(&["limit", "counted for", ">left", ">of", "refused"], &rows)?;
    }
    if !stored.is_empty() {
        output.heading("Counts in the storage")?;
        output.table(&["counted for"], &stored)?;
    }
    Ok(())
}

pub(super) fn bans(bans: &Value, output: &mut Output) -> io::Result<()> {
    let row = |ban: &Value| {
        let kind = if ban["is_pass"] == true { "pass" } else { "ban" };
        vec![
            text(&ban["client"]),
            kind.to_owned(),
            moment(&ban["end"]).unwrap_or_default(),
            text(&ban["reason"]),
        ]
    };
    let rows: Vec<_> = each(&bans["bans"]).map(row).collect();
    if rows.is_empty() {
        return writeln!(output, "no bans and no passes");
    }
    output.table(&["client", "", "until", "reason"], &rows)
}

pub(super) fn top(top: &Value, output: &mut Output) -> io::Result<()> {
    if top["is_counted"] != true {
        return writeln!(output, "not counted: set `top_clients(true)` on the builder");
    }
    writeln!(output, "since {}", moment(&top["since"]).unwrap_or_default())?;
    for (name, heading) in [("refused", "Most refused"), ("busiest", "Busiest")] {
        let row = |client: &Value| {
            vec![text(&client["client"]), number(&client["count"]), number(&client["error"])]
        };
        output.heading(heading)?;
        output.table(
            &["client", ">number", ">error at most"],
            &each(&top[name]).map(row).collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

pub(super) fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    harmless(value.as_str().unwrap_or_default())
}

fn number(value: &Value) -> String {
    grouped(value.as_u64().unwrap_or_default())
}

/// Returns a time in milliseconds since the epoch as text, in UTC, rounded up to a second.
pub(super) fn moment(value: &Value) -> Option<String> {
    value.as_u64().map(|millis| time::shown(Timestamp::from_millis(millis.div_ceil(1000) * 1000)))
}
