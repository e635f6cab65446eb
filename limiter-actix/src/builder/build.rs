//! Builds a limiter from the settings in code, the environment and a file.

use std::{convert::Infallible, panic::Location, sync::Arc};

use super::LimiterBuilder;
use crate::{
    BuildError, ConfigError, ConfigIssue, IntoLimits, Limiter,
    key::address::ClientAddress,
    limiter::{call_site, shared::Shared, state_file::StateFile},
    linked::Linked,
    routing::name_clashes,
    settings::{
        Config, Settings,
        backend::Backend,
        config_error::Origin,
        partial::PartialSettings,
        path_pattern::{PathPattern, PatternRule},
    },
};
#[cfg(feature = "config-file")]
use crate::{
    limiter::reload,
    settings::{file::File, outline::FileOutline},
};

/// Binds the named limits of a builder. Linked if a limit may have a name.
static BIND_NAMES: Linked<fn(&LimiterBuilder, &mut Settings, &mut Vec<ConfigIssue>)> = Linked::new();

/// Links what only limits with names need.
pub(crate) fn link_names() {
    BIND_NAMES.link(LimiterBuilder::bind_names);
    name_clashes::link_names();
}

impl Limiter {
    /// Returns a builder with default settings.
    pub fn builder() -> LimiterBuilder {
        LimiterBuilder::new()
    }
}

impl Default for Limiter {
    /// Returns a limiter with default settings.
    ///
    /// It counts in memory, in fixed windows, by the client's address. It has no default limits, so only the limits of
    /// attributes, resources and scopes apply.
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

/// # Build
impl LimiterBuilder {
    /// Builds the limiter, or returns the one that this line of code has built for another worker of the same server;
    /// see [`Limiter`].
    ///
    /// # Errors
    ///
    /// If a setting is invalid, such as the text of a quota, or if a limit is not supported. A burst requires a token
    /// bucket, and some storages lack a strategy. All errors in the environment and in a file are reported at once.
    #[track_caller]
    pub fn build(self) -> Result<Limiter, BuildError> {
        let (location, fingerprint) = (Location::caller(), self.fingerprint());
        Ok(Limiter { shared: call_site::get_or_create(location, fingerprint, || self.shared())? })
    }

    /// Returns all that is comparable of the settings. Limiters of one line that differ in it are not shared.
    ///
    /// Functions are compared by their presence only, storages and clocks not at all, and a file by its path.
    fn fingerprint(&self) -> String {
        // Without `..`, so that a new field is not forgotten here.
        let Self { settings: _, code, environment: _, named, build_with_counts: _ } = self;
        let named: Vec<_> = named.iter().map(|(name, limit)| (name, limit)).collect();
        let settings = comparable(&self.merged(None));
        format!("{settings} {named:?} {:?}", code.issues)
    }

    /// Builds the state that all workers share.
    fn shared(&self) -> Result<Arc<Shared>, BuildError> {
        self.environment.warn_of_ignored();
        match self.build_with_counts {
            Some(build) => build(self),
            None => self.shared_without_counts(),
        }
    }

    /// The same, with the file that counts are kept in.
    pub(super) fn shared_with_counts(&self) -> Result<Arc<Shared>, BuildError> {
        // Before any limit is made.
        let counts = self.settings.files.counts.as_ref();
        let file =
            counts.map(|path| StateFile::open(path, self.settings.storage.memory(), &self.settings.clock));
        let shared = self.shared_without_counts()?;
        if let Some(file) = file {
            if let Backend::Remote { .. } = shared.config().settings.storage {
                return Err(BuildError::PersistWithoutEffect);
            }
            shared.keep_state(file).map_err(|error| BuildError::Persist(error.to_string()))?;
        }
        Ok(shared)
    }

    /// The same, without that file.
    fn shared_without_counts(&self) -> Result<Arc<Shared>, BuildError> {
        #[cfg(feature = "config-file")]
        match (&self.settings.files.settings, self.settings.files.reload_every) {
            (Some(path), interval) => {
                let (file, builder) = (File { path: path.clone() }, self.clone());
                let merge = Box::new(move |partial: &_, storage| builder.settings(Some(partial), storage));
                return reload::start(&file, merge, interval);
            }
            (None, Some(_)) => return Err(BuildError::NoFile),
            (None, None) => {}
        }
        Ok(Arc::new(Shared::new(Config::new(self.settings(None, None)?))))
    }

    /// Returns the settings, unchecked.
    pub(crate) fn config_as_is(self) -> Config {
        Config::new(self.merged(None))
    }

    /// Returns the settings, checked, with `storage` in place of the configured one if given.
    fn settings(
        &self,
        file: Option<&PartialSettings>,
        storage: Option<Backend>,
    ) -> Result<Settings, BuildError> {
        let mut settings = self.merged(file);
        // Not those of other limiters from the same builder, nor those of the settings before a reload.
        settings.bound_names = Arc::default();
        let mut issues = Vec::new();
        match storage.map_or_else(|| self.backend(file, &settings), Ok) {
            Ok(storage) => settings.storage = storage,
            Err(issue) => issues.push(issue),
        }
        for partial in self.sources(file) {
            issues.extend(partial.issues.iter().cloned());
            issues.extend(settings.issues_in(partial));
        }
        if let Some(bind_names) = BIND_NAMES.if_linked() {
            bind_names(self, &mut settings, &mut issues);
        }
        issues.extend(settings.issues_in_header_names());
        ConfigError::of(issues)?;
        Ok(settings)
    }

