//! The pages of the documentation, each as a module.
//!
//! Start with [`install`] and [`limits`]. [`recipes`] has ready-made solutions.

#[doc = limiter_macros::page!("install.md")]
pub mod install {}
#[doc = limiter_macros::page!("limits.md")]
pub mod limits {}
#[doc = limiter_macros::page!("keys.md")]
pub mod keys {}
#[doc = limiter_macros::page!("exemptions.md")]
pub mod exemptions {}
#[doc = limiter_macros::page!("responses.md")]
pub mod responses {}
#[doc = limiter_macros::page!("storage/index.md")]
pub mod storage {}
#[doc = limiter_macros::page!("storage/redis.md")]
pub mod redis {}
#[doc = limiter_macros::page!("storage/memcached.md")]
pub mod memcached {}
#[doc = limiter_macros::page!("storage/mongodb.md")]
pub mod mongodb {}
#[doc = limiter_macros::page!("scale.md")]
pub mod scale {}
#[doc = limiter_macros::page!("operations.md")]
pub mod operations {}
#[doc = limiter_macros::page!("configuration.md")]
pub mod configuration {}
#[doc = limiter_macros::page!("observability.md")]
pub mod observability {}
#[doc = limiter_macros::page!("log-codes.md")]
pub mod log_codes {}
#[doc = limiter_macros::page!("inspector.md")]
pub mod inspector {}
#[doc = limiter_macros::page!("cli.md")]
pub mod cli {}
#[doc = limiter_macros::page!("testing.md")]
pub mod testing {}
#[doc = limiter_macros::page!("abuse.md")]
pub mod abuse {}
#[doc = limiter_macros::page!("recipes.md")]
pub mod recipes {}
#[doc = limiter_macros::page!("security.md")]
pub mod security {}
#[doc = limiter_macros::page!("reference.md")]
pub mod reference {}
#[doc = limiter_macros::page!("features.md")]
pub mod features {}
#[doc = limiter_macros::page!("benchmarks.md")]
pub mod benchmarks {}
#[doc = limiter_macros::page!("from-flask-limiter.md")]
pub mod from_flask_limiter {}
#[doc = limiter_macros::page!("from-actix-governor.md")]
pub mod from_actix_governor {}
#[doc = limiter_macros::page!("from-actix-extensible-rate-limit.md")]
pub mod from_actix_extensible_rate_limit {}
#[doc = limiter_macros::page!("from-actix-limitation.md")]
pub mod from_actix_limitation {}
