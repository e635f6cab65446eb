//! Limits of routes and levels, hit and cleared by their names.

use std::time::Duration;

use actix_web::{App, Error, HttpRequest, HttpResponse, get, test::init_service, web};
use limiter_actix::{
    BanError, Key, Limit, LimitName, Limiter, LimiterBuilder, Limits, NamedLimitError, Quota, ScopeExt,
    limit, resource,
};
use limiter_test_support::{
    app::{ask, get as status_of, request},
    log,
};

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// The client of all requests here.
fn client() -> Key {
    Key::from(std::net::IpAddr::from([127, 0, 0, 1]))
}

fn named(name: &str, amount: u64) -> Limit {
    Limit::new(Quota::per_day(amount)).name(name)
}

fn build(builder: LimiterBuilder) -> Limiter {
    builder.build().expect("a limiter")
}

#[limit("2/hour; 3/day", name = "searches")]
#[get("/search")]
async fn search() -> HttpResponse {
    ok().await
}

/// The defect: the question why a customer is refused, and until when, had no answer for limits of routes.
#[actix_web::test]
async fn a_limit_of_a_route_is_read_and_cleared_by_its_name() {
    let limiter = build(Limiter::builder());
    let app = init_service(App::new().wrap(limiter.clone()).service(search)).await;
    let statuses = async || [status_of(&app, "/search").await, status_of(&app, "/search").await];
    assert_eq!(statuses().await, [200, 200]);
    assert_eq!(statuses().await, [429, 429]);
    let window = limiter.window("searches", &client()).await.expect("it is known");
    assert_eq!((window.limit(), window.remaining()), (2, 0), "the one with the least left");
    let window = limiter.test("searches", &client(), 1).await.expect("it is known");
    assert!(!window.is_allowed() && window.retry_after().is_some());

    limiter.clear("searches", &client()).await.expect("it is known");
    assert_eq!(statuses().await, [200, 200]);
    let other = Key::from("other");
    assert!(limiter.hit("searches", &other, 2).await.expect("it is known").is_allowed());
    assert!(!limiter.hit("searches", &other, 1).await.expect("it is known").is_allowed());
    limiter.clear("searches", &other).await.expect("it is known");
    assert!(
        !limiter.hit("searches", &other, 3).await.expect("it is known").is_allowed(),
        "one of them refuses"
    );
    assert_eq!(
        limiter.window("searches", &other).await.expect("it is known").remaining(),
        2,
        "none is charged"
    );
}

#[actix_web::test]
async fn several_routes_need_the_route() {
    let limiter = build(Limiter::builder().default_limits(named("usual", 1)));
    let app = App::new()
        .wrap(limiter.clone())
        .route("/a", web::to(ok))
        .route("/b/{id}", web::to(ok))
        .service(resource("/c", named("split", 1).per_method(true), |it| it.to(ok)));
    let app = init_service(app).await;
    for target in ["/a", "/b/7", "/c", "/missing"] {
        status_of(&app, target).await;
        assert_eq!(status_of(&app, target).await, 429, "{target}");
    }
    assert_eq!(ask(&app, request("POST", "/c")).await.status, 200);

    let error = limiter.clear("usual", &client()).await.expect_err("it has three counts").to_string();
    assert!(error.contains("`/a`, `/b/{id}`, `unmatched`"), "{error}");
    assert!(limiter.window("usual", &client()).await.is_err());
    limiter.clear(LimitName::new("usual").at("/b/{id}"), &client()).await.expect("it is one count");
    assert_eq!(status_of(&app, "/b/8").await, 200);
    assert_eq!(status_of(&app, "/a").await, 429, "the others stay");

    let error = limiter.clear(LimitName::new("split").at("/c"), &client()).await.expect_err("two methods");
    // The methods that the route takes are not known, so these are all that there are.
    assert!(error.to_string().contains("`GET /c`, `OPTIONS /c`, `PATCH /c`, `POST /c`"), "{error}");
    limiter.clear(LimitName::new("split").at("GET /c"), &client()).await.expect("it is one count");
    assert_eq!([status_of(&app, "/c").await, ask(&app, request("POST", "/c")).await.status], [200, 429]);
}

