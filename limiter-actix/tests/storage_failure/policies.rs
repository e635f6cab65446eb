//! Failure policies of the limiter and of its limits.

use actix_web::{App, get, guard, test::init_service, web};
use limiter_actix::{
    Limit, Limits,
    OnStorageFailure::{self, Allow, Deny, Fallback},
    Quota, limit, resource,
};

use crate::fickle_storage::{Bench, ok, statuses};

const ALL: [OnStorageFailure; 3] = [Fallback, Allow, Deny];

fn one_per_hour(on_failure: Option<OnStorageFailure>) -> Limit {
    let limit = Limit::new(Quota::per_hour(1));
    match on_failure {
        Some(on_failure) => limit.on_storage_failure(on_failure),
        None => limit,
    }
}

/// Three requests to a route with these limits while the storage fails.
async fn failing(of_limiter: Option<OnStorageFailure>, limits: impl Into<Limits>) -> Vec<u16> {
    let bench = Bench::failing();
    let builder = match of_limiter {
        Some(on_failure) => bench.limiter().on_storage_failure(on_failure),
        None => bench.limiter(),
    };
    let app = App::new().wrap(builder.build().expect("a limiter that can be")).service(resource(
        "/",
        limits.into(),
        |it| it.to(ok),
    ));
    let app = init_service(app).await;
    let statuses = statuses(&app, "/", 3).await;
    assert!(!statuses.contains(&503) || bench.memory.is_empty(), "something was counted in memory");
    statuses
}

fn expected(on_failure: OnStorageFailure) -> [u16; 3] {
    match on_failure {
        Fallback => [200, 429, 429],
        Allow => [200; 3],
        Deny => [503; 3],
        other => panic!("{other:?} is new"),
    }
}

#[actix_web::test]
async fn memory_decides_by_default() {
    assert_eq!(OnStorageFailure::default(), Fallback);
    assert_eq!(failing(None, one_per_hour(None)).await, expected(Fallback));
}

#[actix_web::test]
async fn the_policy_of_a_limit_goes_before_the_limiters() {
    for of_limiter in ALL {
        assert_eq!(failing(Some(of_limiter), one_per_hour(None)).await, expected(of_limiter));
        for own in ALL {
            let seen = failing(Some(of_limiter), one_per_hour(Some(own))).await;
            assert_eq!(seen, expected(own), "{own:?} under {of_limiter:?}");
        }
    }
}

/// One that denies decides for all; else those that allow drop out, and memory decides the rest together.
#[actix_web::test]
async fn policies_of_several_limits() {
    let per_hour = |amount, on_failure| Limit::new(Quota::per_hour(amount)).on_storage_failure(on_failure);
    for (limits, expected) in [
        ([(2, Fallback), (9, Allow), (9, Deny)], [503, 503, 503]),
        ([(9, Allow), (9, Allow), (1, Deny)], [503, 503, 503]),
        ([(2, Fallback), (1, Allow), (9, Fallback)], [200, 200, 429]),
        ([(1, Fallback), (2, Fallback), (9, Allow)], [200, 429, 429]),
        ([(1, Allow), (1, Allow), (1, Allow)], [200, 200, 200]),
    ] {
        let seen = failing(None, limits.map(|(amount, on_failure)| per_hour(amount, on_failure))).await;
        assert_eq!(seen, expected, "{limits:?}");
    }
}

/// All or nothing holds in memory too: what another limit refuses is not taken.
#[actix_web::test]
async fn memory_decides_the_rest_as_one() {
    let bench = Bench::failing();
    let shared = || Limit::new(Quota::per_hour(3)).shared("both");
    let both = Limits::from([shared(), Limit::new(Quota::per_hour(1))]);
    let app = App::new()
        .wrap(bench.limiter().build().unwrap())
        .service(resource("/both", both, |it| it.to(ok)))
        .service(resource("/one", shared(), |it| it.to(ok)));
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/both", 3).await, [200, 429, 429]);
    assert_eq!(statuses(&app, "/one", 3).await, [200, 200, 429]);
}

#[limit("1/hour", on_storage_failure = "deny")]
#[get("/deny")]
async fn deny() -> &'static str {
    "ok"
}

#[limit("1/hour", on_storage_failure = Allow)]
#[get("/allow")]
async fn allow() -> &'static str {
    "ok"
}

#[actix_web::test]
async fn policies_in_attributes() {
    let bench = Bench::failing();
    let app = App::new().wrap(bench.limiter().build().unwrap()).service(deny).service(allow);
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/deny", 2).await, [503, 503]);
    assert_eq!(statuses(&app, "/allow", 2).await, [200, 200]);
    bench.storage.recover();
    assert_eq!(statuses(&app, "/deny", 2).await, [200, 429]);
    assert_eq!(statuses(&app, "/allow", 2).await, [200, 429]);
}

