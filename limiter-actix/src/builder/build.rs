//! Puts together what code, the environment and a file say.

use std::sync::Arc;

use limiter_core::{Policy, Quota, Scope};

use super::LimiterBuilder;
use crate::settings::{
    build_error::BuildError,
    config_error::At,
    partial::{Layer, Where},
};
use crate::{
    ConfigError, ConfigIssue, Limit,
    key::address::ClientAddress,
    limiter::shared::Live,
    manual::Named,
    settings::{Backend, Config, Pattern, Settings, local_refusals},
};

impl LimiterBuilder {
    /// All that can be compared of what was said, but for what stands in a file: not functions, nor where the
    /// counts are.
    pub(crate) fn looks(&self) -> String {
        let settings = self.merged(None);
        let Settings { prefix, strategy, headers, failure, defaults, application, meta, patterns, .. } =
            &settings;
        let patterns = patterns.iter().map(|rule| match &rule.pattern {
            Pattern::Scope(prefix) => (prefix.pattern(), &[][..], &rule.rule),
            Pattern::Route(route, methods) => (route.pattern(), methods.as_slice(), &rule.rule),
        });
        let patterns: Vec<_> = patterns.collect();
        let named: Vec<_> = self.named.iter().map(|(name, limit)| (name, limit, limit.burst)).collect();
        let said = (prefix, strategy, headers, failure, defaults, application, meta, patterns, named);
        let ClientAddress { proxies, ipv6_prefix, .. } = &*settings.address;
        let switches =
            (settings.enabled, settings.auto_check, settings.per_process, settings.logged_addresses);
        let functions = (settings.key.is_some(), settings.on_breach.is_some(), settings.filters.len());
        let said = (said, proxies, ipv6_prefix, switches, functions, settings.on_meta_breach.is_some());
        #[cfg(feature = "config-file")]
        let said = (said, self.file.as_ref().map(|file| &file.path));
        format!("{said:?}")
    }

    /// A limiter of what was said, ready to run.
    pub(super) fn live(&self) -> Result<Arc<Live>, BuildError> {
        self.environment.warn_of_unknown();
        #[cfg(feature = "config-file")]
        match &self.file {
            Some(file) => return file.live(self),
            None if self.reload_every.is_some() => return Err(BuildError::NoFile),
            None => {}
        }
        Ok(Arc::new(Live::new(Config::new(self.settings(None, None)?))))
    }

    /// What was said, unchecked.
    pub(crate) fn config_as_is(self) -> Config {
        Config::new(self.merged(None))
    }

    /// What was said, checked. Counts are kept in this storage, or else where they are said to be.
    pub(crate) fn settings(
        &self,
        file: Option<&Layer>,
        storage: Option<Backend>,
    ) -> Result<Settings, BuildError> {
        let mut settings = self.merged(file);
        let mut issues = Vec::new();
        match storage.map_or_else(|| self.backend(file), Ok) {
            Ok(storage) => settings.storage = storage,
            Err(issue) => issues.push(issue),
        }
        for layer in self.layers(file) {
            issues.extend(layer.issues.iter().cloned());
            issues.extend(settings.issues_in(layer));
        }
        ConfigError::of(issues)?;
        settings.check()?;
        for (name, limit) in self.named.clone() {
            let named = settings.name(name, limit)?;
            settings.named.push(named);
        }
        Ok(settings)
    }

    /// Where counts are kept, as the one says that has the last word.
    fn backend(&self, file: Option<&Layer>) -> Result<Backend, ConfigIssue> {
        let said = self.layers(file).into_iter().rev().find_map(|layer| layer.storage.as_ref());
        let refusals = self.layers(file).into_iter().rev().find_map(|layer| layer.local_refusals);
        let fallback = Arc::clone(self.settings.storage.memory());
        let Some(storage) = said.map_or(Ok(None), Where::storage)? else {
            return Ok(Backend::Memory(fallback));
        };
        let is_guarded = refusals.unwrap_or(true) && !storage.is_local();
        let storage = if is_guarded { local_refusals::before(&storage) } else { storage };
        Ok(Backend::Remote { storage, fallback })
    }

    fn merged(&self, file: Option<&Layer>) -> Settings {
        let mut settings = self.settings.clone();
        for layer in self.layers(file) {
            layer.apply(&mut settings);
        }
        settings
    }

    /// Those who say something, the one with the last word last.
    fn layers<'a>(&'a self, file: Option<&'a Layer>) -> Vec<&'a Layer> {
        file.into_iter().chain([&self.environment.layer, &self.code]).collect()
    }
}

impl Settings {
    /// The limits of a layer that cannot be, and why.
    fn issues_in(&self, layer: &Layer) -> Vec<ConfigIssue> {
        let issue = |(at, limit): &(_, Limit)| {
            let error = self.check_limit(limit).err()?;
            Some(ConfigIssue::new(At::clone(at), error.to_string()))
        };
        layer.written.iter().filter_map(issue).collect()
    }

    /// Checks all limits that are known now.
    fn check(&self) -> Result<(), BuildError> {
        let patterns = self.patterns.iter().map(|pattern| &pattern.rule.limits);
        let limits = [&self.defaults.limits, &self.application, &self.meta].into_iter().chain(patterns);
        let limits = limits.chain(&self.failure.limits);
        limits.flat_map(|limits| &limits.0).try_for_each(|limit| self.check_limit(limit))
    }

    fn check_limit(&self, limit: &Limit) -> Result<(), BuildError> {
        match limit.source.quota() {
            Some(quota) => self.policy(limit, quota).map(drop),
            None => Ok(()),
        }
    }

    fn policy(&self, limit: &Limit, quota: Quota) -> Result<Policy, BuildError> {
        let mut policy = Policy::new(quota, limit.strategy.unwrap_or(self.strategy));
        if let Some(burst) = limit.burst {
            policy = policy.with_burst(burst)?;
        }
        self.storage.storage().check(&policy)?;
        Ok(policy)
    }

    fn name(&self, name: String, limit: Limit) -> Result<Named, BuildError> {
        if self.named.iter().any(|named| named.name == name) {
            return Err(BuildError::TwoNamedLimits(name));
        }
        if limit.deduct_when.is_some() {
            return Err(BuildError::DeductByHand(name));
        }
        let quota = limit.source.quota().ok_or_else(|| BuildError::DynamicNamedLimit(name.clone()))?;
        // As limits of attributes have it that are shared under this name.
        let policy = self.policy(&limit, quota)?.with_label("shared");
        let scope = Scope::new([&*self.prefix, "shared", "", &name]);
        self.known.add(&scope, &policy);
        Ok(Named { name, limit, scope, policy })
    }
}
