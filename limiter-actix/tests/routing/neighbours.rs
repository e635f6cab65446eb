//! Exemptions of a route do not reach its neighbours.

use std::cell::RefCell;

use actix_web::{App, HttpRequest, delete, get, guard, post, put, test::init_service, web};
use limiter_actix::{Exempt, Key, Limit, Quota, ScopeExt, exempt, limit, resource};
use limiter_test_support::{
    app::{ask, get as status_of, request},
    log,
};

use super::{A, B, app, has_a, has_b, passing, plain, spend, still};

#[exempt]
#[get("/health")]
async fn health() -> &'static str {
    "ok"
}

#[exempt]
#[post("/x")]
async fn exempt_post() -> &'static str {
    "ok"
}

#[exempt]
#[put("/x")]
async fn exempt_put() -> &'static str {
    "ok"
}

#[limit("2/hour")]
#[get("/x")]
async fn limited_get() -> &'static str {
    "ok"
}

#[limit("2/hour")]
#[delete("/x")]
async fn limited_delete() -> &'static str {
    "ok"
}

#[exempt]
#[get("/guarded", guard = "has_a")]
async fn exempt_with_a() -> &'static str {
    "ok"
}

#[actix_web::test]
async fn patterns_after_an_exempt_route() {
    for pattern in ["/{id}", "/{tail:.*}"] {
        let app = app(|it| {
            it.service(health).route(pattern, web::to(plain));
        })
        .await;
        assert_eq!(passing(&app, "GET", "/health", "", 5).await, 5);
        spend(&app).await;
        assert_eq!(passing(&app, "GET", "/health", "", 5).await, 5, "{pattern}");
        assert_eq!(passing(&app, "GET", "/elsewhere", "", 5).await, 0, "{pattern}");
        assert_eq!(passing(&app, "POST", "/health", "", 5).await, 0, "{pattern}");
    }
}

#[actix_web::test]
async fn patterns_with_a_method_after_an_exempt_route() {
    for pattern in ["/{id}", "/{tail:.*}"] {
        let app = app(|it| {
            it.service(health).route(pattern, web::post().to(plain)).route(pattern, web::get().to(plain));
        })
        .await;
        spend(&app).await;
        assert_eq!(passing(&app, "GET", "/health", "", 5).await, 5, "{pattern}");
        assert_eq!(passing(&app, "GET", "/elsewhere", "", 5).await, 0, "{pattern}");
        assert_eq!(passing(&app, "POST", "/health", "", 5).await, 0, "{pattern}");
    }
}

#[actix_web::test]
async fn methods_of_one_pattern() {
    let app = app(|it| {
        it.service(limited_get).route("/x", web::post().to(plain)).service(exempt_put);
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "PUT", "/x", "", 5).await, 5);
    assert_eq!(passing(&app, "POST", "/x", "", 5).await, 0);
    assert_eq!(passing(&app, "GET", "/x", "", 5).await, 0, "the application limit holds here as well");
}

#[actix_web::test]
async fn limits_of_methods_of_one_pattern_are_their_own() {
    let app = app(|it| {
        it.service(limited_get).service(limited_delete).service(exempt_post);
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 2).await, 2);
    assert_eq!(passing(&app, "DELETE", "/x", "", 3).await, 1, "the third of the application limit");
    assert_eq!(passing(&app, "POST", "/x", "", 5).await, 5);
}

#[actix_web::test]
async fn a_default_service_before_an_exempt_method_of_its_pattern() {
    log::capture();
    let app = app(|it| {
        it.service(web::resource("/x").route(web::get().to(plain)).default_service(web::to(plain)))
            .service(exempt_post);
    })
    .await;
    spend(&app).await;
    assert!(passing(&app, "POST", "/x", "", 5).await <= 1);
    assert_eq!(passing(&app, "GET", "/x", "", 5).await, 0);
    assert_eq!(log::here("L009").len(), 1);
}

