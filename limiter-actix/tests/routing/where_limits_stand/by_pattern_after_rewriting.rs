//! A rule given by pattern holds for paths that are rewritten inside of the limiter, at the latest from the second
//! request of a worker on.

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Uri,
    middleware::{Next, NormalizePath, TrailingSlash, from_fn},
    test::init_service,
    web,
};
use limiter_actix::LimiterBuilder;

use super::{
    super::{A, passing, plain, still},
    defer, without_v1,
};

/// An app with this limiter, middleware inside of it, and plain handlers at some paths.
macro_rules! app {
    ($builder:expr, $inside:expr) => {{
        let builder: LimiterBuilder = $builder;
        let app = App::new().wrap($inside).wrap(builder.build().expect("a limiter"));
        init_service(
            app.service(web::resource("/login").route(web::get().to(plain)).route(web::post().to(plain)))
                .route("/slash/", web::get().to(plain))
                .route("/users/{id}", web::get().to(plain))
                .service(
                    web::scope("/api").route("/x", web::get().to(plain)).route("/y", web::get().to(plain)),
                )
                .route("/spend", web::get().to(plain)),
        )
        .await
    }};
}

#[actix_web::test]
async fn a_trimmed_slash_leads_around_no_closed_route() {
    let app = app!(still().route("GET /login", "0/day"), NormalizePath::trim());
    assert!(passing(&app, "GET", "/login/", "", 1).await <= 1);
    assert_eq!(passing(&app, "GET", "/login/", "", 9).await, 0);
    assert_eq!(passing(&app, "GET", "/login//", "", 9).await, 0);
    assert_eq!(passing(&app, "GET", "//login", "", 9).await, 0);
    assert_eq!(passing(&app, "GET", "/login", "", 9).await, 0);
    assert_eq!(passing(&app, "POST", "/login/", "", 9).await, 9, "the rule is for GET");
}

#[actix_web::test]
async fn a_request_that_is_refused_teaches_nothing_wrong() {
    let app = app!(still().route("GET /login", "0/day"), NormalizePath::trim());
    assert_eq!(passing(&app, "GET", "/login", "", 9).await, 0);
    assert!(passing(&app, "GET", "/login/", "", 9).await <= 1);
    assert_eq!(passing(&app, "GET", "/login", "", 9).await, 0);
    assert_eq!(passing(&app, "GET", "/login//", "", 9).await, 0);
}

#[actix_web::test]
async fn merged_slashes_lead_around_no_closed_route() {
    let app = app!(still().route("/login", "0/day"), NormalizePath::new(TrailingSlash::MergeOnly));
    assert!(passing(&app, "GET", "//login", "", 9).await <= 1);
    assert_eq!(passing(&app, "GET", "///login", "", 9).await, 0);
    assert_eq!(passing(&app, "GET", "/login", "", 9).await, 0);
}

#[actix_web::test]
async fn merged_slashes_lead_into_a_limited_scope() {
    let app = app!(still().scope("/api", "2/hour"), NormalizePath::new(TrailingSlash::MergeOnly));
    assert!(passing(&app, "GET", "//api/x", "", 9).await <= 3);
    assert_eq!(passing(&app, "GET", "/api//x", "", 9).await, 0);
    assert_eq!(passing(&app, "GET", "/api/x", "", 9).await, 0);
}

#[actix_web::test]
async fn a_prefix_that_is_taken_off_leads_around_no_closed_route() {
    let app = app!(still().route("GET /login", "0/day"), from_fn(without_v1));
    assert!(passing(&app, "GET", "/v1/login", "", 1).await <= 1);
    assert_eq!(passing(&app, "GET", "/v1/login", "", 9).await, 0);
    assert_eq!(passing(&app, "GET", "/login", "", 9).await, 0);
    assert_eq!(passing(&app, "POST", "/login", "", 9).await, 9);
}

