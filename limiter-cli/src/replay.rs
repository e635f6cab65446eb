//! `limiter replay` shows who would have been refused, where, and how often.

mod guess;
mod html;
mod pipeline;
mod print;
mod report;
mod routes;
mod tally;
mod timeline;

use std::fs;

use limiter_actix::outline_file;

use self::{pipeline::Pipeline, report::ReplayReport, tally::Tally};
use crate::{
    args::Replay,
    outcome::{Failure, Outcome},
    output::Output,
    reading::Reader,
};

pub(crate) fn run(arguments: &Replay, output: &mut Output) -> Result<Outcome, Failure> {
    let outline = outline_file(&arguments.settings)?;
    let routes = routes::all(&outline, arguments)?;
    let pipeline = Pipeline::new(arguments, &outline, &routes)?;
    let mut tally = Tally::new(&routes, outline.ipv6_prefix());
    let reader = Reader::new(&arguments.logs, outline.reads_requests());
    let mut undecided = 0;
    let reading = reader.read(|entry| {
        let (at, client) = (entry.at, entry.client);
        match pipeline.decide(entry) {
            Some(decision) => tally.add(at, client, &decision),
            None => undecided += 1,
        }
    })?;
    let mut report =
        ReplayReport::new(arguments, &outline, &routes, reading, &mut tally, pipeline.evictions());
    if undecided > 0 {
        report.notes.push(format!("{undecided} requests were not decided, since the limiter failed."));
    }
    if let Some(path) = &arguments.html {
        let written = fs::write(path, html::page(&report));
        written.map_err(|error| Failure::Write { path: path.clone(), error })?;
    }
    if arguments.json {
        output.json(&report)?;
    } else {
        print::print(&report, output, arguments.top.get())?;
    }
    let share = arguments.max_refused;
    let is_good = report.reading.requests > 0 && share.is_none_or(|share| report.refused_percent() <= share);
    Ok(if is_good { Outcome::Good } else { Outcome::Problems })
}
