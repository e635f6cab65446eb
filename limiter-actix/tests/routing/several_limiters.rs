//! A rule is decided by the nearest enclosing limiter; of the same limiter twice, by the first.

use std::{
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering},
};

use actix_web::{
    App, Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    error::ErrorUnauthorized,
    get, guard,
    middleware::{Next, from_fn},
    test::init_service,
    web,
};
use futures_util::future::LocalBoxFuture;
use limiter_actix::{Limit, LimitCheck, Limiter, Quota, ScopeExt, exempt, limit, resource};
use limiter_test_support::{app as call, log};

use super::{A, B, has_a, has_b, passing, plain, still};

#[limit("2/hour")]
#[get("/limited")]
async fn limited() -> &'static str {
    "ok"
}

#[exempt]
#[get("/exempt")]
async fn exempt_inside() -> &'static str {
    "ok"
}

fn outer() -> Limiter {
    still().key_prefix("outer").application_limits("5/hour").build().unwrap()
}

fn inner() -> Limiter {
    still().key_prefix("inner").default_limits("3/hour").build().unwrap()
}

#[actix_web::test]
async fn a_limiter_only_on_a_scope() {
    let app = init_service(
        App::new()
            .service(
                web::scope("/in")
                    .service(limited)
                    .service(exempt_inside)
                    .route("/plain", web::get().to(plain))
                    .wrap(inner()),
            )
            .route("/plain", web::get().to(plain)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/in/plain", "", 5).await, 3);
    assert_eq!(passing(&app, "GET", "/in/limited", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/in/exempt", "", 9).await, 9);
    assert_eq!(passing(&app, "GET", "/plain", "", 9).await, 9);
}

#[actix_web::test]
async fn a_limiter_on_a_scope_with_a_rule_inside_and_outside() {
    for rule_outside in [true, false] {
        let scope = web::scope("/in").route("/plain", web::get().to(plain));
        let limit = Limit::new(Quota::per_hour(2));
        let app = if rule_outside {
            init_service(App::new().configure(|it| {
                it.service(scope.wrap(inner()).limit(limit));
            }))
            .await
        } else {
            init_service(App::new().configure(|it| {
                it.service(scope.limit(limit).wrap(inner()));
            }))
            .await
        };
        assert_eq!(passing(&app, "GET", "/in/plain", "", 5).await, 2, "outside: {rule_outside}");
    }
}

#[actix_web::test]
async fn two_limiters_on_app_and_scope() {
    let app = init_service(
        App::new()
            .service(
                web::scope("/in")
                    .service(limited)
                    .service(exempt_inside)
                    .route("/plain", web::get().to(plain))
                    .wrap(inner()),
            )
            .service(limited)
            .route("/plain", web::get().to(plain))
            .wrap(outer()),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/in/limited", "", 3).await, 2);
    assert_eq!(passing(&app, "GET", "/limited", "", 3).await, 2, "apart from the one inside");
    assert_eq!(
        passing(&app, "GET", "/in/plain", "", 2).await,
        0,
        "two, two and the refused one of the inner"
    );
    assert_eq!(passing(&app, "GET", "/in/exempt", "", 9).await, 9, "lifts what is declared further out");
}

#[actix_web::test]
async fn a_limit_is_not_decided_twice() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn cost(_: &actix_web::dev::ServiceRequest) -> u64 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        1
    }
    let app = init_service(
        App::new()
            .service(
                web::scope("/in")
                    .route("/plain", web::get().to(plain))
                    .limit(Limit::new(Quota::per_hour(4)).cost_with(cost))
                    .wrap(inner()),
            )
            .wrap(still().build().unwrap()),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/in/plain", "", 6).await, 4);
    assert!(
        CALLS.load(Ordering::Relaxed) <= 7,
        "once a request, and once more until it is known whose it is"
    );
}

#[actix_web::test]
async fn the_same_limiter_on_app_and_scope() {
    log::capture();
    let same = inner();
    let app = init_service(
        App::new()
            .service(
                web::scope("/in")
                    .service(limited)
                    .service(exempt_inside)
                    .route("/plain", web::get().to(plain))
                    .wrap(same.clone()),
            )
            .route("/plain", web::get().to(plain))
            .wrap(same),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/in/limited", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/in/plain", "", 5).await, 3);
    assert_eq!(passing(&app, "GET", "/plain", "", 5).await, 3);
    assert_eq!(passing(&app, "GET", "/in/exempt", "", 9).await, 9);
    assert_eq!(log::everywhere("L007").len(), 1);
}

/// Which scope a request goes to is known only after routing: a limiter in one of them must not take the
/// rules of the other.
#[actix_web::test]
async fn a_limiter_in_one_of_two_scopes_of_a_prefix() {
    let app = init_service(
        App::new()
            .service(
                web::scope("/v1")
                    .guard(guard::fn_guard(has_a))
                    .route("/limited", web::get().to(plain))
                    .wrap(inner()),
            )
            .service(web::scope("/v1").guard(guard::fn_guard(has_b)).service(limited))
            .wrap(still().key_prefix("outer").build().unwrap()),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/limited", A, 5).await, 3);
    assert_eq!(passing(&app, "GET", "/v1/limited", B, 5).await, 2, "the outer limiter decides this one");
}

#[actix_web::test]
async fn a_limiter_behind_middleware_that_defers() {
    let app = init_service(
        App::new()
            .service(limited)
            .service(exempt_inside)
            .route("/plain", web::get().to(plain))
            .wrap(from_fn(async |req, next: actix_web::middleware::Next<_>| {
                actix_web::rt::task::yield_now().await;
                next.call(req).await
            }))
            .wrap(outer()),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/limited", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/plain", "", 5).await, 3, "what is left of five");
    assert_eq!(passing(&app, "GET", "/exempt", "", 9).await, 9);
}

#[actix_web::test]
async fn a_limiter_that_is_switched_off() {
    let limiter = inner();
    let app = init_service(
        App::new()
            .service(
                web::scope("/in")
                    .service(limited)
                    .route("/plain", web::get().to(plain))
                    .wrap(limiter.clone()),
            )
            .wrap(still().key_prefix("outer").build().unwrap()),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/in/limited", "", 5).await, 2, "counted by the inner one");
    limiter.set_enabled(false);
    assert_eq!(passing(&app, "GET", "/in/limited", "", 5).await, 2, "left to the outer one");
    limiter.set_enabled(true);
    assert_eq!(call::get(&app, "/in/limited").await, 429);
}

/// The handler has been reached. Otherwise its limits would not hold for clients whose check is refused.
#[actix_web::test]
async fn a_check_that_is_refused_leaves_the_inner_one_charged() {
    let checked = still().key_prefix("outer").application_limits("1/hour").auto_check(false).build().unwrap();
    let stubborn = |limits: LimitCheck| async move {
        drop(limits.check().await);
        "ok"
    };
    let scope = web::scope("/in").route("/x", web::get().to(stubborn)).wrap(inner());
    let app = init_service(App::new().wrap(checked).service(scope)).await;
    assert_eq!(passing(&app, "GET", "/in/x", "", 9).await, 3);
}

/// Lets through what does not have the header of a stranger.
async fn authenticate<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if req.headers().contains_key("x-stranger") {
        return Err(ErrorUnauthorized("a stranger"));
    }
    next.call(req).await
}

/// Once a request has come to the limiter further in, its rules stay with it, whatever other routes are asked for.
#[actix_web::test]
async fn an_answer_before_a_limiter_further_in_takes_nothing_of_its_rules() {
    let app = init_service(
        App::new()
            .wrap(still().key_prefix("outer").build().unwrap())
            .service(web::scope("/in").service(limited).wrap(inner()).wrap(from_fn(authenticate)))
            .route("/plain", web::get().to(plain)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/in/limited", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/plain", "", 1).await, 1);
    for _ in 0..5 {
        let stranger = call::request("GET", "/in/limited").insert_header(("x-stranger", "1"));
        assert_eq!(call::ask(&app, stranger).await.status, 401);
    }
    assert_eq!(passing(&app, "GET", "/in/limited", "", 5).await, 1, "of two");
}

/// From the first request on, which shows the outer limiter that there is an inner one.
#[actix_web::test]
async fn the_response_decides_about_what_the_outer_one_keeps() {
    let failures = Limit::new(Quota::per_hour(2)).deduct_when(|response| response.status.is_server_error());
    let outer = still().key_prefix("outer").application_limits(failures).build().unwrap();
    let app = App::new()
        .service(web::scope("/in").service(limited).wrap(inner()))
        .route("/fails", web::to(HttpResponse::InternalServerError))
        .wrap(outer);
    let app = init_service(app).await;
    assert_eq!(call::get(&app, "/in/limited").await, 200);
    let statuses = [call::get(&app, "/fails").await, call::get(&app, "/fails").await];
    assert_eq!(statuses, [500, 500], "a success takes nothing");
    assert_eq!(call::get(&app, "/fails").await, 429);
}

/// A limiter around requests with the header [`A`] only.
struct OnlyWithA(Limiter);

struct OnlyWithAService<S, L> {
    service: Rc<S>,
    limited: L,
}

impl<S, B> Transform<S, ServiceRequest> for OnlyWithA
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = OnlyWithAService<S, <Limiter as Transform<Rc<S>, ServiceRequest>>::Transform>;
    type Future = LocalBoxFuture<'static, Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let service = Rc::new(service);
        let around = self.0.new_transform(Rc::clone(&service));
        Box::pin(async { Ok(OnlyWithAService { service, limited: around.await? }) })
    }
}

impl<S, L, B> Service<ServiceRequest> for OnlyWithAService<S, L>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    L: Service<ServiceRequest, Response = ServiceResponse<EitherBody<B>>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, req: ServiceRequest) -> Self::Future {
        if req.headers().contains_key("x-a") {
            return Box::pin(self.limited.call(req));
        }
        let response = self.service.call(req);
        Box::pin(async { response.await.map(ServiceResponse::map_into_left_body) })
    }
}

