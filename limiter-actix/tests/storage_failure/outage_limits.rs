//! The list of limits that holds in place of all others while the storage fails.

use actix_web::{App, guard, test::init_service, web};
use limiter_actix::{Exempt, Limit, LimitCheck, LimiterBuilder, OnStorageFailure, Quota, ScopeExt, resource};
use limiter_test_support::{
    app::{ask, request},
    log,
};

use crate::fickle_storage::{Bench, of_another, ok, statuses};

fn limiter(bench: &Bench) -> LimiterBuilder {
    bench.limiter().in_memory_fallback("2/hour; 9/day")
}

#[actix_web::test]
async fn outage_limits_replace_all_limits_per_client_and_route() {
    let bench = Bench::failing();
    let own = Limit::new(Quota::per_minute(1));
    let limiter = limiter(&bench).application_limits("3/minute").default_limits("5/minute").headers(true);
    let app = App::new()
        .wrap(limiter.build().unwrap())
        .service(resource("/own", own, |it| it.to(ok)))
        .route("/plain", web::to(ok))
        .route("/items/{id}", web::to(ok));
    let app = init_service(app).await;
    for target in ["/own", "/plain"] {
        assert_eq!(statuses(&app, target, 3).await, [200, 200, 429], "{target}");
    }
    // One route, as default limits have it.
    assert_eq!(statuses(&app, "/items/1", 2).await, [200, 200]);
    assert_eq!(statuses(&app, "/items/2", 1).await, [429]);
    assert_eq!(statuses(&app, "/nowhere", 2).await, [404, 404]);
    assert_eq!(statuses(&app, "/nothing", 1).await, [429], "what matches nothing is one route");

    let answer = ask(&app, of_another("/plain")).await;
    assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, Some("2")));

    bench.storage.recover();
    let answer = ask(&app, request("GET", "/own")).await;
    assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, Some("1")));
}

#[actix_web::test]
async fn routes_without_limits_have_no_outage_limits() {
    let bench = Bench::failing();
    let limited = Limit::new(Quota::per_hour(1)).exempt_when(|req| req.headers().contains_key("x-staff"));
    let app = App::new()
        .wrap(limiter(&bench).meta_limits("1/hour").build().unwrap())
        .service(resource("/limited", limited, |it| it.to(ok)))
        .service(resource("/exempt", Exempt::ALL, |it| it.to(ok)))
        .route("/plain", web::to(ok));
    let app = init_service(app).await;
    for target in ["/exempt", "/plain"] {
        assert_eq!(statuses(&app, target, 5).await, [200; 5], "{target}");
    }
    for _ in 0..5 {
        let of_staff = request("GET", "/limited").insert_header(("x-staff", "1"));
        assert_eq!(ask(&app, of_staff).await.status, 200);
    }
    assert_eq!(statuses(&app, "/limited", 3).await, [200, 200, 429]);
}

#[actix_web::test]
async fn exempt_routes_stay_exempt() {
    let bench = Bench::failing();
    let limiter = limiter(&bench).default_limits("1/hour").exempt_scope("/health");
    let app = App::new()
        .wrap(limiter.build().unwrap())
        .service(web::scope("/health").route("/live", web::to(ok)))
        .route("/plain", web::to(ok));
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/health/live", 9).await, [200; 9]);
    assert_eq!(statuses(&app, "/plain", 3).await, [200, 200, 429]);
}

#[actix_web::test]
async fn limits_that_deny_or_allow_keep_their_policy() {
    let bench = Bench::failing();
    let of = |on_failure| Limit::new(Quota::per_hour(1)).on_storage_failure(on_failure);
    let both = [of(OnStorageFailure::Allow), of(OnStorageFailure::Fallback)];
    let app = App::new()
        .wrap(limiter(&bench).build().unwrap())
        .service(resource("/deny", of(OnStorageFailure::Deny), |it| it.to(ok)))
        .service(resource("/allow", of(OnStorageFailure::Allow), |it| it.to(ok)))
        .service(resource("/both", limiter_actix::Limits::from(both), |it| it.to(ok)));
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/deny", 1).await, [503]);
    assert_eq!(statuses(&app, "/allow", 5).await, [200; 5]);
    assert_eq!(statuses(&app, "/both", 3).await, [200, 200, 429]);
}

