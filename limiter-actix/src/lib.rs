//! Rate limits for actix-web, on routes, scopes and whole applications.
//!
//! ```
//! use actix_web::{App, Responder, get};
//! use limiter_actix::{Limiter, exempt, limit};
//!
//! #[limit("5/minute")]
//! #[get("/search")]
//! async fn search() -> impl Responder {
//!     "found"
//! }
//!
//! #[exempt]
//! #[get("/health")]
//! async fn health() -> impl Responder {
//!     "ok"
//! }
//!
//! # fn main() -> Result<(), limiter_actix::BuildError> {
//! let limiter = Limiter::builder().default_limits("200 per day; 50 per hour").build()?;
//! let app = move || App::new().wrap(limiter.clone()).service(search).service(health);
//! # let _ = app();
//! # Ok(())
//! # }
//! ```
//!
//! * [`limit`](macro@limit) and [`exempt`](macro@exempt) stand above the route attributes of handlers;
//!   [`resource`] and [`ScopeExt`] do the same for what is mounted without one.
//! * [`Limiter`] is the middleware; [`Limiter::builder`] gives it default limits and all the rest.
//! * [`Limit`] is a limit with its options, wherever one is wanted.

mod beacon;
mod breach;
mod builder;
mod charge;
mod check;
mod config;
mod current;
mod entered;
mod exempt;
mod failure;
#[cfg(feature = "config-file")]
mod file;
mod future;
mod headers;
mod health;
pub mod key;
mod limit;
mod limiter;
mod live;
mod local;
mod manual;
mod pattern;
mod plan;
mod processes;
mod question;
mod refusal;
mod refused_here;
#[cfg(feature = "config-file")]
mod reload;
mod resolve;
mod resource;
mod rule;
mod settle;
mod shared;
mod table;
mod telling;
mod ticket;
mod witness;

pub use limiter_core::{
    Clock, Key, LoggedAddresses, ManualClock, ParseQuotaError, ParseStrategyError, Policy, PolicyError,
    Quota, Quotas, Scope, Strategy, SystemClock, Timestamp, Unit, Window, storage,
};
#[cfg(feature = "macros")]
pub use limiter_macros::{exempt, limit};

#[cfg(feature = "config-file")]
pub use self::file::check_file;
pub use self::{
    breach::Breach,
    builder::{BuildError, ConfigError, ConfigIssue, LimiterBuilder},
    check::LimitCheck,
    current::{CurrentLimit, CurrentLimits},
    exempt::Exempt,
    failure::OnStorageFailure,
    future::LimiterFuture,
    headers::{HeaderNames, Headers, RetryAfter},
    health::StorageHealth,
    key::proxies::{TrustedProxies, TrustedProxiesError},
    limit::{DynamicQuotas, IntoLimits, Limit, Limits},
    limiter::{Limiter, LimiterService},
    manual::NamedLimitError,
    resource::{ScopeExt, ScopeFactory, resource},
    rule::Rule,
};

/// What the attributes expand to; not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use actix_web::dev::{AppService, HttpServiceFactory};
    #[cfg(feature = "macros")]
    pub use limiter_macros::carrier;

    pub use crate::{
        Exempt, Limit, OnStorageFailure, Quota, Rule, Strategy, Unit,
        beacon::Place,
        resource::{register, witness},
    };
}
