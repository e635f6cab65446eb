//! Lists which limits apply where.

use std::{collections::HashSet, sync::Arc};

use limiter_core::{Policy, Scope};

use crate::{
    Limiter, RouteLimits,
    plan::listing::ListedLimit,
    routing::route_map::ListedRoute,
    settings::{Config, bound_names::BoundNames},
};

/// The limits that code hits by name.
pub(crate) struct Names {
    /// Those of all routes, or of those that requests have reached.
    pub(crate) bound: Arc<BoundNames>,
    /// Others that are known although no worker has served a request.
    pub(crate) early: Option<BoundNames>,
}

impl Limiter {
    /// Lists the limits that apply to each route, method by method, with the places where they are declared.
    ///
    /// It lists the apps of this process in which this limiter has served a request: actix-web shows the routes of an app
    /// only then. A new reading of the settings file shows from the next request on. If several apps have the limiter, it
    /// lists the routes of all. The methods of a route are known if it has a rule; others are listed for all methods.
    ///
    /// Guards, functions such as [`exempt_when`](crate::Limit::exempt_when), and limiters further in may change what
    /// applies to a single request. A dynamic limit is listed as if it returned quotas.
    ///
    /// ```
    /// use actix_web::{App, Responder, get, test};
    /// use limiter_actix::{Limiter, limit};
    ///
    /// #[limit("5/minute")]
    /// #[get("/search")]
    /// async fn search() -> impl Responder {
    ///     "found"
    /// }
    ///
    /// # #[actix_web::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limiter = Limiter::builder().default_limits("100/hour").build()?;
    /// let app = test::init_service(App::new().wrap(limiter.clone()).service(search)).await;
    /// test::call_service(&app, test::TestRequest::with_uri("/search").to_request()).await;
    ///
    /// let listed = limiter.limits();
    /// assert_eq!(listed[0].to_string(), "GET /search");
    /// assert_eq!(listed[0].limits()[0].to_string(), "5 per 1 minute (route GET /search)");
    /// assert_eq!(listed[1].to_string(), "unmatched paths");
    /// assert_eq!(listed[1].limits()[0].to_string(), "100 per 1 hour (default_limits)");
    /// # Ok(())
    /// # }
    /// ```
    pub fn limits(&self) -> Vec<RouteLimits> {
        self.listed_routes().into_iter().map(|listed| listed.route).collect()
    }

    /// Returns the limits that code hits by name, as far as they are known.
    pub(crate) fn names(&self, config: &Arc<Config>) -> Names {
        let route_maps = &self.shared.route_maps;
        let maps = route_maps.newest();
        for map in &maps {
            map.add_names(config);
        }
        let bound = Arc::clone(&config.settings.bound_names);
        let early = maps.is_empty().then(|| {
            let names = BoundNames::default();
            for listed in &*route_maps.early_limits(config) {
                for (scope, policy) in &listed.counts {
                    names.add(scope, policy, listed.binding.as_ref());
                }
            }
            names
        });
        Names { bound, early }
    }

    /// Returns the limits that are known, with their counts: those of all routes, or of what is declared if no worker has
    /// served a request.
    pub(crate) fn listed_limits(&self, config: &Arc<Config>) -> Vec<ListedLimit> {
        let routes = self.listed_routes();
        if routes.is_empty() {
            return self.shared.route_maps.early_limits(config).to_vec();
        }
        routes.into_iter().flat_map(|route| route.limits).collect()
    }

    /// Returns all counts that this process knows: those that it has met, and those of the routes of its apps.
    pub(crate) fn known_counts(&self, config: &Arc<Config>) -> Vec<(Scope, Policy)> {
        let mut counts: HashSet<_> = config.settings.known.all().into_iter().collect();
        counts.extend(self.listed_limits(config).into_iter().flat_map(|listed| listed.counts));
        counts.into_iter().collect()
    }

    /// Returns the limits of all routes with their counts.
    pub(crate) fn listed_routes(&self) -> Vec<ListedRoute> {
        let mut routes: Vec<ListedRoute> = Vec::new();
        let mut seen = HashSet::new();
        for listed in self.shared.route_maps.newest().iter().flat_map(|map| map.list()) {
            if seen.insert(listed.route.clone()) {
                routes.push(listed);
            }
        }
        routes
    }
}
