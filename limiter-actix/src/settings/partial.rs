//! The settings of one source: code, the environment, or a file.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::http::{StatusCode, header::HeaderName};
use limiter_core::{KeyForm, Leases, Strategy, TimeZone};

use super::{
    Settings,
    config_error::Origin,
    path_pattern::{PathPattern, PatternRule},
    remote_storage::RemoteStorage,
    storage_uri,
};
use crate::{
    ConfigIssue, Headers, Limit, Limits, OnStorageFailure, RetryAfter, SettingSource, TrustedProxies,
    limit::{async_function::AsyncFunction, callback::KeyFn, place::LimitPlace},
};

/// The settings of one source, any of which may be missing.
///
/// Sources are applied one after the other. Later ones take precedence.
#[derive(Clone, Default)]
pub(crate) struct PartialSettings {
    pub(crate) source: SettingSource,
    pub(crate) enabled: Option<bool>,
    pub(crate) prefix: Option<Arc<str>>,
    pub(crate) storage: Option<StorageLocation>,
    pub(crate) storage_deadline: Option<Duration>,
    pub(crate) strategy: Option<Strategy>,
    pub(crate) time_zone: Option<TimeZone>,
    pub(crate) key: Option<KeyFn>,
    /// Set if the key is async.
    pub(crate) async_key: Option<AsyncFunction>,
    pub(crate) function_deadline: Option<Duration>,
    pub(crate) proxies: Option<TrustedProxies>,
    pub(crate) ipv6_prefix: Option<u8>,
    pub(crate) logged_addresses: Option<KeyForm>,
    /// The forms of keys of some kinds.
    pub(crate) logged_kinds: Vec<(Box<str>, KeyForm)>,
    pub(crate) headers: Option<Headers>,
    pub(crate) names: HeaderNameOverrides,
    pub(crate) retry_after: Option<RetryAfter>,
    pub(crate) defaults: Option<Limits>,
    pub(crate) per_method: Option<bool>,
    pub(crate) on_unmatched: Option<bool>,
    pub(crate) on_preflight: Option<bool>,
    pub(crate) application: Option<Limits>,
    pub(crate) meta: Option<Limits>,
    pub(crate) on_storage_failure: Option<OnStorageFailure>,
    /// The limits that replace all others while the storage fails.
    pub(crate) fallback: Option<Limits>,
    /// The status of responses to banned clients.
    pub(crate) ban_status: Option<StatusCode>,
    pub(crate) shows_ban_reason: Option<bool>,
    /// `false` if refusals are not repeated without a round trip.
    pub(crate) local_refusals: Option<bool>,
    /// The leases of hot counts. `Some(None)` if none are leased.
    #[expect(clippy::option_option, reason = "a source that says no differs from one that says nothing")]
    pub(crate) leases: Option<Option<Leases>>,
    pub(crate) patterns: Vec<PatternRule>,
    /// The errors in the text.
    pub(crate) issues: Vec<ConfigIssue>,
    /// All limits parsed from a text, with their positions. They are checked once the strategy and the storage of the
    /// limiter are known.
    pub(crate) parsed_limits: Vec<ParsedLimit>,
}

/// A limit that a source declares.
#[derive(Clone)]
pub(crate) struct ParsedLimit {
    pub(crate) origin: Origin,
    pub(crate) place: LimitPlace,
    pub(crate) limit: Limit,
}

impl ParsedLimit {
    pub(crate) fn of(limits: &[Limit], origin: &Origin, place: LimitPlace) -> impl Iterator<Item = Self> {
        limits.iter().map(move |limit| Self { origin: origin.clone(), place, limit: limit.clone() })
    }
}

/// The storage that keeps the counts.
#[derive(Clone)]
pub(crate) enum StorageLocation {
    Instance(RemoteStorage),
    Uri(String, Origin),
}

/// The renamed headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderNameOverrides {
    pub(crate) limit: Option<HeaderName>,
    pub(crate) remaining: Option<HeaderName>,
    pub(crate) reset: Option<HeaderName>,
    pub(crate) retry_after: Option<HeaderName>,
    pub(crate) fallback: Option<HeaderName>,
}

