//! A grant that ends at a default service is good for one request at most.

use actix_web::{
    App, get, guard,
    middleware::{NormalizePath, TrailingSlash, from_fn},
    test::init_service,
    web,
};
use limiter_actix::{Exempt, Limiter, ScopeExt, exempt, limit, resource};

use super::{
    super::{A, app, has_a, passing, plain, still},
    admitted, defer, limited, per_hour,
};

const OTHER: &str = "host: other";

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

#[exempt]
#[get("/health")]
async fn health() -> &'static str {
    "ok"
}

/// Expects that of many requests those are answered which a limit of three lets through, and one more at most.
macro_rules! is_free_once {
    ($app:expr, $method:expr, $target:expr, $header:expr) => {
        let answered = admitted(&$app, $method, $target, $header, 50).await;
        assert!((3..=4).contains(&answered), "{} {}: {answered}", $method, $target);
        assert_eq!(admitted(&$app, $method, $target, $header, 50).await, 0);
    };
}

fn strict() -> limiter_actix::LimiterBuilder {
    still().default_limits("3/hour")
}

#[actix_web::test]
async fn an_exempt_route_in_a_guarded_scope() {
    let app = app(|it| {
        it.service(web::scope("/v1").guard(guard::Host("own")).service(exempt_x));
    })
    .await;
    is_free_once!(app, "GET", "/v1/x", OTHER);
}

#[actix_web::test]
async fn a_limited_route_in_a_guarded_scope() {
    let app = limited(strict(), |it| {
        it.service(web::scope("/v1").guard(guard::Host("own")).service(generous_x));
    })
    .await;
    is_free_once!(app, "GET", "/v1/x", OTHER);
}

#[actix_web::test]
async fn an_exempt_resource_with_a_guard() {
    let app = app(|it| {
        it.service(resource("/x", Exempt::ALL, |it| it.guard(guard::Get()).to(plain)));
    })
    .await;
    is_free_once!(app, "POST", "/x", "");
}

#[actix_web::test]
async fn a_limited_resource_with_a_guard() {
    let app = limited(strict(), |it| {
        it.service(resource("/x", per_hour(1000), |it| it.guard(guard::Get()).to(plain)));
    })
    .await;
    is_free_once!(app, "POST", "/x", "");
}

#[actix_web::test]
async fn a_guarded_resource_in_a_scope() {
    let app = app(|it| {
        it.service(
            web::scope("/v1")
                .service(resource("/x", Exempt::ALL, |it| it.guard(guard::Get()).to(plain)))
                .default_service(web::to(plain)),
        );
    })
    .await;
    is_free_once!(app, "POST", "/v1/x", "");
}

#[actix_web::test]
async fn a_guarded_limited_resource_in_a_scope() {
    let app = limited(strict(), |it| {
        it.service(
            web::scope("/v1")
                .service(resource("/x", per_hour(1000), |it| it.guard(guard::Get()).to(plain)))
                .default_service(web::to(plain)),
        );
    })
    .await;
    is_free_once!(app, "POST", "/v1/x", "");
}

#[actix_web::test]
async fn a_guarded_exempt_scope() {
    for target in ["/v1/x", "/v1/unknown", "/v1"] {
        let app = app(|it| {
            it.service(
                web::scope("/v1")
                    .guard(guard::fn_guard(has_a))
                    .exempt(Exempt::ALL)
                    .route("/x", web::get().to(plain))
                    .default_service(web::to(plain)),
            );
        })
        .await;
        is_free_once!(app, "GET", target, "");
    }
}

#[actix_web::test]
async fn a_guarded_exempt_scope_is_one_rule_wherever_its_requests_end() {
    let app = app(|it| {
        it.service(
            web::scope("/v1")
                .guard(guard::fn_guard(has_a))
                .exempt(Exempt::ALL)
                .route("/x", web::get().to(plain))
                .route("/y", web::get().to(plain))
                .route("/{id}/z", web::get().to(plain)),
        );
    })
    .await;
    let mut answered = 0;
    for _ in 0..3 {
        for target in ["/v1/x", "/v1/y", "/v1/7/z", "/v1/unknown", "/v1"] {
            answered += admitted(&app, "GET", target, "", 2).await;
        }
    }
    assert!((3..=4).contains(&answered), "{answered}");
}

