//! How a middleware knows, before routing, where the rules of its app stand.
//!
//! A middleware can ask the app's resource map which pattern a path will match, but not what else stands
//! there. So whatever carries a rule also registers, in the same place, a resource that no request reaches,
//! and keeps a handle on its own node of the resource map: once actix has finished the map, that node tells
//! the full pattern of the place, with all scopes around it, in each app it is mounted in.

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    rc::{Rc, Weak},
    sync::LazyLock,
};

use actix_web::{
    HttpResponse,
    dev::{AppService, ResourceDef, ResourceMap, ServiceRequest, fn_service},
    error::UrlGenerationError,
    guard::{Guard, GuardContext},
    http::Method,
};

use super::registered::RegisteredRule;
use crate::plan::key::RuleId;

/// A rule and where it stands.
pub(crate) struct Beacon {
    pub(crate) rule: Rc<RegisteredRule>,
    pub(crate) site: RuleSite,
    /// Names the leaf of the node below, to ask a resource map whether the beacon is in it.
    name: String,
    /// The path that only the node below matches.
    path: String,
    node: Weak<ResourceMap>,
}

/// What a rule covers, seen from where its beacon stands.
pub(crate) enum RuleSite {
    /// The scope around it and everything inside. Named by the first of the rules on this scope.
    Scope(RuleId),
    /// A resource beside it.
    Resource(RouteSpec),
}

/// The resource a rule covers, as its route attribute says.
pub struct RouteSpec {
    path: String,
    methods: Vec<Method>,
    guards: Vec<Rc<dyn Guard>>,
}

impl RouteSpec {
    /// The resource of this pattern, relative to the scope it stands in.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), methods: Vec::new(), guards: Vec::new() }
    }

    /// Adds a method it answers; without any it answers all. Route attributes have checked the name.
    #[must_use]
    pub fn method(mut self, name: &str) -> Self {
        self.methods.extend(Method::from_bytes(name.as_bytes()));
        self
    }

    /// Adds a guard that must agree.
    #[must_use]
    pub fn guard(mut self, guard: impl Fn(&GuardContext<'_>) -> bool + 'static) -> Self {
        self.guards.push(Rc::new(guard));
        self
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The names of the methods, in an order of their own.
    pub(crate) fn method_names(&self) -> String {
        let mut names: Vec<_> = self.methods.iter().map(Method::as_str).collect();
        names.sort_unstable();
        names.join(",")
    }

    /// Whether actix would hand the request to this resource, were it asked.
    pub(crate) fn admits(&self, req: &ServiceRequest) -> bool {
        let method_fits = self.methods.is_empty() || self.methods.contains(req.method());
        method_fits && self.guards.iter().all(|guard| guard.check(&req.guard_ctx()))
    }
}

thread_local! {
    /// The beacons of the apps of this thread. Those whose app is gone leave when another is added.
    static BEACONS: RefCell<Vec<Rc<Beacon>>> = const { RefCell::new(Vec::new()) };
}

/// Part of every beacon's path: drawn once per process, so that no request can spell one.
static SECRET: LazyLock<String> = LazyLock::new(|| format!("/\u{1}{:016x}", RandomState::new().hash_one(0)));

const LEAF: &str = "/leaf";

/// Registers a beacon for `rule` right here.
pub(crate) fn register(config: &mut AppService, rule: Rc<RegisteredRule>, site: RuleSite) {
    let site = match site {
        RuleSite::Resource(place) => {
            RuleSite::Resource(RouteSpec { path: with_leading_slash(place.path), ..place })
        }
        RuleSite::Scope(scope) => RuleSite::Scope(scope),
    };
    let name = format!("{}-{}", *SECRET, RuleId::next());

    let container = ResourceDef::root_prefix(&name);
    let mut node = ResourceMap::new(container.clone());
    let mut leaf = ResourceDef::new(LEAF);
    leaf.set_name(name.as_str());
    node.add(&mut leaf, None);
    let node = Rc::new(node);

    let path = format!("{name}{LEAF}");
    let beacon = Beacon { rule, site, name, path, node: Rc::downgrade(&node) };
    BEACONS.with_borrow_mut(|beacons| {
        beacons.retain(|beacon| beacon.node.strong_count() > 0);
        beacons.push(Rc::new(beacon));
    });
    config.register_service(container, Some(vec![Box::new(never)]), fn_service(not_found), Some(node));
}

/// The beacons in the app that serves this request, in the order they were registered.
pub(crate) fn of_app(req: &ServiceRequest) -> Vec<Rc<Beacon>> {
    BEACONS.with_borrow(|beacons| beacons.iter().filter(|beacon| beacon.is_in_app_of(req)).cloned().collect())
}

impl Beacon {
    /// The full pattern of the scope around it; empty at the root. None once the app is gone.
    pub(crate) fn prefix(&self) -> Option<String> {
        let pattern = self.node.upgrade()?.match_pattern(&self.path)?;
        pattern.strip_suffix(&self.path).map(str::to_owned)
    }

    fn is_in_app_of(&self, req: &ServiceRequest) -> bool {
        let nothing: [(&str, &str); 0] = [];
        let url = req.resource_map().url_for_iter(req.request(), &self.name, nothing);
        !matches!(url, Err(UrlGenerationError::ResourceNotFound))
    }
}

fn never(_: &GuardContext<'_>) -> bool {
    false
}

/// Stands behind a guard that never agrees.
async fn not_found(req: ServiceRequest) -> Result<actix_web::dev::ServiceResponse, actix_web::Error> {
    Ok(req.into_response(HttpResponse::NotFound()))
}

/// Patterns of resources begin with a slash, as actix makes them.
pub(crate) fn with_leading_slash(path: String) -> String {
    if path.is_empty() || path.starts_with('/') { path } else { format!("/{path}") }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test, web};

    use super::BEACONS;
    use crate::{Exempt, Limit, Limiter, Quota, ScopeExt, resource};

    /// Makes an app with three rules, has it answer a request, and drops it.
    async fn come_and_go() {
        let limit = || Limit::new(Quota::per_minute(5));
        let app = App::new()
            .wrap(Limiter::default())
            .service(resource("/limited", limit(), |it| it.to(|| async { "ok" })))
            .service(web::scope("/v1").limit(limit()).service(web::scope("/in").exempt(Exempt::ALL)));
        let app = test::init_service(app).await;
        let request = test::TestRequest::with_uri("/limited").to_request();
        assert!(test::call_service(&app, request).await.status().is_success());
    }

    #[actix_web::test]
    async fn apps_that_are_gone_leave_no_beacons_behind() {
        for _ in 0..50 {
            come_and_go().await;
        }
        assert!(BEACONS.with_borrow(Vec::len) <= 3);
    }
}