/// Limits in shadow refuse nothing, by whatever means.
#[actix_web::test]
async fn shadows_neither_deny_nor_need_others_in_their_place() {
    for on_failure in ALL {
        assert_eq!(failing(None, one_per_hour(Some(on_failure)).shadow(true)).await, [200; 3]);
    }
    let bench = Bench::failing();
    let limiter = bench.limiter().in_memory_fallback("1/hour").on_storage_failure(Fallback).build().unwrap();
    let shadow = one_per_hour(None).shadow(true);
    let app = App::new().wrap(limiter).service(resource("/", shadow, |it| it.to(ok)));
    assert_eq!(statuses(&init_service(app).await, "/", 3).await, [200; 3]);
}

/// Meta limits are limits of the request like the others.
#[actix_web::test]
async fn policies_of_meta_limits() {
    for (on_failure, expected) in [
        // Refused by the limit, and then by the meta limit.
        (Fallback, [(200, ""), (429, "quota"), (429, "abnormal"), (429, "abnormal")]),
        (Allow, [(200, ""), (429, "quota"), (429, "quota"), (429, "quota")]),
        (Deny, [(503, "temporary"); 4]),
    ] {
        let bench = Bench::failing();
        let meta = Limit::new(Quota::per_hour(1)).on_storage_failure(on_failure);
        let limiter = bench.limiter().default_limits("1/hour").meta_limits(meta).build().unwrap();
        let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
        for (number, (status, problem)) in expected.into_iter().enumerate() {
            let answer =
                limiter_test_support::app::ask(&app, limiter_test_support::app::request("GET", "/")).await;
            assert_eq!(answer.status, status, "{on_failure:?}, request {number}");
            let expected = format!("http-problem-types#{problem}");
            assert!(problem.is_empty() || answer.body.contains(&expected), "{on_failure:?}: {}", answer.body);
        }
    }
}

/// A limit's own meta limits do as the limit does.
#[actix_web::test]
async fn policies_of_the_meta_limits_of_a_limit() {
    let limit = |on_failure| one_per_hour(Some(on_failure)).meta(Quota::per_hour(1));
    for on_failure in ALL {
        assert_eq!(failing(Some(Deny), limit(on_failure)).await, expected(on_failure));
    }
}

#[actix_web::test]
async fn a_503_adds_nothing_to_meta_limits() {
    let bench = Bench::failing();
    let meta = Limit::new(Quota::per_hour(1)).on_storage_failure(Fallback);
    let limiter = bench.limiter().default_limits("1/hour").meta_limits(meta);
    let limiter = limiter.on_storage_failure(Deny).build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
    assert_eq!(statuses(&app, "/", 3).await, [503; 3]);
    assert!(bench.memory.is_empty());
    bench.storage.recover();
    // Had one of them counted, the first request would be refused.
    assert_eq!(statuses(&app, "/", 2).await, [200, 429]);
}

/// A failing key function is the application's error, whatever the storage does.
#[actix_web::test]
async fn a_key_that_fails_is_no_fault_of_the_storage() {
    for (on_failure, is_failing) in [(Fallback, false), (Allow, false), (Deny, true), (Allow, true)] {
        let bench = if is_failing { Bench::failing() } else { Bench::new() };
        let limit = Limit::new(Quota::per_hour(1)).key(|_| Err::<&str, _>("no database"));
        let limiter = bench.limiter().on_storage_failure(on_failure).build().unwrap();
        let app = App::new().wrap(limiter.clone()).service(resource("/", limit, |it| it.to(ok)));
        let app = init_service(app).await;
        assert_eq!(statuses(&app, "/", 2).await, [500, 500], "{on_failure:?}");
        assert_eq!(limiter.storage_health().errors(), 0);
    }
}

#[actix_web::test]
async fn exempt_filtered_and_switched_off_requests_pass() {
    let bench = Bench::failing();
    let limiter = bench.limiter().default_limits("1/hour").on_storage_failure(Deny);
    let limiter = limiter.exempt_route("/health").request_filter(|req| req.path() == "/filtered");
    let limiter = limiter.build().unwrap();
    let app = App::new()
        .wrap(limiter.clone())
        .default_service(web::to(ok))
        .route("/health", web::to(ok))
        .route("/plain", web::to(ok));
    let app = init_service(app).await;
    for target in ["/health", "/filtered"] {
        assert_eq!(statuses(&app, target, 3).await, [200; 3], "{target}");
    }
    assert_eq!(statuses(&app, "/plain", 1).await, [503]);
    limiter.set_enabled(false);
    assert_eq!(statuses(&app, "/plain", 1).await, [200]);
}

/// Where a guard may lead a request past the predicted place, a refusal is not final, and charges no meta limit.
#[actix_web::test]
async fn a_meta_limit_denies_also_where_a_refusal_is_not_final() {
    let bench = Bench::failing();
    let meta = Limit::new(Quota::per_day(5)).on_storage_failure(Deny);
    let limiter = bench.limiter().meta_limits(meta).default_limits("9/hour").build().unwrap();
    let guarded =
        resource("/x", Limit::new(Quota::per_hour(9)), |it| it.guard(guard::Host("example.com")).to(ok));
    let app = App::new().wrap(limiter).service(guarded).route("/{name}", web::get().to(ok));
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/y", 1).await, [503]);
    assert_eq!(statuses(&app, "/x", 1).await, [503]);
}
