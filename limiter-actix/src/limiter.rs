//! The handle on a limiter, and what its clones and workers share.

pub(crate) mod call_site;
pub(crate) mod multi_process;
#[cfg(feature = "config-file")]
pub(crate) mod reload;
pub(crate) mod shared;
pub(crate) mod worker;

use std::sync::{Arc, atomic::Ordering};

use actix_web::http::header::HeaderName;

use self::shared::Shared;
use crate::{
    StorageHealth,
    response::headers::ietf_draft_11::{RATELIMIT, RATELIMIT_POLICY},
    settings::Config,
};

/// The middleware that holds the limits of an app, or of a scope.
///
/// ```
/// use actix_web::{App, Responder, get};
/// use limiter_actix::{Limiter, limit};
///
/// #[limit("5/minute")]
/// #[get("/")]
/// async fn index() -> impl Responder {
///     "hello"
/// }
///
/// let app = App::new().wrap(Limiter::default()).service(index);
/// # let _ = app;
/// ```
///
/// Cloning is cheap, and clones share all counts. So do limiters that are made by one and the same call of
/// [`default`](Self::default) or [`build`](crate::LimiterBuilder::build) inside the closure given to
/// `HttpServer::new`, which runs once for each worker: they count once per server. Two servers that run in
/// one process under the same actix `System`, with their limiters made by the same line of code, share counts
/// too; build one limiter for each and clone it where that is not wanted.
#[derive(Clone, Debug)]
pub struct Limiter {
    pub(crate) shared: Arc<Shared>,
}

impl Limiter {
    /// Switches the limiter on or off, for all its clones, while it is running. What is off counts nothing.
    pub fn set_enabled(&self, enabled: bool) {
        self.shared.set_enabled(enabled);
    }

    /// Whether the limiter is switched on.
    pub fn is_enabled(&self) -> bool {
        self.config().enabled.load(Ordering::Relaxed)
    }

    /// What is in force now.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// How the storage is, as far as this process has noticed. A storage in memory never fails.
    ///
    /// ```
    /// let limiter = limiter_actix::Limiter::default();
    /// assert!(!limiter.storage_health().is_failing());
    /// assert_eq!(limiter.storage_health().errors(), 0);
    /// ```
    pub fn storage_health(&self) -> StorageHealth {
        self.config().health.report()
    }

    /// Tells the recorder of the crate `metrics` how many keys are held in memory, and how many live counts had
    /// to leave it: `limiter_memory_keys` and `limiter_memory_evictions_total`, with the key prefix as their
    /// label. To be called before each scrape, since no request is delayed for these.
    ///
    /// Where counts are on another machine, it is the memory that stands in for that.
    #[cfg(feature = "metrics")]
    pub fn record_memory(&self) {
        let config = self.config();
        let settings = &config.settings;
        let memory = settings.storage.memory();
        settings.telemetry.record_memory(&settings.prefix, memory.len(), memory.evictions());
    }

    /// The headers that this limiter sets, for `Access-Control-Expose-Headers`: without it a browser does not
    /// show them to a script from another origin. With actix-cors, it goes to `Cors::expose_headers`.
    ///
    /// ```
    /// use limiter_actix::Limiter;
    ///
    /// let limiter = Limiter::builder().headers(true).build()?;
    /// let names = ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    /// assert_eq!(limiter.exposed_headers(), names);
    /// # Ok::<(), limiter_actix::BuildError>(())
    /// ```
    pub fn exposed_headers(&self) -> Vec<HeaderName> {
        let config = self.config();
        let settings = &config.settings.headers;
        let names = settings.names.clone();
        let mut exposed = vec![names.retry_after];
        if settings.which.x_ratelimit {
            exposed.extend([names.limit, names.remaining, names.reset]);
        }
        if settings.which.ietf_draft_11 {
            exposed.extend([RATELIMIT, RATELIMIT_POLICY]);
        }
        exposed.extend(settings.fallback.clone());
        exposed
    }
}
