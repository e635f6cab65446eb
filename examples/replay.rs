//! Tries limits on recorded traffic, without a server.
//!
//! Reads one JSON object a line on standard input and writes one line for each:
//!
//! ```text
//! $ echo '{"strategy": "moving-window", "limit": "1/second", "hits": [[0, 1], [400, 1]]}' |
//!       cargo run -q -p limiter-examples --example replay
//! {"decisions":[[true,0,null],[false,0,600]]}
//! ```
//!
//! A hit is [milliseconds since the Unix epoch, cost], a decision [allowed, remaining, milliseconds until a
//! retry passes]. `burst` sets the burst of a token bucket. `expect` lists the expected decisions, each with two
//! or three of their values. Differences are printed to standard error.
//!
//! Exits with 0, with 1 if a decision differed, or with 2 if a line was invalid.

use std::{
    error::Error,
    io::{self, BufRead, Read, Write},
    num::NonZeroU64,
    process::ExitCode,
};

use limiter_actix::{
    Clock, Key, ManualClock, Policy, Quota, Scope, Strategy, Timestamp, Window,
    storage::{Batch, Hit, MemoryStorage, Storage},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The maximum length of a line: about half a million hits.
const LONGEST_LINE: usize = 16 << 20;

/// A line of input. Other fields are ignored.
#[derive(Deserialize)]
struct Recorded {
    strategy: String,
    limit: String,
    burst: Option<NonZeroU64>,
    hits: Vec<(u64, u64)>,
    expect: Option<Vec<Expected>>,
}

/// An expected decision: two or three of its values.
#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "`expect` has [allowed, remaining] or [allowed, remaining, retry_after_ms]")]
enum Expected {
    Two(bool, u64),
    Three(bool, u64, Option<u64>),
}

/// Allowed, remaining, milliseconds until a retry passes.
type Decided = (bool, u64, Option<u64>);

/// The outcome of a line, or the worst of all lines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Agreed,
    Differed,
    Unreadable,
}

fn main() -> ExitCode {
    let outcome = run(&mut io::stdin().lock(), &mut io::stdout().lock()).unwrap_or_else(|error| {
        eprintln!("{error}");
        Outcome::Unreadable
    });
    ExitCode::from(outcome as u8)
}

/// Processes all lines. Returns an error if reading or writing fails, not if a line is invalid.
fn run(input: &mut impl BufRead, output: &mut impl Write) -> io::Result<Outcome> {
    let mut worst = Outcome::Agreed;
    for number in 1.. {
        let Some(line) = read_line(input)? else { break };
        let outcome = match line.and_then(|line| answer(&line)) {
            Ok((decisions, differences)) => {
                writeln!(output, "{}", json!({ "decisions": decisions }))?;
                for difference in &differences {
                    eprintln!("line {number}: {difference}");
                }
                if differences.is_empty() { Outcome::Agreed } else { Outcome::Differed }
            }
            Err(error) => {
                eprintln!("line {number}: {error}");
                Outcome::Unreadable
            }
        };
        worst = worst.max(outcome);
    }
    Ok(worst)
}

/// Returns the next line, or the reason why it was rejected; `None` at the end.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Result<Vec<u8>>>> {
    let mut line = Vec::new();
    // Includes the end of the line.
    let longest = LONGEST_LINE + 1;
    input.by_ref().take(longest as u64).read_until(b'\n', &mut line)?;
    if line.len() == longest && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
        return Ok(Some(Err(format!("longer than {LONGEST_LINE} bytes").into())));
    }
    if line.is_empty() {
        return Ok(None);
    }
    line.truncate(line.trim_ascii_end().len());
    Ok(Some(Ok(line)))
}

/// Returns the decisions of one line, and their differences from the expected ones.
fn answer(line: &[u8]) -> Result<(Vec<Decided>, Vec<String>)> {
    // serde sees a single line, so its line number is always 1.
    let column = |error: serde_json::Error| error.to_string().replace(" at line 1 column", " at column");
    let recorded: Recorded = serde_json::from_slice(line).map_err(column)?;
    let decisions = decide(&policy(&recorded)?, &recorded.hits)?;
    let differences = recorded.expect.map_or_else(Vec::new, |expected| differences(&decisions, &expected));
    Ok((decisions, differences))
}

fn policy(recorded: &Recorded) -> Result<Policy> {
    let quota: Quota = recorded.limit.parse().map_err(|error| format!("`limit`: {error}"))?;
    let strategy: Strategy = recorded.strategy.parse().map_err(|error| format!("`strategy`: {error}"))?;
    let policy = Policy::new(quota, strategy);
    Ok(match recorded.burst {
        Some(burst) => policy.with_burst(burst)?,
        None => policy,
    })
}

fn decide(policy: &Policy, hits: &[(u64, u64)]) -> Result<Vec<Decided>> {
    let storage = MemoryStorage::with_capacity(1);
    storage.check(policy)?;
    let (clock, scope, key) = (ManualClock::default(), Scope::new(["replay"]), Key::from("replay"));
    let decide = |(time, cost): &(u64, u64)| {
        clock.set(Timestamp::from_millis(*time));
        let hit = [Hit::new(&scope, &key, policy).cost(*cost)];
        shown(&storage.decide(&Batch::new(&hit), clock.now()).limits()[0])
    };
    Ok(hits.iter().map(decide).collect())
}

/// Returns the wait in milliseconds, rounded up.
fn shown(window: &Window) -> Decided {
    let millis = window.retry_after().map(|wait| wait.as_nanos().div_ceil(1_000_000));
    (window.is_allowed(), window.remaining(), millis.and_then(|millis| millis.try_into().ok()))
}

fn differences(decisions: &[Decided], expected: &[Expected]) -> Vec<String> {
    let mut differences = Vec::new();
    if decisions.len() != expected.len() {
        differences.push(format!("{} hits, but {} are expected", decisions.len(), expected.len()));
    }
    for (index, (decision, expected)) in decisions.iter().zip(expected).enumerate() {
        let agrees = match *expected {
            Expected::Two(allowed, remaining) => (allowed, remaining) == (decision.0, decision.1),
            Expected::Three(allowed, remaining, wait) => (allowed, remaining, wait) == *decision,
        };
        if !agrees {
            let (decision, expected) = (json!(decision), json!(expected));
            differences.push(format!("hit {index} (from 0): decided {decision}, expected {expected}"));
        }
    }
    differences
}