impl PartialSettings {
    /// Overwrites settings with those of this source.
    pub(crate) fn apply(&self, settings: &mut Settings) {
        set(&mut settings.enabled, self.enabled.as_ref());
        set(&mut settings.prefix, self.prefix.as_ref());
        set(&mut settings.strategy, self.strategy.as_ref());
        set(&mut settings.time_zone, self.time_zone.as_ref());
        set(&mut settings.application, self.application.as_ref());
        set(&mut settings.meta, self.meta.as_ref());
        set(&mut settings.function_deadline, self.function_deadline.as_ref());
        set(&mut settings.failure.policy, self.on_storage_failure.as_ref());
        set(&mut settings.local_refusals, self.local_refusals.as_ref());
        set(&mut settings.hot_leases, self.leases.as_ref());
        set(&mut settings.banned.status, self.ban_status.as_ref());
        set(&mut settings.banned.shows_reason, self.shows_ban_reason.as_ref());
        settings.storage_deadline = self.storage_deadline.or(settings.storage_deadline);
        if self.fallback.is_some() {
            settings.failure.limits.clone_from(&self.fallback);
        }
        if self.key.is_some() {
            settings.key.clone_from(&self.key);
            settings.async_key.clone_from(&self.async_key);
        }
        self.apply_addresses(settings);
        self.apply_key_forms(settings);
        self.apply_headers(settings);
        self.apply_defaults(settings);
        self.apply_patterns(settings);
        self.note_source(settings);
    }

    /// Notes which settings come from this source.
    fn note_source(&self, settings: &mut Settings) {
        for (name, _) in self.given().into_iter().filter(|(_, is_given)| *is_given) {
            settings.sources.set(name, self.source);
        }
    }

