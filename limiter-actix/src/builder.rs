//! The builder of a limiter.

// The documentation shows the methods of each in this order.
pub(crate) mod build;

mod keys;

mod limits;

mod path_rules;

mod responses;

mod sources;

mod storage_failure;

mod unbuilt;

mod banned;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use actix_web::dev::ServiceRequest;
use limiter_core::{
    Clock, KeyForm, KeyForms, Strategy, SystemClock, TimeZone,
    storage::{MemoryStorage, Storage},
};

use crate::{
    BuildError, ConfigIssue, Limit, Limits, SettingSource,
    bans::refresh::link_refresher,
    decision::refund::link_refunds,
    holds::link_keeper,
    limit::{
        async_answers::read_predicate,
        async_function::{AsyncAnswer, AsyncFunction},
        callback::Callback,
        function_value::FunctionValue,
    },
    limiter::shared::Shared,
    request::link_waits,
    settings::{
        Defaults, FailureSettings, Settings,
        backend::Backend,
        banned::BannedSettings,
        config_error::Origin,
        env::Environment,
        files::FileSettings,
        function_deadline::is_function_deadline,
        headers::HeaderSettings,
        partial::{PartialSettings, StorageLocation},
        remote_storage::RemoteStorage,
        shadows::Shadows,
        sources::SettingSources,
        storage_deadline,
    },
    top::TopCounts,
};

/// Builds a [`Limiter`](crate::Limiter).
///
/// | group | methods |
/// |---|---|
/// | result | [`build`](Self::build) |
/// | keys | [`key`](Self::key), [`trusted_proxies`](Self::trusted_proxies), [`ipv6_prefix`](Self::ipv6_prefix) |
/// | limits | [`default_limits`](Self::default_limits), [`application_limits`](Self::application_limits), [`meta_limits`](Self::meta_limits), [`named_limit`](Self::named_limit), [`strategy`](Self::strategy) |
/// | rules by pattern | [`route`](Self::route), [`scope`](Self::scope), [`exempt_route`](Self::exempt_route), [`exempt_scope`](Self::exempt_scope), [`request_filter`](Self::request_filter) |
/// | async functions | [`key_async`](Self::key_async), [`request_filter_async`](Self::request_filter_async), [`function_deadline`](Self::function_deadline) |
/// | responses | [`headers`](Self::headers), [`on_breach`](Self::on_breach), [`retry_after`](Self::retry_after) |
/// | sources | [`from_env`](Self::from_env), `from_file`, `reload_every` |
/// | storage | [`storage_uri`](Self::storage_uri), [`storage`](Self::storage), [`storage_deadline`](Self::storage_deadline), [`memory_storage`](Self::memory_storage), [`persist`](Self::persist), [`on_storage_failure`](Self::on_storage_failure), [`key_prefix`](Self::key_prefix) |
/// | bans | [`ban_status`](Self::ban_status), [`on_ban`](Self::on_ban) |
/// | log | [`log_keys`](Self::log_keys), [`log_addresses`](Self::log_addresses), [`top_clients`](Self::top_clients) |
/// | tests | [`clock`](Self::clock), [`enabled`](Self::enabled) |
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
#[must_use = "a builder is no limiter: call `build`"]
pub struct LimiterBuilder {
    /// The settings that only code has, and the defaults of all others.
    settings: Settings,
    /// The settings in code that the environment and a file have too.
    code: PartialSettings,
    environment: Environment,
    named: Vec<(String, Limit)>,
    /// Builds the state, with counts in a file. A function, so that the linker leaves it out of programs without one.
    build_with_counts: Option<BuildFn>,
}

type BuildFn = fn(&LimiterBuilder) -> Result<Arc<Shared>, BuildError>;

/// The time that an async function has to answer.
const DEFAULT_FUNCTION_DEADLINE: Duration = Duration::from_millis(250);

/// The time after which the requests of a process that has crashed no longer count.
const DEFAULT_LEASE: Duration = Duration::from_secs(30);

/// Links what only a remote storage needs.
fn link_remote() {
    link_waits();
    link_refunds();
    link_keeper();
    link_refresher();
}

