//! The arguments of the command line.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use limiter_actix::Strategy;

const EXIT_CODES: &str = "\
Exit codes:
  0  the command ran, and found no problem
  1  it found a problem: an error in a settings file, no line to read, more refusals than --max-refused,
     a client that is refused, nothing to change
  2  the arguments are invalid
  3  reading or writing a file failed
  4  the inspector of a running limiter, or the storage, did not answer, or refused

Environment:
  LIMITER_INSPECTOR  the address of the inspector, such as http://127.0.0.1:8080/limiter
  LIMITER_TOKEN      its token: the one to view, or the one to change
  LIMITER_STORAGE    the address of the storage, such as redis://127.0.0.1:6379, as for --storage";

/// Check rate limits, try them on access logs before clients meet them, and steer a running limiter.
#[derive(Debug, Parser)]
#[command(name = "limiter", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The use of colours. `auto` follows the terminal and the variable `NO_COLOR`.
    #[arg(long, global = true, value_enum, default_value_t = Colours::Auto, value_name = "WHEN")]
    pub(crate) color: Colours,
    #[command(flatten)]
    pub(crate) stored: StorageArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Colours {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
    Replay(Replay),
    Suggest(Suggest),
    /// Show the limits by route of a running limiter.
    Limits(InspectorArguments),
    /// Show the settings in force of a running limiter, and where each comes from.
    Config(InspectorArguments),
    /// Show why a client is refused, and until when. Exits with 1 if it is refused.
    Client(Lookup),
    /// Show the busiest and the most refused clients of a running limiter.
    Top(InspectorArguments),
    /// Forget the counts of a client.
    Clear(Lookup),
    Ban(Ban),
    /// End the ban of a client or a network.
    Unban(Lookup),
    Allow(Allow),
    /// End the pass of a client or a network.
    Disallow(Lookup),
    /// Show all bans and passes.
    Bans(InspectorArguments),
    Watch(Watch),
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page in roff format.
    Man,
}

impl Command {
    /// Returns whether the command may use a storage in place of a running limiter.
    pub(crate) fn takes_storage(&self) -> bool {
        matches!(
            self,
            Self::Client(_)
                | Self::Clear(_)
                | Self::Ban(_)
                | Self::Unban(_)
                | Self::Allow(_)
                | Self::Disallow(_)
                | Self::Bans(_)
        )
    }
}

/// Check a settings file: show all errors with their positions, or else the limits that it declares.
///
/// The file is read as `LimiterBuilder::from_file` reads it. Exits with 1 if it has errors.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The settings file, in TOML.
    pub(crate) file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Replay access logs against the limits of a settings file: who would have been refused, where, and how often.
///
/// The limiter itself decides each request, in memory, at the time that the log states. A log has paths and no routes.
/// Paths that match the pattern of a route in the settings file, or one given by --route, count as that route. All
/// others count as unmatched paths do: together.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The settings file, in TOML.
    pub(crate) settings: PathBuf,
    #[command(flatten)]
    pub(crate) logs: Logs,
    /// A route of the app, such as `/users/{id}`. May be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) route: Vec<String>,
    /// A file with one route of the app on each line. Empty lines and lines that begin with `#` do not count.
    #[arg(long, value_name = "FILE")]
    pub(crate) routes: Option<PathBuf>,
    /// Guess further routes from the paths in the logs, which are then read twice. Numbers, hashes and the like become
    /// parameters.
    #[arg(long)]
    pub(crate) guess_routes: bool,
    /// Print JSON.
    #[arg(long, conflicts_with = "html")]
    pub(crate) json: bool,
    /// Write a report with plots into this file: one HTML page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// The number of rows in each table, at most.
    #[arg(long, value_name = "ROWS", default_value = "20")]
    pub(crate) top: NonZeroUsize,
    /// The number of counts kept in memory, at most. Each takes some 63 bytes. When full, those of little use leave.
    #[arg(long, value_name = "COUNTS", default_value = "1000000")]
    pub(crate) max_counts: NonZeroUsize,
    /// Exit with 1 if more than this share of the requests would have been refused, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) max_refused: Option<f64>,
}

