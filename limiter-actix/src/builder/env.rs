//! Settings from the environment, under the names that Flask-Limiter reads.

use std::{collections::BTreeMap, env};

use actix_web::http::header::HeaderName;
use limiter_core::{ParseStrategyError, Strategy};

use super::{
    LimiterBuilder,
    layer::{Layer, Names, Where},
    mistake::At,
    nearest::did_you_mean,
};
use crate::{Headers, IntoLimits, Limit, Limits, Mistake, OnStorageFailure, RetryAfter};

const PREFIX: &str = "RATELIMIT_";

/// What Flask-Limiter reads under these names are functions and the like, which no text can hold.
const ONLY_IN_CODE: [&str; 11] = [
    "APPLICATION_DEDUCT_WHEN",
    "APPLICATION_EXEMPT_WHEN",
    "DEFAULTS_DEDUCT_WHEN",
    "DEFAULTS_EXEMPT_WHEN",
    "FAIL_ON_FIRST_BREACH",
    "KEY_FUNC",
    "ON_BREACH_CALLBACK",
    "ON_META_BREACH_CALLBACK",
    "REQUEST_IDENTIFIER",
    "STORAGE_OPTIONS",
    "STORAGE_URL",
];

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    pub(super) layer: Layer,
    /// What is to be said of variables that are not known.
    unknown: Vec<(String, String)>,
}

impl LimiterBuilder {
    /// Reads the variables `RATELIMIT_*` of the environment, under the names that Flask-Limiter has for its
    /// settings: `RATELIMIT_DEFAULT`, `RATELIMIT_STORAGE_URI` and [others][names]. What code says goes before what
    /// they say, and that before what a file says, in whatever order the builder is called.
    ///
    /// A variable that is empty counts as not set. One that cannot be read makes [`build`](Self::build) fail; one
    /// that is not known is logged.
    ///
    /// ```
    /// use limiter_actix::Limiter;
    ///
    /// let limiter = Limiter::builder().default_limits("100/hour").from_env().build()?;
    /// # let _ = limiter;
    /// # Ok::<(), limiter_actix::BuildError>(())
    /// ```
    ///
    /// [names]: https://github.com/actix-limiter/actix-limiter/blob/main/docs/configuration.md#the-environment
    pub fn from_env(self) -> Self {
        let ours = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let mut mistakes = Vec::new();
        let readable = ours.filter(|(name, _)| name.starts_with(PREFIX)).filter_map(|(name, value)| {
            let value = value.into_string();
            if value.is_err() {
                mistakes.push(Mistake::new(At::whole(name.as_str()), "expected UTF-8"));
            }
            Some((name, value.ok()?))
        });
        let variables: Vec<_> = readable.collect();
        let mut builder = self.from_variables(variables);
        builder.environment.layer.mistakes.extend(mistakes);
        builder
    }

    /// As [`from_env`](Self::from_env), with these variables in place of the environment's: in tests, or from a
    /// store of secrets.
    ///
    /// ```
    /// use limiter_actix::Limiter;
    ///
    /// let error = Limiter::builder().from_variables([("RATELIMIT_STRATEGY", "sliding")]).build().unwrap_err();
    /// assert!(error.to_string().contains("RATELIMIT_STRATEGY: expected `fixed-window`"));
    /// ```
    pub fn from_variables<I, K, V>(mut self, variables: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let ours = variables.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value)));
        self.environment = Environment::read(ours.collect());
        self
    }
}

impl Environment {
    /// Reads variables, named without the prefix that all have.
    fn read(variables: BTreeMap<String, String>) -> Self {
        let mut reading = Reading { variables, known: Vec::new(), read: Self::default() };
        let said = Layer {
            enabled: reading.take("ENABLED", boolean),
            strategy: reading.take("STRATEGY", strategy),
            prefix: reading.take("KEY_PREFIX", |text| Ok(text.into())),
            per_method: reading.take("DEFAULTS_PER_METHOD", boolean),
            headers: reading.take("HEADERS_ENABLED", boolean).map(Headers::from),
            retry_after: reading.take("HEADER_RETRY_AFTER_VALUE", retry_after),
            storage: reading.storage("STORAGE_URI"),
            ..Layer::default()
        };
        reading.read.layer = Layer { mistakes: std::mem::take(&mut reading.read.layer.mistakes), ..said };
        reading.headers();
        reading.limits();
        reading.failing_storage();
        reading.finish()
    }

    /// Says which variables are not known.
    pub(super) fn warn_of_unknown(&self) {
        for (variable, what) in &self.unknown {
            tracing::warn!(code = "L020", variable, "a variable of the environment is not read: {what}");
        }
    }
}

/// Variables that are being read.
struct Reading {
    /// Those that nobody has asked for.
    variables: BTreeMap<String, String>,
    known: Vec<&'static str>,
    read: Environment,
}

