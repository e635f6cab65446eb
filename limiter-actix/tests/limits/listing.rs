//! The list of the limits that apply to each route.

use std::collections::BTreeSet;

use actix_web::{App, HttpResponse, get, guard, post, test::init_service, web};
use limiter_actix::{
    Exempt, Limit, Limiter, LimiterBuilder, Quota, RouteLimits, ScopeExt, SettingSource, exempt, limit,
    resource,
};
use limiter_test_support::app::get as status_of;

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

fn per_day(amount: u64) -> Limit {
    Limit::new(Quota::per_day(amount))
}

fn build(builder: LimiterBuilder) -> Limiter {
    builder.build().expect("a limiter")
}

/// Shows a route as `route: limit, limit`.
fn shown(route: &RouteLimits) -> String {
    let limits: Vec<_> = route.limits().iter().map(ToString::to_string).collect();
    format!("{route}: {}", if limits.is_empty() { "-".to_owned() } else { limits.join(", ") })
}

fn listed(limiter: &Limiter) -> Vec<String> {
    limiter.limits().iter().map(shown).collect()
}

/// Returns the only listed route that begins so.
fn only(limiter: &Limiter, begin: &str) -> RouteLimits {
    let mut found: Vec<_> = limiter.limits().into_iter().filter(|route| route.to_string() == begin).collect();
    assert_eq!(found.len(), 1, "{begin} in {:?}", listed(limiter));
    found.remove(0)
}

#[limit("5/minute", name = "searches")]
#[get("/search")]
async fn search() -> HttpResponse {
    ok().await
}

#[limit("2/hour", override_defaults = false)]
#[post("/search")]
async fn save() -> HttpResponse {
    ok().await
}

#[exempt]
#[get("/health")]
async fn health() -> HttpResponse {
    ok().await
}

#[actix_web::test]
async fn routes_are_listed_method_by_method() {
    let limiter = build(Limiter::builder().default_limits("100/day").application_limits("1000/day"));
    assert!(limiter.limits().is_empty(), "no app is known");
    let app = App::new()
        .wrap(limiter.clone())
        .service(search)
        .service(save)
        .service(health)
        .route("/plain", web::get().to(ok));
    let app = init_service(app).await;
    assert_eq!(status_of(&app, "/plain").await, 200);
    assert_eq!(
        listed(&limiter),
        [
            "GET /search: 1000 per 1 day (application_limits), 5 per 1 minute (route GET /search)",
            "POST /search: 1000 per 1 day (application_limits), 100 per 1 day (default_limits), \
             2 per 1 hour (route POST /search)",
            "GET /health: -",
            "/plain: 1000 per 1 day (application_limits), 100 per 1 day (default_limits)",
            "unmatched paths: 1000 per 1 day (application_limits), 100 per 1 day (default_limits)",
        ]
    );
    let open = only(&limiter, "GET /health");
    assert!(open.is_exempt() && open.pattern() == Some("/health"));
    let limited = only(&limiter, "GET /search");
    let limit = &limited.limits()[1];
    assert_eq!((limit.level(), limit.name(), limit.cost()), ("route", Some("searches"), Some(1)));
    assert_eq!(limit.quota(), Some(Quota::per_minute(5)));
    assert_eq!(limit.origin().source(), SettingSource::Code);
    assert!(!limit.is_shadow() && !limit.has_own_key());

    drop(app);
    assert!(limiter.limits().is_empty(), "the app is gone");
}

