//! Limits for what is mounted without a route attribute.

use std::{fmt, marker::PhantomData, sync::Arc};

use actix_router::{IntoPatterns, Patterns};
use actix_service::ServiceFactory;
use actix_web::{
    Error, Resource, Scope,
    body::{EitherBody, MessageBody},
    dev::{AppService, HttpServiceFactory, ServiceRequest, ServiceResponse},
    web,
};

use crate::{
    Exempt, IntoLimits, IntoRule, Rule,
    limit::rule,
    middleware::witness::{Witness, while_registering},
    plan::key::RuleId,
    routing::{
        beacon::{self, RouteSpec, RuleSite, with_leading_slash},
        registered::{Position, RegisteredRule},
        scope_marker,
    },
};

/// A resource with limits or an exemption, for handlers without a route attribute.
///
/// It is [`web::resource`] with a rule: what `build` makes of the resource is registered with it. Like there, `paths`
/// is one pattern, or several in an array or a vector.
///
/// # Panics
///
/// If a text is not in the notation of [`Quotas`](crate::Quotas). Then the app cannot start.
///
/// ```
/// use actix_web::{App, HttpResponse, web};
/// use limiter_actix::{Exempt, Limiter, resource};
///
/// async fn login() -> HttpResponse {
///     HttpResponse::Ok().finish()
/// }
///
/// async fn health() -> &'static str {
///     "ok"
/// }
///
/// let app = App::new()
///     .wrap(Limiter::default())
///     .service(resource("/login", "5/minute", |it| it.route(web::post().to(login))))
///     .service(resource("/health", Exempt::ALL, |it| it.route(web::get().to(health))));
/// # let _ = app;
/// ```
#[expect(clippy::needless_pass_by_value, reason = "called as `web::resource` is")]
#[track_caller]
pub fn resource<P, R, F, T, B>(paths: P, rule: R, build: F) -> LimitedResource<T, B>
where
    P: IntoPatterns,
    R: IntoRule,
    F: FnOnce(Resource) -> Resource<T>,
    T: ScopeFactory<B>,
    B: MessageBody + 'static,
{
    let paths = paths.patterns();
    let spec = RouteSpec::new(first_of(&paths));
    let rule = rule::expect(rule, format_args!("the resource {:?}", first_of(&paths)));
    LimitedResource { resource: build(web::resource(paths)), spec: spec.inexact(), rule, body: PhantomData }
}

/// A resource with a rule, as [`resource`] and [`ResourceExt`] make it.
#[must_use = "a resource answers only once it is given to `App::service`"]
pub struct LimitedResource<T, B> {
    resource: Resource<T>,
    spec: RouteSpec,
    rule: Rule,
    body: PhantomData<fn() -> B>,
}

impl<T: ScopeFactory<B>, B: MessageBody + 'static> HttpServiceFactory for LimitedResource<T, B> {
    fn register(self, config: &mut AppService) {
        let rule = Arc::new(RegisteredRule::new(self.rule));
        let witness = Witness::new(Arc::clone(&rule), Position::Resource);
        self.resource.wrap(witness).register(config);
        beacon::register(config, rule, RuleSite::Resource(self.spec));
    }
}

impl<T, B> fmt::Debug for LimitedResource<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedResource").field("rule", &self.rule).finish_non_exhaustive()
    }
}

/// Limits and exemptions for a [`Resource`], as its last call: routes and wraps come before.
///
/// ```
/// use actix_web::{App, HttpResponse, web};
/// use limiter_actix::{Exempt, Limiter, ResourceExt};
///
/// async fn login() -> HttpResponse {
///     HttpResponse::Ok().finish()
/// }
///
/// async fn health() -> &'static str {
///     "ok"
/// }
///
/// let app = App::new()
///     .wrap(Limiter::default())
///     .service(web::resource("/login").route(web::post().to(login)).limit("5/minute"))
///     .service(web::resource("/health").to(health).exempt(Exempt::ALL));
/// # let _ = app;
/// ```
///
/// [`resource`] is the same with the rule first.
pub trait ResourceExt<T, B>: Sized {
    /// Limits the resource.
    ///
    /// # Panics
    ///
    /// If a text is not in the notation of [`Quotas`](crate::Quotas). Then the app cannot start.
    #[track_caller]
    fn limit(self, limits: impl IntoLimits) -> LimitedResource<T, B> {
        self.rule(limits)
    }

    /// Exempts the resource from what is declared further out.
    fn exempt(self, exempt: Exempt) -> LimitedResource<T, B> {
        self.rule(exempt)
    }

