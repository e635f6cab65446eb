//! Default limits where a request matches no route, or passes by the guard of one.

use std::future::{Ready, ready};

use actix_files::Files;
use actix_web::{
    App, Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    get, guard,
    http::StatusCode,
    middleware::{Next, from_fn},
    rt::task::yield_now,
    test::init_service,
    web,
};
use limiter_actix::{LimiterBuilder, exempt, limit, resource};
use limiter_test_support::{
    app::{ask, request},
    storages::StorageKind,
};

use super::{
    super::{A, has_a, passing, plain, still},
    admitted, limited, per_hour,
};

#[exempt]
#[get("/x")]
async fn exempt_x() -> &'static str {
    "ok"
}

#[limit("1000/hour")]
#[get("/x")]
async fn generous_x() -> &'static str {
    "ok"
}

/// Three an hour on each route, and on what matches none.
fn everywhere() -> LimiterBuilder {
    still().default_limits("3/hour")
}

/// Three an hour on each route.
fn on_routes() -> LimiterBuilder {
    everywhere().default_limits_on_unmatched(false)
}

/// What was granted to the first request is charged to it afterwards.
#[actix_web::test]
async fn a_handler_beside_an_exempt_route_is_charged_from_the_first_request_on() {
    for limiter in [everywhere(), on_routes()] {
        let app = limited(limiter, |it| {
            it.route("/x", web::get().guard(guard::fn_guard(has_a)).to(plain)).service(exempt_x);
        })
        .await;
        assert_eq!(passing(&app, "GET", "/x", A, 9).await, 3);
    }
}

#[actix_web::test]
async fn a_default_service_is_charged_from_the_first_request_on() {
    for generous in [false, true] {
        let app = limited(everywhere(), |it| {
            let scope = web::scope("/v1").guard(guard::fn_guard(has_a));
            it.service(if generous { scope.service(generous_x) } else { scope.service(exempt_x) });
        })
        .await;
        assert_eq!(admitted(&app, "GET", "/v1/x", "", 9).await, 3, "generous: {generous}");
    }
}

#[actix_web::test]
async fn default_services_may_be_left_out_although_a_grant_ends_there() {
    for generous in [false, true] {
        let app = limited(on_routes(), |it| {
            let scope = web::scope("/v1").guard(guard::fn_guard(has_a));
            it.service(if generous { scope.service(generous_x) } else { scope.service(exempt_x) });
        })
        .await;
        assert_eq!(admitted(&app, "GET", "/v1/x", "", 9).await, 9, "generous: {generous}");
    }
}

/// The defect: a request that its guard had turned away was charged for the route.
#[actix_web::test]
async fn a_guard_that_turns_requests_away_leaves_the_route_uncharged() {
    for kind in StorageKind::ALL {
        let app = limited(kind.set(on_routes()), |it| {
            it.service(web::resource("/x").guard(guard::fn_guard(has_a)).to(plain));
        })
        .await;
        assert_eq!(admitted(&app, "GET", "/x", "", 9).await, 9, "{kind:?}");
        assert_eq!(passing(&app, "GET", "/x", A, 9).await, 3, "{kind:?}");
    }
}

/// The same before default services that respond, and behind a limit that adds to the default.
#[actix_web::test]
async fn a_guard_before_a_default_service_leaves_the_route_uncharged() {
    let limiter = on_routes().build().unwrap();
    let guarded = || web::resource("/x").guard(guard::fn_guard(has_a)).to(plain);
    let added = per_hour(1000).override_defaults(false);
    let app = init_service(
        App::new()
            .wrap(limiter)
            .service(guarded())
            .service(web::scope("/v2").guard(guard::fn_guard(has_a)).service(guarded()))
            .service(resource("/y", added, |it| it.guard(guard::fn_guard(has_a)).to(plain)))
            .default_service(web::to(plain)),
    )
    .await;
    for target in ["/x", "/v2/x", "/y"] {
        assert_eq!(admitted(&app, "GET", target, "", 9).await, 9, "{target}");
        assert_eq!(passing(&app, "GET", target, A, 9).await, 3, "{target}");
    }
}

#[actix_web::test]
async fn a_guard_in_a_scope_leaves_the_route_uncharged() {
    let app = limited(on_routes(), |it| {
        let default = web::to(HttpResponse::NotFound);
        it.service(
            web::scope("/v1")
                .service(web::resource("/x").guard(guard::fn_guard(has_a)).to(plain))
                .default_service(default),
        );
    })
    .await;
    assert_eq!(admitted(&app, "GET", "/v1/x", "", 9).await, 9);
    assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 3);
}