#[actix_web::test]
async fn scopes_pass_their_limits_on_to_what_is_inside() {
    let limiter = build(Limiter::builder().default_limits("100/day"));
    let inner = web::scope("/inner")
        .limit(per_day(3).override_defaults(false))
        .route("/a", web::get().to(ok))
        .service(web::scope("/open").exempt(Exempt::ALL).route("", web::get().to(ok)));
    let outer = web::scope("/outer").limit(per_day(2)).service(inner).route("/b", web::get().to(ok));
    let app = init_service(App::new().wrap(limiter.clone()).service(outer)).await;
    assert_eq!(status_of(&app, "/outer/b").await, 200);
    let of_inner =
        "100 per 1 day (default_limits), 2 per 1 day (scope /outer), 3 per 1 day (scope /outer/inner)";
    assert_eq!(
        listed(&limiter),
        [
            format!("/outer/inner/a: {of_inner}"),
            "/outer/inner/open: -".to_owned(),
            "/outer/b: 2 per 1 day (scope /outer)".to_owned(),
            "unmatched paths: 100 per 1 day (default_limits)".to_owned(),
            "unmatched paths of `/outer`: 2 per 1 day (scope /outer)".to_owned(),
            format!("unmatched paths of `/outer/inner`: {of_inner}"),
            "unmatched paths of `/outer/inner/open`: -".to_owned(),
        ]
    );
}

/// The limiter refuses by exactly the limits that it lists.
#[actix_web::test]
async fn places_that_guards_distinguish_are_listed_each() {
    let limiter = build(Limiter::builder().default_limits("100/day"));
    let guarded = || web::scope("/v").guard(guard::Header("x-version", "2"));
    let app = App::new()
        .wrap(limiter.clone())
        .service(guarded().limit(per_day(2)).route("/a", web::get().to(ok)))
        .service(web::scope("/v").route("/a", web::get().to(ok)));
    let app = init_service(app).await;
    assert_eq!(status_of(&app, "/v/a").await, 200);
    let all = listed(&limiter);
    let of_a: Vec<_> = all.iter().filter(|route| route.starts_with("/v/a: ")).collect();
    assert_eq!(of_a, ["/v/a: 2 per 1 day (scope /v)", "/v/a: 100 per 1 day (default_limits)"]);
}

#[actix_web::test]
async fn methods_with_other_limits_are_listed_apart() {
    let writes = per_day(7).methods(["POST", "PUT"]);
    let limiter =
        build(Limiter::builder().default_limits([per_day(9), writes]).route("PURGE /r", per_day(1)));
    let app = init_service(App::new().wrap(limiter.clone()).service(web::resource("/r").to(ok))).await;
    assert_eq!(status_of(&app, "/r").await, 200);
    let of_route: BTreeSet<_> =
        listed(&limiter).into_iter().filter(|route| !route.contains("unmatched")).collect();
    let expected = [
        "/r: 9 per 1 day (default_limits)",
        "POST,PUT /r: 9 per 1 day (default_limits), 7 per 1 day (default_limits)",
        "PURGE /r: 1 per 1 day (rule PURGE /r)",
    ];
    assert_eq!(of_route, expected.map(str::to_owned).into());
}

/// The counts of the methods are apart, the limits are not.
#[actix_web::test]
async fn head_is_listed_with_the_limits_of_get() {
    #[limit("5/minute", methods = ["GET"])]
    #[actix_web::route("/both", method = "GET", method = "HEAD")]
    async fn both() -> HttpResponse {
        ok().await
    }
    let limiter = build(Limiter::builder().default_limits("100/day").default_limits_per_method(true));
    let app = init_service(App::new().wrap(limiter.clone()).service(both).route("/x", web::to(ok))).await;
    assert_eq!(status_of(&app, "/both").await, 200);
    assert_eq!(listed(&limiter)[0], "GET,HEAD /both: 5 per 1 minute (route GET,HEAD /both)");
    assert_eq!(listed(&limiter)[1], "/x: 100 per 1 day (default_limits)");
}

