//! A grant that another limiter takes over is good for one request at most.

use actix_web::{App, dev::ServiceRequest, get, guard, test::init_service, web};
use limiter_actix::{Exempt, Limit, Limiter, Quota, ScopeExt, TrustedProxies, exempt, key, limit, resource};
use limiter_test_support::storages::StorageKind;

use super::{
    super::{A, has_a, passing, plain, still},
    Runs, admitted, drop_after, per_hour, with,
};

/// Five an hour, and three at each route.
fn outer() -> Limiter {
    outer_on(StorageKind::Memory)
}

fn outer_on(kind: StorageKind) -> Limiter {
    let outer = still().key_prefix("outer").application_limits("5/hour").default_limits("3/hour");
    kind.set(outer).build().unwrap()
}

/// Lets everything through.
fn inner() -> Limiter {
    still().key_prefix("inner").build().unwrap()
}

#[exempt]
#[get("/health")]
async fn health() -> &'static str {
    "ok"
}

#[limit("1000/hour")]
#[get("/health")]
async fn generous() -> &'static str {
    "ok"
}

#[exempt(scopes)]
#[get("/x")]
async fn unscoped() -> &'static str {
    "ok"
}

/// A scope behind a guard, whose plain route matches all that the second scope of its prefix has.
macro_rules! guarded {
    () => {
        web::scope("/v1").guard(guard::fn_guard(has_a)).route("/{id}", web::get().to(plain))
    };
}

/// A scope with a limiter, which answers for this path.
macro_rules! admin {
    ($prefix:expr) => {
        web::scope($prefix).wrap(inner()).route("/x", web::get().to(plain))
    };
}

#[actix_web::test]
async fn before_an_exempt_scope() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(admin!("/v1/admin"))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/y", web::get().to(plain))),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/admin/x", "", 99).await, 3);
    assert_eq!(passing(&app, "GET", "/v1/y", "", 9).await, 9);
    assert_eq!(passing(&app, "GET", "/v1/admin/x", "", 99).await, 0);
}

#[actix_web::test]
async fn before_a_scope_with_a_greater_limit() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(admin!("/v1/admin"))
            .service(web::scope("/v1").limit(per_hour(1000)).route("/y", web::get().to(plain))),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/admin/x", "", 99).await, 3);
    assert_eq!(passing(&app, "GET", "/v1/y", "", 9).await, 2, "of five");
}

#[actix_web::test]
async fn in_a_guarded_scope_before_an_exempt_one_of_its_prefix() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(admin!("/v1").guard(guard::fn_guard(has_a)))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(plain))),
    )
    .await;
    let passed = passing(&app, "GET", "/v1/x", A, 99).await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(passing(&app, "GET", "/v1/x", A, 99).await, 0);
}

#[actix_web::test]
async fn in_a_guarded_scope_after_an_exempt_one_of_its_prefix() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(
                web::scope("/v1")
                    .guard(guard::fn_guard(has_a))
                    .exempt(Exempt::ALL)
                    .route("/x", web::get().to(plain)),
            )
            .service(admin!("/v1")),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", A, 2).await, 2);
    let passed = passing(&app, "GET", "/v1/x", "", 99).await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(passing(&app, "GET", "/v1/x", "", 99).await, 0);
}

#[actix_web::test]
async fn on_a_guarded_resource_before_an_exempt_route() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(web::resource("/health").guard(guard::fn_guard(has_a)).wrap(inner()).to(plain))
            .service(health),
    )
    .await;
    let passed = passing(&app, "GET", "/health", A, 99).await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(passing(&app, "GET", "/health", A, 99).await, 0);
}

#[actix_web::test]
async fn on_a_guarded_resource_before_a_limited_route() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(web::resource("/health").guard(guard::fn_guard(has_a)).wrap(inner()).to(plain))
            .service(generous),
    )
    .await;
    let passed = passing(&app, "GET", "/health", A, 99).await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(passing(&app, "GET", "/health", A, 99).await, 0);
}

