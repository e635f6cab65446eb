//! How limiters that are made once per worker come to share their counts.

use std::{
    collections::HashMap,
    panic::Location,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
    thread,
};

use actix_web::rt::System;

use crate::config::Config;

/// Who shares: what one line of code makes for the workers of one server.
type Place = (&'static Location<'static>, Server);

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
pub(crate) fn at(location: &'static Location<'static>, make: impl FnOnce() -> Config) -> Arc<Config> {
    let Some(server) = Server::current() else { return Arc::new(make()) };
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = shared.get(&(location, server)).and_then(Weak::upgrade) {
        return config;
    }
    shared.retain(|_, config| config.strong_count() > 0);
    let config = Arc::new(make());
    shared.insert((location, server), Arc::downgrade(&config));
    config
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