#[actix_web::test]
async fn options_of_limits_are_listed() {
    fn quotas(_: &actix_web::dev::ServiceRequest) -> &'static str {
        "3/minute"
    }
    let limiter = build(Limiter::builder().default_limits("100/day").meta_limits("5/hour"));
    let shared = || per_day(4).shared("pool").shadow(true).key(|_| "all").cost(3);
    let app = App::new()
        .wrap(limiter.clone())
        .service(resource("/one", shared(), |it| it.to(ok)))
        .service(resource("/two", shared(), |it| it.to(ok)))
        .service(resource("/dynamic", Limit::dynamic(quotas).cost_with(|_| 1), |it| it.to(ok)));
    let app = init_service(app).await;
    assert_eq!(status_of(&app, "/one").await, 200);
    for path in ["/one", "/two"] {
        let route = only(&limiter, path);
        let [meta, default, limit] = route.limits() else { panic!("{}", shown(&route)) };
        assert_eq!((meta.level(), default.level()), ("meta", "default"), "a shadow limit decides nothing");
        assert!(limit.is_shadow() && limit.has_own_key());
        assert_eq!((limit.shared(), limit.cost()), (Some("pool"), Some(3)));
    }
    let dynamic = only(&limiter, "/dynamic");
    let [_, limit] = dynamic.limits() else { panic!("{}", shown(&dynamic)) };
    assert_eq!((limit.quota(), limit.cost(), limit.level()), (None, None, "route"));
    assert_eq!(limit.to_string(), "dynamic (route /dynamic)");
}

#[actix_web::test]
async fn rules_by_pattern_are_listed_where_they_hold() {
    let builder = Limiter::builder()
        .default_limits("100/day")
        .route("POST /users/{name}", per_day(1))
        .route("/users/me", per_day(2))
        .scope("/api", per_day(3))
        .exempt_scope("/static")
        .default_limits_on_unmatched(false);
    let limiter = build(builder);
    let app =
        App::new().wrap(limiter.clone()).route("/users/{id}", web::to(ok)).route("/api/a", web::get().to(ok));
    let app = init_service(app).await;
    assert_eq!(status_of(&app, "/api/a").await, 200);
    assert_eq!(
        listed(&limiter),
        [
            "/users/{id}: 100 per 1 day (default_limits)",
            "POST /users/{id}: 1 per 1 day (rule POST /users/{name})",
            "/api/a: 3 per 1 day (rule /api)",
            "unmatched paths: -",
            "/users/me: 2 per 1 day (rule /users/me)",
            "POST /users/me: 1 per 1 day (rule POST /users/{name}), 2 per 1 day (rule /users/me)",
            "unmatched paths of `/api`: 3 per 1 day (rule /api)",
            "unmatched paths of `/static`: -",
        ]
    );
}

#[actix_web::test]
async fn a_limiter_on_a_scope_lists_only_what_is_inside() {
    let limiter = build(Limiter::builder().default_limits("100/day"));
    let scope = web::scope("/in").wrap(limiter.clone()).route("/a", web::get().to(ok));
    let app = init_service(App::new().service(scope).route("/out", web::get().to(ok))).await;
    assert_eq!(status_of(&app, "/in/a").await, 200);
    let routes: Vec<_> = limiter.limits().iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["/in/a"]);
}

/// Every worker has the same app.
#[actix_web::test]
async fn the_apps_of_all_workers_are_listed_once() {
    let limiter = build(Limiter::builder().default_limits("100/day"));
    let make = async |limit| {
        let (limiter, limited) = (limiter.clone(), resource("/limited", per_day(limit), |it| it.to(ok)));
        let app = init_service(App::new().wrap(limiter).service(search).service(limited)).await;
        assert_eq!(status_of(&app, "/limited").await, 200);
        app
    };
    let apps = (make(5).await, make(5).await, make(6).await);
    let routes: Vec<_> = listed(&limiter).into_iter().filter(|route| !route.contains("unmatched")).collect();
    assert_eq!(
        routes,
        [
            "GET /search: 5 per 1 minute (route GET /search)",
            "/limited: 5 per 1 day (route /limited)",
            "/limited: 6 per 1 day (route /limited)",
        ]
    );
    drop(apps);
}

