//! Reads logs entry by entry, and counts what is no request.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
};

use limiter_actix::Timestamp;
use serde::Serialize;

use crate::{
    args::Logs,
    input::{self, Line, Progress},
    log::{Entry, InvalidLine, Parser},
    outcome::Failure,
    output::{Output, Style, grouped, harmless},
    time,
};

/// The lines that were read.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Reading {
    pub(crate) files: Vec<String>,
    /// All lines but empty ones.
    pub(crate) lines: u64,
    pub(crate) requests: u64,
    pub(crate) broken: u64,
    pub(crate) broken_lines: Vec<BrokenLines>,
    /// The time of the earliest and the latest request.
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    pub(crate) seconds: u64,
}

/// The lines that are broken for one reason, with the first of them.
#[derive(Debug, Serialize)]
pub(crate) struct BrokenLines {
    reason: String,
    lines: u64,
    file: String,
    line: u64,
    text: String,
}

/// Reads logs one after the other.
pub(crate) struct Reader<'a> {
    logs: &'a Logs,
    parser: Parser,
    reading: Reading,
    broken: BTreeMap<InvalidLine, BrokenLines>,
    span: Option<(Timestamp, Timestamp)>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(logs: &'a Logs, wants_headers: bool) -> Self {
        let parser = Parser::new(logs.format, wants_headers);
        Self { logs, parser, reading: Reading::default(), broken: BTreeMap::new(), span: None }
    }

    /// Calls `each` for each request.
    pub(crate) fn read(mut self, mut each: impl FnMut(Entry)) -> Result<Reading, Failure> {
        let progress = Progress::start(&self.logs.files, self.logs.quiet);
        let files: &[PathBuf] = &self.logs.files;
        for path in files {
            self.read_file(path, &progress, &mut each)?;
            self.reading.files.push(path.display().to_string());
        }
        progress.end();
        Ok(self.finish())
    }

    fn read_file(
        &mut self,
        path: &Path,
        progress: &Progress,
        each: &mut impl FnMut(Entry),
    ) -> Result<(), Failure> {
        let failed = |error| Failure::Read { path: path.to_owned(), error };
        let mut lines = input::open(path, progress).map_err(failed)?;
        let mut number = 0;
        while let Some(line) = lines.next().map_err(failed)? {
            number += 1;
            let (line, entry) = match line {
                Line::Whole(line) => match self.parser.parse(line) {
                    Some(entry) => (line, entry),
                    None => continue,
                },
                Line::TooLong(start) => (start, Err(InvalidLine::TooLong)),
            };
            self.reading.lines += 1;
            match entry {
                Ok(entry) => {
                    self.reading.requests += 1;
                    let (first, last) = self.span.get_or_insert((entry.at, entry.at));
                    *first = (*first).min(entry.at);
                    *last = (*last).max(entry.at);
                    each(entry);
                }
                Err(broken) => self.note_broken(broken, path, number, line),
            }
        }
        Ok(())
    }

    #[cold]
    fn note_broken(&mut self, broken: InvalidLine, path: &Path, number: u64, line: &[u8]) {
        self.reading.broken += 1;
        let noted = self.broken.entry(broken).or_insert_with(|| BrokenLines {
            reason: broken.to_string(),
            lines: 0,
            file: path.display().to_string(),
            line: number,
            text: harmless(&String::from_utf8_lossy(&line[..line.len().min(500)])),
        });
        noted.lines += 1;
    }

    fn finish(self) -> Reading {
        let mut reading = self.reading;
        reading.broken_lines = self.broken.into_values().collect();
        if let Some((first, last)) = self.span {
            reading.first = Some(time::shown(first));
            reading.last = Some(time::shown(last));
            reading.seconds = (last.as_nanos() - first.as_nanos()) / 1_000_000_000;
        }
        reading
    }
}

impl Reading {
    /// Prints what was read, and the first broken lines.
    pub(crate) fn print(&self, output: &mut Output) -> io::Result<()> {
        let requests = grouped(self.requests);
        match (&self.first, &self.last) {
            (Some(first), Some(last)) => {
                writeln!(
                    output,
                    "{requests} requests from {first} to {last} ({})",
                    time::span(self.seconds)
                )?;
            }
            _ => writeln!(output, "{requests} requests")?,
        }
        if self.broken > 0 {
            let text = format!("{} of {} lines are no requests:", grouped(self.broken), grouped(self.lines));
            let text = output.styled(Style::Bad, text);
            writeln!(output, "{text}")?;
        }
        self.broken_lines.iter().try_for_each(|lines| writeln!(output, "  {lines}"))
    }
}

impl fmt::Display for BrokenLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, lines, file, line, text } = self;
        write!(f, "{}: {reason}; first at {}:{line}: {text}", grouped(*lines), harmless(file))
    }
}
