//! The handle on a limiter, and the state that its clones and workers share.

pub(crate) mod call_site;
pub(crate) mod listing;
pub(crate) mod multi_process;
mod ready;
#[cfg(feature = "config-file")]
pub(crate) mod reload;
mod route_maps;
pub(crate) mod shared;
pub(crate) mod state_file;
pub(crate) mod worker;

use std::sync::{Arc, atomic::Ordering};

use actix_web::http::header::HeaderName;

use self::shared::Shared;
use crate::{
    StorageHealth, TopClients,
    response::headers::ietf_draft_11::{RATELIMIT, RATELIMIT_POLICY},
    settings::Config,
};

/// The most limits whose option `shadow` is changed at run time.
const MAX_SHADOWS: usize = 1000;

/// The middleware that limits an app, or a scope.
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
/// Clones are cheap and share all counts. You can also build the limiter inside the closure of `HttpServer::new`,
/// which runs once per worker: limiters that the same call of [`default`](Self::default) or
/// [`build`](crate::LimiterBuilder::build) makes there for one server share their counts. Limiters that are built
/// elsewhere share nothing, unless they are clones.
///
/// Two servers in one process share counts too, if the same line of code in their closures makes the limiters under the
/// same actix `System`. To separate them, build one limiter per server and clone it.
#[derive(Clone, Debug)]
pub struct Limiter {
    pub(crate) shared: Arc<Shared>,
}

impl Limiter {
    /// Switches the limiter and all its clones on or off, while it is running. A limiter that is off counts nothing.
    pub fn set_enabled(&self, enabled: bool) {
        self.shared.set_enabled(enabled);
    }

    /// Returns whether the limiter is switched on.
    pub fn is_enabled(&self) -> bool {
        self.config().enabled.load(Ordering::Relaxed)
    }

    /// Sets whether a limit only counts and reports, and never refuses, while the limiter is running. `None` restores what
    /// is declared. Returns `false` if there are too many such changes.
    ///
    /// `limit` is the text of a [`RouteLimit`](crate::RouteLimit), such as `5 per 1 minute (route GET /search)`. The change
    /// holds in this process, from the next request on, for all limits with this text. As with
    /// [`Limit::shadow`](crate::Limit::shadow), the limits further out that it overrides then apply.
    pub fn set_shadow(&self, limit: &str, is_shadow: Option<bool>) -> bool {
        let has_room = is_shadow.is_none() || self.config().settings.shadows.len() < MAX_SHADOWS;
        if has_room {
            self.shared.set_shadow(limit, is_shadow);
        }
        has_room
    }

    /// Returns the current settings.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// Returns the health of the storage, as this process has observed it. A storage in memory never fails.
    ///
    /// ```
    /// let limiter = limiter_actix::Limiter::default();
    /// assert!(!limiter.storage_health().is_failing());
    /// assert_eq!(limiter.storage_health().errors(), 0);
    /// ```
    pub fn storage_health(&self) -> StorageHealth {
        self.config().health.report()
    }

    /// Returns the busiest and the most refused clients of the last 5 to 10 minutes, at most 100 each, as this process has
    /// seen them. Returns `None` unless [`top_clients`](crate::LimiterBuilder::top_clients) is set.
    ///
    /// The numbers are estimates in bounded memory; each states its error. With *n* requests in 5 minutes, the error is
    /// about *n* / 2000 on average.
    ///
    /// ```
    /// use limiter_actix::Limiter;
    ///
    /// let limiter = Limiter::builder().top_clients(true).build()?;
    /// assert!(limiter.top().is_some_and(|top| top.busiest.is_empty()));
    /// # Ok::<(), limiter_actix::BuildError>(())
    /// ```
    pub fn top(&self) -> Option<TopClients> {
        let config = self.config();
        let settings = &config.settings;
        settings.top.as_ref().map(|top| top.report(settings.clock.now()))
    }

    /// Updates the metrics `limiter_memory_keys` and `limiter_memory_evictions_total`, labelled with the key prefix.
    /// Call it before each scrape: requests do not update them.
    ///
    /// If the storage is remote, they describe the fallback memory.
    #[cfg(feature = "metrics")]
    pub fn record_memory(&self) {
        let config = self.config();
        let settings = &config.settings;
        let memory = settings.storage.memory();
        settings.telemetry.record_memory(&settings.prefix, memory.len(), memory.evictions());
    }

    /// Returns the names of the headers that this limiter sets, for `Access-Control-Expose-Headers`. Without it a
    /// browser hides them from scripts of other origins. With actix-cors, pass them to `Cors::expose_headers`.
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
