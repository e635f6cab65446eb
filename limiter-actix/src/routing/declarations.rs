//! The limits of an app that are known before its first request.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use super::{
    app_rules::{AppRules, DeclaredRule},
    route_map::{ListedRoute, RouteMap},
};
use crate::{RouteLimit, plan::listing::ListedLimit, settings::Config};

/// The rules that are registered in a thread when a limiter starts there.
///
/// actix has built the app by then, but shows its routes only to requests. So it is known at which patterns attributes and
/// resources have limits, but not which other routes there are.
#[derive(Default)]
pub(crate) struct Declarations(Vec<DeclaredRule>);

impl Declarations {
    /// Returns those of this thread: those of its app, and of other apps there. Rules of an app that is built for each of
    /// several sockets occur once.
    pub(crate) fn of_thread() -> Self {
        let mut rules = DeclaredRule::all(None);
        rules.sort_by_key(DeclaredRule::id);
        let (hasher, mut seen) = (RandomState::new(), HashSet::new());
        rules.retain(|rule| seen.insert(hasher.hash_one(rule.outline())));
        Self(rules)
    }

    /// Returns the limits whose counts are certain.
    pub(crate) fn limits(&self, config: &Arc<Config>) -> Vec<ListedLimit> {
        let map = RouteMap::of_rules(config, &self.0);
        let routes = map.list_by(&AppRules::registered(&config.settings, &self.0));
        let limits = routes.into_iter().flat_map(|ListedRoute { route, limits }| {
            let has_route = route.pattern().is_some();
            limits.into_iter().filter(move |listed| is_certain(&listed.limit, has_route))
        });
        limits.collect()
    }
}

/// Returns whether a limit has all its counts where it is listed. Those of scopes, and the default limits, have others at
/// routes that are not known yet.
fn is_certain(limit: &RouteLimit, has_route: bool) -> bool {
    match limit.level() {
        "meta" | "application" | "route" => true,
        // Of the modules around a handler, whose other handlers have rules, too.
        "scope" => has_route || limit.shared().is_some(),
        _ => limit.shared().is_some(),
    }
}