/// Nobody is shut out for breaching limits that are there for the outage only.
#[actix_web::test]
async fn meta_limits_do_not_hold_during_an_outage() {
    let bench = Bench::failing();
    let limiter = limiter(&bench).default_limits("5/hour").meta_limits("1/hour");
    let app = init_service(App::new().wrap(limiter.build().unwrap()).route("/", web::to(ok))).await;
    for expected in [200, 200, 429, 429, 429] {
        let answer = ask(&app, request("GET", "/")).await;
        assert_eq!(answer.status, expected);
        assert!(!answer.body.contains("abnormal"), "{}", answer.body);
    }
    bench.storage.recover();
    assert_eq!(statuses(&app, "/", 6).await, [200, 200, 200, 200, 200, 429]);
}

#[actix_web::test]
async fn outage_limits_have_options() {
    let bench = Bench::failing();
    let limit =
        Limit::new(Quota::per_hour(1)).key(limiter_actix::key::header("x-user")).error_message("later");
    let limiter = bench.limiter().default_limits("9/hour").in_memory_fallback(limit).build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
    let of = |user| request("GET", "/").insert_header(("x-user", user));
    assert_eq!(ask(&app, of("alice")).await.status, 200);
    let answer = ask(&app, of("alice").insert_header(("accept", "text/plain"))).await;
    assert_eq!((answer.status, &*answer.body), (429, "later"));
    assert_eq!(ask(&app, of("bob")).await.status, 200);
}

#[actix_web::test]
async fn a_failing_key_is_a_500() {
    log::capture();
    let bench = Bench::failing();
    let limit = Limit::new(Quota::per_hour(1)).key(|_| Err::<&str, _>("no database"));
    let limiter = bench.limiter().default_limits("9/hour").in_memory_fallback(limit).build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
    assert_eq!(statuses(&app, "/", 1).await, [500]);
    assert_eq!(log::here("key function failed").len(), 1);
}

#[test]
fn build_reports_invalid_outage_limits() {
    let error = Bench::new().limiter().in_memory_fallback("5/fortnight").build().unwrap_err();
    assert!(error.to_string().contains("fortnight"), "{error}");
    let burst = Limit::new(Quota::per_hour(1)).burst(5);
    assert!(Bench::new().limiter().in_memory_fallback(burst).build().is_err());
}

/// The defect: a request that was expected elsewhere is charged twice by the same list.
#[actix_web::test]
async fn a_route_that_is_known_only_after_routing_is_charged_once() {
    let bench = Bench::failing();
    let app = App::new()
        .wrap(limiter(&bench).default_limits("9/hour").build().unwrap())
        .service(web::resource("/{name}").guard(guard::Host("example.com")).to(ok))
        .service(resource("/hidden", Limit::new(Quota::per_hour(5)), |it| it.to(ok)))
        .service(resource("/exempt", Exempt::ALL, |it| it.to(ok)));
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/hidden", 3).await, [200, 200, 429]);
    // Whatever the hiding pattern has taken is given back: what hides it is charged as one route.
    assert_eq!(statuses(&app, "/exempt", 1).await, [200]);
}