#[actix_web::test]
async fn all_spellings_of_a_route_have_one_count() {
    let app = app!(still().route("/login", "3/hour"), from_fn(without_v1));
    let passed = passing(&app, "GET", "/v1/login", "", 2).await + passing(&app, "GET", "/login", "", 9).await;
    assert!((3..=4).contains(&passed), "{passed}: three, and one that slips through");
    assert_eq!(passing(&app, "GET", "/v1/login", "", 9).await, 0);
    assert_eq!(passing(&app, "GET", "/login", "", 9).await, 0);
}

#[actix_web::test]
async fn a_prefix_that_is_taken_off_leads_into_a_limited_scope() {
    let app = app!(still().scope("/api", "2/hour"), from_fn(without_v1));
    let x = passing(&app, "GET", "/v1/api/x", "", 9).await;
    let y = passing(&app, "GET", "/v1/api/y", "", 9).await;
    assert!(x + y <= 5, "{x} and {y}: two each, and one that slips through");
    for target in ["/api/x", "/api/y", "/v1/api/x", "/v1/api/y"] {
        assert_eq!(passing(&app, "GET", target, "", 9).await, 0, "{target}");
    }
}

#[actix_web::test]
async fn parameters_slip_through_once_in_all() {
    let app = app!(still().route("/users/{id}", "0/day"), from_fn(without_v1));
    let mut passed = 0;
    for id in 0..20 {
        passed += passing(&app, "GET", &format!("/v1/users/{id}"), "", 1).await;
    }
    assert!(passed <= 1, "{passed}");
    assert_eq!(passing(&app, "GET", "/users/1", "", 9).await, 0);
}

#[actix_web::test]
async fn each_rule_slips_through_once_at_most() {
    let app = app!(still().route("/login", "0/day").route("/users/{id}", "0/day"), from_fn(without_v1));
    for target in ["/v1/login", "/v1/users/1"] {
        assert!(passing(&app, "GET", target, "", 9).await <= 1, "{target}");
    }
    for target in ["/v1/login", "/v1/users/1", "/v1/users/2", "/login", "/users/1"] {
        assert_eq!(passing(&app, "GET", target, "", 9).await, 0, "{target}");
    }
}

#[actix_web::test]
async fn a_path_that_is_known_leads_around_no_closed_route() {
    // What the limiter sees is `/v1/{any}`, of which the rules are others.
    let limiter = still().route("/login", "0/day").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(without_v1))
            .wrap(limiter)
            .route("/login", web::get().to(plain))
            .route("/v1/{any}", web::get().to(plain)),
    )
    .await;
    assert!(passing(&app, "GET", "/v1/login", "", 9).await <= 1);
    assert_eq!(passing(&app, "GET", "/v1/login", "", 9).await, 0);
    assert_eq!(passing(&app, "GET", "/login", "", 9).await, 0);
}

#[actix_web::test]
async fn nothing_slips_through_twice_when_routing_is_deferred() {
    let limiter = still().route("/login", "0/day").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(without_v1))
            .wrap(from_fn(defer))
            .wrap(limiter)
            .route("/login", web::get().to(plain)),
    )
    .await;
    assert!(passing(&app, "GET", "/v1/login", "", 9).await <= 1);
    assert_eq!(passing(&app, "GET", "/login", "", 9).await, 0);
}

#[actix_web::test]
async fn an_exempt_route_gives_back_what_its_other_spellings_have_taken() {
    let app = app!(still().application_limits("3/hour").exempt_route("/login"), from_fn(without_v1));
    assert_eq!(passing(&app, "GET", "/v1/login", "", 9).await, 9);
    assert!(passing(&app, "GET", "/spend", "", 9).await >= 2);
    assert_eq!(passing(&app, "GET", "/login", "", 9).await, 9);
}