#[actix_web::test]
async fn around_a_default_service() {
    let app = init_service(
        App::new().wrap(outer()).service(
            web::scope("/v1")
                .wrap(inner())
                .service(web::scope("/in").guard(guard::fn_guard(has_a)).service(health)),
        ),
    )
    .await;
    let answered = admitted(&app, "GET", "/v1/in/health", "", 99).await;
    assert!((3..=4).contains(&answered), "{answered}");
    assert_eq!(admitted(&app, "GET", "/v1/in/health", "", 99).await, 0);
}

#[actix_web::test]
async fn two_of_them() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(web::scope("/v1/admin").wrap(inner()).service(admin!("/in")))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/y", web::get().to(plain))),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/admin/in/x", "", 99).await, 3);
    assert_eq!(passing(&app, "GET", "/v1/y", "", 9).await, 9);
}

#[actix_web::test]
async fn grants_that_are_met_stay_good() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(web::scope("/v1").wrap(inner()).service(health))
            .service(web::scope("/v2").service(health).wrap(inner()).exempt(Exempt::ALL))
            .route("/x", web::get().to(plain))
            .route("/y", web::get().to(plain)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 9).await + passing(&app, "GET", "/y", "", 9).await, 5);
    assert_eq!(passing(&app, "GET", "/v1/health", "", 9).await, 9);
    assert_eq!(passing(&app, "GET", "/v2/health", "", 9).await, 9);
}

/// The outer limiter has charged the place in the first scope. A witness behind the one further in corrects that.
#[actix_web::test]
async fn in_the_second_scope_of_a_prefix() {
    for kind in StorageKind::ALL {
        let second = web::scope("/v1").service(unscoped).limit(per_hour(0)).wrap(inner());
        let app = init_service(App::new().wrap(outer_on(kind)).service(guarded!()).service(second)).await;
        assert_eq!(passing(&app, "GET", "/v1/x", "", 99).await, 3, "{kind:?}");
    }
}

/// The outer limiter has corrected its charges before the one further in takes over, and must not refund them.
#[actix_web::test]
async fn in_the_second_scope_of_a_prefix_whose_limits_the_outer_one_decides() {
    let second = web::scope("/v1").service(unscoped).wrap(inner()).limit(per_hour(0));
    let app = init_service(App::new().wrap(outer()).service(guarded!()).service(second)).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 99).await, 3);
}

#[actix_web::test]
async fn on_a_limited_resource_in_the_second_scope_of_a_prefix() {
    let limit = per_hour(1000).override_defaults(false);
    let limited = resource("/x", limit, |it| it.wrap(inner()).to(plain));
    let second = web::scope("/v1").service(limited);
    let app = init_service(App::new().wrap(outer()).service(guarded!()).service(second)).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 99).await, 3);
}

#[actix_web::test]
async fn two_of_them_in_the_second_scope_of_a_prefix() {
    let middle = still().key_prefix("middle").default_limits("2/hour").build().unwrap();
    let innermost = web::scope("").service(unscoped).wrap(inner());
    let second = web::scope("/v1").service(innermost).limit(per_hour(0)).wrap(middle);
    let app = init_service(App::new().wrap(outer()).service(guarded!()).service(second)).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 99).await, 2);
}

/// A limit that the one further in decides stays with it.
#[actix_web::test]
async fn a_limit_in_the_second_scope_of_a_prefix_counts_once() {
    let limited = resource("/x", per_hour(2), |it| it.to(plain));
    let second = web::scope("/v1").service(limited).wrap(inner());
    let app = init_service(App::new().wrap(outer()).service(guarded!()).service(second)).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 99).await, 2);
}

