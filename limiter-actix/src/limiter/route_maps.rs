//! The routes that all workers of a limiter have.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use crate::routing::route_map::RouteMap;

/// The routes of the apps around which the limiter is, one for each worker that has served a request.
#[derive(Default)]
pub(super) struct RouteMaps(Mutex<Vec<Weak<RouteMap>>>);

impl RouteMaps {
    /// Adds the routes of a worker. They are listed as long as the worker has them.
    pub(super) fn add(&self, map: Option<&Arc<RouteMap>>) {
        let mut maps = self.0.lock();
        maps.retain(|map| map.strong_count() > 0);
        maps.extend(map.map(Arc::downgrade));
    }

    /// Returns the routes under the newest settings, one map for all workers of an app.
    pub(super) fn newest(&self) -> Vec<Arc<RouteMap>> {
        let mut maps: Vec<_> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        let newest = maps.iter().map(|map| map.generation()).max();
        maps.retain(|map| Some(map.generation()) == newest);
        let mut seen = HashSet::new();
        maps.retain(|map| seen.insert(map.fingerprint()));
        maps
    }
}
