//! Puts together what code, the environment and a file say.

use std::{convert::Infallible, panic::Location, sync::Arc};

use super::LimiterBuilder;
use crate::{
    BuildError, ConfigError, ConfigIssue, Limiter,
    key::address::ClientAddress,
    limiter::{call_site, shared::Shared},
    settings::{
        Config, Settings,
        backend::Backend,
        local_refusals,
        partial::{PartialSettings, StorageLocation},
        path_pattern::PathPattern,
    },
};
#[cfg(feature = "config-file")]
use crate::{limiter::reload, settings::file::File};

impl Limiter {
    /// Starts to build a limiter.
    pub fn builder() -> LimiterBuilder {
        LimiterBuilder::new()
    }
}

impl Default for Limiter {
    /// A limiter that keeps counts in memory, in fixed windows, by the client's address, and has no default
    /// limits: those of attributes and scopes hold.
    #[track_caller]
    fn default() -> Self {
        let builder = LimiterBuilder::new();
        let Ok(shared) =
            call_site::get_or_create::<Infallible>(Location::caller(), builder.fingerprint(), || {
                Ok(Arc::new(Shared::new(builder.clone().config_as_is())))
            });
        Self { shared }
    }
}

impl LimiterBuilder {
    /// Builds the limiter, or finds the one that this very call has built before for another worker of the
    /// same server; see [`Limiter`].
    ///
    /// # Errors
    ///
    /// When a quota or a pattern cannot be read, and when a limit cannot be: a burst without a token bucket,
    /// or a strategy that the storage does not have. All that is wrong in the environment and in a file is told
    /// at once.
    #[track_caller]
    pub fn build(mut self) -> Result<Limiter, BuildError> {
        let location = Location::caller();
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let fingerprint = self.fingerprint();
        Ok(Limiter { shared: call_site::get_or_create(location, fingerprint, || self.shared())? })
    }

    /// All that can be compared of what was said, but for what stands in a file: not functions, nor where the
    /// counts are.
    fn fingerprint(&self) -> String {
        let settings = self.merged(None);
        let Settings { prefix, strategy, headers, failure, defaults, application, meta, patterns, .. } =
            &settings;
        let patterns = patterns.iter().map(|rule| match &rule.pattern {
            PathPattern::Scope(prefix) => (prefix.pattern(), &[][..], &rule.rule),
            PathPattern::Route(route, methods) => (route.pattern(), methods.as_slice(), &rule.rule),
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
    fn shared(&self) -> Result<Arc<Shared>, BuildError> {
        self.environment.warn_of_unknown();
        #[cfg(feature = "config-file")]
        match &self.file {
            Some(file) => {
                let builder = self.clone();
                let merge = Box::new(move |partial: &_, storage| builder.settings(Some(partial), storage));
                return reload::start(file, merge, self.reload_every);
            }
            None if self.reload_every.is_some() => return Err(BuildError::NoFile),
            None => {}
        }
        Ok(Arc::new(Shared::new(Config::new(self.settings(None, None)?))))
    }

    /// What was said, unchecked.
    pub(crate) fn config_as_is(self) -> Config {
        Config::new(self.merged(None))
    }

    /// What was said, checked. Counts are kept in this storage, or else where they are said to be.
    fn settings(
        &self,
        file: Option<&PartialSettings>,
        storage: Option<Backend>,
    ) -> Result<Settings, BuildError> {
        let mut settings = self.merged(file);
        let mut issues = Vec::new();
        match storage.map_or_else(|| self.backend(file), Ok) {
            Ok(storage) => settings.storage = storage,
            Err(issue) => issues.push(issue),
        }
        for partial in self.sources(file) {
            issues.extend(partial.issues.iter().cloned());
            issues.extend(settings.issues_in(partial));
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
    fn backend(&self, file: Option<&PartialSettings>) -> Result<Backend, ConfigIssue> {
        let said = self.sources(file).into_iter().rev().find_map(|partial| partial.storage.as_ref());
        let refusals = self.sources(file).into_iter().rev().find_map(|partial| partial.local_refusals);
        let fallback = Arc::clone(self.settings.storage.memory());
        let Some(storage) = said.map_or(Ok(None), StorageLocation::storage)? else {
            return Ok(Backend::Memory(fallback));
        };
        let is_guarded = refusals.unwrap_or(true) && !storage.is_local();
        let storage = if is_guarded { local_refusals::for_storage(&storage) } else { storage };
        Ok(Backend::Remote { storage, fallback })
    }

    fn merged(&self, file: Option<&PartialSettings>) -> Settings {
        let mut settings = self.settings.clone();
        for partial in self.sources(file) {
            partial.apply(&mut settings);
        }
        settings
    }

    /// Those who say something, the one with the last word last.
    fn sources<'a>(&'a self, file: Option<&'a PartialSettings>) -> Vec<&'a PartialSettings> {
        file.into_iter().chain([&self.environment.partial, &self.code]).collect()
    }
}

/// Checks a file of settings without running anything: for the tests of an app, or before a deployment.
///
/// It says what [`from_file`](LimiterBuilder::from_file) and [`build`](LimiterBuilder::build) would say if neither
/// code nor the environment said anything.
///
/// ```no_run
/// # fn main() -> Result<(), limiter_actix::BuildError> {
/// limiter_actix::check_file("limits.toml")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// All that is wrong with the file.
#[cfg(feature = "config-file")]
pub fn check_file(path: impl AsRef<std::path::Path>) -> Result<(), BuildError> {
    let file = File { path: path.as_ref().to_owned() };
    let partial = file.parse(&file.read()?);
    Limiter::builder().settings(Some(&partial), None).map(drop)
}

#[cfg(all(test, feature = "memcached"))]
mod tests {
    use limiter_core::{PolicyError, Strategy};

    use crate::{BuildError, Limiter};

    #[test]
    fn memcached_has_no_moving_window() {
        let builder = Limiter::builder().storage_uri("memcached://127.0.0.1").default_limits("5/minute");
        assert!(builder.clone().build().is_ok());
        let error = builder.strategy(Strategy::MovingWindow).build().expect_err("it cannot be");
        assert!(matches!(error, BuildError::Policy(PolicyError::MovingWindowNotKept { .. })), "{error}");
    }
}