#[actix_web::test]
async fn a_guarded_exempt_route_beside_a_plain_one() {
    let app = app(|it| {
        it.service(exempt_with_a).route("/guarded", web::get().to(plain));
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/guarded", A, 5).await, 5);
    assert_eq!(passing(&app, "GET", "/guarded", "", 5).await, 0);
    assert_eq!(passing(&app, "GET", "/guarded", A, 5).await, 5);
}

#[actix_web::test]
async fn a_guarded_plain_route_before_an_exempt_one() {
    let app = app(|it| {
        it.route("/health", web::get().guard(guard::fn_guard(has_b)).to(plain)).service(health);
    })
    .await;
    assert_eq!(passing(&app, "GET", "/health", "", 5).await, 5);
    spend(&app).await;
    assert!(passing(&app, "GET", "/health", B, 5).await <= 1);
}

#[actix_web::test]
async fn scopes_of_one_prefix_with_a_guard() {
    for exempt_first in [true, false] {
        let app = app(|it| {
            let exempt = || {
                web::scope("/v1")
                    .guard(guard::fn_guard(has_a))
                    .route("/x", web::get().to(plain))
                    .exempt(Exempt::ALL)
            };
            let other = || web::scope("/v1").guard(guard::fn_guard(has_b)).route("/x", web::get().to(plain));
            if exempt_first {
                it.service(exempt()).service(other());
            } else {
                it.service(other()).service(exempt());
            }
        })
        .await;
        assert_eq!(passing(&app, "GET", "/v1/x", A, 5).await, 5);
        spend(&app).await;
        assert!(passing(&app, "GET", "/v1/x", B, 5).await <= 1, "exempt first: {exempt_first}");
    }
}

#[actix_web::test]
async fn limited_scopes_of_one_prefix_with_a_guard() {
    let app = app(|it| {
        let scope = |amount| {
            web::scope("/v1")
                .route("/x", web::get().to(plain))
                .limit(Limit::new(Quota::per_hour(amount)).override_defaults(false))
        };
        it.service(scope(1).guard(guard::fn_guard(has_a)))
            .service(scope(2).guard(guard::fn_guard(has_b)))
            .service(web::scope("/v1").route("/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", A, 5).await, 1);
    assert_eq!(passing(&app, "GET", "/v1/x", B, 1).await, 1);
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 1, "what the application limit has left");
}

#[actix_web::test]
async fn a_plain_route_before_an_exempt_scope() {
    let app = app(|it| {
        it.route("/v1/admin", web::get().to(plain))
            .route("/v1/{id}/admin", web::get().to(plain))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(plain)));
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 5);
    assert!(passing(&app, "GET", "/v1/admin", "", 5).await <= 1);
    assert!(passing(&app, "GET", "/v1/1/admin", "", 5).await <= 1);
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 5);
}

/// A request that was taken for one of an exempt neighbour is charged after its response, for all that is not spent.
#[actix_web::test]
async fn a_spent_limit_keeps_no_other_from_a_late_charge() {
    let named = |name, amount| Limit::new(Quota::per_hour(amount)).name(name);
    let limiter = still().application_limits([named("spent", 1), named("others", 9)]).meta_limits("2/day");
    let limiter = limiter.build().expect("a limiter");
    let exempt = web::scope("/v1")
        .guard(guard::fn_guard(has_a))
        .route("/{id}", web::get().to(plain))
        .exempt(Exempt::ALL);
    let app = App::new()
        .wrap(limiter.clone())
        .route("/spend", web::get().to(plain))
        .service(exempt)
        .route("/v1/x", web::get().to(plain));
    let app = init_service(app).await;
    let client = Key::from(std::net::IpAddr::from([127, 0, 0, 1]));
    let left = async || limiter.window("others", &client).await.expect("a window").remaining();
    assert_eq!([status_of(&app, "/spend").await, status_of(&app, "/spend").await], [200, 429]);
    assert_eq!(left().await, 8);
    assert_eq!(status_of(&app, "/v1/x").await, 200, "it was taken for one of the scope");
    assert_eq!(left().await, 7, "it is charged afterwards");
    let refusal =
        async || ask(&app, request("GET", "/v1/x").insert_header(("accept", "text/plain"))).await.body;
    assert_eq!(refusal().await, "1 per 1 hour", "what was charged afterwards was no breach");
    assert_eq!(refusal().await, "2 per 1 day");
}

#[actix_web::test]
async fn a_prefix_ends_at_a_slash() {
    let app = app(|it| {
        it.service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(plain)))
            .route("/v1x", web::get().to(plain))
            .service(web::scope("/v10").route("/x", web::get().to(plain)));
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/v1x", "", 5).await, 0);
    assert_eq!(passing(&app, "GET", "/v10/x", "", 5).await, 0);
}

/// actix hands out requests that can be cloned and kept; the limiter looks at them after the handler all the
/// same.
#[actix_web::test]
async fn handlers_that_keep_their_requests() {
    thread_local!(static KEPT: RefCell<Vec<HttpRequest>> = const { RefCell::new(Vec::new()) });
    async fn keep(req: HttpRequest) -> &'static str {
        KEPT.with_borrow_mut(|kept| kept.push(req));
        "kept"
    }
    let app = app(|it| {
        it.route("/v1/admin", web::get().to(keep))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(keep)))
            .service(resource("/x", Limit::new(Quota::per_hour(2)), |it| it.to(keep)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/x", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/v1/admin", "", 5).await, 1, "what is left of three");
    KEPT.take();
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 5);
}
