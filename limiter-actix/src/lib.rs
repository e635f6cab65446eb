//! Rate limiting for [actix-web](https://actix.rs), on routes, scopes and whole applications. Inspired by
//! [Flask-Limiter](https://flask-limiter.readthedocs.io).
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
//! Requests over a limit get `429 Too Many Requests` with a `Retry-After` header, and never reach the handler. All
//! limits of a request are decided together: if one refuses, none is charged.
//!
//! It takes actix-web 4.18 or newer, and Rust 1.89 or newer.
//!
//! With the feature `inspector`, a page shows why a client is refused and until when, and lets it in:
//!
//! [![The inspector](https://raw.githubusercontent.com/actix-limiter/actix-limiter/main/docs/pictures/inspector-light.png)](https://github.com/actix-limiter/actix-limiter/blob/main/docs/inspector.md)
//!
//! # Features
//!
//! | feature | enables |
//! |---|---|
//! | `macros` (default) | the attributes `#[limit]` and `#[exempt]` |
//! | `redis` | counts on Redis and Valkey, over TCP and Unix sockets |
//! | `redis-tls`, `redis-sentinel`, `redis-cluster` | the same over TLS, behind Sentinel, in a cluster |
//! | `memcached` | counts on memcached |
//! | `mongodb` | counts on MongoDB |
//! | `config-file` | settings from a TOML file, and their reload |
//! | `time-zones` | calendar windows in time zones by name |
//! | `lookup` | a cache for async functions |
//! | `inspector` | a page and a JSON interface that show and steer a running limiter |
//! | `metrics` | metrics, for the recorder of the crate `metrics` |
//! | `cookies` | keys by the value of a cookie |
//!
//! # The interface
//!
//! | task | items |
//! |---|---|
//! | build a limiter | [`Limiter`], [`LimiterBuilder`], [`BuildError`] |
//! | limit a handler | [`limit`](macro@limit), [`exempt`](macro@exempt); without a route attribute: [`ResourceExt`], [`resource`] |
//! | limit a scope, or exempt it | [`ScopeExt`], [`Exempt`] |
//! | write a limit | [`Limit`], [`Limits`], [`Quota`], [`Quotas`], [`Strategy`] |
//! | compute a limit from the request | [`Limit::dynamic`], [`DynamicQuotas`]; with a database: [`Limit::dynamic_async`], `Lookup` |
//! | identify clients | [`key`], [`Key`], [`TrustedProxies`] |
//! | respond | [`Breach`], [`Headers`], [`HeaderNames`], [`RetryAfter`] |
//! | see the limits of a request | [`CurrentLimits`], [`Window`] |
//! | decide in the handler | [`LimitCheck`], [`Limiter::check`] |
//! | report a usage that is known later | [`Usage`], [`Limiter::charge`] |
//! | manual hits | [`Limiter::hit`], [`Limiter::window`], [`Limiter::clear`], [`LimitName`] |
//! | choose a storage | [`LimiterBuilder::storage_uri`], [`storage`], [`OnStorageFailure`] |
//! | ban clients, or let them pass | [`Limiter::ban`], [`Limiter::allow`], [`Ban`], [`BanTarget`] |
//! | observe | [`StorageHealth`], [`TopClients`], [`Limiter::ready`] |
//! | test | [`LimiterBuilder::clock`], [`ManualClock`] |
//!
//! # Documentation
//!
//! These pages are also the module [`guide`](guide/index.html).
//!
//! * [Install](https://github.com/actix-limiter/actix-limiter/blob/main/docs/install.md), [limits](https://github.com/actix-limiter/actix-limiter/blob/main/docs/limits.md), [keys](https://github.com/actix-limiter/actix-limiter/blob/main/docs/keys.md),
//!   [exemptions and bans](https://github.com/actix-limiter/actix-limiter/blob/main/docs/exemptions.md), [responses](https://github.com/actix-limiter/actix-limiter/blob/main/docs/responses.md), [testing](https://github.com/actix-limiter/actix-limiter/blob/main/docs/testing.md)
//! * [Recipes](https://github.com/actix-limiter/actix-limiter/blob/main/docs/recipes.md): by user, plan, size and more
//! * [Storage](https://github.com/actix-limiter/actix-limiter/blob/main/docs/storage/index.md): consistency, cost and failure modes
//! * [Operations](https://github.com/actix-limiter/actix-limiter/blob/main/docs/operations.md): proxies, containers, replicas, alerts
//! * [Log codes](https://github.com/actix-limiter/actix-limiter/blob/main/docs/log-codes.md): causes and fixes of warnings
//! * [Security](https://github.com/actix-limiter/actix-limiter/blob/main/docs/security.md): promises, and what the limiter does not do
//! * From [Flask-Limiter](https://github.com/actix-limiter/actix-limiter/blob/main/docs/from-flask-limiter.md), [actix-governor](https://github.com/actix-limiter/actix-limiter/blob/main/docs/from-actix-governor.md),
//!   [actix-extensible-rate-limit](https://github.com/actix-limiter/actix-limiter/blob/main/docs/from-actix-extensible-rate-limit.md),
//!   [actix-limitation](https://github.com/actix-limiter/actix-limiter/blob/main/docs/from-actix-limitation.md)

#![cfg_attr(docsrs, feature(doc_cfg))]

mod bans;
mod builder;
mod count_id;
mod deadline;
mod decision;
mod extract;
#[cfg(all(doc, not(doctest), feature = "macros"))]
pub mod guide;
mod hidden_error;
mod holds;
#[cfg(feature = "inspector")]
mod inspector;
pub mod key;
mod limit;
mod limiter;
mod linked;
#[cfg(feature = "lookup")]
mod lookup;
mod manual;
mod middleware;
mod mount;
mod plan;
mod rare_options;
mod report;
mod request;
mod reservations;
mod response;
mod routing;
mod settings;
mod tasks;
mod telemetry;
mod top;

pub use limiter_core::{
    BanRule, Clock, Key, KeyForm, Leases, ManualClock, ParseQuotaError, ParseStrategyError, Policy,
    PolicyError, Quota, Quotas, Scope, Strategy, SystemClock, TimeZone, Timestamp, Unit, Window, storage,
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
    decision::usage::Usage,
    extract::LimitCheck,
    key::proxies::{TrustedProxies, TrustedProxiesError},
    limit::{
        IntoQuota, Limit,
        deduct_answer::DeductAnswer,
        exempt::Exempt,
        function_value::FunctionValue,
        limits::{IntoLimits, Limits},
        on_storage_failure::OnStorageFailure,
        quota_source::DynamicQuotas,
        rule::{IntoRule, Rule},
    },
    limiter::Limiter,
    manual::{ClearedCounts, LimitName, NamedLimitError},
    middleware::{future::LimiterFuture, limiter::LimiterService},
    mount::{LimitedResource, ResourceExt, ScopeExt, ScopeFactory, resource},
    report::{
        breach::{Breach, BreachResponse},
        current::{CurrentLimit, CurrentLimits},
        route_limits::{LimitOrigin, RouteLimit, RouteLimits},
        setting_source::SettingSource,
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

#[cfg(feature = "lookup")]
pub use self::lookup::{Lookup, error::LookupError};

#[cfg(feature = "inspector")]
pub use self::inspector::{
    Inspector, InspectorBuilder,
    access::{Access, Authorize},
    tokens::{InspectorTokens, InspectorTokensError},
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
