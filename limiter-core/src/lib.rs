//! Quotas, strategies, clocks, keys and storages of a rate limiter, without any web framework.
//!
//! Users of actix-web want the crate `limiter-actix`, which stands on this one. This crate is for those who
//! limit something else, write a storage of their own, or test one.
//!
//! Four ideas that do not know each other:
//!
//! * a [`Quota`] says how much is allowed: `5 per 2 minute`;
//! * a [`Strategy`] says how that is counted, as pure integer arithmetic on a [`State`](strategy::State);
//! * a [`Storage`](storage::Storage) keeps the states and decides a whole [`Batch`](storage::Batch) at once;
//! * a [`Clock`] is asked for the time by the caller, who passes it on.
#![cfg_attr(
    feature = "storage",
    doc = r#"
```
use limiter_core::{Key, Policy, Quota, Scope, SystemClock, Clock, Strategy};
use limiter_core::storage::{Batch, Hit, MemoryStorage};

let storage = MemoryStorage::new();
let clock = SystemClock::new();

let policy = Policy::new(Quota::per_minute(2), Strategy::MovingWindow);
let scope = Scope::new(["search"]);
let key = Key::from("alice");
let hit = Hit::new(&scope, &key, &policy);

for _ in 0..2 {
    assert!(storage.decide(&Batch::new(&[hit]), clock.now()).is_admitted());
}
assert!(!storage.decide(&Batch::new(&[hit]), clock.now()).is_admitted());
```
"#
)]

#[cfg(feature = "storage-tests")]
pub mod acceptance;
#[cfg(feature = "storage")]
mod clock;
#[cfg(feature = "storage")]
mod digest;
#[cfg(feature = "storage")]
mod key;
#[cfg(feature = "remote")]
mod name;
#[cfg(feature = "storage")]
mod policy;
mod quota;
#[cfg(feature = "storage")]
mod scope;
#[cfg(feature = "storage")]
pub mod storage;
pub mod strategy;
#[cfg(feature = "storage")]
mod sync;
#[cfg(feature = "storage")]
mod window;

#[cfg(feature = "remote")]
pub use self::name::CountName;
#[cfg(feature = "storage")]
pub use self::{
    clock::{Clock, ManualClock, SystemClock, Timestamp},
    key::{Key, LoggedAddresses},
    policy::{Policy, PolicyError},
    scope::Scope,
    window::Window,
};
pub use self::{
    quota::{ParseQuotaError, Quota, Quotas, Unit},
    strategy::{ParseStrategyError, Strategy},
};