    /// Returns the names of all settings that a file can have, and whether this source has them.
    fn given(&self) -> [(&'static str, bool); 29] {
        // Without `..`, so that a new setting is not forgotten here.
        let Self {
            source: _,
            enabled,
            prefix,
            storage,
            storage_deadline,
            strategy,
            time_zone,
            key,
            async_key: _,
            function_deadline,
            proxies,
            ipv6_prefix,
            logged_addresses,
            logged_kinds,
            headers,
            names,
            retry_after,
            defaults,
            per_method,
            on_unmatched,
            on_preflight,
            application,
            meta,
            on_storage_failure,
            fallback,
            ban_status,
            shows_ban_reason,
            local_refusals,
            leases,
            patterns,
            issues: _,
            parsed_limits: _,
        } = self;
        let is_scope = |rule: &PatternRule| matches!(rule.pattern, PathPattern::Scope(_));
        [
            ("enabled", enabled.is_some()),
            ("key_prefix", prefix.is_some()),
            ("storage_uri", storage.is_some()),
            ("storage_deadline", storage_deadline.is_some()),
            ("strategy", strategy.is_some()),
            ("time_zone", time_zone.is_some()),
            ("key", key.is_some()),
            ("function_deadline_ms", function_deadline.is_some()),
            ("trusted_proxies", proxies.is_some()),
            ("ipv6_prefix", ipv6_prefix.is_some()),
            ("log_addresses", logged_addresses.is_some()),
            ("log_keys", !logged_kinds.is_empty()),
            ("headers", headers.is_some()),
            ("header_names", names.is_given()),
            ("retry_after", retry_after.is_some()),
            ("default_limits", defaults.is_some()),
            ("default_limits_per_method", per_method.is_some()),
            ("default_limits_on_unmatched", on_unmatched.is_some()),
            ("default_limits_on_preflight", on_preflight.is_some()),
            ("application_limits", application.is_some()),
            ("meta_limits", meta.is_some()),
            ("routes", patterns.iter().any(|rule| !is_scope(rule))),
            ("scopes", patterns.iter().any(is_scope)),
            ("on_storage_failure", on_storage_failure.is_some()),
            ("in_memory_fallback", fallback.is_some()),
            ("local_refusals", local_refusals.is_some()),
            ("leases", leases.is_some()),
            ("ban_status", ban_status.is_some()),
            ("show_ban_reason", shows_ban_reason.is_some()),
        ]
    }

    fn apply_addresses(&self, settings: &mut Settings) {
        if self.proxies.is_some() {
            Arc::make_mut(&mut settings.address).proxies.clone_from(&self.proxies);
        }
        if let Some(bits) = self.ipv6_prefix {
            Arc::make_mut(&mut settings.address).ipv6_prefix = bits;
        }
    }

    fn apply_key_forms(&self, settings: &mut Settings) {
        let mut forms = (*settings.key_forms).clone();
        if let Some(form) = self.logged_addresses {
            forms = forms.addresses(form);
        }
        for (kind, form) in &self.logged_kinds {
            forms = forms.kind(kind.clone(), *form);
        }
        settings.key_forms = Arc::new(forms);
    }

    fn apply_headers(&self, settings: &mut Settings) {
        let headers = &mut settings.headers;
        set(&mut headers.which, self.headers.as_ref());
        set(&mut headers.retry_after, self.retry_after.as_ref());
        set(&mut headers.names.limit, self.names.limit.as_ref());
        set(&mut headers.names.remaining, self.names.remaining.as_ref());
        set(&mut headers.names.reset, self.names.reset.as_ref());
        set(&mut headers.names.retry_after, self.names.retry_after.as_ref());
        if self.names.fallback.is_some() {
            headers.fallback.clone_from(&self.names.fallback);
        }
    }

    fn apply_defaults(&self, settings: &mut Settings) {
        let defaults = &mut settings.defaults;
        set(&mut defaults.limits, self.defaults.as_ref());
        set(&mut defaults.per_method, self.per_method.as_ref());
        set(&mut defaults.on_unmatched, self.on_unmatched.as_ref());
        set(&mut defaults.on_preflight, self.on_preflight.as_ref());
    }

    /// Adds the rules. They replace rules of earlier sources for the same pattern.
    fn apply_patterns(&self, settings: &mut Settings) {
        let is_replaced = |earlier: &PatternRule| self.patterns.iter().any(|own| same(own, earlier));
        settings.patterns.retain(|earlier| !is_replaced(earlier));
        settings.patterns.extend(self.patterns.iter().cloned());
    }
}

impl HeaderNameOverrides {
    fn is_given(&self) -> bool {
        let Self { limit, remaining, reset, retry_after, fallback } = self;
        [limit, remaining, reset, retry_after, fallback].into_iter().any(Option::is_some)
    }
}

impl StorageLocation {
    /// Returns the storage, or `None` for the memory of the process. One by address gets the deadline.
    pub(crate) fn storage(&self, deadline: Option<Duration>) -> Result<Option<RemoteStorage>, ConfigIssue> {
        match self {
            Self::Instance(storage) => Ok(Some(storage.clone())),
            Self::Uri(address, at) => storage_uri::storage(address, deadline)
                .map_err(|error| ConfigIssue::new(at.clone(), error.reason())),
        }
    }
}

fn set<T: Clone>(setting: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        setting.clone_from(value);
    }
}

/// Returns whether two rules have the same pattern.
fn same(one: &PatternRule, other: &PatternRule) -> bool {
    match (&one.pattern, &other.pattern) {
        (PathPattern::Scope(one), PathPattern::Scope(other)) => one.pattern() == other.pattern(),
        (PathPattern::Route(one, methods), PathPattern::Route(other, others)) => {
            let all_in = |some: &[_], all: &[_]| some.iter().all(|method| all.contains(method));
            one.pattern() == other.pattern() && all_in(methods, others) && all_in(others, methods)
        }
        _ => false,
    }
}

/// Leaves out the address of the storage, which may contain a password.
impl fmt::Debug for PartialSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartialSettings")
            .field("enabled", &self.enabled)
            .field("prefix", &self.prefix)
            .field("strategy", &self.strategy)
            .field("defaults", &self.defaults)
            .field("application", &self.application)
            .field("meta", &self.meta)
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}
