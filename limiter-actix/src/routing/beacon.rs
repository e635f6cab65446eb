//! Beacons: marks in the resource map of an app, by which a middleware finds the rules of its app before routing.
//!
//! The resource map has the patterns of an app, and nothing else. So each rule also registers a resource that no request
//! reaches, right behind its place. Its pattern is unique. The tree that actix built then shows where the rule is
//! declared, in each app that it is mounted in.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    rc::{Rc, Weak},
    sync::{Arc, LazyLock},
};

use actix_web::{
    HttpResponse,
    dev::{AppService, ResourceDef, ResourceMap, ServiceRequest, fn_service},
    guard::{Guard, GuardContext},
    http::Method,
};

use super::registered::RegisteredRule;
use crate::plan::key::RuleId;

/// A rule and where it is declared.
pub(crate) struct Beacon {
    pub(crate) rule: Arc<RegisteredRule>,
    pub(crate) site: RuleSite,
    /// The path that only the node below matches.
    path: String,
    node: Weak<ResourceMap>,
}

/// The place that a rule covers, seen from its beacon.
pub(crate) enum RuleSite {
    /// The scope around it and everything inside. Named by the first of the rules on this scope.
    Scope(RuleId),
    /// A resource beside it.
    Resource(RouteSpec),
}

/// The resource that a rule covers, as in its route attribute.
pub struct RouteSpec {
    /// The pattern, relative to the scope it stands in. Empty until the route tree shows it, if the resource is only
    /// known as the one before its beacon.
    path: OnceCell<String>,
    methods: Vec<Method>,
    guards: Vec<Rc<dyn Guard>>,
    /// `true` if its methods and guards are all known.
    is_exact: bool,
    /// The number of resources and beacons registered since the resource, itself included.
    distance: usize,
}

impl RouteSpec {
    /// The resource of this pattern, relative to the scope it stands in.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: OnceCell::from(with_leading_slash(path.into())), ..Self::of_resource_before() }.exact()
    }

    /// The resource that was registered right before, of any pattern, methods and guards.
    pub(crate) fn of_resource_before() -> Self {
        Self { path: OnceCell::new(), methods: Vec::new(), guards: Vec::new(), is_exact: false, distance: 1 }
    }

    fn exact(self) -> Self {
        Self { is_exact: true, ..self }
    }

    /// Notes that the resource may have further methods and guards.
    pub(crate) fn inexact(self) -> Self {
        Self { is_exact: false, ..self }
    }

    /// Notes how many resources and beacons were registered since the resource.
    pub(crate) fn at_distance(self, distance: usize) -> Self {
        Self { distance, ..self }
    }

    #[inline]
    pub(crate) fn is_exact(&self) -> bool {
        self.is_exact
    }

    pub(crate) fn distance(&self) -> usize {
        self.distance
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

    /// Returns the pattern. As long as it is unknown, it is one that no request can spell.
    pub(crate) fn path(&self) -> &str {
        self.path.get().map_or("/\u{1}", String::as_str)
    }

    /// Notes the pattern that the route tree shows.
    pub(super) fn set_path(&self, path: &str) {
        self.path.get_or_init(|| path.to_owned());
    }

    pub(super) fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// Returns whether actix would route the request to this resource, if no other came first.
    #[inline]
    pub(crate) fn admits(&self, req: &ServiceRequest) -> bool {
        let method_fits = self.methods.is_empty() || self.methods.contains(req.method());
        method_fits && self.guards.iter().all(|guard| guard.check(&req.guard_ctx()))
    }
}

thread_local! {
    /// The beacons of the apps of this thread, by the names of their nodes.
    static BEACONS: RefCell<Beacons> = RefCell::default();
}

#[derive(Default)]
struct Beacons {
    by_name: HashMap<String, Rc<Beacon>>,
    /// With so many, those whose app is gone are removed.
    clean_at: usize,
}

impl Beacons {
    fn add(&mut self, name: String, beacon: Beacon) {
        if self.by_name.len() >= self.clean_at {
            self.by_name.retain(|_, beacon| beacon.node.strong_count() > 0);
            self.clean_at = 64.max(2 * self.by_name.len());
        }
        self.by_name.insert(name, Rc::new(beacon));
    }
}

/// Part of every beacon's path: drawn once per process, so that no request can spell one.
static SECRET: LazyLock<String> = LazyLock::new(|| format!("/\u{1}{:016x}", RandomState::new().hash_one(0)));

const LEAF: &str = "/leaf";

/// Registers a beacon for `rule` right here.
pub(crate) fn register(config: &mut AppService, rule: Arc<RegisteredRule>, site: RuleSite) {
    let name = format!("{}-{}", *SECRET, RuleId::next());

    let container = ResourceDef::root_prefix(&name);
    let mut node = ResourceMap::new(container.clone());
    node.add(&mut ResourceDef::new(LEAF), None);
    let node = Rc::new(node);

    let path = format!("{name}{LEAF}");
    let beacon = Beacon { rule, site, path, node: Rc::downgrade(&node) };
    BEACONS.with_borrow_mut(|beacons| beacons.add(name, beacon));
    config.register_service(container, Some(vec![Box::new(never)]), fn_service(not_found), Some(node));
}

/// Returns the beacon whose node has this pattern.
pub(super) fn find(pattern: &str) -> Option<Rc<Beacon>> {
    BEACONS.with_borrow(|beacons| beacons.by_name.get(pattern).cloned())
}

/// Returns the beacons of all apps of this thread.
pub(super) fn all() -> Vec<Rc<Beacon>> {
    BEACONS.with_borrow(|beacons| beacons.by_name.values().cloned().collect())
}

impl Beacon {
    /// Returns the full pattern of the scope around it; empty at the root. None once the app is gone.
    pub(super) fn prefix(&self) -> Option<String> {
        let pattern = self.node.upgrade()?.match_pattern(&self.path)?;
        pattern.strip_suffix(&self.path).map(str::to_owned)
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
        assert!(BEACONS.with_borrow(|beacons| beacons.by_name.len()) <= 67);
    }
}
