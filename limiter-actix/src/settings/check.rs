//! Checks the limits in settings.

use limiter_core::{Policy, Quota, Scope};

use super::{
    Settings,
    build_error::BuildError,
    config_error::ConfigIssue,
    leases::check_leases,
    partial::{ParsedLimit, PartialSettings},
};
use crate::{
    Limit,
    limit::{named::NamedLimit, place::LimitPlace},
};

impl Settings {
    /// Returns the errors in the limits that a source has parsed.
    pub(crate) fn issues_in(&self, partial: &PartialSettings) -> Vec<ConfigIssue> {
        let issue = |ParsedLimit { origin, place, limit }: &ParsedLimit| {
            let error = self.check_limit(limit, *place).err()?;
            Some(ConfigIssue::new(origin.clone(), error.to_string()))
        };
        partial.parsed_limits.iter().filter_map(issue).collect()
    }

    fn check_limit(&self, limit: &Limit, place: LimitPlace) -> Result<(), BuildError> {
        check_options(limit, place)?;
        check_async(limit, place)?;
        self.check_ban(limit)?;
        match limit.source.quota() {
            Some(quota) => {
                Self::check_concurrent(limit, quota, place)?;
                self.policy(limit, quota).map(drop)
            }
            None => Ok(()),
        }
    }

    fn check_concurrent(limit: &Limit, quota: Quota, place: LimitPlace) -> Result<(), BuildError> {
        if !quota.unit().is_concurrent() {
            return Ok(());
        }
        if !place.has_concurrent() {
            return Err(BuildError::ConcurrentElsewhere { quota, place: place.label() });
        }
        limit.concurrent_issue(quota).map_or(Ok(()), |issue| Err(BuildError::Option(issue)))
    }

    fn check_ban(&self, limit: &Limit) -> Result<(), BuildError> {
        if limit.ban.is_none() || self.storage.storage().has_notes() {
            return Ok(());
        }
        let reason =
            "`ban`: the storage keeps no bans; one of this crate does, or implement `Storage::put_note`";
        Err(BuildError::Option(reason.to_owned()))
    }

    fn policy(&self, limit: &Limit, quota: Quota) -> Result<Policy, BuildError> {
        let strategy = limit.strategy_of(quota, self.strategy);
        let mut policy = Policy::new(quota, strategy).with_time_zone(self.time_zone);
        policy = policy.with_keep_used(limit.keep_used).with_metered(limit.metered);
        policy = self.storage.with_lease(policy, self.lease);
        if let Some(burst) = limit.burst {
            policy = policy.with_burst(burst)?;
        }
        policy.check()?;
        check_leases(limit, &policy)?;
        self.storage.check(&policy)?;
        Ok(policy)
    }

    /// Binds a named limit.
    pub(crate) fn bind_named(&self, name: &str, limit: &Limit) -> Result<NamedLimit, BuildError> {
        check_options(limit, LimitPlace::Named)?;
        self.check_ban(limit)?;
        let quota = limit.source.quota().ok_or_else(|| BuildError::DynamicNamedLimit(name.to_owned()))?;
        Self::check_concurrent(limit, quota, LimitPlace::Named)?;
        // The label and scope of limits in attributes that are shared under this name.
        let policy = self.policy(limit, quota)?.with_label("shared");
        let scope = Scope::new([&*self.prefix, "shared", "", name]);
        self.known.add(&scope, &policy);
        Ok(NamedLimit { name: name.to_owned(), limit: limit.clone(), scope, policy })
    }
}

/// Rejects async functions of limits that are decided at once.
fn check_async(limit: &Limit, place: LimitPlace) -> Result<(), BuildError> {
    match limit.async_functions.first() {
        Some(function) if place == LimitPlace::Outage => Err(BuildError::Option(format!(
            "`{}`: expected a function that is not async, since outage limits are decided at once",
            function.option
        ))),
        _ => Ok(()),
    }
}

/// Checks that all options of a limit have an effect at a place, and valid values.
fn check_options(limit: &Limit, place: LimitPlace) -> Result<(), BuildError> {
    if let Some(option) = limit.without_effect(place) {
        return Err(BuildError::OptionWithoutEffect { option, place: place.label() });
    }
    limit.issues.first().map_or(Ok(()), |issue| Err(BuildError::Option(issue.clone())))
}
