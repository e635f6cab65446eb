//! Rate limiting without a web framework: quotas, strategies, clocks, keys and storages.
//!
//! For actix-web, use the crate `limiter-actix`, which builds on this one. Use this crate to limit something else,
//! or to write and test a storage.
//!
//! It has four independent parts:
//!
//! * A [`Quota`] is an amount per window: `5 per 2 minute`.
//! * A [`Strategy`] counts a quota, as pure integer arithmetic on a [`State`](strategy::State).
//! * A [`Storage`](storage::Storage) keeps the states and decides a whole [`Batch`](storage::Batch) at once.
//! * A [`Clock`] returns the time, which the caller passes to the storage.
//!
//! ```
//! use limiter_core::{Key, Policy, Quota, Scope, SystemClock, Clock, Strategy};
//! use limiter_core::storage::{Batch, Hit, MemoryStorage};
//!
//! let storage = MemoryStorage::new();
//! let clock = SystemClock::new();
//!
//! let policy = Policy::new(Quota::per_minute(2), Strategy::MovingWindow);
//! let scope = Scope::new(["search"]);
//! let key = Key::from("alice");
//! let hit = Hit::new(&scope, &key, &policy);
//!
//! for _ in 0..2 {
//!     assert!(storage.decide(&Batch::new(&[hit]), clock.now()).is_admitted());
//! }
//! assert!(!storage.decide(&Batch::new(&[hit]), clock.now()).is_admitted());
//! ```
//!
//! # Features
//!
//! | feature | enables |
//! |---|---|
//! | `storage` (default) | clocks, keys, the interface of storages, and the memory storage |
//! | `redis`, `redis-tls`, `redis-sentinel`, `redis-cluster` | Redis and Valkey |
//! | `memcached` | memcached |
//! | `mongodb` | MongoDB |
//! | `remote` | a deadline and a breaker for storages of your own |
//! | `storage-tests` | the tests that every storage must pass |
//!
//! Without features, the quota notation and the strategies are left.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "storage-tests")]
pub mod acceptance;
#[cfg(feature = "storage")]
mod calendar;
#[cfg(feature = "storage")]
mod clock;
#[cfg(feature = "storage")]
mod digest;
#[cfg(feature = "storage")]
mod key;
#[cfg(feature = "storage")]
mod leases;
#[cfg(feature = "storage")]
#[doc(hidden)]
pub mod log;
#[cfg(feature = "storage")]
mod name;
#[cfg(feature = "storage")]
mod policy;
mod quota;
#[cfg(feature = "storage")]
mod scope;
#[cfg(feature = "storage")]
mod shim;
#[cfg(feature = "storage")]
pub mod storage;
pub mod strategy;
#[cfg(feature = "storage")]
mod window;

#[cfg(feature = "remote")]
pub use self::storage::count_name::CountName;
#[cfg(feature = "storage")]
pub use self::{
    calendar::{ParseTimeZoneError, TimeZone},
    clock::{Clock, ManualClock, SystemClock, Timestamp},
    key::{Key, KeyForm, KeyForms},
    leases::Leases,
    policy::{Policy, PolicyError},
    scope::Scope,
    window::Window,
};
pub use self::{
    quota::{BanRule, ParseQuotaError, Quota, Quotas, Unit},
    strategy::{ParseStrategyError, Strategy},
};