/// What the outer limiter refuses behind the one further in takes nothing there.
#[actix_web::test]
async fn refused_by_the_outer_one_takes_nothing_further_in() {
    for kind in StorageKind::ALL {
        let inner = kind.set(still().key_prefix("inner").application_limits("4/hour")).build().unwrap();
        let second = web::scope("/v1").service(unscoped).route("/y", web::get().to(plain)).wrap(inner);
        let app = init_service(App::new().wrap(outer_on(kind)).service(guarded!()).service(second)).await;
        assert_eq!(passing(&app, "GET", "/v1/x", "", 9).await, 3, "{kind:?}");
        assert_eq!(passing(&app, "GET", "/v1/y", "", 9).await, 1, "of four, {kind:?}");
    }
}

/// The same where the inner limiter has expected the request elsewhere, and never learns that it was wrong.
#[actix_web::test]
async fn refused_by_the_outer_one_takes_nothing_where_the_one_further_in_expected_another_place() {
    for kind in StorageKind::ALL {
        let inner = kind.set(still().key_prefix("inner").application_limits("4/hour")).build().unwrap();
        let expected = resource("/{id}", per_hour(1000), |it| it.guard(guard::fn_guard(has_a)).to(plain));
        let scope = web::scope("/v1").route("/y", web::get().to(plain)).service(expected).service(unscoped);
        let scope = scope.wrap(inner).limit(per_hour(1000));
        let app = init_service(App::new().wrap(outer_on(kind)).service(scope)).await;
        assert_eq!(passing(&app, "GET", "/v1/x", "", 9).await, 3, "{kind:?}");
        assert_eq!(passing(&app, "GET", "/v1/y", "", 9).await, 1, "of four, {kind:?}");
    }
}

/// The one further in trusts a proxy. The outer one does not, so that nobody can choose what it counts by.
#[actix_web::test]
async fn the_outer_one_finds_the_client_by_its_own_settings() {
    let limit = per_hour(3).key(key::client_address);
    let outer = still().key_prefix("outer").default_limits(limit).build().unwrap();
    let proxies = TrustedProxies::x_forwarded_for().hops(1);
    let inner = still().key_prefix("inner").trusted_proxies(proxies).build().unwrap();
    let second = web::scope("/v1").service(unscoped).limit(per_hour(0)).wrap(inner);
    let app = init_service(App::new().wrap(outer).service(guarded!()).service(second)).await;
    let mut passed = 0;
    for client in 1..=9 {
        let header = format!("x-forwarded-for: 192.0.2.{client}");
        passed += passing(&app, "GET", "/v1/x", &header, 1).await;
    }
    assert_eq!(passed, 3);
}

/// The outer limiter has charged the exempt resource like its twin, and refunds that where the request arrives.
#[actix_web::test]
async fn dropped_behind_one_they_take_nothing() {
    let runs = Runs::default();
    let handler = runs.hang();
    let exempt = resource("/x", Exempt::ALL, |it| it.to(handler));
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(web::scope("/v1").service(exempt).wrap(inner()))
            .service(web::scope("/v1")),
    )
    .await;
    for _ in 0..9 {
        drop_after(&app, with("GET", "/v1/x", ""), 2).await;
    }
    assert_eq!(runs.count(), 9);
}

/// The defect: a function of the request that was called behind the inner limiter read the client's address by the
/// settings of that one.
#[actix_web::test]
async fn functions_of_the_outer_one_find_the_client_by_its_own_settings() {
    let by_address = |req: &ServiceRequest| {
        let is_proxy = key::client_ip(req).is_some_and(|address| address.is_loopback());
        Quota::per_hour(if is_proxy { 3 } else { 1000 })
    };
    let outer = still().key_prefix("outer").application_limits(Limit::dynamic(by_address)).build().unwrap();
    let proxies = TrustedProxies::x_forwarded_for().hops(1);
    let inner = still().key_prefix("inner").trusted_proxies(proxies).build().unwrap();
    // It is expected there, where no limit needs the function.
    let expected = resource("/{id}", Exempt::ALL, |it| it.guard(guard::fn_guard(has_a)).to(plain));
    let scope = web::scope("/v1").service(expected).service(unscoped).wrap(inner);
    let app = init_service(App::new().wrap(outer).service(scope)).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "x-forwarded-for: 192.0.2.1", 9).await, 3);
}
