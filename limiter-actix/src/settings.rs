//! The settings of a limiter, and the sources they are read from.

pub(crate) mod backend;
pub(crate) mod banned;
pub(crate) mod bound_names;
pub(crate) mod build_error;
mod check;
pub(crate) mod config_error;
pub(crate) mod env;
#[cfg(feature = "config-file")]
pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod function_deadline;
mod header_names;
pub(crate) mod headers;
pub(crate) mod key_source;
pub(crate) mod known_limits;
pub(crate) mod leases;
pub(crate) mod local_refusals;
mod names;
#[cfg(feature = "config-file")]
pub(crate) mod outline;
pub(crate) mod partial;
pub(crate) mod path_pattern;
pub(crate) mod remote_storage;
pub(crate) mod shadows;
mod shared_wrapper;
pub(crate) mod sources;
pub(crate) mod storage_deadline;
pub(crate) mod storage_uri;
pub(crate) mod suggest;
#[cfg(feature = "inspector")]
pub(crate) mod values;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use actix_web::dev::ServiceRequest;
use limiter_core::{Clock, Key, KeyForms, Leases, Strategy, TimeZone};

use self::{
    backend::Backend, banned::BannedSettings, bound_names::BoundNames, files::FileSettings,
    headers::HeaderSettings, known_limits::KnownLimits, path_pattern::PatternRule, shadows::Shadows,
    sources::SettingSources,
};
use crate::{
    Limits, OnStorageFailure,
    bans::list::BanList,
    holds::HeldLeases,
    key::address::ClientAddress,
    limit::{
        async_function::AsyncFunction,
        callback::{BreachFn, KeyFn, RequestPredicate},
        named::NamedLimit,
    },
    reservations::Reservations,
    telemetry::{Telemetry, health::Health},
    top::TopCounts,
};

/// The settings of a limiter, with the state that changes at run time. Shared by all workers.
#[derive(Debug)]
pub(crate) struct Config {
    /// The number of times the settings were replaced; see [`Shared`](crate::limiter::shared::Shared).
    pub(crate) generation: u64,
    pub(crate) enabled: AtomicBool,
    pub(crate) health: Arc<Health>,
    pub(crate) bans: Arc<BanList>,
    /// Limits that await a response or a usage.
    pub(crate) reservations: Arc<Reservations>,
    /// The leases of requests under way. `None` if counts are in the memory of this process.
    pub(crate) leases: Option<Arc<HeldLeases>>,
    pub(crate) settings: Settings,
}

