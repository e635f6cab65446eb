//! `limiter check`: the errors of a settings file, or the limits that it declares.

use std::io::{self, Write};

use limiter_actix::{BuildError, Exempt, FileOutline, OutlinedLimit, check_file, outline_file};
use serde::Serialize;

use crate::{
    args::Check,
    outcome::{Failure, Outcome},
    output::{Output, Style, harmless},
};

/// The result, as JSON shows it.
#[derive(Serialize)]
struct CheckReport<'a> {
    version: u32,
    command: &'static str,
    file: String,
    valid: bool,
    issues: Vec<Issue>,
    #[serde(flatten)]
    settings: Option<Settings<'a>>,
}

#[derive(Serialize)]
struct Issue {
    line: Option<usize>,
    column: Option<usize>,
    message: String,
}

/// The declarations of a valid file.
#[derive(Serialize)]
struct Settings<'a> {
    enabled: bool,
    strategy: &'static str,
    storage: &'a str,
    ipv6_prefix: u8,
    limits: Vec<Limit<'a>>,
    exemptions: Vec<Exemption<'a>>,
}

#[derive(Serialize)]
struct Limit<'a> {
    level: &'static str,
    pattern: Option<&'a str>,
    quota: String,
    strategy: &'static str,
    name: Option<&'a str>,
    shadow: bool,
}

#[derive(Serialize)]
struct Exemption<'a> {
    pattern: &'a str,
    lifts: Vec<&'static str>,
}

pub(crate) fn run(arguments: &Check, output: &mut Output) -> Result<Outcome, Failure> {
    let file = arguments.file.display().to_string();
    let outline = check_file(&arguments.file).and_then(|()| outline_file(&arguments.file));
    let issues = outline.as_ref().err().map(issues).unwrap_or_default();
    let settings = outline.as_ref().ok().map(Settings::of);
    let report = CheckReport { version: 1, command: "check", file, valid: outline.is_ok(), issues, settings };
    if arguments.json {
        output.json(&report)?;
    } else {
        report.print(output)?;
    }
    Ok(if report.valid { Outcome::Good } else { Outcome::Problems })
}

fn issues(error: &BuildError) -> Vec<Issue> {
    match error {
        BuildError::Config(error) => {
            let issue = |issue: &limiter_actix::ConfigIssue| Issue {
                line: issue.line(),
                column: issue.column(),
                message: issue.message().to_owned(),
            };
            error.issues().iter().map(issue).collect()
        }
        other => vec![Issue { line: None, column: None, message: other.to_string() }],
    }
}

impl<'a> Settings<'a> {
    fn of(outline: &'a FileOutline) -> Self {
        Self {
            enabled: outline.is_enabled(),
            strategy: outline.strategy().name(),
            storage: outline.storage(),
            ipv6_prefix: outline.ipv6_prefix(),
            limits: outline.limits().iter().map(Limit::of).collect(),
            exemptions: outline
                .exemptions()
                .map(|(pattern, exempt)| Exemption { pattern, lifts: lifted(exempt) })
                .collect(),
        }
    }
}

impl<'a> Limit<'a> {
    fn of(limit: &'a OutlinedLimit) -> Self {
        Self {
            level: limit.level(),
            pattern: limit.pattern(),
            quota: limit.quota().map(|quota| quota.to_string()).unwrap_or_default(),
            strategy: limit.strategy().name(),
            name: limit.name(),
            shadow: limit.is_shadow(),
        }
    }

    fn row(&self) -> Vec<String> {
        let shadow = if self.shadow { "shadow" } else { "" };
        let name = harmless(self.name.unwrap_or_default());
        let pattern = harmless(self.pattern.unwrap_or("everywhere"));
        vec![
            self.level.to_owned(),
            pattern,
            self.quota.clone(),
            self.strategy.to_owned(),
            name,
            shadow.to_owned(),
        ]
    }
}

fn lifted(exempt: Exempt) -> Vec<&'static str> {
    let levels = [
        (Exempt::DEFAULT, "default"),
        (Exempt::APPLICATION, "application"),
        (Exempt::META, "meta"),
        (Exempt::SCOPES, "scopes"),
    ];
    levels.into_iter().filter(|(level, _)| exempt.contains(*level)).map(|(_, name)| name).collect()
}

impl CheckReport<'_> {
    fn print(&self, output: &mut Output) -> io::Result<()> {
        let file = harmless(&self.file);
        let Some(settings) = &self.settings else {
            for Issue { line, column, message } in &self.issues {
                let place = match (line, column) {
                    (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
                    _ => file.clone(),
                };
                let place = output.styled(Style::Bad, place);
                writeln!(output, "{place}: {message}")?;
            }
            return Ok(());
        };
        let valid = output.styled(Style::Good, "valid");
        writeln!(output, "{file}: {valid}")?;
        let Settings { enabled, strategy, storage, ipv6_prefix, limits, exemptions } = settings;
        let state = if *enabled { "on" } else { "off" };
        writeln!(
            output,
            "limiter {state}, strategy {strategy}, storage {storage}, IPv6 clients by {ipv6_prefix} bits"
        )?;
        output.heading("Limits")?;
        if limits.is_empty() {
            writeln!(output, "none")?;
        } else {
            let rows: Vec<_> = limits.iter().map(Limit::row).collect();
            output.table(&["level", "where", "limit", "strategy", "name", ""], &rows)?;
        }
        if !exemptions.is_empty() {
            output.heading("Exempt")?;
            let row =
                |exemption: &Exemption<'_>| vec![harmless(exemption.pattern), exemption.lifts.join(", ")];
            output.table(&["where", "from limits of"], &exemptions.iter().map(row).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}
