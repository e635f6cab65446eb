//! Nothing: the examples of limiter-actix stand beside this file. Its tests compile the texts for users.

/// The code in the texts for users.
#[cfg(doctest)]
mod texts {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/guide.md")]
    mod guide {}
    #[doc = include_str!("../docs/responses.md")]
    mod answers {}
    #[doc = include_str!("../docs/from-flask-limiter.md")]
    mod from_flask_limiter {}
    #[doc = include_str!("../docs/keys.md")]
    mod keys {}
    #[doc = include_str!("../docs/redis.md")]
    mod several_machines {}
    #[doc = include_str!("../docs/memcached.md")]
    mod memcached {}
    #[doc = include_str!("../docs/recipes.md")]
    mod recipes {}
    #[doc = include_str!("../docs/configuration.md")]
    mod configuration {}
    #[doc = include_str!("../docs/mongodb.md")]
    mod mongodb {}
    #[doc = include_str!("../docs/observability.md")]
    mod telling {}
    #[doc = include_str!("../docs/log-codes.md")]
    mod codes {}
}
