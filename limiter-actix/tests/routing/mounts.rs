//! Handlers in many places.

use std::time::Duration;

use actix_web::{
    App, HttpResponse, get,
    guard::{self, GuardContext},
    post, routes,
    test::init_service,
    web,
};
use limiter_actix::{
    Exempt, Limit, Limiter, ManualClock, Quota, ResourceExt, ScopeExt, Timestamp, exempt, limit, resource,
};
use limiter_test_support::app as call;

use super::{A, B, app, has_a, has_b, passing, plain, spend, still};

#[limit("2/hour")]
#[get("/items")]
async fn items() -> &'static str {
    "ok"
}

#[limit("2/hour")]
#[routes]
#[get("/one")]
#[post("/one")]
#[get("/two/{id}")]
async fn several() -> &'static str {
    "ok"
}

#[exempt]
#[get("")]
async fn root() -> &'static str {
    "ok"
}

#[limit("2/hour")]
#[get("relative")]
async fn relative() -> &'static str {
    "ok"
}

#[limit("1/hour")]
#[post("/items")]
async fn add() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[actix_web::test]
async fn one_handler_in_two_scopes_counts_apart() {
    let limiter = still().build().unwrap();
    let app = init_service(
        App::new()
            .wrap(limiter)
            .service(web::scope("/v1").service(items).service(add))
            .service(web::scope("/v2").service(items)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/items", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/v2/items", "", 5).await, 2);
    assert_eq!(passing(&app, "POST", "/v1/items", "", 5).await, 1);
}

