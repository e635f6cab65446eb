//! How a limiter is put together.

pub(crate) mod build;
mod limits;
mod path_rules;
mod responses;
mod sources;
mod storage_failure;

use std::{fmt, sync::Arc};

use actix_web::dev::ServiceRequest;
use limiter_core::{
    Clock, Key, LoggedAddresses, Strategy, SystemClock,
    storage::{MemoryStorage, Storage},
};

#[cfg(feature = "config-file")]
use crate::settings::file::File;
use crate::{
    ConfigIssue, Limit, Limits, TrustedProxies,
    key::address::IPV6_PREFIXES,
    settings::{
        Defaults, FailureSettings, Settings,
        backend::Backend,
        config_error::Origin,
        env::Environment,
        headers::HeaderSettings,
        partial::{PartialSettings, StorageLocation},
        storage_uri,
    },
};

/// Puts a [`Limiter`](crate::Limiter) together.
///
/// ```
/// use limiter_actix::{Key, Limit, Limiter, Quota, Strategy};
///
/// let limiter = Limiter::builder()
///     .default_limits("200 per day; 50 per hour")
///     .application_limits(Limit::new(Quota::per_second(100)))
///     .strategy(Strategy::SlidingWindowCounter)
///     .key(|req| req.headers().get("x-api-key").and_then(|v| v.to_str().ok()).map(|v| Key::text("api-key", v)))
///     .exempt_scope("/health")
///     .headers(true)
///     .build()?;
/// # let _ = limiter;
/// # Ok::<(), limiter_actix::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct LimiterBuilder {
    /// What nothing but code can say, and the defaults of everything else.
    settings: Settings,
    /// What code says of what the environment and a file can say too.
    code: PartialSettings,
    environment: Environment,
    #[cfg(feature = "config-file")]
    file: Option<File>,
    #[cfg(feature = "config-file")]
    reload_every: Option<std::time::Duration>,
    named: Vec<(String, Limit)>,
}

impl LimiterBuilder {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings {
                enabled: true,
                prefix: Arc::from("limiter"),
                key: None,
                address: Arc::default(),
                logged_addresses: LoggedAddresses::default(),
                strategy: Strategy::default(),
                clock: Arc::new(SystemClock::new()),
                storage: Backend::Memory(Arc::new(MemoryStorage::new())),
                failure: FailureSettings::default(),
                headers: HeaderSettings::default(),
                defaults: Defaults::default(),
                application: Limits::default(),
                meta: Limits::default(),
                auto_check: true,
                filters: Vec::new(),
                per_process: false,
                patterns: Vec::new(),
                known: Arc::default(),
                telemetry: Arc::default(),
                named: Vec::new(),
                on_breach: None,
                on_meta_breach: None,
            },
            code: PartialSettings::default(),
            environment: Environment::default(),
            #[cfg(feature = "config-file")]
            file: None,
            #[cfg(feature = "config-file")]
            reload_every: None,
            named: Vec::new(),
        }
    }

    /// Who is counted; [`client_address`](crate::key::client_address) unless set, and when this key is missing.
    /// Ready-made keys are in [`key`](crate::key).
    pub fn key<F, K>(mut self, key: F) -> Self
    where
        F: Fn(&ServiceRequest) -> K + Send + Sync + 'static,
        K: Into<Key>,
    {
        self.code.key = Some(Arc::new(move |req| key(req).into()));
        self
    }

    /// The proxies that are believed when they say whose request they pass on. Without them the client's address
    /// is that of the connection, and all clients behind a proxy share one count.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        if let Err(error) = proxies.check() {
            self.issue(".trusted_proxies(..)", error);
        }
        self.code.proxies = Some(proxies);
        self
    }

    /// How many leading bits of an IPv6 address make a client, 32 to 128; 64 unless set, which is what one
    /// customer of a provider has at least (RFC 6177). IPv4 addresses are clients one by one.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        if !IPV6_PREFIXES.contains(&bits) {
            self.issue(format!(".ipv6_prefix({bits})"), "expected 32 to 128 bits");
        }
        self.code.ipv6_prefix = Some(bits);
        self
    }

    /// How the limiter's logs show the addresses of clients; in full unless set. Values of headers, cookies and
    /// the like are never shown.
    pub fn log_addresses(mut self, addresses: LoggedAddresses) -> Self {
        self.code.logged_addresses = Some(addresses);
        self
    }

    /// How limits are counted that do not say so themselves; [`Strategy::FixedWindow`] unless set.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.code.strategy = Some(strategy);
        self
    }

    /// Where counts are kept; in a [`MemoryStorage`] of its usual capacity unless set. When this storage fails,
    /// limits are decided as [`on_storage_failure`](Self::on_storage_failure) says.
    pub fn storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.code.storage = Some(StorageLocation::Instance(Some(storage)));
        self
    }

    /// Where counts are kept, by address; in this process by `memory://` (the default). Others by their features:
    ///
    /// | address | feature |
    /// |---|---|
    /// | `redis://127.0.0.1:6379`, `redis+unix:///run/redis.sock`, and the same with `valkey` | `redis` |
    /// | `rediss://host` | `redis-tls` |
    /// | `redis+sentinel://host,host/name` | `redis-sentinel` |
    /// | `redis+cluster://host,host` | `redis-cluster` |
    /// | `memcached://10.0.0.1:11211,10.0.0.2:11211` | `memcached` |
    ///
    /// They are connected to when they are needed; while they do not answer within 100 ms, limits are decided as
    /// [`on_storage_failure`](Self::on_storage_failure) says.
    pub fn storage_uri(mut self, uri: &str) -> Self {
        match storage_uri::storage(uri) {
            Ok(storage) => self.code.storage = Some(StorageLocation::Instance(storage)),
            // Without the address, which may hold a password.
            Err(error) => self.issue(".storage_uri(..)", error.reason()),
        }
        self
    }

    /// The memory in which counts are kept, or in which they are decided while another storage fails.
    pub fn memory_storage(mut self, memory: impl Into<Arc<MemoryStorage>>) -> Self {
        self.settings.storage = Backend::Memory(memory.into());
        self
    }

    /// The clock; the system's unless set. Tests of limits pass a [`ManualClock`](crate::ManualClock).
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Whether the limiter is switched on; see [`Limiter::set_enabled`](crate::Limiter::set_enabled).
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.code.enabled = Some(enabled);
        self
    }

    /// What all counts of this limiter begin with, to tell applications apart that share a storage; `limiter`
    /// unless set.
    pub fn key_prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.code.prefix = Some(prefix.into());
        self
    }

    /// Whether the middleware decides; it does unless set. Otherwise it only prepares, and a handler decides
    /// when by taking a [`LimitCheck`](crate::LimitCheck) as an argument.
    pub fn auto_check(mut self, auto_check: bool) -> Self {
        self.settings.auto_check = auto_check;
        self
    }

    /// Lets requests pass without a count or a look for which the function says yes; may be called several
    /// times.
    pub fn request_filter(
        mut self,
        passes: impl Fn(&ServiceRequest) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.settings.filters.push(Arc::new(passes));
        self
    }

    /// Says that each process is meant to count for itself where counts are in memory, or that there is but one
    /// whatever the environment says. It is warned of otherwise (`L030`).
    pub fn per_process(mut self, per_process: bool) -> Self {
        self.settings.per_process = per_process;
        self
    }

    /// Records an issue in a call of the builder, for [`build`](Self::build).
    fn issue(&mut self, call: impl Into<Arc<str>>, reason: impl fmt::Display) {
        self.code.issues.push(ConfigIssue::new(Origin::whole(call), reason.to_string()));
    }
}