/// The inner limiter decides a rule behind it alike, whether another limiter has seen the request or not.
#[actix_web::test]
async fn a_limiter_around_some_of_the_requests() {
    let inner = still().key_prefix("inner").default_limits("1/hour").build().unwrap();
    let generous = limiter_actix::resource("/x", Quota::per_hour(6), |it| it.to(plain));
    let app = App::new().service(web::scope("/in").service(generous).wrap(inner)).wrap(OnlyWithA(outer()));
    let app = init_service(app).await;
    for header in ["", A, ""] {
        assert_eq!(passing(&app, "GET", "/in/x", header, 2).await, 2, "{header}");
    }
    assert_eq!(passing(&app, "GET", "/in/x", "", 2).await, 0);
}

/// The outer limiter lets the requests of one route pass without keeping anything of them, and has the others.
#[actix_web::test]
async fn a_request_has_one_state_in_a_limiter_that_lets_others_pass() {
    let quota = || Limit::new(Quota::per_hour(9)).override_defaults(false);
    let guarded = |guard: fn(&guard::GuardContext<'_>) -> bool| {
        limiter_actix::resource("/x", quota(), move |it| it.guard(guard::fn_guard(guard)).to(plain))
    };
    let app = App::new()
        .service(exempt_inside)
        .service(web::scope("/in").service(guarded(has_a)).service(guarded(has_b)).wrap(inner()))
        .wrap(outer());
    let app = init_service(app).await;
    assert_eq!(passing(&app, "GET", "/exempt", "", 3).await, 3);
    assert_eq!(passing(&app, "GET", "/in/x", A, 2).await, 2);
    assert_eq!(passing(&app, "GET", "/in/x", B, 9).await, 1, "three of the inner one");
}