#[actix_web::test]
async fn levels_and_shared_names_are_names() {
    let limiter = build(Limiter::builder().application_limits(named("all", 5)));
    let shared = || Limit::new(Quota::per_day(3)).shared("exports");
    let app = App::new()
        .wrap(limiter.clone())
        .service(resource("/a", shared(), |it| it.to(ok)))
        .service(resource("/b", shared(), |it| it.to(ok)));
    let app = init_service(app).await;
    for target in ["/a", "/b"] {
        assert_eq!(status_of(&app, target).await, 200);
    }
    assert_eq!(limiter.window("all", &client()).await.expect("it is known").remaining(), 3);
    assert_eq!(limiter.window("exports", &client()).await.expect("it is known").remaining(), 1);
}

/// The defect: clients saw the names of limits and of methods.
#[actix_web::test]
async fn a_handler_shows_clients_nothing_of_an_error() {
    async fn hits(limiter: web::Data<Limiter>) -> Result<&'static str, NamedLimitError> {
        let _ = limiter.hit("secret", &client(), 1).await?;
        Ok("ok")
    }
    async fn checks(limiter: web::Data<Limiter>, req: HttpRequest) -> Result<&'static str, Error> {
        limiter.check(&req, "secret").await?;
        Ok("ok")
    }
    async fn bans(limiter: web::Data<Limiter>) -> Result<&'static str, BanError> {
        limiter.ban(&client(), Duration::ZERO, "secret").await?;
        Ok("ok")
    }
    log::capture();
    let limiter = build(Limiter::builder());
    let app = App::new().wrap(limiter.clone()).app_data(web::Data::new(limiter));
    let app =
        app.route("/hits", web::to(hits)).route("/checks", web::to(checks)).route("/bans", web::to(bans));
    let app = init_service(app).await;
    for (target, status) in [("/hits", 500), ("/checks", 500), ("/bans", 400)] {
        let answer = ask(&app, request("GET", target)).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, ""), "{target}");
    }
    let lines = log::here("L034");
    assert!(lines.iter().any(|line| line.contains("no limit named `secret`")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("expected a duration above zero")), "{lines:#?}");
}

#[actix_web::test]
async fn an_unknown_name_is_an_error_that_lists_others() {
    let builder =
        Limiter::builder().named_limit("mails", Quota::per_day(1)).default_limits(named("usual", 1));
    let limiter = build(builder.clone());
    let app = init_service(App::new().wrap(limiter.clone()).route("/a", web::to(ok))).await;
    let error = async |limiter: &Limiter, name: LimitName<'static>| {
        let error = limiter.window(name, &client()).await.expect_err("it is unknown");
        assert!(matches!(error, NamedLimitError::UnknownLimit { .. }), "{error}");
        error.to_string()
    };
    let before = error(&limiter, "usual".into()).await;
    assert!(before.contains("`mails`") && before.contains("after the first request"), "{before}");
    status_of(&app, "/a").await;
    let after = error(&limiter, "uusal".into()).await;
    assert!(after.contains("`mails`, `usual`"), "{after}");
    error(&limiter, LimitName::new("usual").at("/b")).await;
    assert!(limiter.window(LimitName::new("usual").at("/a"), &client()).await.is_ok());
    // Another limiter of the same builder has met nothing.
    error(&build(builder.key_prefix("other")), "usual".into()).await;
}

#[actix_web::test]
async fn dynamic_limits_are_only_cleared() {
    let plan =
        |req: &actix_web::dev::ServiceRequest| if req.query_string() == "pro" { "9/day" } else { "1/day" };
    let limiter = build(Limiter::builder().default_limits(Limit::dynamic(plan).name("plan")));
    let app = init_service(App::new().wrap(limiter.clone()).route("/a", web::to(ok))).await;
    for (target, status) in [("/a", 200), ("/a", 429), ("/a?pro", 200)] {
        assert_eq!(status_of(&app, target).await, status);
    }
    let error = limiter.hit("plan", &client(), 1).await.expect_err("nobody knows the plan");
    assert!(matches!(error, NamedLimitError::DynamicLimit(_)), "{error}");
    limiter.clear("plan", &client()).await.expect("all quotas are cleared");
    assert_eq!(status_of(&app, "/a").await, 200);
}

