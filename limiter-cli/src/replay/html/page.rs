//! The page and its tables.

use std::fmt::Write;

use super::plot;
use crate::{
    output::{grouped, percent},
    replay::{print::name, report::ReplayReport},
    time::span,
};

const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1c2024;--soft:#5b636b;--line:#d5dade;--back:#fff;--a:#2b6cb0;--r:#c53030}
@media(prefers-color-scheme:dark){:root{--text:#e6e9ec;--soft:#9aa4ad;--line:#3a424a;--back:#15191d;--a:#63a4e8;--r:#f47272}}
body{margin:2rem auto;max-width:64rem;padding:0 1rem;font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--back)}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.5rem}
dl{display:flex;flex-wrap:wrap;gap:1rem 2.5rem}dt{color:var(--soft)}dd{margin:0;font-size:1.4rem;font-weight:600}
div{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th{color:var(--soft);font-weight:500}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
svg{width:100%;height:auto}svg.share{width:6rem;height:.6rem}figure{margin:0}figcaption{color:var(--soft)}
text{fill:var(--soft);font-size:12px}line{stroke:var(--line)}rect.a{fill:var(--a)}rect.r{fill:var(--r)}rect.t{fill:var(--line)}
span.a{color:var(--a)}span.r{color:var(--r)}li{margin:.4rem 0}";

/// Returns the page. It loads nothing, and runs nothing.
pub(crate) fn page(report: &ReplayReport) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>Replay of {settings}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Replay of {settings}</h1>\n",
        settings = escaped(&report.settings)
    );
    summary(&mut page, report);
    page.push_str(&plot::timeline(&report.timeline));
    limits(&mut page, report);
    routes(&mut page, report);
    refusals(&mut page, report);
    clients(&mut page, report);
    notes(&mut page, report);
    page.push_str("</body>\n</html>\n");
    page
}

fn summary(page: &mut String, report: &ReplayReport) {
    let reading = &report.reading;
    let span = match (&reading.first, &reading.last) {
        (Some(first), Some(last)) => format!("{} to {}", escaped(first), escaped(last)),
        _ => "no time".to_owned(),
    };
    let clients = &report.clients;
    let about = if clients.exact { "" } else { "about " };
    let figures = [
        ("requests", grouped(reading.requests)),
        ("refused", format!("{} ({})", grouped(report.refused), percent(report.refused, reading.requests))),
        ("clients", format!("{about}{}", grouped(clients.total))),
        ("clients refused", percent(clients.refused, clients.sampled)),
    ];
    let files: Vec<_> = reading.files.iter().map(|file| escaped(file)).collect();
    let _ = writeln!(page, "<p>{}, {span}</p>\n<dl>", files.join(", "));
    for (name, figure) in figures {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&figure));
    }
    page.push_str("</dl>\n");
}

/// A cell: its content as HTML, and whether it is a number.
struct Cell(String, bool);

fn text(text: &str) -> Cell {
    Cell(escaped(text), false)
}

fn number(number: u64) -> Cell {
    Cell(grouped(number), true)
}

fn table(page: &mut String, title: &str, heads: &[&str], rows: impl Iterator<Item = Vec<Cell>>) {
    let mut body = String::new();
    for row in rows {
        body.push_str("<tr>");
        for Cell(content, is_number) in row {
            let class = if is_number { " class=\"n\"" } else { "" };
            let _ = write!(body, "<td{class}>{content}</td>");
        }
        body.push_str("</tr>\n");
    }
    if body.is_empty() {
        return;
    }
    let heads = heads.iter().map(|head| match head.strip_prefix('>') {
        Some(head) => format!("<th scope=\"col\" class=\"n\">{head}</th>"),
        None => format!("<th scope=\"col\">{head}</th>"),
    });
    let heads: String = heads.collect();
    let _ = write!(
        page,
        "<h2>{title}</h2>\n<div><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n"
    );
}

fn limits(page: &mut String, report: &ReplayReport) {
    let rows = report.limits.iter().map(|row| {
        let share = percent(row.refused, report.reading.requests);
        let clients = row.clients.map_or_else(|| Cell(String::new(), true), number);
        vec![
            text(row.level),
            text(&row.limit),
            number(row.refused),
            Cell(escaped(&share), true),
            clients,
            number(row.shadow),
        ]
    });
    table(page, "Limits", &["level", "limit", ">refused", ">share", ">clients", ">shadow"], rows);
}

fn routes(page: &mut String, report: &ReplayReport) {
    let rows = report.routes.iter().map(|row| {
        vec![
            text(&name(row.route.as_ref())),
            number(row.requests),
            number(row.refused),
            Cell(escaped(&percent(row.refused, row.requests)), true),
            Cell(plot::share(row.refused, row.requests), false),
        ]
    });
    table(page, "Routes", &["route", ">requests", ">refused", ">share", ""], rows);
}

fn refusals(page: &mut String, report: &ReplayReport) {
    let rows = report.refusals.iter().map(|row| {
        vec![text(&name(row.route.as_ref())), text(row.level), text(&row.limit), number(row.refused)]
    });
    table(page, "Where limits refused", &["route", "level", "limit", ">refused"], rows);
}

fn clients(page: &mut String, report: &ReplayReport) {
    let rows = report.refused_clients.top.iter().map(|row| {
        vec![
            text(&row.client),
            number(row.refused),
            text(&row.first),
            text(&row.last),
            text(row.level),
            text(&row.limit),
            Cell(span(row.longest_wait_seconds), true),
        ]
    });
    let heads = ["client", ">refused", "first", "last", "level", "last refused by", ">longest wait"];
    table(page, "Clients refused most", &heads, rows);
    if report.refused_clients.error > 0 {
        let _ = writeln!(page, "<p>Counts may be too low by {}.</p>", grouped(report.refused_clients.error));
    }
}

fn notes(page: &mut String, report: &ReplayReport) {
    let broken = report.reading.broken_lines.iter().map(ToString::to_string);
    let notes: Vec<_> = broken.chain(report.notes.iter().cloned()).collect();
    if !notes.is_empty() {
        page.push_str("<h2>Notes</h2>\n<ul>\n");
        for note in notes {
            let _ = writeln!(page, "<li>{}</li>", escaped(&note));
        }
        page.push_str("</ul>\n");
    }
}

/// Returns a text as HTML shows it.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_no_markup() {
        assert_eq!(escaped("<a href=\"x\">'&é"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;é");
    }
}
