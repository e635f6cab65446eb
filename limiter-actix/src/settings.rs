//! What a limiter was told.

pub(crate) mod build_error;
pub(crate) mod config_error;
pub(crate) mod env;
#[cfg(feature = "config-file")]
pub(crate) mod file;
pub(crate) mod local_refusals;
pub(crate) mod partial;
pub(crate) mod path_pattern;
pub(crate) mod storage_uri;
mod suggest;

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicBool},
};

use actix_web::dev::{ResourceDef, ServiceRequest};
use limiter_core::{
    Clock, Key, LoggedAddresses, Policy, Scope, Strategy,
    storage::{MemoryStorage, Storage},
};
use parking_lot::Mutex;

use crate::{
    Limits, Rule,
    key::address::ClientAddress,
    limit::{
        callback::{BreachFn, KeyFn, RequestPredicate},
        on_storage_failure::FailureSettings,
    },
    manual::Named,
    response::headers::HeaderSettings,
    telemetry::{Telling, health::Health},
};

/// What a limiter was told, and the little it changes while it runs. Shared by all workers.
#[derive(Debug)]
pub(crate) struct Config {
    /// Counts how often the settings were replaced; see [`Live`](crate::limiter::shared::Live).
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
    pub(crate) known: Arc<Known>,
    pub(crate) telling: Arc<Telling>,
    /// Limits that code hits itself.
    pub(crate) named: Vec<Named>,
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

/// Where the counts are. The memory storage is known by its type, so that it is asked without a future.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Memory(Arc<MemoryStorage>),
    Remote {
        storage: Arc<dyn Storage>,
        /// Decides while the storage cannot.
        fallback: Arc<MemoryStorage>,
    },
}

/// The limits that a process has met so far, so that all counts of one client can be found.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashSet<(Scope, Policy)>>);

/// More come about only when functions keep telling new quotas.
const MOST_KNOWN: usize = 10_000;

impl Known {
    pub(crate) fn add(&self, scope: &Scope, policy: &Policy) {
        let mut known = self.0.lock();
        if known.len() < MOST_KNOWN {
            known.insert((scope.clone(), policy.clone()));
        }
    }

    pub(crate) fn all(&self) -> Vec<(Scope, Policy)> {
        self.0.lock().iter().cloned().collect()
    }
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
    pub(crate) fn is_let_pass(&self, req: &ServiceRequest) -> bool {
        if self.filters.is_empty() {
            return false;
        }
        self.address.begin(req);
        self.filters.iter().any(|passes| passes(req))
    }
}

impl Backend {
    pub(crate) fn storage(&self) -> &dyn Storage {
        match self {
            Self::Memory(memory) => &**memory,
            Self::Remote { storage, .. } => &**storage,
        }
    }

    /// Where counts are, or where they are while the storage fails.
    pub(crate) fn memory(&self) -> &Arc<MemoryStorage> {
        match self {
            Self::Memory(memory) | Self::Remote { fallback: memory, .. } => memory,
        }
    }
}

/// A rule that was given by a pattern of paths.
#[derive(Clone, Debug)]
pub(crate) struct PatternRule {
    pub(crate) pattern: Pattern,
    pub(crate) rule: Rule,
}

/// The paths a rule is for.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// All paths under a prefix.
    Scope(ResourceDef),
    /// The paths that match, for these methods; for all when there are none.
    Route(ResourceDef, Vec<actix_web::http::Method>),
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
