//! Reads variables, and collects their errors.

use std::collections::BTreeMap;

use super::values::{boolean, headers, quotas, whole_number};
use crate::{
    ConfigIssue, Headers, Limit, Limits, OnStorageFailure,
    limit::place::LimitPlace,
    settings::{
        config_error::Origin,
        partial::{ParsedLimit, StorageLocation},
        suggest::did_you_mean,
    },
};

/// The prefix of all variables.
pub(crate) const PREFIX: &str = "RATELIMIT_";

/// Variables of Flask-Limiter that hold functions, or have no counterpart here.
const ONLY_IN_CODE: [&str; 9] = [
    "APPLICATION_DEDUCT_WHEN",
    "APPLICATION_EXEMPT_WHEN",
    "DEFAULTS_DEDUCT_WHEN",
    "DEFAULTS_EXEMPT_WHEN",
    "FAIL_ON_FIRST_BREACH",
    "KEY_FUNC",
    "ON_BREACH_CALLBACK",
    "ON_META_BREACH_CALLBACK",
    "REQUEST_IDENTIFIER",
];

/// Variables that are being read. Their names come without [`PREFIX`].
pub(super) struct VariableReader {
    /// The variables that have not been taken.
    variables: BTreeMap<String, String>,
    known: Vec<&'static str>,
    pub(super) issues: Vec<ConfigIssue>,
    /// The limits parsed so far.
    pub(super) parsed_limits: Vec<ParsedLimit>,
}

impl VariableReader {
    pub(super) fn new(variables: BTreeMap<String, String>) -> Self {
        Self { variables, known: Vec::new(), issues: Vec::new(), parsed_limits: Vec::new() }
    }

    /// Returns the value of a variable, if it is set and valid.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.issues.push(ConfigIssue::new(at(name), error));
                None
            }
        }
    }

    /// Returns the address of a storage. It is checked when the storage is built.
    pub(super) fn storage(&mut self, name: &'static str) -> Option<StorageLocation> {
        Some(StorageLocation::Uri(self.text(name)?, at(name)))
    }

    /// Returns limits, with those of their options that have their own variables.
    pub(super) fn tier(
        &mut self,
        name: &'static str,
        cost: &'static str,
        per_method: Option<&'static str>,
    ) -> Option<Limits> {
        let is_set = self.variables.get(name).is_some_and(|value| !value.trim().is_empty());
        let cost_of_each = self.take(cost, whole_number);
        let split = per_method.and_then(|per_method| self.take(per_method, boolean));
        let options = [cost_of_each.map(|_| cost), split.and(per_method)];
        for option in options.into_iter().flatten().filter(|_| !is_set) {
            let error = format!("expected {PREFIX}{name} too, to whose limits it applies");
            self.issues.push(ConfigIssue::new(at(option), error));
        }
        self.limits(name, |limit| limit.cost(cost_of_each.unwrap_or(1)).per_method(split.unwrap_or(false)))
    }

    pub(super) fn limits(&mut self, name: &'static str, options: impl Fn(Limit) -> Limit) -> Option<Limits> {
        let limits = self.take(name, quotas)?.each(options);
        // Variables have no options that lack an effect anywhere.
        self.note_limits(name, &limits);
        Some(limits)
    }

    /// Returns the headers. `HEADERS` takes precedence over the switch of Flask-Limiter.
    pub(super) fn headers(&mut self) -> Option<Headers> {
        let enabled = self.take("HEADERS_ENABLED", boolean).map(Headers::from);
        self.take("HEADERS", headers).or(enabled)
    }

    /// Reports an error in a variable.
    pub(super) fn error(&mut self, name: &str, error: impl Into<String>) {
        self.issues.push(ConfigIssue::new(at(name), error));
    }

    /// Notes limits of a variable, to be checked once the other settings are known.
    pub(super) fn note_limits(&mut self, name: &str, limits: &Limits) {
        self.parsed_limits.extend(ParsedLimit::of(&limits.0, &at(name), LimitPlace::Route));
    }

    /// Returns the policy for storage failures, and the limits that apply then.
    ///
    /// Three variables set them together. The fallback takes precedence over swallowing errors.
    pub(super) fn failing_storage(&mut self) -> (Option<OnStorageFailure>, Option<Limits>) {
        let limits = self.limits("IN_MEMORY_FALLBACK", |limit| limit);
        let enabled = self.take("IN_MEMORY_FALLBACK_ENABLED", boolean);
        // Limits for the fallback enable it.
        let falls_back = limits.as_ref().map(|_| true).or(enabled);
        let swallows = self.take("SWALLOW_ERRORS", boolean);
        let on_failure = match (falls_back, swallows) {
            (Some(true), _) => Some(OnStorageFailure::Fallback),
            (_, Some(true)) => Some(OnStorageFailure::Allow),
            (Some(false), _) => Some(OnStorageFailure::Deny),
            (None, Some(false) | None) => None,
        };
        (on_failure, limits)
    }

    /// Returns the variables that were not taken, with the reason why they have no effect.
    pub(super) fn ignored(&self) -> Vec<(String, String)> {
        let ignored = self.variables.keys().map(|name| {
            let reason = if name == "STORAGE_OPTIONS" {
                format!("unsupported; options are parameters of {PREFIX}STORAGE_URI, such as `?db=2`, or {PREFIX}STORAGE_DEADLINE")
            } else if ONLY_IN_CODE.contains(&name.as_str()) {
                "unsupported, or settable only in code".to_owned()
            } else {
                // Names are compared without the prefix, and shown with it.
                let suggestion = did_you_mean(name, self.known.iter().copied());
                format!("unknown name{}", suggestion.replacen('`', &format!("`{PREFIX}"), 1))
            };
            (format!("{PREFIX}{name}"), reason)
        });
        ignored.collect()
    }

    /// Takes the text of a variable. An empty one counts as not set.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let value = self.variables.remove(name)?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}

fn at(name: &str) -> Origin {
    Origin::whole(format!("{PREFIX}{name}"))
}
