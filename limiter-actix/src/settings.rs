//! What a limiter was told.

pub(crate) mod backend;
pub(crate) mod build_error;
mod check;
pub(crate) mod config_error;
pub(crate) mod env;
#[cfg(feature = "config-file")]
pub(crate) mod file;
pub(crate) mod headers;
pub(crate) mod known_limits;
pub(crate) mod local_refusals;
pub(crate) mod partial;
pub(crate) mod path_pattern;
pub(crate) mod storage_uri;
mod suggest;

use std::sync::{Arc, atomic::AtomicBool};

use actix_web::dev::ServiceRequest;
use limiter_core::{Clock, Key, LoggedAddresses, Strategy};

use self::{backend::Backend, headers::HeaderSettings, known_limits::KnownLimits, path_pattern::PatternRule};
use crate::{
    Limits, OnStorageFailure,
    key::address::ClientAddress,
    limit::{
        callback::{BreachFn, KeyFn, RequestPredicate},
        named::NamedLimit,
    },
    telemetry::{Telemetry, health::Health},
};

/// What a limiter was told, and the little it changes while it runs. Shared by all workers.
#[derive(Debug)]
pub(crate) struct Config {
    /// Counts how often the settings were replaced; see [`Shared`](crate::limiter::shared::Shared).
    pub(crate) generation: u64,
    pub(crate) enabled: AtomicBool,
    pub(crate) health: Arc<Health>,
    pub(crate) settings: Settings,
}

/// What a limiter was told.
#[derive(Clone)]
pub(crate) struct Settings {
    /// Whether it starts switched on.
    pub(crate) enabled: bool,
    pub(crate) prefix: Arc<str>,
    pub(crate) key: Option<KeyFn>,
    pub(crate) address: Arc<ClientAddress>,
    pub(crate) logged_addresses: LoggedAddresses,
    pub(crate) strategy: Strategy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) storage: Backend,
    pub(crate) failure: FailureSettings,
    pub(crate) headers: HeaderSettings,
    pub(crate) defaults: Defaults,
    pub(crate) application: Limits,
    pub(crate) meta: Limits,
    /// Whether the middleware decides; else the handler asks for it.
    pub(crate) auto_check: bool,
    pub(crate) filters: Vec<RequestPredicate>,
    /// Whether counts in memory are meant to be those of one process among several.
    pub(crate) per_process: bool,
    pub(crate) patterns: Vec<PatternRule>,
    /// What this process has met so far.
    pub(crate) known: Arc<KnownLimits>,
    pub(crate) telemetry: Arc<Telemetry>,
    /// Limits that code hits itself.
    pub(crate) named: Vec<NamedLimit>,
    pub(crate) on_breach: Option<BreachFn>,
    pub(crate) on_meta_breach: Option<BreachFn>,
}

/// The limits of routes that have none of their own.
#[derive(Clone, Debug)]
pub(crate) struct Defaults {
    pub(crate) limits: Limits,
    pub(crate) per_method: bool,
    /// Whether they hold for paths that match no route.
    pub(crate) on_unmatched: bool,
    /// Whether they hold for CORS preflights.
    pub(crate) on_preflight: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { limits: Limits::default(), per_method: false, on_unmatched: true, on_preflight: false }
    }
}

/// What a limiter was told of a failing storage.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailureSettings {
    /// For limits that do not say so themselves.
    pub(crate) policy: OnStorageFailure,
    /// What holds in place of the limits that would be decided in memory.
    pub(crate) limits: Option<Limits>,
}

impl Config {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { generation: 0, enabled: AtomicBool::new(settings.enabled), health: Arc::default(), settings }
    }
}

impl Settings {
    /// Who is counted, by the limiter's own key.
    pub(crate) fn client(&self, req: &ServiceRequest) -> Key {
        self.address.begin(req);
        match &self.key {
            None => self.address.key(req),
            Some(key) => key(req).or_else(|| self.address.key(req)),
        }
    }

    /// Whether a request filter lets a request pass. Filters may ask for the client's address.
    pub(crate) fn is_skipped(&self, req: &ServiceRequest) -> bool {
        if self.filters.is_empty() {
            return false;
        }
        self.address.begin(req);
        self.filters.iter().any(|passes| passes(req))
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
