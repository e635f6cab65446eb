//! The routes that all workers of a limiter have.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use crate::{
    plan::listing::ListedLimit,
    routing::{declarations::Declarations, route_map::RouteMap},
    settings::Config,
};

/// The routes of the apps around which the limiter is, one for each worker that has served a request.
#[derive(Default)]
pub(super) struct RouteMaps {
    maps: Mutex<Vec<Weak<RouteMap>>>,
    /// The declarations of the apps, one for each worker.
    declarations: Mutex<Vec<Weak<Declarations>>>,
    /// The limits that are known by the declarations alone.
    early: Mutex<Option<Early>>,
}

/// The limits that are known by declarations alone, under the settings of a generation.
struct Early {
    generation: u64,
    limits: Arc<[ListedLimit]>,
}

impl RouteMaps {
    /// Adds the routes of a worker. They are listed as long as the worker has them.
    pub(super) fn add(&self, map: Option<&Arc<RouteMap>>) {
        add(&mut self.maps.lock(), map);
    }

    /// Adds the declarations of a worker.
    pub(super) fn add_declarations(&self, declarations: &Arc<Declarations>) {
        add(&mut self.declarations.lock(), Some(declarations));
        *self.early.lock() = None;
    }

    /// Returns the routes under the newest settings, one map for all workers of an app.
    pub(super) fn newest(&self) -> Vec<Arc<RouteMap>> {
        let mut maps: Vec<_> = self.maps.lock().iter().filter_map(Weak::upgrade).collect();
        let newest = maps.iter().map(|map| map.generation()).max();
        maps.retain(|map| Some(map.generation()) == newest);
        let mut seen = HashSet::new();
        maps.retain(|map| seen.insert(map.fingerprint()));
        maps
    }

    /// Returns the limits that are known while no worker has served a request.
    pub(super) fn early_limits(&self, config: &Arc<Config>) -> Arc<[ListedLimit]> {
        let mut early = self.early.lock();
        if let Some(known) = early.as_ref().filter(|known| known.generation == config.generation) {
            return Arc::clone(&known.limits);
        }
        let mut limits = Declarations::default().limits(config);
        for declarations in self.declarations.lock().iter().filter_map(Weak::upgrade) {
            limits.extend(declarations.limits(config));
        }
        let limits: Arc<[_]> = limits.into();
        *early = Some(Early { generation: config.generation, limits: Arc::clone(&limits) });
        limits
    }
}

fn add<T>(all: &mut Vec<Weak<T>>, one: Option<&Arc<T>>) {
    all.retain(|other| other.strong_count() > 0);
    all.extend(one.map(Arc::downgrade));
}