/// # Storage, log and tests
impl LimiterBuilder {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings {
                enabled: true,
                prefix: Arc::from("limiter"),
                key: None,
                async_key: None,
                address: Arc::default(),
                key_forms: Arc::new(KeyForms::new()),
                strategy: Strategy::default(),
                time_zone: TimeZone::UTC,
                lease: DEFAULT_LEASE,
                hot_leases: None,
                clock: Arc::new(SystemClock::new()),
                storage: Backend::Memory(Arc::new(MemoryStorage::new())),
                storage_deadline: None,
                local_refusals: true,
                files: FileSettings::default(),
                failure: FailureSettings::default(),
                headers: HeaderSettings::default(),
                banned: BannedSettings::default(),
                defaults: Defaults::default(),
                application: Limits::default(),
                meta: Limits::default(),
                auto_check: true,
                filters: Vec::new(),
                async_filters: Vec::new(),
                function_deadline: DEFAULT_FUNCTION_DEADLINE,
                per_process: false,
                patterns: Vec::new(),
                known: Arc::default(),
                bound_names: Arc::default(),
                telemetry: Arc::default(),
                top: None,
                named: Vec::new(),
                sources: SettingSources::default(),
                shadows: Shadows::default(),
                on_breach: None,
                on_meta_breach: None,
            },
            code: PartialSettings { source: SettingSource::Code, ..PartialSettings::default() },
            environment: Environment::default(),
            named: Vec::new(),
            build_with_counts: None,
        }
    }

    /// Sets how logs and breaches show the addresses of clients. Defaults to [`KeyForm::Full`].
    pub fn log_addresses(mut self, form: KeyForm) -> Self {
        self.code.logged_addresses = Some(form);
        self
    }

    /// Sets how logs and breaches show keys of one kind. Defaults to [`KeyForm::Hashed`].
    ///
    /// A kind is the first argument of [`Key::text`](crate::Key::text), such as `user`. Those of ready-made functions are named there,
    /// such as `header x-api-key` and `bearer token`. They are secrets more often than not.
    pub fn log_keys(mut self, kind: impl Into<Box<str>>, form: KeyForm) -> Self {
        self.code.logged_kinds.push((kind.into(), form));
        self
    }

    /// Sets the secret of hashed keys in logs and breaches. Pass 16 random bytes, the same in all processes that should
    /// show the same hash for a client. Defaults to a secret that each process draws when it starts.
    pub fn log_secret(mut self, secret: &[u8; 16]) -> Self {
        self.settings.key_forms = Arc::new((*self.settings.key_forms).clone().secret(secret));
        self
    }

    /// Sets the counting strategy of limits without one. Defaults to [`Strategy::FixedWindow`].
    ///
    /// Windows that end by the calendar are always fixed ones.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.code.strategy = Some(strategy);
        self
    }

    /// Sets the time zone in which calendar windows end, such as that of `1000 per calendar day`. Defaults to `UTC`.
    ///
    /// It is an offset such as `+02:00`, or with the feature `time-zones` a name such as `Europe/Berlin`, whose days last
    /// 23 or 25 hours where daylight saving time changes. An invalid text makes `build` fail.
    pub fn time_zone(mut self, zone: &str) -> Self {
        match zone.parse::<TimeZone>() {
            Ok(zone) => self.code.time_zone = Some(zone),
            Err(error) => self.issue(format!(".time_zone({zone:?})"), error),
        }
        self
    }

    /// Sets the storage that keeps the counts. Defaults to a [`MemoryStorage`] of default capacity.
    ///
    /// While the storage fails, [`on_storage_failure`](Self::on_storage_failure) decides.
    pub fn storage(mut self, storage: Arc<dyn Storage>) -> Self {
        link_remote();
        self.code.storage = Some(StorageLocation::Instance(RemoteStorage::new(storage)));
        self
    }

    /// Sets the storage that keeps the counts, by address. Defaults to `memory://`, the memory of this process.
    ///
    /// Other storages have features:
    ///
    /// | address | feature |
    /// |---|---|
    /// | `redis://127.0.0.1:6379`, `redis+unix:///run/redis.sock`, and the same with `valkey` | `redis` |
    /// | `rediss://host` | `redis-tls` |
    /// | `redis+sentinel://host,host/name` | `redis-sentinel` |
    /// | `redis+cluster://host,host` | `redis-cluster` |
    /// | `memcached://10.0.0.1:11211,10.0.0.2:11211` | `memcached` |
    /// | `mongodb://127.0.0.1:27017` | `mongodb` |
    ///
    /// The limiter connects at the first use. While a storage does not answer within its
    /// [deadline](Self::storage_deadline), [`on_storage_failure`](Self::on_storage_failure) decides. An invalid address makes `build` fail.
    pub fn storage_uri(mut self, uri: &str) -> Self {
        // Without the address, which may hold a password.
        self.code.storage = Some(StorageLocation::Uri(uri.to_owned(), Origin::whole(".storage_uri(..)")));
        self
    }

    /// Sets how long a request waits for a storage by [address](Self::storage_uri), from 1 ms to 60 s. Defaults to 100 ms.
    ///
    /// A storage passed to [`storage`](Self::storage) has its own: `Resilient::deadline`.
    pub fn storage_deadline(mut self, deadline: Duration) -> Self {
        if storage_deadline::RANGE.contains(&deadline) {
            self.code.storage_deadline = Some(deadline);
        } else {
            let error = format!("expected {}", storage_deadline::EXPECTED);
            self.issue(format!(".storage_deadline({deadline:?})"), error);
        }
        self
    }

    /// Sets the memory storage, which keeps the counts, or decides while another storage fails.
    pub fn memory_storage(mut self, memory: impl Into<Arc<MemoryStorage>>) -> Self {
        self.settings.storage = Backend::Memory(memory.into());
        self
    }

    /// Keeps the counts and bans in memory in a file, so that a restart on the same machine does not reset them. Defaults to
    /// none: they end with the process.
    ///
    /// The file is read by [`build`](Self::build), and written every 30 s, by [`Limiter::flush`](crate::Limiter::flush),
    /// and when the last clone of the limiter is dropped. If it is damaged, that is logged (`L045`), and counts begin at
    /// zero. Requests under way are left out, because they end with the process. The file has a secret, so only its user
    /// may read it. Use it for one limiter, and build that before any other: the file means nothing once the process has
    /// made limits.
    ///
    /// If the counts are in another storage, `build` fails.
    ///
    /// ```no_run
    /// use limiter_actix::Limiter;
    ///
    /// let limiter = Limiter::builder().default_limits("1000/day").persist("limits.state").build()?;
    /// # let _ = limiter;
    /// # Ok::<(), limiter_actix::BuildError>(())
    /// ```
    pub fn persist(mut self, file: impl Into<PathBuf>) -> Self {
        self.settings.files.counts = Some(file.into());
        self.build_with_counts = Some(Self::shared_with_counts);
        self
    }

    /// Sets the clock. Defaults to the system clock. Tests of limits pass a [`ManualClock`](crate::ManualClock).
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Sets the lease of concurrent requests, for tests. Defaults to 30 seconds.
    #[doc(hidden)]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// Sets whether the limiter is enabled. Defaults to `true`.
    ///
    /// [`Limiter::set_enabled`](crate::Limiter::set_enabled) changes this at run time.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.code.enabled = Some(enabled);
        self
    }

    /// Sets the prefix of all counts. Defaults to `limiter`.
    ///
    /// Applications that share a storage need different prefixes.
    pub fn key_prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.code.prefix = Some(prefix.into());
        self
    }

    /// Sets whether the limiter counts requests by client, for [`Limiter::top`](crate::Limiter::top). Defaults to
    /// `false`.
    pub fn top_clients(mut self, is_counted: bool) -> Self {
        self.settings.top = is_counted.then(|| Arc::new(TopCounts::new()));
        self
    }

    /// Sets whether the middleware decides. Defaults to `true`.
    ///
    /// Otherwise handlers take a [`LimitCheck`](crate::LimitCheck) as an argument, and call its `check`. A handler that
    /// never does is not limited.
    pub fn auto_check(mut self, auto_check: bool) -> Self {
        self.settings.auto_check = auto_check;
        self
    }

    /// Skips rate limiting for requests for which `filter` returns `true`. May be called more than once.
    pub fn request_filter(
        mut self,
        filter: impl Fn(&ServiceRequest) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.settings.filters.push(Callback(Arc::new(filter)));
        self
    }

    /// Skips rate limiting for requests for which the async `filter` returns `true`, or `Ok(true)`. May be called more than
    /// once.
    ///
    /// If it fails or exceeds its [deadline](Self::function_deadline), the request is not skipped.
    pub fn request_filter_async<F, B>(mut self, filter: F) -> Self
    where
        F: AsyncFn(&ServiceRequest) -> B + Send + Sync + 'static,
        B: FunctionValue<bool>,
    {
        link_waits();
        let function = AsyncFunction::new("request_filter", filter, |yes| Ok(AsyncAnswer::Yes(yes)));
        self.settings.filters.push(read_predicate(&function));
        self.settings.async_filters.push(function);
        self
    }

    /// Sets the time that each async function has to answer, 1 ms to 60 s. Defaults to 250 ms.
    ///
    /// Then it is dropped, its limit does not apply to the request, and the outer limits do.
    pub fn function_deadline(mut self, deadline: Duration) -> Self {
        if !is_function_deadline(deadline) {
            self.issue(format!(".function_deadline({deadline:?})"), "expected 1 ms to 60 s");
        }
        self.code.function_deadline = Some(deadline);
        self
    }

    /// Sets whether separate counts in the memory of each process are intended. Defaults to `false`.
    ///
    /// Otherwise the limiter logs a warning (`L030`) if the environment declares several processes.
    pub fn per_process(mut self, per_process: bool) -> Self {
        self.settings.per_process = per_process;
        self
    }

    /// Records an issue in a call of the builder, for [`build`](Self::build).
    fn issue(&mut self, call: impl Into<Arc<str>>, reason: impl fmt::Display) {
        self.code.issues.push(ConfigIssue::new(Origin::whole(call), reason.to_string()));
    }
}