#[actix_web::test]
async fn the_default_service_of_the_app() {
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(limiter)
            .service(web::scope("/v1").guard(guard::fn_guard(has_a)).service(exempt_x))
            .default_service(web::to(plain)),
    )
    .await;
    is_free_once!(app, "GET", "/v1/x", "");
}

#[actix_web::test]
async fn an_exempt_scope_in_a_guarded_one() {
    let app = app(|it| {
        it.service(
            web::scope("/v1")
                .guard(guard::fn_guard(has_a))
                .service(web::scope("/in").exempt(Exempt::ALL).default_service(web::to(plain))),
        );
    })
    .await;
    is_free_once!(app, "GET", "/v1/in/x", "");
}

#[actix_web::test]
async fn a_grant_that_was_good_before() {
    let app = app(|it| {
        it.service(web::scope("/v1").guard(guard::fn_guard(has_a)).service(exempt_x));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 9);
    is_free_once!(app, "GET", "/v1/x", "");
}

#[actix_web::test]
async fn behind_middleware_that_defers() {
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(defer))
            .wrap(limiter)
            .service(web::scope("/v1").guard(guard::fn_guard(has_a)).service(exempt_x)),
    )
    .await;
    is_free_once!(app, "GET", "/v1/x", "");
}

/// An app with an exempt `/health`, and middleware inside of the limiter that normalizes paths.
macro_rules! normalizing {
    ($slash:expr) => {{
        let limiter: Limiter = still().application_limits("3/hour").build().unwrap();
        let app = App::new().wrap(NormalizePath::new($slash)).wrap(limiter);
        init_service(app.service(health).default_service(web::to(plain))).await
    }};
}

#[actix_web::test]
async fn merged_slashes() {
    let app = normalizing!(TrailingSlash::MergeOnly);
    assert_eq!(passing(&app, "GET", "//health", "", 1).await, 1);
    is_free_once!(app, "GET", "/health/", "");
    assert_eq!(passing(&app, "GET", "/health", "", 9).await, 9);
}

#[actix_web::test]
async fn merged_slashes_and_one_at_the_end() {
    let app = normalizing!(TrailingSlash::MergeOnly);
    assert_eq!(passing(&app, "GET", "//health", "", 1).await, 1);
    is_free_once!(app, "GET", "//health/", "");
    assert_eq!(passing(&app, "GET", "/health", "", 9).await, 9);
}

#[actix_web::test]
async fn added_slashes() {
    let app = normalizing!(TrailingSlash::Always);
    // The pattern has no slash at the end, so that nothing reaches it.
    let answered = admitted(&app, "GET", "/health", "", 50).await;
    let others = admitted(&app, "GET", "/health/", "", 50).await;
    assert!((3..=4).contains(&(answered + others)), "{answered} and {others}");
}

/// The limiter does not know the guard, and expects all requests there. So the spent limit refuses what the guard would
/// leave to the default service, until such a request was admitted.
#[actix_web::test]
async fn behind_a_guard_that_alone_matches() {
    let guarded = || resource("/x", per_hour(3), |it| it.guard(guard::fn_guard(has_a)).to(plain));
    let app = limited(still(), |it| {
        it.service(guarded());
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", A, 9).await, 3);
    assert_eq!(admitted(&app, "GET", "/x", "", 9).await, 0, "nothing has come past the guard");

    let app = limited(still(), |it| {
        it.service(guarded());
    })
    .await;
    assert_eq!(admitted(&app, "GET", "/x", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/x", A, 9).await, 3);
    assert_eq!(admitted(&app, "GET", "/x", "", 9).await, 9);
}

#[limit("1/hour")]
#[get("/x", guard = "has_a")]
async fn guarded_x() -> &'static str {
    "ok"
}

/// The cures that the documentation names for it.
#[actix_web::test]
async fn behind_a_guard_that_the_limiter_knows() {
    let app = limited(still(), |it| {
        it.service(guarded_x);
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", A, 9).await, 1);
    assert_eq!(admitted(&app, "GET", "/x", "", 9).await, 9);

    let limit = per_hour(1).methods(["POST"]);
    let posted = resource("/x", limit, |it| it.guard(guard::Post()).to(plain));
    let app = limited(still(), |it| {
        it.service(posted);
    })
    .await;
    assert_eq!(passing(&app, "POST", "/x", "", 9).await, 1);
    assert_eq!(admitted(&app, "GET", "/x", "", 9).await, 9);
}