/// The limit that refuses there is that of the list, and not the one that it replaces.
#[actix_web::test]
async fn a_route_that_is_known_only_after_routing_is_refused_by_the_list() {
    let bench = Bench::failing();
    let app = App::new()
        .wrap(limiter(&bench).build().unwrap())
        .service(web::resource("/{name}").guard(guard::Host("example.com")).to(ok))
        .service(resource("/hidden", Limit::new(Quota::per_hour(5)), |it| it.to(ok)));
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/hidden", 2).await, [200, 200]);
    let answer = ask(&app, request("GET", "/hidden").insert_header(("accept", "text/plain"))).await;
    assert_eq!((answer.status, &*answer.body), (429, "2 per 1 hour"));
}

/// Only the guards of two scopes distinguish their routes, so that the list is charged before routing.
#[actix_web::test]
async fn an_exempt_scope_behind_a_guard_takes_nothing() {
    let bench = Bench::failing();
    let scope = || web::scope("/v1").route("/x", web::to(ok));
    let exempt = scope().guard(guard::Header("x-staff", "1")).exempt(Exempt::ALL);
    let limiter = limiter(&bench).default_limits("9/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).service(exempt).service(scope())).await;
    for _ in 0..5 {
        let of_staff = request("GET", "/v1/x").insert_header(("x-staff", "1"));
        assert_eq!(ask(&app, of_staff).await.status, 200);
    }
    assert_eq!(statuses(&app, "/v1/x", 3).await, [200, 200, 429]);
}

/// The defect that this prevents is a panic: outage limits have no meta limits.
#[actix_web::test]
async fn a_check_under_meta_limits_is_decided_by_outage_limits() {
    async fn checked(limits: LimitCheck) -> Result<&'static str, actix_web::Error> {
        limits.check().await?;
        Ok("passed")
    }
    let bench = Bench::failing();
    let limiter = limiter(&bench).default_limits("1/minute").meta_limits("1/day").auto_check(false);
    let app = App::new().wrap(limiter.build().unwrap()).route("/checked", web::get().to(checked));
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/checked", 4).await, [200, 200, 429, 429]);
    bench.storage.recover();
    assert_eq!(statuses(&app, "/checked", 1).await, [200], "nothing was a breach there");
}

/// The list is charged before routing. At the scope, one more limit applies, so the storage is asked again.
#[actix_web::test]
async fn a_limit_that_is_known_only_after_routing_charges_the_list_once() {
    let bench = Bench::failing();
    let scope = || web::scope("/v1").route("/x", web::to(ok));
    let of_staff = Limit::new(Quota::per_hour(5)).override_defaults(false);
    let limited = scope().guard(guard::Header("x-staff", "1")).limit(of_staff);
    let limiter = limiter(&bench).default_limits("9/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).service(limited).service(scope())).await;
    let status = async || ask(&app, request("GET", "/v1/x").insert_header(("x-staff", "1"))).await.status;
    assert_eq!([status().await, status().await, status().await], [200, 200, 429]);
}

/// The storage fails only where the limit is known, so that the list replaces that one and its meta limit.
#[actix_web::test]
async fn a_storage_that_fails_after_routing_leaves_the_list_without_meta_limits() {
    let bench = Bench::new();
    let limiter = limiter(&bench).application_limits("9/hour").default_limits("9/hour").build().unwrap();
    let limit = Limit::new(Quota::per_hour(5)).meta(Quota::per_hour(1));
    let app = App::new()
        .wrap(limiter)
        .service(web::resource("/{name}").guard(guard::Host("example.com")).to(ok))
        .service(resource("/hidden", limit, |it| it.to(ok)));
    let app = init_service(app).await;
    for expected in [200, 200, 429, 429, 429] {
        bench.storage.fail_at(bench.storage.decided() + 2);
        let answer = ask(&app, request("GET", "/hidden").insert_header(("accept", "text/plain"))).await;
        assert_eq!(answer.status, expected);
        let body = if expected == 200 { "ok" } else { "2 per 1 hour" };
        assert_eq!(&*answer.body, body);
    }
    bench.storage.fail_at(0);
    assert_eq!(statuses(&app, "/hidden", 6).await, [200, 200, 200, 200, 200, 429]);
}
