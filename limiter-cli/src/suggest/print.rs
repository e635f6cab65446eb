//! The suggestion as tables.

use std::io::{self, Write};

use super::SuggestReport;
use crate::output::{Output, Style, grouped, percent};

pub(super) fn print(report: &SuggestReport, output: &mut Output) -> io::Result<()> {
    report.reading.print(output)?;
    let clients = &report.clients;
    let about = if clients.exact { "" } else { "about " };
    writeln!(output, "{about}{} clients, strategy {}", grouped(clients.total), report.strategy)?;
    if !report.windows.is_empty() {
        output.heading("Requests of a client in its busiest window")?;
        output.table(
            &["window", ">half send at most", ">90 %", ">99 %", ">99.9 %", ">most"],
            &distributions(report),
        )?;
        output.heading(&format!("Quotas that touch at most {} % of the clients", report.share))?;
        output.table(&["limit", ">clients touched", ">share"], &quotas(report))?;
    }
    if let Some(together) = &report.together {
        output.heading("Together, in limits.toml")?;
        if report.strategy != "fixed-window" {
            writeln!(output, "strategy = \"{}\"", report.strategy)?;
        }
        let limits = output.styled(Style::Good, format!("application_limits = \"{}\"", together.limits));
        let share = percent(together.touched, clients.sampled);
        writeln!(output, "{limits}  # touches {} clients, {share}", grouped(together.touched))?;
    }
    if !report.notes.is_empty() {
        output.heading("Notes")?;
    }
    report.notes.iter().try_for_each(|note| writeln!(output, "{note}"))
}

fn distributions(report: &SuggestReport) -> Vec<Vec<String>> {
    let rows = report.windows.iter().map(|row| {
        let distribution = &row.distribution;
        let figures =
            [distribution.p50, distribution.p90, distribution.p99, distribution.p99_9, distribution.max];
        std::iter::once(row.window.to_owned()).chain(figures.map(grouped)).collect()
    });
    rows.collect()
}

fn quotas(report: &SuggestReport) -> Vec<Vec<String>> {
    let rows = report.windows.iter().map(|row| {
        vec![row.quota.clone(), grouped(row.touched), percent(row.touched, report.clients.sampled)]
    });
    rows.collect()
}
