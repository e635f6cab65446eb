//! Lists which limits apply where.

use std::collections::HashSet;

use crate::{Limiter, RouteLimits, routing::route_map::ListedRoute};

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
