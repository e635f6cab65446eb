//! Shares counts among limiters that are made once per worker.

use std::{
    collections::HashMap,
    panic::Location,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
    thread,
};

use actix_web::rt::System;

use super::shared::Shared;

/// A line of code, the server it makes a limiter for, and the settings of that limiter.
type CallSite = (&'static Location<'static>, Server, String);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Server {
    /// The id of an actix system, shared by the workers of a server. Each `#[actix_web::test]` has its own.
    System(usize),
    /// Without a system (`#[tokio::main]`), the worker threads of all servers.
    Workers,
}

/// Weak, so that a limiter ends with the last app that holds it.
static LIMITERS: LazyLock<Mutex<HashMap<CallSite, Weak<Shared>>>> = LazyLock::new(Mutex::default);

/// Returns the limiter that this line of code has made before for the same server, or else makes one.
///
/// Limiters with different fingerprints share nothing, since one line may make several. The lock is held while one is
/// made, so that workers that start at the same time share it.
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
    /// Returns `None` outside of any server, where nothing is shared.
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

    /// The defect: the second limiter of one line silently lost its settings.
    #[actix_web::test]
    async fn all_that_can_be_compared_separates_limiters() {
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
            built(quota(), |it| it.key(crate::key::header("x-a"))),
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