/// Suggest quotas that would have touched at most a given share of the clients in access logs.
///
/// For each client it finds the busiest second, minute, hour and day, as the strategy counts them.
#[derive(Args, Debug)]
pub(crate) struct Suggest {
    #[command(flatten)]
    pub(crate) logs: Logs,
    /// The share of clients that may be refused at least once, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = percent)]
    pub(crate) share: f64,
    /// The strategy that counts: fixed-window, fixed-window-elastic-expiry or sliding-window-counter.
    #[arg(long, default_value = "fixed-window", value_parser = counting_strategy)]
    pub(crate) strategy: Strategy,
    /// Consider only requests for paths that begin with this prefix.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) path: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A storage in place of a running limiter, for `client`, `clear`, `ban`, `unban`, `allow`, `disallow` and `bans`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Without a running limiter")]
pub(crate) struct StorageArguments {
    /// The storage of the limiter, such as `redis://127.0.0.1:6379`. If it has a password, set `LIMITER_STORAGE` instead,
    /// since other users see arguments.
    #[arg(long, global = true, value_name = "URI")]
    pub(crate) storage: Option<String>,
    /// The key prefix of the limiter. Defaults to that of the settings file, or to `limiter`.
    #[arg(long, global = true, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// The settings file of the limiter, whose storage, prefixes and limits then apply.
    #[arg(long = "settings", global = true, value_name = "FILE", id = "settings-file")]
    pub(crate) settings: Option<PathBuf>,
}

impl StorageArguments {
    /// Returns whether any of these arguments is given.
    pub(crate) fn is_given(&self) -> bool {
        self.storage.is_some() || self.prefix.is_some() || self.settings.is_some()
    }
}

/// A running limiter.
#[derive(Args, Debug)]
pub(crate) struct InspectorArguments {
    /// The address of the inspector, such as `http://127.0.0.1:8080/limiter`. Defaults to `LIMITER_INSPECTOR`.
    #[arg(long, value_name = "URL")]
    pub(crate) inspector: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A client of a running limiter.
#[derive(Args, Debug)]
pub(crate) struct Lookup {
    /// The client: an address, the kind and value of a key such as `user:alice`, or as it is listed.
    pub(crate) client: String,
    #[command(flatten)]
    pub(crate) running: InspectorArguments,
}

/// Ban a client or a network.
#[derive(Args, Debug)]
pub(crate) struct Ban {
    /// The client, or a network such as `192.0.2.0/24`.
    pub(crate) client: String,
    /// The duration, such as `90s`, `15m`, `2h` or `7d`.
    #[arg(value_parser = duration)]
    pub(crate) duration: Duration,
    /// The reason, for operators.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) running: InspectorArguments,
}

/// Give a client or a network a pass, which lifts all its limits.
#[derive(Args, Debug)]
pub(crate) struct Allow {
    /// The client, or a network such as `192.0.2.0/24`.
    pub(crate) client: String,
    /// The duration, such as `90s`, `15m`, `2h` or `7d`.
    #[arg(value_parser = duration)]
    pub(crate) duration: Duration,
    #[command(flatten)]
    pub(crate) running: InspectorArguments,
}

/// Show the outcomes of requests every two seconds: those of the last minute and the current one.
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// The number of lines after which to end.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) updates: Option<u64>,
    #[command(flatten)]
    pub(crate) running: InspectorArguments,
}

/// Access logs, and how to read them.
#[derive(Args, Debug)]
pub(crate) struct Logs {
    /// Access logs, plain or compressed by gzip or zstd. `-` is the standard input.
    #[arg(required = true, value_name = "LOG")]
    pub(crate) files: Vec<PathBuf>,
    /// The format of the logs.
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    pub(crate) format: Format,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// The format of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Found line by line.
    Auto,
    /// The Common Log Format of Apache and nginx.
    Common,
    /// The same with referrer and user agent.
    Combined,
    /// JSON lines of nginx, with the names of its variables.
    Nginx,
    /// JSON lines of Caddy.
    Caddy,
    /// JSON lines of Traefik.
    Traefik,
}

fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number with a unit, such as 90s, 15m, 2h or 7d".to_owned();
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let (number, seconds) = units
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))
        .ok_or_else(expected)?;
    let number: u64 = number.parse().map_err(|_| expected())?;
    let seconds = number.checked_mul(seconds).filter(|seconds| *seconds > 0).ok_or_else(expected)?;
    Ok(Duration::from_secs(seconds))
}

fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number such as 1 or 0.5".to_owned())?;
    if (0.0..=100.0).contains(&number) { Ok(number) } else { Err("expected 0 to 100".to_owned()) }
}

fn counting_strategy(text: &str) -> Result<Strategy, String> {
    let strategy: Strategy = text.parse().map_err(|_| "expected the name of a strategy".to_owned())?;
    match strategy {
        Strategy::FixedWindow | Strategy::FixedWindowElasticExpiry | Strategy::SlidingWindowCounter => {
            Ok(strategy)
        }
        _ => Err("what it counts depends on the quota, so there is no suggestion for it".to_owned()),
    }
}
