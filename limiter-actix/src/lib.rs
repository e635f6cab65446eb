//! Rate limiting for actix-web, on routes, scopes and whole applications.
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
//! * [`limit`](macro@limit) and [`exempt`](macro@exempt) are attributes of handlers, above the route attribute.
//!   [`resource`] and [`ScopeExt`] do the same for handlers and scopes without one.
//! * [`Limiter`] is the middleware. [`Limiter::builder`] sets its default limits and all other settings.
//! * [`Limit`] is a limit with its options.
//! * [`key`] has functions that identify clients.

mod bans;
mod builder;
mod deadline;
mod decision;
mod extract;
pub mod key;
mod limit;
mod limiter;
mod manual;
mod middleware;
mod mount;
mod plan;
mod report;
mod request;
mod reservations;
mod response;
mod routing;
mod settings;
mod telemetry;
mod top;

pub use limiter_core::{
    BanRule, Clock, Key, KeyForm, ManualClock, ParseQuotaError, ParseStrategyError, Policy, PolicyError,
    Quota, Quotas, Scope, Strategy, SystemClock, Timestamp, Unit, Window, storage,
};
#[cfg(feature = "macros")]
pub use limiter_macros::{exempt, limit};

pub use self::{
    bans::{
        ban::Ban,
        error::BanError,
        target::{BanTarget, InvalidNetwork},
    },
    builder::LimiterBuilder,
    extract::LimitCheck,
    key::proxies::{TrustedProxies, TrustedProxiesError},
    limit::{
        Limit,
        exempt::Exempt,
        limits::{IntoLimits, Limits},
        on_storage_failure::OnStorageFailure,
        quota_source::DynamicQuotas,
        rule::Rule,
    },
    limiter::Limiter,
    manual::{ClearedCounts, LimitName, NamedLimitError},
    middleware::{future::LimiterFuture, limiter::LimiterService},
    mount::{LimitedResource, ScopeExt, ScopeFactory, resource},
    report::{
        breach::Breach,
        current::{CurrentLimit, CurrentLimits},
    },
    settings::{
        build_error::BuildError,
        config_error::{ConfigError, ConfigIssue},
        headers::{HeaderNames, Headers, RetryAfter},
    },
    telemetry::health::StorageHealth,
    top::{TopClient, TopClients},
};
#[cfg(feature = "config-file")]
pub use self::{
    builder::build::{check_file, outline_file},
    settings::outline::{FileOutline, OutlinedLimit},
};

/// The items that the attributes expand to. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use actix_web::dev::{AppService, HttpServiceFactory};
    #[cfg(feature = "macros")]
    pub use limiter_macros::carrier;

    pub use crate::{
        BanRule, Exempt, Limit, OnStorageFailure, Quota, Rule, Strategy, Unit,
        mount::{register, witness},
        routing::beacon::RouteSpec,
    };
}
