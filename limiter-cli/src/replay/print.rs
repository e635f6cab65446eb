//! The report as tables.

use std::io::{self, Write};

use super::report::{ReplayReport, RouteRow};
use crate::{
    output::{Output, Style, grouped, percent},
    time::span,
};

pub(super) fn print(report: &ReplayReport, output: &mut Output, top: usize) -> io::Result<()> {
    report.reading.print(output)?;
    summary(report, output)?;
    if report.limits.is_empty() {
        return notes(report, output);
    }
    output.heading("Limits")?;
    output.table(&["level", "limit", ">refused", ">share", ">clients", ">shadow"], &limits(report, top))?;
    output.heading("Routes")?;
    output.table(&["route", ">requests", ">refused", ">share"], &routes(report, top))?;
    if !report.refusals.is_empty() {
        output.heading("Where limits refused")?;
        output.table(&["route", "level", "limit", ">refused"], &refusals(report, top))?;
        output.heading("Clients refused most")?;
        let heads = ["client", ">refused", "first", "last", "level", "last refused by", ">longest wait"];
        output.table(&heads, &clients(report))?;
        if report.refused_clients.error > 0 {
            writeln!(output, "counts may be too low by {}", grouped(report.refused_clients.error))?;
        }
    }
    notes(report, output)
}

fn summary(report: &ReplayReport, output: &mut Output) -> io::Result<()> {
    let requests = report.reading.requests;
    let style = if report.refused == 0 { Style::Good } else { Style::Bad };
    let refused = output.styled(style, format!("{} refused", grouped(report.refused)));
    writeln!(output, "{refused} ({})", percent(report.refused, requests))?;
    let clients = &report.clients;
    let about = if clients.exact { "" } else { "about " };
    let share = percent(clients.refused, clients.sampled);
    writeln!(output, "{about}{} clients, {share} of them refused at least once", grouped(clients.total))
}

fn limits(report: &ReplayReport, top: usize) -> Vec<Vec<String>> {
    let rows = report.limits.iter().take(top).map(|row| {
        let clients = row.clients.map_or_else(String::new, grouped);
        let share = percent(row.refused, report.reading.requests);
        vec![
            row.level.to_owned(),
            row.limit.clone(),
            grouped(row.refused),
            share,
            clients,
            grouped(row.shadow),
        ]
    });
    rows.collect()
}

/// Returns the name of a route, or that there is none.
pub(super) fn name(route: Option<&String>) -> String {
    route.map_or_else(|| "unmatched paths".to_owned(), Clone::clone)
}

fn routes(report: &ReplayReport, top: usize) -> Vec<Vec<String>> {
    let row = |row: &RouteRow| {
        let RouteRow { route, requests, refused } = row;
        vec![name(route.as_ref()), grouped(*requests), grouped(*refused), percent(*refused, *requests)]
    };
    report.routes.iter().take(top).map(row).collect()
}

fn refusals(report: &ReplayReport, top: usize) -> Vec<Vec<String>> {
    let rows = report.refusals.iter().take(top);
    rows.map(|row| {
        vec![name(row.route.as_ref()), row.level.to_owned(), row.limit.clone(), grouped(row.refused)]
    })
    .collect()
}

fn clients(report: &ReplayReport) -> Vec<Vec<String>> {
    let rows = report.refused_clients.top.iter().map(|row| {
        vec![
            row.client.clone(),
            grouped(row.refused),
            row.first.clone(),
            row.last.clone(),
            row.level.to_owned(),
            row.limit.clone(),
            span(row.longest_wait_seconds),
        ]
    });
    rows.collect()
}

fn notes(report: &ReplayReport, output: &mut Output) -> io::Result<()> {
    if !report.notes.is_empty() {
        output.heading("Notes")?;
    }
    report.notes.iter().try_for_each(|note| writeln!(output, "{note}"))
}