/// Only a guard tells which of two scopes takes the request.
#[actix_web::test]
async fn a_scope_that_is_known_only_after_routing_is_left_to_the_limiter_around_it() {
    let within = inner();
    let guarded = |guard: fn(&guard::GuardContext<'_>) -> bool| {
        let scope = web::scope("/v1").guard(guard::fn_guard(guard)).route("/x", web::get().to(plain));
        scope.limit(Limit::new(Quota::per_hour(2)))
    };
    let outer = still().key_prefix("outer").application_limits("20/hour").build().unwrap();
    let scope = web::scope("/in").service(guarded(has_a)).service(guarded(has_b)).wrap(within.clone());
    let app = init_service(App::new().wrap(outer).service(scope)).await;
    // Nothing of it is left in the outer one, which `reset` does not reach.
    for _ in 0..3 {
        assert_eq!(passing(&app, "GET", "/in/v1/x", A, 4).await, 2);
        within.reset().await.unwrap();
    }
}

/// The defect: the rule was taken for one that the limiter around it skips, and the limiter on the resource had its own
/// limits alone.
#[actix_web::test]
async fn a_limiter_that_skips_a_request_leaves_the_rule_to_the_one_on_the_resource() {
    log::capture();
    let filtering = still().key_prefix("filtering").application_limits("2/hour").request_filter(|_| true);
    for outer in [filtering, still().enabled(false)] {
        let resource = resource("/x", Quota::per_hour(1), |it| it.wrap(inner()).to(plain));
        let app = init_service(App::new().wrap(outer.build().unwrap()).service(resource)).await;
        assert_eq!(passing(&app, "GET", "/x", "", 6).await, 1);
    }
    for code in ["L009", "L010"] {
        assert_eq!(log::here(code), [""; 0]);
    }
}