    /// Binds the named limits, and looks for errors in all names.
    fn bind_names(&self, settings: &mut Settings, issues: &mut Vec<ConfigIssue>) {
        for (name, limit) in &self.named {
            match settings.bind_named(name, limit) {
                Ok(named) => settings.named.push(named),
                Err(error) => {
                    let call = format!(".named_limit({name:?}, {})", limit.in_code());
                    issues.push(ConfigIssue::new(Origin::whole(call), error.reason()));
                }
            }
        }
        issues.extend(settings.issues_in_names(&self.named));
    }

    /// Returns the storage of the source that takes precedence.
    fn backend(&self, file: Option<&PartialSettings>, settings: &Settings) -> Result<Backend, ConfigIssue> {
        let location = self.sources(file).into_iter().rev().find_map(|partial| partial.storage.as_ref());
        let fallback = Arc::clone(self.settings.storage.memory());
        let deadline = settings.storage_deadline;
        let Some(storage) = location.map_or(Ok(None), |location| location.storage(deadline))? else {
            return Ok(Backend::Memory(fallback));
        };
        // It may be one by address. Without these features, there is none.
        #[cfg(any(feature = "memcached", feature = "mongodb", feature = "redis"))]
        super::link_remote();
        Ok(Backend::Remote { storage: storage.wrapped(settings.local_refusals), fallback })
    }

    fn merged(&self, file: Option<&PartialSettings>) -> Settings {
        let mut settings = self.settings.clone();
        for partial in self.sources(file) {
            partial.apply(&mut settings);
        }
        settings
    }

    /// Returns the sources of settings. Later ones take precedence.
    fn sources<'a>(&'a self, file: Option<&'a PartialSettings>) -> Vec<&'a PartialSettings> {
        file.into_iter().chain([&self.environment.partial, &self.code]).collect()
    }
}

/// Returns all that is comparable of merged settings.
fn comparable(settings: &Settings) -> String {
    // Without `..`, so that a new setting is not forgotten here.
    let Settings {
        enabled,
        prefix,
        key,
        async_key: _,
        address,
        key_forms,
        strategy,
        time_zone,
        lease,
        hot_leases,
        clock: _,
        storage: _,
        storage_deadline,
        local_refusals,
        files,
        failure,
        headers,
        banned,
        defaults,
        application,
        meta,
        auto_check,
        filters,
        async_filters: _,
        function_deadline,
        per_process,
        patterns,
        known: _,
        bound_names: _,
        telemetry: _,
        top,
        named: _,
        sources: _,
        shadows: _,
        on_breach,
        on_meta_breach,
    } = settings;
    let ClientAddress { proxies, ipv6_prefix, .. } = &**address;
    let patterns = patterns.iter().map(|PatternRule { pattern, rule, .. }| match pattern {
        PathPattern::Scope(prefix) => (prefix.pattern(), &[][..], rule),
        PathPattern::Route(route, methods) => (route.pattern(), methods.as_slice(), rule),
    });
    let limits = (defaults, application, meta, failure, patterns.collect::<Vec<_>>());
    let values = (
        prefix,
        (strategy, time_zone, lease, hot_leases, function_deadline),
        (storage_deadline, local_refusals, files),
        headers,
        proxies,
        ipv6_prefix,
        key_forms,
        banned,
    );
    let switches = (enabled, auto_check, per_process, top.is_some());
    let functions = (key.is_some(), on_breach.is_some(), on_meta_breach.is_some(), filters.len());
    format!("{:?}", (limits, values, switches, functions))
}

/// Checks a settings file without running anything, in the tests of an app or before a deployment.
///
/// It returns the error that [`build`](LimiterBuilder::build) would return after
/// [`from_file`](LimiterBuilder::from_file), with no settings in code and in the environment.
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
/// If the file is unreadable, or has errors. All of them are reported at once.
#[cfg(feature = "config-file")]
pub fn check_file(path: impl AsRef<std::path::Path>) -> Result<(), BuildError> {
    let file = File { path: path.as_ref().to_owned() };
    link_names();
    let partial = file.parse(&file.read()?);
    Limiter::builder().settings(Some(&partial), None).map(drop)
}

/// Returns the limits that a settings file declares, for tools that show or replay them.
///
/// It looks for errors in the text of the file only. [`check_file`] also checks whether the storage supports the limits.
///
/// ```no_run
/// # fn main() -> Result<(), limiter_actix::BuildError> {
/// for limit in limiter_actix::outline_file("limits.toml")?.limits() {
///     println!("{}: {:?}", limit.level(), limit.quota());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If the file is unreadable, or has errors. All of them are reported at once.
#[cfg(feature = "config-file")]
pub fn outline_file(path: impl AsRef<std::path::Path>) -> Result<FileOutline, BuildError> {
    let file = File { path: path.as_ref().to_owned() };
    let partial = file.parse(&file.read()?);
    ConfigError::of(partial.issues.clone())?;
    Ok(FileOutline::new(&Limiter::builder().merged(Some(&partial)), &partial))
}

#[cfg(all(test, feature = "memcached"))]
mod tests {
    use limiter_core::Strategy;

    use crate::Limiter;

    #[test]
    fn a_moving_window_on_memcached_is_rejected() {
        let builder = Limiter::builder().storage_uri("memcached://127.0.0.1").default_limits("5/minute");
        assert!(builder.clone().build().is_ok());
        let error = builder.strategy(Strategy::MovingWindow).build().expect_err("it is not supported");
        assert!(error.to_string().contains("memcached does not support moving windows"), "{error}");
    }
}