/// The settings of a limiter.
#[expect(clippy::struct_excessive_bools, reason = "they are independent")]
#[derive(Clone)]
pub(crate) struct Settings {
    /// `false` if the limiter starts disabled.
    pub(crate) enabled: bool,
    pub(crate) prefix: Arc<str>,
    pub(crate) key: Option<KeyFn>,
    /// Set if the key is async. `key` then reads its answer.
    pub(crate) async_key: Option<AsyncFunction>,
    pub(crate) address: Arc<ClientAddress>,
    /// The forms in which logs and breaches show clients.
    pub(crate) key_forms: Arc<KeyForms>,
    pub(crate) strategy: Strategy,
    /// The time zone in which calendar windows end.
    pub(crate) time_zone: TimeZone,
    /// The time after which a request under way no longer counts in a shared storage, unless its process lives.
    pub(crate) lease: Duration,
    /// Set if hot counts of a remote storage may be charged ahead of need.
    pub(crate) hot_leases: Option<Leases>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) storage: Backend,
    /// The time that a request waits for a storage by address. `None` for that of the storage.
    pub(crate) storage_deadline: Option<Duration>,
    /// `false` if refusals of a remote storage are not repeated without a round trip.
    pub(crate) local_refusals: bool,
    pub(crate) files: FileSettings,
    pub(crate) failure: FailureSettings,
    pub(crate) headers: HeaderSettings,
    pub(crate) banned: BannedSettings,
    pub(crate) defaults: Defaults,
    pub(crate) application: Limits,
    pub(crate) meta: Limits,
    /// `false` if the handler decides when its limits are checked.
    pub(crate) auto_check: bool,
    pub(crate) filters: Vec<RequestPredicate>,
    /// The async ones of the filters, whose answers some of `filters` read.
    pub(crate) async_filters: Vec<AsyncFunction>,
    /// The time that an async function has to answer.
    pub(crate) function_deadline: Duration,
    /// Set if counts in memory are intended, although there are several processes.
    pub(crate) per_process: bool,
    pub(crate) patterns: Vec<PatternRule>,
    /// The limits bound in this process so far.
    pub(crate) known: Arc<KnownLimits>,
    /// The limits with names that are bound under these settings.
    pub(crate) bound_names: Arc<BoundNames>,
    pub(crate) telemetry: Arc<Telemetry>,
    /// Counts requests by client. `None` unless that is wanted.
    pub(crate) top: Option<Arc<TopCounts>>,
    /// The limits that code hits by name.
    pub(crate) named: Vec<NamedLimit>,
    pub(crate) sources: SettingSources,
    /// The limits that operators have set to shadow.
    pub(crate) shadows: Shadows,
    pub(crate) on_breach: Option<BreachFn>,
    pub(crate) on_meta_breach: Option<BreachFn>,
}

/// The limits of routes that have none of their own, with their options.
#[derive(Clone, Debug)]
pub(crate) struct Defaults {
    pub(crate) limits: Limits,
    pub(crate) per_method: bool,
    /// Set if they apply to paths that match no route.
    pub(crate) on_unmatched: bool,
    /// Set if they apply to CORS preflights.
    pub(crate) on_preflight: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { limits: Limits::default(), per_method: false, on_unmatched: true, on_preflight: false }
    }
}

/// The settings for storage failures.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailureSettings {
    /// The policy of limits that have none of their own.
    pub(crate) policy: OnStorageFailure,
    /// The limits that replace those decided in memory.
    pub(crate) limits: Option<Limits>,
}

impl Config {
    pub(crate) fn new(settings: Settings) -> Self {
        let enabled = AtomicBool::new(settings.enabled);
        let health = Arc::new(Health::of(settings.storage.storage().servers()));
        let reservations = Arc::new(Reservations::new());
        let (bans, leases) = (settings.bans(), settings.leases());
        Self { generation: 0, enabled, health, bans, reservations, leases, settings }
    }
}

impl Settings {
    /// Returns the bans in the storage of the limiter, under its key prefix.
    pub(crate) fn bans(&self) -> Arc<BanList> {
        BanList::of(self.storage.shared(), &self.prefix, &self.clock)
    }

    fn leases(&self) -> Option<Arc<HeldLeases>> {
        match &self.storage {
            Backend::Memory(_) => None,
            Backend::Remote { storage, fallback } => {
                Some(Arc::new(HeldLeases::new(Arc::clone(storage), fallback, &self.clock, self.lease)))
            }
        }
    }

    /// Returns the client by the limiter's own key.
    #[inline]
    pub(crate) fn client(&self, req: &ServiceRequest) -> Key {
        self.address.begin(req);
        match &self.key {
            None => self.address.key(req),
            Some(key) => key(req).or_else(|| self.address.key(req)),
        }
    }

    /// Returns whether a request filter skips a request. Filters may use the client's address.
    pub(crate) fn is_skipped(&self, req: &ServiceRequest) -> bool {
        if self.filters.is_empty() {
            return false;
        }
        self.address.begin(req);
        self.filters.iter().any(|filter| filter(req))
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("prefix", &self.prefix)
            .field("strategy", &self.strategy)
            .field("storage", &self.storage)
            .field("defaults", &self.defaults)
            .field("application", &self.application)
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}
