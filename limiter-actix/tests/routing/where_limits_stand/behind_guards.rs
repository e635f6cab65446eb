//! A refusal by a limit behind a guard is final only where the guard lets the request in.

use std::{net::IpAddr, time::Duration};

use actix_web::{App, get, guard, middleware::from_fn, test::init_service, web};
use limiter_actix::{Exempt, ScopeExt, exempt, limit, resource};

use super::{
    super::{A, B, app, has_a, has_b, passing, plain, spend, still},
    admitted, defer, limited, nothing, per_hour,
};

const OLD: &str = "host: old";
const NEW: &str = "host: new";

#[limit("1/hour")]
#[get("/items")]
async fn items() -> &'static str {
    "ok"
}

#[actix_web::test]
async fn a_limited_method_leaves_the_other_alone() {
    let app = limited(still(), |it| {
        it.service(resource("/items", per_hour(1), |it| it.guard(guard::Post()).to(plain)))
            .service(web::resource("/items").guard(guard::Get()).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "POST", "/items", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/items", "", 5).await, 5);
    assert_eq!(passing(&app, "POST", "/items", "", 5).await, 0);
    assert_eq!(passing(&app, "GET", "/items", "", 5).await, 5);
}

#[actix_web::test]
async fn a_limited_method_after_the_other_leaves_it_alone() {
    let app = limited(still(), |it| {
        it.route("/items", web::get().to(plain))
            .service(resource("/items", per_hour(1), |it| it.guard(guard::Post()).to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "POST", "/items", "", 5).await, 1);
    assert_eq!(passing(&app, "GET", "/items", "", 5).await, 5);
}

#[actix_web::test]
async fn a_closed_host_leaves_the_others_open() {
    let app = limited(still(), |it| {
        let scope = || web::scope("/a").route("/x", web::get().to(plain));
        it.service(scope().guard(guard::Host("old")).limit(nothing())).service(scope());
    })
    .await;
    assert_eq!(passing(&app, "GET", "/a/x", NEW, 5).await, 5);
    assert_eq!(passing(&app, "GET", "/a/x", OLD, 5).await, 0);
    assert_eq!(passing(&app, "GET", "/a/x", NEW, 5).await, 5);
    assert_eq!(admitted(&app, "GET", "/a/unknown", NEW, 5).await, 5);
    assert_eq!(admitted(&app, "GET", "/a/unknown", OLD, 5).await, 0);
}

#[actix_web::test]
async fn a_closed_host_that_comes_last_leaves_the_others_open() {
    let app = limited(still(), |it| {
        let scope = |host| web::scope("/a").guard(guard::Host(host)).route("/x", web::get().to(plain));
        it.service(scope("new")).service(scope("old").limit(nothing()));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/a/x", OLD, 5).await, 0);
    assert_eq!(passing(&app, "GET", "/a/x", NEW, 5).await, 5);
}

#[actix_web::test]
async fn each_of_three_scopes_has_its_own_limit() {
    let app = limited(still(), |it| {
        let scope = || web::scope("/a").route("/x", web::get().to(plain));
        it.service(scope().guard(guard::fn_guard(has_a)).limit(per_hour(1)))
            .service(scope().guard(guard::fn_guard(has_b)).limit(per_hour(2)))
            .service(scope());
    })
    .await;
    assert_eq!(passing(&app, "GET", "/a/x", A, 5).await, 1);
    assert_eq!(passing(&app, "GET", "/a/x", B, 5).await, 2);
    assert_eq!(passing(&app, "GET", "/a/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/a/x", A, 5).await, 0);
}

#[actix_web::test]
async fn each_of_two_resources_has_its_own_limit() {
    let app = limited(still(), |it| {
        it.service(resource("/x", per_hour(1), |it| it.guard(guard::fn_guard(has_a)).to(plain)))
            .service(resource("/x", per_hour(1), |it| it.guard(guard::fn_guard(has_b)).to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", A, 5).await, 1);
    assert_eq!(passing(&app, "GET", "/x", B, 5).await, 1);
    assert_eq!(admitted(&app, "GET", "/x", "", 5).await, 5, "404");
}

#[actix_web::test]
async fn a_closed_scope_without_a_prefix_leaves_the_routes_behind_it_open() {
    let app = limited(still(), |it| {
        it.service(
            web::scope("").guard(guard::fn_guard(has_a)).limit(nothing()).route("/x", web::get().to(plain)),
        )
        .route("/x", web::get().to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/x", A, 5).await, 0);
    assert_eq!(passing(&app, "GET", "/x", "", 5).await, 5);
}

#[actix_web::test]
async fn a_closed_scope_deep_inside_leaves_its_twin_open() {
    let app = limited(still(), |it| {
        let inner = || web::scope("/b").route("/x", web::get().to(plain));
        let outer = |inner| web::scope("/a/{id}").service(inner);
        it.service(outer(web::scope("").service(inner().guard(guard::fn_guard(has_a)).limit(nothing()))))
            .service(outer(web::scope("").service(inner())));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/a/1/b/x", A, 5).await, 0);
    assert_eq!(
        admitted(&app, "GET", "/a/1/b/x", "", 5).await,
        5,
        "the first of the outer scopes answers 404"
    );
}

#[actix_web::test]
async fn a_limited_attribute_leaves_the_guarded_resource_before_it_alone() {
    let app = limited(still(), |it| {
        it.service(web::resource("/items").guard(guard::fn_guard(has_a)).to(plain)).service(items);
    })
    .await;
    assert_eq!(passing(&app, "GET", "/items", "", 5).await, 1);
    assert_eq!(passing(&app, "GET", "/items", A, 5).await, 5);
}

#[actix_web::test]
async fn what_a_limited_place_replaces_is_not_taken() {
    let app = limited(still().default_limits("2/hour"), |it| {
        it.service(resource("/items", per_hour(10), |it| it.guard(guard::Post()).to(plain)))
            .service(web::resource("/items").guard(guard::Get()).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "POST", "/items", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/items", "", 5).await, 2, "all of it is left");
}

#[actix_web::test]
async fn what_an_exempt_place_lifts_is_not_taken() {
    let app = limited(still().application_limits("10/hour"), |it| {
        let scope = || web::scope("/v1").route("/x", web::get().to(plain));
        it.service(scope().guard(guard::fn_guard(has_a)).exempt(Exempt::ALL))
            .service(scope().guard(guard::fn_guard(has_b)).limit(nothing()))
            .service(scope())
            .route("/spend", web::get().to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 9);
    assert_eq!(passing(&app, "GET", "/v1/x", B, 9).await, 0);
    assert_eq!(passing(&app, "GET", "/v1/x", "", 4).await, 4);
    assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 9);
    assert_eq!(passing(&app, "GET", "/spend", "", 9).await, 6, "only the plain scope has taken from ten");
}

#[actix_web::test]
async fn nothing_changes_when_routing_is_deferred() {
    let limiter = still().default_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(defer))
            .wrap(limiter)
            .wrap(from_fn(defer))
            .service(resource("/items", per_hour(1), |it| it.guard(guard::Post()).to(plain)))
            .service(web::resource("/items").guard(guard::Get()).to(plain)),
    )
    .await;
    assert_eq!(passing(&app, "POST", "/items", "", 3).await, 1);
    assert_eq!(passing(&app, "GET", "/items", "", 5).await, 3);
}

#[exempt]
#[get("/free")]
async fn free() -> &'static str {
    "ok"
}

/// The exempt route takes all that comes into its scope. But a guard decides what does.
#[actix_web::test]
async fn an_exempt_route_in_a_guarded_scope_leaves_the_limit_of_the_place_behind_the_scope() {
    let app = app(|it| {
        it.service(web::scope("/in").guard(guard::fn_guard(has_a)).service(free))
            .route("/in/free", web::get().to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/in/free", A, 9).await, 9);
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/in/free", "", 9).await, 0);
}

/// Nothing but the guards distinguishes these places, although their patterns differ.
#[actix_web::test]
async fn an_exempt_scope_leaves_the_limit_of_its_twin() {
    let app = app(|it| {
        let exempt = web::scope("/v1").guard(guard::fn_guard(has_a)).exempt(Exempt::ALL);
        it.service(exempt.route("/{id}", web::get().to(plain)))
            .service(web::scope("/v1").route("/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 9);
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 9).await, 0);
}

#[actix_web::test]
async fn a_scope_of_a_longer_prefix_takes_no_exemption_away() {
    let app = app(|it| {
        let exempt = web::scope("/v1").guard(guard::fn_guard(has_a)).exempt(Exempt::ALL);
        it.service(exempt.route("/in/{id}", web::get().to(plain)))
            .service(web::scope("/v1/in").route("/x", web::get().to(plain)));
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/v1/in/x", A, 9).await, 9);
}

/// The requests that have spent the limit came to no other place.
#[actix_web::test]
async fn a_limited_place_that_many_have_met_leaves_the_one_behind_it_alone() {
    let app = limited(still(), |it| {
        it.service(resource("/{id}", per_hour(3), |it| it.guard(guard::fn_guard(has_a)).to(plain)))
            .route("/x", web::get().to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", A, 9).await, 3);
    assert_eq!(passing(&app, "GET", "/x", "", 9).await, 9);
    assert_eq!(passing(&app, "GET", "/x", A, 9).await, 0);
}

/// The pass is not looked for where an exemption is expected.
#[actix_web::test]
async fn a_client_with_a_pass_is_led_past_an_exemption_to_a_limit() {
    let limiter = still().build().unwrap();
    let client = IpAddr::from([127, 0, 0, 1]);
    limiter.allow(client, Duration::from_secs(60)).await.expect("a pass");
    let exempt = resource("/x", Exempt::ALL, |it| it.guard(guard::fn_guard(has_a)).to(plain));
    let closed = resource("/{id}", nothing(), |it| it.to(plain));
    let app = init_service(App::new().wrap(limiter).service(exempt).service(closed)).await;
    assert_eq!(passing(&app, "GET", "/x", "", 3).await, 3);
}