#[actix_web::test]
async fn nothing_slips_through_when_paths_are_rewritten_outside() {
    let limiter = still().route("/login", "0/day").scope("/api", "0/day").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(limiter)
            .wrap(from_fn(without_v1))
            .wrap(NormalizePath::trim())
            .route("/login", web::get().to(plain))
            .route("/api/x", web::get().to(plain)),
    )
    .await;
    for target in ["/login/", "/v1/login", "/v1//login/", "/v1/api/x", "/api//x/"] {
        assert_eq!(passing(&app, "GET", target, "", 3).await, 0, "{target}");
    }
}

/// Middleware that takes `/v1` off only for those with a header.
async fn without_v1_for_some<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if req.headers().contains_key("x-a") { without_v1(req, next).await } else { next.call(req).await }
}

/// Nobody knows before whether the path changes.
#[actix_web::test]
async fn a_rule_for_a_path_holds_although_others_by_it_have_gone_elsewhere() {
    let limiter = still().scope("/v1", "2/hour").build().unwrap();
    let app = App::new().wrap(from_fn(without_v1_for_some)).wrap(limiter);
    let app = app.route("/login", web::get().to(plain)).route("/v1/login", web::get().to(plain));
    let app = init_service(app).await;
    assert_eq!(passing(&app, "GET", "/v1/login", A, 1).await, 1);
    assert_eq!(passing(&app, "GET", "/v1/login", "", 9).await, 2);
}

/// An app whose limiter is next to the router, and whose scope has middleware that changes paths.
macro_rules! app_with_scope {
    ($builder:expr, $inside:expr) => {{
        let builder: LimiterBuilder = $builder;
        let scope = web::scope("/v1").wrap($inside);
        let scope = scope.route("/login", web::get().to(plain)).route("/x", web::get().to(plain));
        init_service(App::new().wrap(builder.build().expect("a limiter")).service(scope)).await
    }};
}

/// The defect: no middleware was expected behind the router.
#[actix_web::test]
async fn middleware_of_a_scope_leads_around_no_closed_route() {
    let app = app_with_scope!(still().route("/v1/login", "0/day"), NormalizePath::trim());
    assert_eq!(passing(&app, "GET", "/v1/login", "", 3).await, 0);
    assert!(passing(&app, "GET", "/v1/login/", "", 9).await <= 1);
    let app = app_with_scope!(still().scope("/v1", "0/day"), NormalizePath::trim());
    assert_eq!(passing(&app, "GET", "/v1/login/", "", 9).await, 0);
}

#[actix_web::test]
async fn paths_that_middleware_of_a_scope_changes_share_the_count_of_the_route() {
    let builder = still().route("/v1/login", "2/hour").default_limits("5/hour");
    let app = app_with_scope!(builder, NormalizePath::trim());
    let changed = passing(&app, "GET", "/v1/login/", "", 9).await;
    assert!(changed + passing(&app, "GET", "/v1/login", "", 9).await <= 3);
}

#[actix_web::test]
async fn middleware_of_a_scope_that_replaces_a_path_leads_around_no_closed_route() {
    let to_login = from_fn(async |mut req: ServiceRequest, next: Next<_>| {
        if req.path() == "/v1/x" {
            let uri: Uri = "/v1/login".parse().expect("a path");
            req.match_info_mut().get_mut().update(&uri);
            req.head_mut().uri = uri;
        }
        next.call(req).await
    });
    let app = app_with_scope!(still().route("/v1/login", "0/day"), to_login);
    assert!(passing(&app, "GET", "/v1/x", "", 9).await <= 1);
}

#[actix_web::test]
async fn an_exempt_pattern_in_a_scope_answers_from_the_first_request_on() {
    let builder = still().exempt_route("/v1/x").application_limits("1/hour");
    let app = app_with_scope!(builder, NormalizePath::trim());
    assert_eq!(passing(&app, "GET", "/v1/login", "", 3).await, 1);
    assert_eq!(passing(&app, "GET", "/v1/x", "", 9).await, 9);
    assert!(passing(&app, "GET", "/v1/login/", "", 9).await == 0);
}
