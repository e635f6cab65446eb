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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Server {
    /// The id of an actix system, shared by the workers of a server.
    System(usize),
    /// Without a system (`#[tokio::main]`), the worker threads of all servers.
    Workers,
}

/// The beginnings of the names of worker threads, with a system and without one.
const WORKER_OF_SYSTEM: &str = "actix-rt|";
const WORKER: &str = "actix-server worker";

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
    /// Returns the server whose worker this thread is, which calls the factory of an app. Nothing is shared elsewhere, such
    /// as in a loop before the server starts.
    fn current() -> Option<Self> {
        let thread = thread::current();
        let name = thread.name()?;
        if name.starts_with(WORKER_OF_SYSTEM) {
            return System::try_current().map(|system| Self::System(system.id()));
        }
        name.starts_with(WORKER).then_some(Self::Workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limit, Limiter, LimiterBuilder, Quota};

    fn limiter(limits: &str) -> Limiter {
        Limiter::builder().default_limits(limits).build().expect("a limiter that can be")
    }

    /// Calls a function in a thread like that of a worker.
    fn in_worker<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
        let worker = thread::Builder::new().name(format!("{WORKER_OF_SYSTEM}system:0|arbiter:0"));
        let call = || {
            let _system = System::new();
            call()
        };
        worker.spawn(call).expect("a thread").join().expect("a result")
    }

    fn is_one(one: &Limiter, other: &Limiter) -> bool {
        Arc::ptr_eq(&one.shared, &other.shared)
    }

    fn here() -> usize {
        let system = System::current().id();
        let limiters = LIMITERS.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.keys().filter(|(_, server, _)| *server == Server::System(system)).count()
    }

    #[test]
    fn one_line_makes_one_limiter_in_the_workers_of_a_server() {
        assert!(in_worker(|| is_one(&limiter("5/minute"), &limiter("5/minute"))));
    }

    /// The defect: limiters of several tenants, built in a loop before the server started, were one.
    #[actix_web::test]
    async fn nothing_is_shared_in_the_main_thread_of_a_system() {
        let tenants: Vec<_> = (0..2).map(|_| limiter("5/minute")).collect();
        assert!(!is_one(&tenants[0], &tenants[1]));
        let defaults: Vec<_> = (0..2).map(|_| Limiter::default()).collect();
        assert!(!is_one(&defaults[0], &defaults[1]));
    }

    #[test]
    fn nothing_is_shared_outside_of_servers() {
        assert!(!is_one(&limiter("5/minute"), &limiter("5/minute")));
    }

    #[test]
    fn limiters_that_differ_are_not_shared() {
        assert!(!in_worker(|| is_one(&limiter("5/minute"), &limiter("6/minute"))));
    }

    /// The defect: the second limiter of one line silently lost its settings.
    #[test]
    fn all_that_can_be_compared_separates_limiters() {
        fn built(limit: Limit, change: impl FnOnce(LimiterBuilder) -> LimiterBuilder) -> Limiter {
            change(Limiter::builder().default_limits(limit)).build().expect("a limiter that can be")
        }
        in_worker(|| {
            let quota = || Limit::new(Quota::per_minute(5));
            let one = built(quota(), |it| it);
            assert!(is_one(&one, &built(quota(), |it| it)));
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
                assert!(!is_one(&one, &other));
            }
        });
    }

    #[test]
    fn what_is_gone_leaves_no_entry_behind() {
        let left = in_worker(|| {
            for amount in 1..100 {
                drop(limiter(&format!("{amount}/minute")));
            }
            here()
        });
        assert!(left <= 1, "{left} entries");
    }
}
