//! Reads variables, and notes what is wrong with them.

use std::collections::BTreeMap;

use super::values::{boolean, quotas, whole_number};
use crate::{
    ConfigIssue, Limit, Limits, OnStorageFailure,
    settings::{config_error::Origin, partial::StorageLocation, suggest::did_you_mean},
};

/// All variables of a limiter begin with this.
pub(crate) const PREFIX: &str = "RATELIMIT_";

/// What Flask-Limiter reads under these names is a function, or has no counterpart here.
const ONLY_IN_CODE: [&str; 10] = [
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
];

/// Variables that are being read, named without the prefix that all have.
pub(super) struct VariableReader {
    /// Those that nobody has asked for.
    variables: BTreeMap<String, String>,
    known: Vec<&'static str>,
    pub(super) issues: Vec<ConfigIssue>,
    /// The limits that were read.
    pub(super) parsed_limits: Vec<(Origin, Limit)>,
}

impl VariableReader {
    pub(super) fn new(variables: BTreeMap<String, String>) -> Self {
        Self { variables, known: Vec::new(), issues: Vec::new(), parsed_limits: Vec::new() }
    }

    /// The value of a variable, if it is set and can be read.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(what) => {
                self.issues.push(ConfigIssue::new(at(name), what));
                None
            }
        }
    }

    /// An address of a storage, which is tried when it is needed.
    pub(super) fn storage(&mut self, name: &'static str) -> Option<StorageLocation> {
        Some(StorageLocation::Uri(self.text(name)?, at(name)))
    }

    /// Limits, with the options that are variables of their own.
    pub(super) fn tier(
        &mut self,
        name: &'static str,
        cost: &'static str,
        per_method: Option<&'static str>,
    ) -> Option<Limits> {
        let is_reported = self.variables.get(name).is_some_and(|value| !value.trim().is_empty());
        let cost_of_each = self.take(cost, whole_number);
        let split = per_method.and_then(|per_method| self.take(per_method, boolean));
        let options = [cost_of_each.map(|_| cost), split.and(per_method)];
        for option in options.into_iter().flatten().filter(|_| !is_reported) {
            let what = format!("expected {PREFIX}{name} beside it, whose limits it is for");
            self.issues.push(ConfigIssue::new(at(option), what));
        }
        self.limits(name, |limit| limit.cost(cost_of_each.unwrap_or(1)).per_method(split.unwrap_or(false)))
    }

    pub(super) fn limits(&mut self, name: &'static str, options: impl Fn(Limit) -> Limit) -> Option<Limits> {
        let limits = self.take(name, quotas)?.each(options);
        self.parsed_limits.extend(limits.0.iter().map(|limit| (at(name), limit.clone())));
        Some(limits)
    }

    /// Three variables that say together what happens while the storage fails, and what limits hold then.
    /// Fallback goes before swallow.
    pub(super) fn failing_storage(&mut self) -> (Option<OnStorageFailure>, Option<Limits>) {
        let limits = self.limits("IN_MEMORY_FALLBACK", |limit| limit);
        let enabled = self.take("IN_MEMORY_FALLBACK_ENABLED", boolean);
        // Limits for it say that it is wanted.
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

    /// The variables that nobody has asked for, and what is to be said of them.
    pub(super) fn unknown(&self) -> Vec<(String, String)> {
        let unknown = self.variables.keys().map(|name| {
            let what = if ONLY_IN_CODE.contains(&name.as_str()) {
                "it has no counterpart here, or one in code only".to_owned()
            } else {
                // The names are compared without their prefix, and shown with it.
                let close = did_you_mean(name, self.known.iter().copied());
                format!("it is not known{}", close.replacen('`', &format!("`{PREFIX}"), 1))
            };
            (format!("{PREFIX}{name}"), what)
        });
        unknown.collect()
    }

    /// None for a variable that is empty.
    fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let value = self.variables.remove(name)?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}

fn at(name: &str) -> Origin {
    Origin::whole(format!("{PREFIX}{name}"))
}