#[actix_web::test]
async fn a_guarded_default_service_is_not_charged() {
    let app = limited(on_routes(), |it| {
        it.service(
            web::scope("/v1")
                .guard(guard::fn_guard(has_a))
                .route("/x", web::get().to(plain))
                .default_service(web::to(plain)),
        );
    })
    .await;
    for header in [A, ""] {
        for target in ["/v1", "/v1/no"] {
            assert_eq!(admitted(&app, "GET", target, header, 9).await, 9, "{target} {header}");
        }
    }
}

/// What answers before a request has come to its route answers for the route.
#[actix_web::test]
async fn answers_of_middleware_count_for_the_route() {
    for prefix in ["/v1", ""] {
        for status in [StatusCode::UNAUTHORIZED, StatusCode::OK] {
            let scope = || web::scope(prefix).route("/x", web::get().to(plain));
            let inside = App::new()
                .wrap(on_routes().build().unwrap())
                .service(scope().wrap(from_fn(move |req, _: Next<BoxBody>| respond(req, status))));
            let around = App::new()
                .wrap(from_fn(move |req, _: Next<BoxBody>| respond(req, status)))
                .wrap(on_routes().build().unwrap())
                .service(scope());
            let target = format!("{prefix}/x");
            let (inside, around) = (init_service(inside).await, init_service(around).await);
            assert_eq!(admitted(&inside, "GET", &target, "", 9).await, 3, "{prefix:?} {status}");
            assert_eq!(admitted(&around, "GET", &target, "", 9).await, 3, "{prefix:?} {status}");
        }
    }
}

/// Middleware that responds by itself.
fn respond(req: ServiceRequest, status: StatusCode) -> Ready<Result<ServiceResponse, Error>> {
    ready(Ok(req.into_response(HttpResponse::new(status))))
}

/// A limit that adds to the default was granted, and the request that passes it by shows that this was wrong.
#[actix_web::test]
async fn a_request_that_a_grant_has_not_met_leaves_the_route_uncharged() {
    for kind in StorageKind::ALL {
        let app = limited(kind.set(on_routes()), |it| {
            let added = per_hour(1000).override_defaults(false);
            let guarded = resource("/x", added, |it| it.guard(guard::fn_guard(has_a)).to(plain));
            it.service(web::scope("/v1").service(guarded).default_service(web::to(plain)));
        })
        .await;
        assert_eq!(passing(&app, "GET", "/v1/x", "", 1).await, 1, "{kind:?}");
        // What is corrected after the response is under way.
        for _ in 0..20 {
            yield_now().await;
        }
        assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 3, "{kind:?}");
    }
}

#[exempt(default)]
#[get("/y")]
async fn without_defaults() -> &'static str {
    "ok"
}

/// The first request was taken for one to the route. What it is charged afterwards is shown in its response.
#[actix_web::test]
async fn a_default_service_that_was_not_expected_shows_the_limits_there() {
    for target in ["/v1/x", "/v1/y"] {
        let limiter = on_routes().application_limits("9/hour").headers(true).build().unwrap();
        let scope = web::scope("/v1").guard(guard::fn_guard(has_a));
        let app = App::new().wrap(limiter).service(scope.service(exempt_x).service(without_defaults));
        let app = init_service(app).await;
        for left in ["8", "7", "6"] {
            let answer = ask(&app, request("GET", target)).await;
            let shown = ["limit", "remaining"].map(|name| answer.header(&format!("x-ratelimit-{name}")));
            assert_eq!((answer.status, shown), (404, [Some("9"), Some(left)]), "{target}");
        }
    }
}

/// A handler that takes the rest of a path is no default service, whatever it finds there. Nor are static files.
#[actix_web::test]
async fn a_handler_that_finds_nothing_counts_for_its_route() {
    let app = limited(on_routes(), |it| {
        it.route("/tail/{rest:.*}", web::get().to(HttpResponse::NotFound))
            .service(Files::new("/files", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/routing")));
    })
    .await;
    for (target, expected) in [("/tail/no/such", 3), ("/files/no/such", 3), ("/no/such", 9)] {
        assert_eq!(admitted(&app, "GET", target, "", 9).await, expected, "{target}");
    }
}