#[actix_web::test]
async fn a_limiter_on_a_scope_lists_all_that_is_inside() {
    let limiter = build(Limiter::builder().default_limits("100/day"));
    let deep = web::scope("/deep").route("/b", web::get().to(ok));
    let scope = web::scope("/in").wrap(limiter.clone()).route("/a", web::get().to(ok)).service(deep);
    let outer = web::scope("/out").service(scope).route("/c", web::get().to(ok));
    let app = init_service(App::new().service(outer)).await;
    assert_eq!(status_of(&app, "/out/in/a").await, 200);
    let routes: Vec<_> = limiter.limits().iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["/out/in/a", "/out/in/deep/b"]);
}

#[actix_web::test]
async fn a_scope_with_a_rule_of_its_own_and_one_by_pattern_is_listed_once() {
    let limiter = build(Limiter::builder().scope("/", per_day(9)).scope("/api", per_day(3)));
    let scope = web::scope("/api").limit(per_day(2)).route("/a", web::get().to(ok));
    let app = init_service(App::new().wrap(limiter.clone()).service(scope)).await;
    assert_eq!(status_of(&app, "/api/a").await, 200);
    let routes: Vec<_> = limiter.limits().iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["/api/a", "unmatched paths", "unmatched paths of `/api`"]);
}

#[actix_web::test]
async fn a_method_is_listed_once_however_many_limits_name_it() {
    let posts = || per_day(7).methods(["POST"]);
    let limiter = build(Limiter::builder().default_limits([posts(), posts().cost(2)]));
    let app = init_service(App::new().wrap(limiter.clone()).route("/r", web::to(ok))).await;
    assert_eq!(status_of(&app, "/r").await, 200);
    let routes: Vec<_> = limiter.limits().iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["/r", "POST /r", "unmatched paths", "POST unmatched paths"]);
}

/// A request is charged once for it, too.
#[actix_web::test]
async fn a_count_that_levels_share_is_listed_once() {
    let pool = || per_day(4).shared("pool");
    let limiter = build(Limiter::builder().default_limits(pool()));
    let own = pool().override_defaults(false);
    let app = App::new().wrap(limiter.clone()).service(resource("/r", own, |it| it.to(ok)));
    let app = init_service(app).await;
    assert_eq!(status_of(&app, "/r").await, 200);
    assert_eq!(shown(&only(&limiter, "/r")), "/r: 4 per 1 day (default_limits)");
}

#[actix_web::test]
async fn an_exempt_route_is_listed_without_meta_limits() {
    let limiter = build(Limiter::builder().default_limits("100/day").meta_limits("5/hour"));
    let app = App::new().wrap(limiter.clone()).service(health).route("/x", web::get().to(ok));
    let app = init_service(app).await;
    assert_eq!(status_of(&app, "/x").await, 200);
    assert_eq!(shown(&only(&limiter, "GET /health")), "GET /health: -");
    assert_eq!(
        shown(&only(&limiter, "/x")),
        "/x: 5 per 1 hour (meta_limits), 100 per 1 day (default_limits)"
    );
}

#[actix_web::test]
async fn a_rule_by_pattern_is_listed_for_a_scope_without_a_rule() {
    let limiter = build(Limiter::builder().scope("/api", per_day(3)));
    let scope = web::scope("/api").route("/a", web::get().to(ok));
    let app = init_service(App::new().wrap(limiter.clone()).service(scope)).await;
    assert_eq!(status_of(&app, "/api/a").await, 200);
    let routes: Vec<_> = limiter.limits().iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["/api/a", "unmatched paths", "unmatched paths of `/api`"]);
}

#[actix_web::test]
async fn a_rule_for_routes_is_not_listed_for_unmatched_paths() {
    let limiter = build(Limiter::builder().default_limits("100/day").route("/{any}", per_day(3)));
    let app = init_service(App::new().wrap(limiter.clone()).route("/a", web::get().to(ok))).await;
    assert_eq!(status_of(&app, "/a").await, 200);
    assert_eq!(shown(&only(&limiter, "/a")), "/a: 3 per 1 day (rule /{any})");
    let unmatched = only(&limiter, "unmatched paths");
    assert_eq!(shown(&unmatched), "unmatched paths: 100 per 1 day (default_limits)");
}

