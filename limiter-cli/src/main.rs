//! The command line of `limiter-actix`: checks limits, replays access logs, suggests quotas, steers a running limiter.
//!
//! ```console
//! $ cargo install limiter-cli
//! $ limiter check limits.toml                  # errors with their lines, or the declared limits
//! $ limiter replay limits.toml access.log.gz   # refusals by limit, route and client
//! $ limiter suggest access.log                 # quotas that touch few clients
//! $ limiter client user:42                     # why a running app refuses this client, and until when
//! ```
//!
//! Logs may be common, combined, or JSON lines of nginx, Caddy and Traefik; plain, gzip or zstd. The
//! [page of the command line](https://github.com/actix-limiter/actix-limiter/blob/main/docs/cli.md)
//! has all options, and what the figures mean.

mod args;
mod assist;
mod check;
mod clients;
mod frequent;
mod input;
mod live;
mod log;
mod outcome;
mod output;
mod reading;
mod replay;
mod suggest;
mod time;

use std::{io::Write, process::ExitCode};

use clap::Parser;

use self::{
    args::{Arguments, Command, StorageArguments},
    live::Live,
    outcome::{Failure, Outcome},
    output::Output,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::new(arguments.color);
    let result = run(arguments.command, &arguments.stored, &mut output).and_then(|outcome| {
        output.flush()?;
        Ok(outcome)
    });
    match result {
        Ok(outcome) => outcome.code(),
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            output::print_failure(&failure, arguments.color);
            failure.code()
        }
    }
}

fn run(command: Command, stored: &StorageArguments, output: &mut Output) -> Result<Outcome, Failure> {
    if stored.is_given() && !command.takes_storage() {
        let expected =
            "expected client, clear, ban, unban, allow, disallow or bans with --storage and --settings";
        return Err(Failure::Usage(expected.to_owned()));
    }
    let live = Live::new(stored);
    match command {
        Command::Check(arguments) => check::run(&arguments, output),
        Command::Replay(arguments) => replay::run(&arguments, output),
        Command::Suggest(arguments) => suggest::run(&arguments, output),
        Command::Limits(arguments) => live::limits(&arguments, output),
        Command::Config(arguments) => live::config(&arguments, output),
        Command::Client(arguments) => live.client(&arguments, output),
        Command::Top(arguments) => live::top(&arguments, output),
        Command::Clear(arguments) => live.clear(&arguments, output),
        Command::Ban(arguments) => live.ban(&arguments, output),
        Command::Unban(arguments) => live.unban(&arguments, output),
        Command::Allow(arguments) => live.allow(&arguments, output),
        Command::Disallow(arguments) => live.disallow(&arguments, output),
        Command::Bans(arguments) => live.bans(&arguments, output),
        Command::Watch(arguments) => live::watch(&arguments, output),
        Command::Completions { shell } => assist::completions(shell, output),
        Command::Man => assist::man(output),
    }
}