    /// Limits the resource, exempts it, or both.
    ///
    /// # Panics
    ///
    /// As [`limit`](Self::limit).
    #[track_caller]
    fn rule(self, rule: impl IntoRule) -> LimitedResource<T, B>;
}

impl<T: ScopeFactory<B>, B: MessageBody + 'static> ResourceExt<T, B> for Resource<T> {
    #[track_caller]
    fn rule(self, rule: impl IntoRule) -> LimitedResource<T, B> {
        let rule = rule::expect(rule, "a resource");
        LimitedResource { resource: self, spec: RouteSpec::of_resource_before(), rule, body: PhantomData }
    }
}

fn first_of(paths: &Patterns) -> &str {
    match paths {
        Patterns::Single(path) => path,
        Patterns::List(paths) => paths.first().map_or("", String::as_str),
    }
}

/// Registers a handler with a route attribute, and a beacon for each of its places. `around` is what the
/// `#[scope]` modules around it declare, with their prefixes, from the outermost on.
pub fn register(
    service: impl HttpServiceFactory,
    config: &mut AppService,
    around: impl IntoIterator<Item = (&'static str, Rule)>,
    rule: Rule,
    routes: impl IntoIterator<Item = RouteSpec>,
) {
    let routes: Vec<_> = routes.into_iter().collect();
    // The service registers a resource for each of them, in the same order.
    let distance = routes.len();
    let around = around.into_iter().map(|(prefix, rule)| (with_leading_slash(prefix.to_owned()), rule));
    let rule = Arc::new(RegisteredRule { around: around.collect(), ..RegisteredRule::new(rule) });
    while_registering(&rule, || service.register(config));
    for route in routes {
        beacon::register(config, Arc::clone(&rule), RuleSite::Resource(route.at_distance(distance)));
    }
}

/// The `wrap` of a route attribute under a limit.
pub fn witness() -> Witness {
    Witness::of_registration()
}

/// Registers only a beacon, inside a scope.
struct ScopeBeacon {
    rule: Arc<RegisteredRule>,
    scope: RuleId,
}

impl HttpServiceFactory for ScopeBeacon {
    fn register(self, config: &mut AppService) {
        beacon::register(config, self.rule, RuleSite::Scope(self.scope));
    }
}

/// Limits and exemptions for a [`Scope`].
///
/// ```
/// use actix_web::{App, web};
/// use limiter_actix::{Exempt, Limit, Limiter, Quota, ScopeExt};
///
/// let app = App::new()
///     .wrap(Limiter::default())
///     .service(web::scope("/api").limit("60/minute; 1000/day"))
///     .service(web::scope("/search").limit(Limit::new(Quota::per_second(1)).shared("search")))
///     .service(web::scope("/health").exempt(Exempt::ALL));
/// # let _ = app;
/// ```
pub trait ScopeExt<B>: Sized {
    /// Limits each route in the scope by itself, unless the limits are [shared](crate::Limit::shared).
    ///
    /// # Panics
    ///
    /// If a text is not in the notation of [`Quotas`](crate::Quotas). Then the app cannot start.
    #[track_caller]
    fn limit(self, limits: impl IntoLimits) -> Scope<impl ScopeFactory<EitherBody<B>>> {
        self.rule(limits)
    }

    /// Exempts the scope and everything inside from what is declared further out.
    fn exempt(self, exempt: Exempt) -> Scope<impl ScopeFactory<EitherBody<B>>> {
        self.rule(exempt)
    }

    /// Limits the scope, exempts it, or both.
    ///
    /// # Panics
    ///
    /// As [`limit`](Self::limit).
    #[track_caller]
    fn rule(self, rule: impl IntoRule) -> Scope<impl ScopeFactory<EitherBody<B>>>;
}

/// The factory of the service of a [`Scope`] or [`Resource`] with responses of body `B`.
pub trait ScopeFactory<B>:
    ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()>
    + 'static
{
}

impl<T, B> ScopeFactory<B> for T where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static
{
}

impl<T: ScopeFactory<B>, B: MessageBody + 'static> ScopeExt<B> for Scope<T> {
    #[track_caller]
    fn rule(self, rule: impl IntoRule) -> Scope<impl ScopeFactory<EitherBody<B>>> {
        let rule = Arc::new(RegisteredRule::new(rule::expect(rule, "a scope")));
        let (marked, scope) = scope_marker::attach(self, rule.id);
        let beacon = ScopeBeacon { rule: Arc::clone(&rule), scope };
        marked.service(beacon).wrap(Witness::new(rule, Position::Scope))
    }
}
