//! How limiters that are made once per worker come to share their counts.

use std::{
    collections::HashMap,
    panic::Location,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
    thread,
};

use actix_web::rt::System;

use crate::config::{Config, Pattern, Settings};

/// Who shares: what one line of code makes alike for the workers of one server.
type Place = (&'static Location<'static>, Server, String);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Server {
    /// The workers of a server share the id of its actix system; each `#[actix_web::test]` has its own.
    System(usize),
    /// Without a system (`#[tokio::main]`), the worker threads of all servers.
    Workers,
}

/// Held weakly: what no app holds any more is not found by the next.
static SHARED: LazyLock<Mutex<HashMap<Place, Weak<Config>>>> = LazyLock::new(Mutex::default);

/// What this line of code has made before for the same server, or else what `make` makes.
///
/// A function may make several limiters: those that differ in what can be compared share nothing.
pub(crate) fn at(location: &'static Location<'static>, make: impl FnOnce() -> Config) -> Arc<Config> {
    let config = make();
    let Some(server) = Server::current() else { return Arc::new(config) };
    let place = (location, server, looks(&config.settings));
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = shared.get(&place).and_then(Weak::upgrade) {
        return config;
    }
    shared.retain(|_, config| config.strong_count() > 0);
    let config = Arc::new(config);
    shared.insert(place, Arc::downgrade(&config));
    config
}

/// All of the settings that can be compared; not functions, nor where the counts are.
fn looks(settings: &Settings) -> String {
    let Settings { prefix, strategy, headers, failure, defaults, application, meta, patterns, named, .. } =
        settings;
    let patterns = patterns.iter().map(|rule| match &rule.pattern {
        Pattern::Scope(prefix) => (prefix.pattern(), &[][..], &rule.rule),
        Pattern::Route(route, methods) => (route.pattern(), methods.as_slice(), &rule.rule),
    });
    let patterns: Vec<_> = patterns.collect();
    let named: Vec<_> = named.iter().map(|named| (&named.name, &named.policy)).collect();
    format!("{:?}", (prefix, strategy, headers, failure, defaults, application, meta, patterns, named))
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
        let shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.keys().filter(|(_, server, _)| *server == Server::System(system)).count()
    }

    #[actix_web::test]
    async fn one_line_makes_one_limiter() {
        assert!(Arc::ptr_eq(&limiter("5/minute").config, &limiter("5/minute").config));
    }

    #[actix_web::test]
    async fn limiters_that_differ_are_not_shared() {
        let (one, other) = (limiter("5/minute"), limiter("6/minute"));
        assert!(!Arc::ptr_eq(&one.config, &other.config));
    }

    #[test]
    fn nothing_is_shared_outside_of_servers() {
        assert!(!Arc::ptr_eq(&limiter("5/minute").config, &limiter("5/minute").config));
    }

    #[actix_web::test]
    async fn what_is_gone_leaves_no_entry_behind() {
        for amount in 1..100 {
            drop(limiter(&format!("{amount}/minute")));
        }
        assert!(here() <= 1, "{} entries", here());
    }
}