#[actix_web::test]
async fn several_routes_of_one_handler() {
    let limiter = still().build().unwrap();
    let app = init_service(App::new().wrap(limiter).service(several)).await;
    assert_eq!(passing(&app, "GET", "/one", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/two/1", "", 5).await, 2);
    assert_eq!(call::get(&app, "/two/2").await, 429);
}

/// Each of its places is known before a request has come there.
#[actix_web::test]
async fn an_exempt_handler_with_several_routes_answers_at_each_from_the_first_request_on() {
    #[exempt]
    #[routes]
    #[get("/health")]
    #[get("/live")]
    #[get("/ready")]
    async fn health() -> &'static str {
        "ok"
    }
    for target in ["/health", "/live", "/ready"] {
        let app = app(|it| {
            it.service(health);
        })
        .await;
        spend(&app).await;
        assert_eq!(passing(&app, "GET", target, "", 5).await, 5, "{target}");
    }
}

#[actix_web::test]
async fn paths_are_read_as_actix_reads_them() {
    let app = app(|it| {
        it.service(relative).service(web::scope("/v1").service(root).service(relative));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/relative", "", 3).await, 2);
    assert_eq!(passing(&app, "GET", "/v1", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/spend", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/v1/relative", "", 5).await, 0);
    assert_eq!(passing(&app, "GET", "/v1", "", 5).await, 5);
}

#[actix_web::test]
async fn handlers_without_a_route_attribute() {
    let app =
        app(|it| {
            it.service(resource("/limited", Limit::new(Quota::per_hour(2)), |it| {
                it.route(web::get().to(plain)).route(web::post().to(plain))
            }))
            .service(
                web::scope("/v1")
                    .service(resource("/health", Exempt::ALL, |it| it.to(plain)))
                    .service(resource("", Exempt::ALL, |it| it.to(plain))),
            );
        })
        .await;
    assert_eq!(passing(&app, "GET", "/limited", "", 1).await, 1);
    assert_eq!(passing(&app, "POST", "/limited", "", 5).await, 1);
    assert_eq!(passing(&app, "GET", "/spend", "", 5).await, 1);
    assert_eq!(passing(&app, "GET", "/v1/health", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/v1", "", 5).await, 5);
}

#[actix_web::test]
async fn two_apps_in_one_thread() {
    let first = app(|it| {
        it.service(items).service(web::scope("/v1").service(root));
    })
    .await;
    let limiter = still().application_limits("3/hour").default_limits("1/hour").build().unwrap();
    let second = init_service(
        App::new().wrap(limiter).route("/items", web::get().to(plain)).route("/v1", web::get().to(plain)),
    )
    .await;
    assert_eq!(passing(&first, "GET", "/items", "", 5).await, 2);
    assert_eq!(passing(&second, "GET", "/items", "", 5).await, 1);
    assert_eq!(passing(&second, "GET", "/v1", "", 5).await, 1);
    assert_eq!(passing(&first, "GET", "/v1", "", 5).await, 5);
    let third = app(|it| {
        it.service(items);
    })
    .await;
    drop(first);
    assert_eq!(passing(&third, "GET", "/items", "", 1).await, 1);
    spend_rest(&third).await;
}

async fn spend_rest<S, B>(app: &S)
where
    S: actix_web::dev::Service<
            actix_http::Request,
            Response = actix_web::dev::ServiceResponse<B>,
            Error = actix_web::Error,
        >,
    B: actix_web::body::MessageBody,
{
    assert_eq!(passing(app, "GET", "/spend", "", 5).await, 2);
}

#[actix_web::test]
async fn an_exempt_route_answers_in_a_fresh_worker() {
    let storage = std::sync::Arc::new(limiter_actix::storage::MemoryStorage::new());
    let worker = || {
        let limiter = still().application_limits("3/hour").memory_storage(storage.clone()).build().unwrap();
        init_service(
            App::new()
                .wrap(limiter)
                .route("/spend", web::get().to(plain))
                .service(web::scope("/v1").service(root)),
        )
    };
    let first = worker().await;
    spend(&first).await;
    let fresh = worker().await;
    assert_eq!(call::get(&fresh, "/v1").await, 200, "its very first request");
    assert_eq!(call::get(&fresh, "/spend").await, 429);
}

/// Each scope reads its own part of the pattern: names of parameters may come twice, and there may be more of
/// them than one pattern could have.
#[actix_web::test]
async fn scopes_read_their_own_part_of_a_pattern() {
    #[limit("2/hour")]
    #[get("/{id}/in/{other}")]
    async fn twice() -> &'static str {
        "ok"
    }
    #[exempt]
    #[get("/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}")]
    async fn many() -> &'static str {
        "ok"
    }
    let app = app(|it| {
        it.service(web::scope("/x/{id}").service(twice))
            .service(web::scope("/many/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}").service(many));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x/1/2/in/3", "", 5).await, 2);
    let target = format!("/many{}", "/1".repeat(20));
    assert_eq!(passing(&app, "GET", &target, "", 5).await, 5);
}

/// As the quickstart's `/medium`.
#[actix_web::test]
async fn a_limit_beside_the_defaults() {
    #[limit("1/second", override_defaults = false)]
    #[get("/medium")]
    async fn medium() -> &'static str {
        "ok"
    }
    let clock = std::sync::Arc::new(ManualClock::new(Timestamp::from_millis(1_767_225_600_000)));
    let limiter = Limiter::builder().clock(clock.clone()).default_limits("3/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).service(medium)).await;
    let mut admitted = Vec::new();
    for _ in 0..5 {
        admitted.push(passing(&app, "GET", "/medium", "", 4).await);
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(admitted, [1, 1, 1, 0, 0], "one a second, three an hour");
}

/// The builder took texts, and places did not.
#[actix_web::test]
async fn places_take_limits_as_texts_and_as_several_values() {
    let app = App::new()
        .wrap(Limiter::default())
        .service(web::scope("/a").limit("2/hour").route("/x", web::get().to(plain)))
        .service(
            web::scope("/b")
                .limit(("9/hour", Quota::per_day(3), Limit::new(Quota::per_year(8)).cost(2)))
                .route("/x", web::get().to(plain)),
        )
        .service(resource("/c", "1/hour; 5/day", |it| it.route(web::get().to(plain))))
        .service(resource("/d", ["2/hour", "3/day"], |it| it.route(web::get().to(plain))));
    let app = init_service(app).await;
    for (target, expected) in [("/a/x", 2), ("/b/x", 3), ("/c", 1), ("/d", 2)] {
        assert_eq!(passing(&app, "GET", target, "", 9).await, expected, "{target}");
    }
}

#[test]
#[should_panic(expected = "invalid limit of the resource \"/x\"")]
fn a_resource_with_a_wrong_text_does_not_start() {
    drop(resource("/x", "5/mnute", |it| it.route(web::get().to(plain))));
}

#[test]
#[should_panic(expected = "invalid limit of a scope")]
fn a_scope_with_a_wrong_text_does_not_start() {
    drop(web::scope("/x").limit("five a minute"));
}

/// The resource of actix does not show its pattern: the route tree does.
#[actix_web::test]
async fn a_resource_of_actix_is_limited_like_one_with_its_rule_first() {
    let limited = |path| web::resource(path).route(web::get().to(async || "ok")).limit("2/hour");
    let app = init_service(
        App::new()
            .wrap(still().default_limits("1/hour").build().unwrap())
            .service(limited("/a/{id}"))
            .service(web::resource("/free").to(async || "ok").exempt(Exempt::ALL))
            .service(
                web::scope("/v1").service(limited("/a/{id}")).service(web::resource("/b").to(async || "ok")),
            ),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/a/1", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/a/2", "", 5).await, 0, "one route");
    assert_eq!(passing(&app, "GET", "/free", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/v1/a/1", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/v1/b", "", 5).await, 1);
}

/// From the first request on: the place of the rule is known before a request has met it.
#[actix_web::test]
async fn a_resource_of_actix_has_no_free_request() {
    let limiter = still().default_limits("1/hour").build().unwrap();
    let app = App::new().wrap(limiter).service(web::resource("/a").to(async || "ok").limit("0/hour"));
    assert_eq!(passing(&init_service(app).await, "GET", "/a", "", 3).await, 0);
}

#[test]
#[should_panic(expected = "invalid limit of a resource: expected second, minute")]
fn an_invalid_text_on_a_resource_of_actix_ends_the_app() {
    drop(web::resource("/a").to(async || "ok").limit("5/fortnight"));
}

#[test]
#[should_panic(expected = "invalid limit of a scope: expected second, minute")]
fn an_invalid_text_in_a_limit_ends_the_app() {
    drop(web::scope("/a").limit(Limit::new("5/fortnight").cost(2)));
}

const TWO_AN_HOUR: &str = "2/hour; 9/day";
const MISSPELT: &str = "2/huor";

#[limit(TWO_AN_HOUR, cost = 2)]
#[get("/constant")]
async fn constant() -> &'static str {
    "ok"
}

#[limit(self::MISSPELT)]
#[get("/misspelt")]
async fn misspelt() -> &'static str {
    "ok"
}

#[actix_web::test]
async fn a_limit_may_be_a_constant() {
    let app = app(|it| {
        it.service(constant);
    })
    .await;
    assert_eq!(passing(&app, "GET", "/constant", "", 5).await, 1);
}

#[actix_web::test]
#[should_panic(
    expected = "invalid constant `self::MISSPELT` of `#[limit]` at limiter-actix/tests/routing/mounts.rs:"
)]
async fn an_invalid_constant_ends_the_app_and_names_its_place() {
    init_service(App::new().service(misspelt)).await;
}

#[actix_web::test]
async fn equal_limits_of_two_resources_of_one_pattern_count_apart() {
    let limited = |has: fn(&GuardContext<'_>) -> bool| {
        web::resource("/x").guard(guard::fn_guard(has)).to(plain).limit("2/hour")
    };
    let scope = web::scope("/in").service(limited(has_a)).service(limited(has_b));
    let app = init_service(App::new().wrap(still().build().unwrap()).service(scope)).await;
    assert_eq!(passing(&app, "GET", "/in/x", A, 5).await, 2);
    assert_eq!(passing(&app, "GET", "/in/x", B, 5).await, 2);
}