impl Reading {
    fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        self.variables.remove(name).filter(|value| !value.trim().is_empty())
    }

    fn take<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(name)?;
        match read(text.trim()) {
            Ok(value) => Some(value),
            Err(what) => {
                self.read.layer.mistakes.push(Mistake::new(at(name), what));
                None
            }
        }
    }

    /// Not shown where it is wrong: it may hold a password.
    fn storage(&mut self, name: &'static str) -> Option<Where> {
        let address = self.text(name)?;
        Some(Where::Uri(address.trim().to_owned(), at(name)))
    }

    fn headers(&mut self) {
        let limit = self.take("HEADER_LIMIT", header);
        let remaining = self.take("HEADER_REMAINING", header);
        let reset = self.take("HEADER_RESET", header);
        let retry_after = self.take("HEADER_RETRY_AFTER", header);
        self.read.layer.names = Names { limit, remaining, reset, retry_after, fallback: None };
    }

    fn limits(&mut self) {
        self.read.layer.defaults = self.tier("DEFAULT", "DEFAULTS_COST", None);
        self.read.layer.application =
            self.tier("APPLICATION", "APPLICATION_COST", Some("APPLICATION_PER_METHOD"));
        self.known.push("META");
        self.read.layer.meta = self.quotas("META", |limit| limit);
    }

    /// Limits, with the options that are variables of their own.
    fn tier(
        &mut self,
        name: &'static str,
        cost: &'static str,
        per_method: Option<&'static str>,
    ) -> Option<Limits> {
        let is_told = self.variables.get(name).is_some_and(|value| !value.trim().is_empty());
        let cost_of_each = self.take(cost, whole_number);
        let split = per_method.and_then(|per_method| self.take(per_method, boolean));
        let options = [(cost, cost_of_each.is_some()), (per_method.unwrap_or(""), split.is_some())];
        for (option, _) in options.iter().filter(|(_, is_set)| *is_set && !is_told) {
            let what = format!("expected {PREFIX}{name} beside it, whose limits it is for");
            self.read.layer.mistakes.push(Mistake::new(at(option), what));
        }
        self.quotas(name, |limit| limit.cost(cost_of_each.unwrap_or(1)).per_method(split.unwrap_or(false)))
    }

    fn quotas(&mut self, name: &'static str, options: impl Fn(Limit) -> Limit) -> Option<Limits> {
        let limits = self.take(name, quotas)?;
        let limits = limits.each(options);
        self.read.layer.written.extend(limits.0.iter().map(|limit| (at(name), limit.clone())));
        Some(limits)
    }

    /// Three variables that say together what one setting does. Fallback goes before swallow.
    fn failing_storage(&mut self) {
        self.known.push("IN_MEMORY_FALLBACK");
        let limits = self.quotas("IN_MEMORY_FALLBACK", |limit| limit);
        let enabled = self.take("IN_MEMORY_FALLBACK_ENABLED", boolean);
        // Limits for it say that it is wanted.
        let falls_back = limits.as_ref().map(|_| true).or(enabled);
        let swallows = self.take("SWALLOW_ERRORS", boolean);
        self.read.layer.on_storage_failure = match (falls_back, swallows) {
            (Some(true), _) => Some(OnStorageFailure::Fallback),
            (_, Some(true)) => Some(OnStorageFailure::Allow),
            (Some(false), _) => Some(OnStorageFailure::Deny),
            (None, Some(false) | None) => None,
        };
        self.read.layer.fallback = limits;
    }

    fn finish(mut self) -> Environment {
        self.read.layer.mistakes.sort_by(|one, other| one.origin().cmp(other.origin()));
        let known = self.known;
        let unknown = self.variables.into_keys().map(|name| {
            let what = if ONLY_IN_CODE.contains(&name.as_str()) {
                "it has no counterpart here, or one in code only".to_owned()
            } else {
                format!("it is not known{}", did_you_mean_variable(&name, &known))
            };
            (format!("{PREFIX}{name}"), what)
        });
        self.read.unknown = unknown.collect();
        self.read
    }
}

fn did_you_mean_variable(name: &str, known: &[&'static str]) -> String {
    did_you_mean(name, known.iter().copied()).replacen('`', &format!("`{PREFIX}"), 1)
}

fn at(name: &str) -> At {
    At::whole(format!("{PREFIX}{name}"))
}

/// Says that a text is something else.
fn expected(what: &str, text: &str) -> String {
    format!("expected {what}, found {}", shown(text))
}

/// A text in a message.
fn shown(text: &str) -> String {
    /// Longer texts are not worth repeating.
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST { format!("`{text}`") } else { "a long text".to_owned() }
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(expected("`true` or `false`", text)),
    }
}

fn strategy(text: &str) -> Result<Strategy, String> {
    let close = || did_you_mean(text, Strategy::ALL.map(Strategy::name));
    text.parse().map_err(|error: ParseStrategyError| format!("{error}, found {}{}", shown(text), close()))
}

fn quotas(text: &str) -> Result<Limits, String> {
    text.into_limits().map_err(|error| format!("{error}, in {}", shown(text)))
}

fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| expected(&format!("a whole number from 0 to {}", u64::MAX), text))
}

fn header(text: &str) -> Result<HeaderName, String> {
    HeaderName::try_from(text).map_err(|_| expected("the name of a header", text))
}

fn retry_after(text: &str) -> Result<RetryAfter, String> {
    match text {
        "delta-seconds" => Ok(RetryAfter::Seconds),
        "http-date" => Ok(RetryAfter::HttpDate),
        _ => Err(expected("`delta-seconds` or `http-date`", text)),
    }
}
