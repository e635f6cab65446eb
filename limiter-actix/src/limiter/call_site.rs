//! How limiters that are made once per worker come to share their counts.

use std::{
    collections::HashMap,
    panic::Location,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
    thread,
};

use actix_web::rt::System;

use super::shared::Shared;

/// Who shares: what one line of code makes alike for the workers of one server.
type CallSite = (&'static Location<'static>, Server, String);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Server {
    /// The workers of a server share the id of its actix system; each `#[actix_web::test]` has its own.
    System(usize),
    /// Without a system (`#[tokio::main]`), the worker threads of all servers.
    Workers,
}

/// Held weakly: what no app holds any more is not found by the next.
static LIMITERS: LazyLock<Mutex<HashMap<CallSite, Weak<Shared>>>> = LazyLock::new(Mutex::default);

/// What this line of code has made before for the same server, or else what `make` makes.
///
/// A function may make several limiters: those that differ in how they look share nothing. The lock is held
/// meanwhile, so that workers that start at the same time make one limiter between them.
pub(crate) fn get_or_create<E>(
    location: &'static Location<'static>,
    fingerprint: String,
    make: impl FnOnce() -> Result<Arc<Shared>, E>,
) -> Result<Arc<Shared>, E> {
    let Some(server) = Server::current() else { return make() };
    let site = (location, server, fingerprint);
    let mut limiters = LIMITERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = limiters.get(&site).and_then(Weak::upgrade) {
        return Ok(shared);
    }
    let shared = make()?;
    limiters.retain(|_, shared| shared.strong_count() > 0);
    limiters.insert(site, Arc::downgrade(&shared));
    Ok(shared)
}

impl Server {
    /// None outside of any server, where nothing is shared.
    fn current() -> Option<Self> {
        if let Some(system) = System::try_current() {
            return Some(Self::System(system.id()));
        }
        let is_worker = thread::current().name().is_some_and(|name| name.starts_with("actix-server worker"));
        is_worker.then_some(Self::Workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limiter;

    fn limiter(limits: &str) -> Limiter {
        Limiter::builder().default_limits(limits).build().expect("a limiter that can be")
    }

    fn here() -> usize {
        let system = System::current().id();
        let limiters = LIMITERS.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.keys().filter(|(_, server, _)| *server == Server::System(system)).count()
    }

    #[actix_web::test]
    async fn one_line_makes_one_limiter() {
        assert!(Arc::ptr_eq(&limiter("5/minute").shared, &limiter("5/minute").shared));
    }

    #[actix_web::test]
    async fn limiters_that_differ_are_not_shared() {
        let (one, other) = (limiter("5/minute"), limiter("6/minute"));
        assert!(!Arc::ptr_eq(&one.shared, &other.shared));
    }

    /// The defect: the second limiter of one line lost its settings without a word.
    #[actix_web::test]
    async fn all_that_can_be_compared_tells_limiters_apart() {
        use crate::{Limit, LimiterBuilder, Quota};

        fn built(limit: Limit, change: impl FnOnce(LimiterBuilder) -> LimiterBuilder) -> Limiter {
            change(Limiter::builder().default_limits(limit)).build().expect("a limiter that can be")
        }
        let quota = || Limit::new(Quota::per_minute(5));
        let one = built(quota(), |it| it);
        for other in [
            built(quota().shadow(true), |it| it),
            built(quota().cost(5), |it| it),
            built(quota().methods(["POST"]), |it| it),
            built(quota().meta(Quota::per_minute(1)), |it| it),
            built(quota().key(|_| "all"), |it| it),
            built(quota(), |it| it.auto_check(false)),
            built(quota(), |it| it.ipv6_prefix(48)),
            built(quota(), |it| it.key(crate::key::values::header("x-a"))),
        ] {
            assert!(!Arc::ptr_eq(&one.shared, &other.shared));
        }
    }

    #[test]
    fn nothing_is_shared_outside_of_servers() {
        assert!(!Arc::ptr_eq(&limiter("5/minute").shared, &limiter("5/minute").shared));
    }

    #[actix_web::test]
    async fn what_is_gone_leaves_no_entry_behind() {
        for amount in 1..100 {
            drop(limiter(&format!("{amount}/minute")));
        }
        assert!(here() <= 1, "{} entries", here());
    }
}