/// A count that is spent shows until when.
#[actix_web::test]
async fn the_window_of_a_spent_count_shows_the_wait() {
    let limiter = build(Limiter::builder().named_limit("mails", Quota::per_hour(1)));
    let fresh = limiter.window("mails", &client()).await.expect("it is known");
    assert_eq!((fresh.is_allowed(), fresh.remaining(), fresh.retry_after()), (true, 1, None));
    assert!(limiter.hit("mails", &client(), 1).await.expect("it is known").is_allowed());
    for _ in 0..2 {
        let spent = limiter.window("mails", &client()).await.expect("it is known");
        assert_eq!((spent.is_allowed(), spent.remaining()), (false, 0));
        assert!(spent.retry_after().is_some_and(|wait| wait.as_secs() > 0), "{spent:?}");
    }
}

#[actix_web::test]
async fn a_named_limit_is_a_text_as_limits_elsewhere() {
    let limiter = build(Limiter::builder().named_limit("mails", "2/hour"));
    assert_eq!(limiter.window("mails", &client()).await.expect("it is known").limit(), 2);

    let invalid = Limiter::builder().named_limit("mails", "2/fortnight").build().expect_err("no quota");
    assert!(invalid.to_string().contains(r#".named_limit("mails", "2/fortnight")"#), "{invalid}");
    let two = Limiter::builder().named_limit("mails", "2/hour; 5/day").build().expect_err("two limits");
    assert!(two.to_string().contains("mails"), "{two}");
}

/// The defect: the limit of the builder hid that of the level, and code hit the wrong one.
#[test]
fn a_name_at_two_places_is_an_error_that_names_both() {
    let day = |amount| Limit::new(Quota::per_day(amount));
    let twice = |builder: LimiterBuilder| builder.build().expect_err("a name has one limit").to_string();
    let of_named = "that of .named_limit(\"a\", \"1/day\")";
    let builder = || Limiter::builder().named_limit("a", day(1));
    for (builder, place) in [
        (builder().named_limit("a", day(2)), ".named_limit(\"a\", 2 per 1 day)"),
        (builder().default_limits(day(2).name("a")), "default_limits"),
        (builder().route("/x", day(2).name("a")), "the route \"/x\""),
        (builder().scope("/x", day(2).name("a")), "the scope \"/x\""),
    ] {
        let expected = format!(
            "{place}: another limit has the name `a`: {}",
            of_named.replace("\"1/day\"", "1 per 1 day")
        );
        let error = twice(builder);
        assert!(error.contains(&expected), "{error}");
    }
    let levels = Limiter::builder().default_limits(day(1).name("a")).application_limits(day(2).name("a"));
    assert!(
        twice(levels).contains("application_limits: another limit has the name `a`: that of default_limits")
    );
}

/// The lines about clashing names after a request to an app with the route `/search`, whose limits are `searches`.
async fn clashes(builder: LimiterBuilder) -> Vec<String> {
    log::capture();
    let limiter = build(builder);
    let app = init_service(App::new().wrap(limiter).service(search)).await;
    let before = log::here("L035").len();
    for _ in 0..2 {
        status_of(&app, "/search").await;
    }
    log::here("L035").split_off(before)
}

/// The defect: `hit("searches", ..)` took the named limit, and nothing reported that a route has a limit of this name.
#[actix_web::test]
async fn a_name_of_a_route_and_of_another_limit_is_logged() {
    let searches = || Limit::new(Quota::per_day(9)).name("searches");
    for (builder, other) in [
        (Limiter::builder().named_limit("searches", "9/day"), ".named_limit("),
        (Limiter::builder().default_limits(searches()), "default_limits"),
        (Limiter::builder().application_limits(searches()), "application_limits"),
    ] {
        let lines = clashes(builder).await;
        assert_eq!(lines.len(), 1, "once for both limits and both requests: {lines:?}");
        for part in ["ERROR", "name=searches", "place=", "/search", other] {
            assert!(lines[0].contains(part), "{part}: {}", lines[0]);
        }
    }
}

#[actix_web::test]
async fn names_that_are_apart_or_shared_are_not_logged() {
    #[limit("2/hour", name = "mails", shared = "mails")]
    #[get("/mails")]
    async fn mails() -> HttpResponse {
        ok().await
    }
    for builder in [
        Limiter::builder().named_limit("mails", "2/hour"),
        Limiter::builder().route("/search", named("searches", 5)),
        Limiter::builder().default_limits(named("pages", 5)),
    ] {
        assert_eq!(clashes(builder).await, Vec::<String>::new());
    }
    let limiter = build(Limiter::builder().named_limit("mails", "2/hour"));
    let app = init_service(App::new().wrap(limiter).service(mails)).await;
    status_of(&app, "/mails").await;
    assert_eq!(log::here("L035"), Vec::<String>::new());
}

#[test]
fn a_name_is_that_of_several_routes_or_of_a_shared_count() {
    let day = |amount| Limit::new(Quota::per_day(amount)).name("a");
    build(Limiter::builder().route("/x", day(1)).route("/y", day(2)).scope("/z", day(3)));
    build(Limiter::builder().default_limits([day(1), day(2)]));
    build(Limiter::builder().named_limit("a", Quota::per_day(1)).route("/x", day(1).shared("a")));
}

#[limit("4/hour", name = "uploads")]
#[actix_web::post("/uploads/{id}")]
async fn upload() -> HttpResponse {
    ok().await
}

/// The defect: after a start, an operator could not clear the count of a client until a request had met the limit.
#[actix_web::test]
async fn names_are_known_before_the_first_request() {
    let limiter = build(
        Limiter::builder()
            .application_limits(named("all", 9))
            .default_limits(named("usual", 7))
            .meta_limits("5/day"),
    );
    let error = limiter.hit("uploads", &client(), 1).await.expect_err("there is no app yet").to_string();
    assert!(error.contains("known are `all`;") && error.contains("after the first request"), "{error}");
    assert_eq!(limiter.window("all", &client()).await.expect("the builder has it").limit(), 9);

    let shared = Limit::new(Quota::per_day(3)).shared("exports");
    let exports = web::scope("/exports").route("/csv", web::to(ok));
    let app = App::new()
        .wrap(limiter.clone())
        .service(web::scope("/api").service(upload))
        .service(limiter_actix::ScopeExt::limit(exports, shared))
        .service(resource("/c", named("split", 2).per_method(true), |it| it.to(ok)));
    let app = init_service(app).await;
    for (name, amount) in [("uploads", 4), ("exports", 3), ("all", 9)] {
        let window = limiter.hit(name, &client(), 1).await.expect(name);
        assert_eq!((window.limit(), window.remaining()), (amount, amount - 1), "{name}");
    }
    assert_eq!(limiter.charge("uploads", &client(), 2).await.expect("it is known").remaining(), 1);
    let at = LimitName::new("split").at("GET /c");
    assert_eq!(limiter.hit(at, &client(), 1).await.expect("it is known").remaining(), 1);
    // It has counts at routes that nobody knows yet, so no single one is its own.
    let error = limiter.clear("usual", &client()).await.expect_err("its routes are unknown").to_string();
    assert!(error.contains("default limits") && error.contains("after the first request"), "{error}");

    // Requests count on the same.
    assert_eq!(ask(&app, request("POST", "/api/uploads/7")).await.status, 200);
    assert_eq!(ask(&app, request("POST", "/api/uploads/7")).await.status, 429);
    assert_eq!([status_of(&app, "/c").await, status_of(&app, "/c").await], [200, 429]);
    limiter.clear("uploads", &client()).await.expect("it is known");
    assert_eq!(ask(&app, request("POST", "/api/uploads/8")).await.status, 200);
    assert_eq!(limiter.window("exports", &client()).await.expect("it is known").remaining(), 2);
}

/// Once a request has shown the routes, the names of all are known, also of those that no request has reached.
#[actix_web::test]
async fn the_first_request_shows_the_names_of_all_routes() {
    let rule = Limit::new(Quota::per_day(2)).name("logins");
    let limiter = build(Limiter::builder().default_limits(named("usual", 1)).route("/login/{realm}", rule));
    let app = App::new().wrap(limiter.clone()).route("/a", web::to(ok)).route("/login/{name}", web::to(ok));
    let app = init_service(app).await;
    limiter.window("logins", &client()).await.expect_err("the pattern of its route is unknown");
    assert_eq!(status_of(&app, "/a").await, 200);
    assert!(limiter.hit("logins", &client(), 2).await.expect("it is known").is_allowed());
    assert_eq!(status_of(&app, "/login/x").await, 429, "the count is that of the route");
    let error = limiter.window("usual", &client()).await.expect_err("it has two counts").to_string();
    assert!(error.contains("`/a`, `unmatched`"), "{error}");
    let elsewhere = limiter.window("missing", &client()).await.expect_err("it is unknown").to_string();
    assert!(!elsewhere.contains("after the first request"), "{elsewhere}");
}

/// It covers a route that is known by its attribute, and perhaps others.
#[actix_web::test]
async fn the_name_of_a_rule_by_pattern_is_unknown_before_the_first_request() {
    let limiter = build(Limiter::builder().route("/users/{id}", named("users", 5)));
    let me = resource("/users/me", Limit::new(Quota::per_day(9)).override_defaults(false), |it| it.to(ok));
    let app = App::new().wrap(limiter.clone()).service(me).route("/users/{name}", web::to(ok));
    let app = init_service(app).await;
    let error = limiter.clear("users", &client()).await.expect_err("other routes are unknown").to_string();
    assert!(error.contains("after the first request"), "{error}");
    assert_eq!(status_of(&app, "/users/me").await, 200);
    let error = limiter.clear("users", &client()).await.expect_err("it has two counts").to_string();
    assert!(error.contains("`/users/me`, `/users/{name}`"), "{error}");
}

/// A server with two sockets builds its app twice in each worker.
#[actix_web::test]
async fn an_app_that_is_built_twice_has_each_name_once() {
    let limiter = build(Limiter::builder());
    let make = || App::new().wrap(limiter.clone()).service(search);
    let (_one, _other) = (init_service(make()).await, init_service(make()).await);
    assert_eq!(limiter.window("searches", &client()).await.expect("it is known").limit(), 2);
    assert!(limiter.hit("searches", &client(), 2).await.expect("it is known").is_allowed());
}

/// The name is logged once, so the place is that of the outermost of its rules.
#[actix_web::test]
async fn a_name_of_nested_scopes_is_logged_with_the_outermost() {
    log::capture();
    let limiter = build(Limiter::builder().named_limit("pages", "9/day"));
    let inner = web::scope("/b").limit(named("pages", 5)).route("/x", web::get().to(ok));
    let app = App::new().wrap(limiter).service(web::scope("/a").service(inner).limit(named("pages", 7)));
    let app = init_service(app).await;
    status_of(&app, "/a/b/x").await;
    let lines = log::here("L035");
    assert!(lines.len() == 1 && lines[0].contains("/a") && !lines[0].contains("/a/b"), "{lines:?}");
}

/// A job may outlive the server whose clients it looks after.
#[actix_web::test]
async fn names_that_requests_have_met_stay_when_their_app_is_gone() {
    let both = Limits::from([named("usual", 5), Limit::dynamic(|_| "9/day")]);
    for limits in [Limits::from([named("usual", 5)]), both] {
        let limiter = build(Limiter::builder().default_limits(limits));
        let app = init_service(App::new().wrap(limiter.clone()).route("/a", web::to(ok))).await;
        assert_eq!(status_of(&app, "/a").await, 200);
        drop(app);
        assert_eq!(limiter.window("usual", &client()).await.expect("it is known").remaining(), 4);
    }
}

#[limit("3/hour", name = "reports")]
#[actix_web::scope("/reports")]
mod reports {
    use actix_web::get;

    #[get("/{month}")]
    pub(super) async fn month() -> &'static str {
        "a report"
    }
}

/// All handlers of the module have rules, so its counts are known, unlike those of a scope.
#[actix_web::test]
async fn the_name_of_a_module_is_known_before_the_first_request() {
    let limiter = build(Limiter::builder());
    let pages = web::scope("/pages").route("/x", web::to(ok));
    let app = App::new().wrap(limiter.clone()).service(reports::month);
    let app = init_service(app.service(ScopeExt::limit(pages, named("pages", 5)))).await;
    limiter.window("pages", &client()).await.expect_err("its routes are unknown");
    assert_eq!(limiter.hit("reports", &client(), 2).await.expect("it is known").remaining(), 1);
    assert_eq!([status_of(&app, "/reports/5").await, status_of(&app, "/reports/6").await], [200, 429]);
}
