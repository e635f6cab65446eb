//! The examples of limiter-actix are the files beside this one. The doctests of this crate compile the code in
//! the documentation.

/// The code in the documentation.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/install.md")]
    mod install {}
    #[doc = include_str!("../docs/limits.md")]
    mod limits {}
    #[doc = include_str!("../docs/exemptions.md")]
    mod exemptions {}
    #[doc = include_str!("../docs/operations.md")]
    mod operations {}
    #[doc = include_str!("../docs/testing.md")]
    mod testing {}
    #[doc = include_str!("../docs/from-actix-governor.md")]
    mod from_actix_governor {}
    #[doc = include_str!("../docs/from-actix-extensible-rate-limit.md")]
    mod from_actix_extensible_rate_limit {}
    #[doc = include_str!("../docs/from-actix-limitation.md")]
    mod from_actix_limitation {}
    #[doc = include_str!("../docs/keys.md")]
    mod keys {}
    #[doc = include_str!("../docs/responses.md")]
    mod responses {}
    #[doc = include_str!("../docs/recipes.md")]
    mod recipes {}
    #[doc = include_str!("../docs/abuse.md")]
    mod abuse {}
    #[doc = include_str!("../docs/reference.md")]
    mod reference {}
    #[doc = include_str!("../docs/configuration.md")]
    mod configuration {}
    #[doc = include_str!("../docs/inspector.md")]
    mod inspector {}
    #[doc = include_str!("../docs/observability.md")]
    mod observability {}
    #[doc = include_str!("../docs/log-codes.md")]
    mod log_codes {}
    #[doc = include_str!("../docs/from-flask-limiter.md")]
    mod from_flask_limiter {}
    #[doc = include_str!("../docs/storage/index.md")]
    mod storage {}
    #[doc = include_str!("../docs/storage/redis.md")]
    mod redis {}
    #[doc = include_str!("../docs/storage/memcached.md")]
    mod memcached {}
    #[doc = include_str!("../docs/storage/mongodb.md")]
    mod mongodb {}
    #[doc = include_str!("../docs/scale.md")]
    mod scale {}
}