#[actix_web::test]
async fn a_method_that_is_exempt_is_listed_apart() {
    let limiter = build(Limiter::builder().exempt_route("GET /r"));
    let app = init_service(App::new().wrap(limiter.clone()).route("/r", web::to(ok))).await;
    assert_eq!(status_of(&app, "/r").await, 200);
    assert!(only(&limiter, "GET /r").is_exempt());
    assert!(!only(&limiter, "/r").is_exempt());
}

/// The rule names one of the routes, and covers the other by its path.
#[actix_web::test]
async fn a_rule_for_a_route_is_listed_for_all_that_it_covers() {
    let limiter = build(Limiter::builder().route("/users/{id}", per_day(3)));
    let app = App::new().wrap(limiter.clone()).route("/users/me", web::to(ok));
    let app = init_service(app.route("/users/{id}", web::to(ok))).await;
    assert_eq!(status_of(&app, "/users/me").await, 200);
    for route in ["/users/me", "/users/{id}"] {
        assert_eq!(shown(&only(&limiter, route)), format!("{route}: 3 per 1 day (rule /users/{{id}})"));
    }
}

#[actix_web::test]
async fn a_limiter_on_a_resource_lists_that_only() {
    let limiter = build(Limiter::builder().default_limits("100/day"));
    let limited = web::resource("/r").wrap(limiter.clone()).to(ok);
    let app =
        init_service(App::new().route("/a", web::to(ok)).service(limited).route("/b", web::to(ok))).await;
    assert_eq!(status_of(&app, "/r").await, 200);
    assert_eq!(listed(&limiter), ["/r: 100 per 1 day (default_limits)"]);
}

#[actix_web::test]
async fn apps_with_other_routes_are_listed_each() {
    let limiter = build(Limiter::builder().default_limits("100/day"));
    let make = async |path| {
        let app = init_service(App::new().wrap(limiter.clone()).route(path, web::to(ok))).await;
        assert_eq!(status_of(&app, path).await, 200);
        app
    };
    let _apps = (make("/a").await, make("/b").await);
    let routes: Vec<_> = limiter.limits().iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["/a", "unmatched paths", "/b"]);
}

/// Its path ends in a scope, whose default service answers. There, a rule that names a route does not hold.
#[actix_web::test]
async fn a_rule_for_a_path_without_a_route_is_listed_alone() {
    let builder = Limiter::builder().default_limits("100/day");
    let limiter = build(builder.route("/in/{id}", per_day(1)).route("POST /in/new", per_day(3)));
    let app = App::new().wrap(limiter.clone()).service(web::scope("/in").route("/a/b", web::to(ok)));
    let app = init_service(app.route("/in/{name}", web::to(ok))).await;
    assert_eq!(status_of(&app, "/in/a/b").await, 200);
    assert_eq!(
        listed(&limiter),
        [
            "/in/a/b: 100 per 1 day (default_limits)",
            "/in/{name}: 1 per 1 day (rule /in/{id})",
            "unmatched paths: 100 per 1 day (default_limits)",
            "POST /in/new: 3 per 1 day (rule POST /in/new)",
        ]
    );
}

/// So it is seen that the rule is there.
#[actix_web::test]
async fn a_rule_for_a_prefix_is_listed_although_a_route_takes_its_paths() {
    let limiter = build(Limiter::builder().default_limits("100/day").scope("/api", per_day(3)));
    let app = App::new().wrap(limiter.clone()).route("/{any}/{page}", web::to(ok));
    let app = init_service(app).await;
    assert_eq!(status_of(&app, "/a/b").await, 200);
    assert_eq!(
        listed(&limiter),
        [
            "/{any}/{page}: 100 per 1 day (default_limits)",
            "unmatched paths: 100 per 1 day (default_limits)",
            "unmatched paths of `/api`: 3 per 1 day (rule /api)",
        ]
    );
}
