//! Async functions of limits: what they decide, and what holds when they fail.

use std::{
    future::pending,
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    dev::{Service, ServiceRequest, ServiceResponse},
    guard,
    rt::task::yield_now,
    test::{TestRequest, init_service},
    web::{self, ServiceConfig},
};
use futures_util::future::join_all;
use limiter_actix::{
    Exempt, Key, Limit, LimitCheck, Limiter, Limits, OnStorageFailure, Quota, Rule, ScopeExt, TrustedProxies,
    key, resource,
};
use limiter_test_support::{
    log,
    play::{header, page, ruled},
    storages::StorageKind,
};

use crate::probe::hold;

/// No test waits for it where an answer comes.
const DEADLINE: Duration = Duration::from_millis(20);

/// The quotas in the header `plan`, after some time; or no answer, an error, or a panic.
async fn by_plan(req: &ServiceRequest) -> Result<Option<String>, &'static str> {
    yield_now().await;
    match header(req, "plan") {
        Some("never") => pending().await,
        Some("error") => Err("no database"),
        Some("panic") => panic!("no plan"),
        plan => Ok(plan.map(str::to_owned)),
    }
}

/// The client in the header `user`; or none, no answer, an error, or a panic.
async fn user(req: &ServiceRequest) -> Result<Option<Key>, &'static str> {
    yield_now().await;
    match header(req, "user") {
        Some("never") => pending().await,
        Some("error") => Err("no database"),
        Some("panic") => panic!("no user"),
        user => Ok(user.map(|user| Key::text("user", user))),
    }
}

async fn size(req: &ServiceRequest) -> Result<u64, &'static str> {
    yield_now().await;
    header(req, "size").map_or(Ok(1), |size| size.parse().map_err(|_| "no number"))
}

async fn is_staff(req: &ServiceRequest) -> Result<bool, &'static str> {
    yield_now().await;
    match header(req, "staff") {
        Some("error") => Err("no database"),
        staff => Ok(staff == Some("yes")),
    }
}

#[test]
fn quotas_are_awaited() {
    hold(
        |it| it.default_limits("1/day"),
        |app| {
            app.service(ruled("/a", Limit::dynamic_async(by_plan), "a"));
        },
        &[
            (0.0, "GET /a", "plan: 2/minute", "200"),
            (0.0, "GET /a", "plan: 2/minute", "200"),
            (0.0, "GET /a", "plan: 2/minute", "429 '2 per 1 minute'"),
            (0.0, "GET /a", "plan: 3/minute", "200"),
            // No limit here, so the outer ones apply.
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 day'"),
        ],
    );
}

/// However it fails, the outer limit holds for this request, and an error is logged.
#[test]
fn a_function_that_fails_leaves_it_to_the_outer_limits() {
    log::capture();
    for (headers, reason) in [
        ("plan: error", "no database"),
        ("plan: panic", "it panicked: no plan"),
        ("plan: never", "no answer within 20ms"),
    ] {
        hold(
            |it| it.default_limits("2/hour").function_deadline(DEADLINE),
            |app| {
                let both = [Limit::dynamic_async(by_plan), Limit::new(Quota::per_second(1))];
                app.service(ruled("/a", Limits::from(both), "a"));
            },
            &[
                (0.0, "GET /a", headers, "200"),
                (0.0, "GET /a", headers, "429 '1 per 1 second'"),
                (1.0, "GET /a", headers, "200"),
                (2.0, "GET /a", headers, "429 '2 per 1 hour'"),
                (2.0, "GET /a", "plan: 9/minute", "200"),
            ],
        );
        let errors = log::here(reason);
        assert!(!errors.is_empty() && errors.iter().all(|line| line.starts_with("ERROR")), "{errors:?}");
    }
}

#[test]
fn a_key_is_awaited_and_falls_back_to_the_limiters_key() {
    hold(
        |it| it.default_limits("1/day").function_deadline(DEADLINE),
        |app| {
            app.service(ruled("/a", Limit::new(Quota::per_minute(1)).key_async(user), "a"));
        },
        &[
            (0.0, "GET /a", "user: ada", "200"),
            (0.0, "GET /a", "user: ada, k: c2", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "user: bob", "200"),
            // Without a user, by the limiter's key.
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "k: c2", "200"),
            // It fails: the default limit, by the limiter's key.
            (0.0, "GET /a", "user: error, k: c3", "200"),
            (0.0, "GET /a", "user: never, k: c3", "429 '1 per 1 day'"),
            (0.0, "GET /a", "user: panic, k: c4", "200"),
        ],
    );
}

#[test]
fn costs_and_exemptions_are_awaited() {
    hold(
        |it| it.default_limits("1/day"),
        |app| {
            let limit = Limit::new(Quota::per_minute(5)).cost_async(size).exempt_when_async(is_staff);
            app.service(ruled("/a", limit, "a"));
        },
        &[
            (0.0, "GET /a", "size: 4", "200"),
            (0.0, "GET /a", "size: 2", "429 '5 per 1 minute'"),
            (0.0, "GET /a", "size: 1", "200"),
            (0.0, "GET /a", "staff: yes, size: 9", "200"),
            // An exemption holds, whatever else fails.
            (0.0, "GET /a", "staff: yes, size: x", "200"),
            (0.0, "GET /a", "staff: yes, size: x", "200"),
            (0.0, "GET /a", "k: c2, size: x", "200"),
            (0.0, "GET /a", "k: c2, staff: error", "429 '1 per 1 day'"),
        ],
    );
}

/// A later setter of the same option replaces an async one.
#[test]
fn the_last_setter_of_an_option_counts() {
    hold(
        |it| it.default_limits("9/day").function_deadline(DEADLINE),
        |app| {
            let limit = Limit::new(Quota::per_minute(1)).key_async(user).key(key::header("x"));
            let limit = limit.cost_async(size).cost(1).exempt_when_async(is_staff).exempt_when(|_| false);
            app.service(ruled("/a", limit, "a"));
        },
        &[
            (0.0, "GET /a", "x: 1, user: never, size: x, staff: error", "200"),
            (0.0, "GET /a", "x: 1", "429 '1 per 1 minute'"),
        ],
    );
}

/// All limits or none: a limit that refuses beside an async one takes nothing from it.
#[test]
fn a_refusal_charges_none_of_the_limits() {
    hold(
        |it| it,
        |app| {
            let both = [
                Limit::dynamic_async(by_plan).key_async(user),
                Limit::new(Quota::per_second(1)).key(key::header("x")),
            ];
            app.service(ruled("/a", Limits::from(both), "a"));
        },
        &[
            (0.0, "GET /a", "plan: 2/day, user: ada, x: 1", "200"),
            (0.0, "GET /a", "plan: 2/day, user: ada, x: 1", "429 '1 per 1 second'"),
            (0.0, "GET /a", "plan: 2/day, user: ada, x: 2", "200"),
            (0.0, "GET /a", "plan: 2/day, user: ada, x: 3", "429 '2 per 1 day'"),
        ],
    );
}

/// A limit in shadow decides nothing for others, so it brings back no outer limit by failing.
#[test]
fn a_limit_in_shadow_changes_nothing_by_failing() {
    hold(
        |it| it.default_limits("1/day"),
        |app| {
            let watching = Limit::dynamic_async(by_plan).shadow(true);
            app.service(ruled("/a", Limits::from([watching, Limit::new(Quota::per_minute(2))]), "a"));
        },
        &[
            (0.0, "GET /a", "plan: error", "200"),
            (0.0, "GET /a", "plan: 1/minute", "200"),
            (0.0, "GET /a", "plan: 1/minute", "429 '2 per 1 minute'"),
        ],
    );
}

static OUTER: AtomicUsize = AtomicUsize::new(0);
static INNER: AtomicUsize = AtomicUsize::new(0);

/// Functions of limits that another level overrides are called only if that level fails.
#[test]
fn only_functions_of_limits_that_apply_are_called() {
    let outer = async |_: &ServiceRequest| {
        OUTER.fetch_add(1, SeqCst);
        Quota::per_minute(1)
    };
    let inner = async |req: &ServiceRequest| {
        INNER.fetch_add(1, SeqCst);
        by_plan(req).await
    };
    hold(
        move |it| it.default_limits(Limit::dynamic_async(outer)),
        move |app| {
            app.service(ruled("/a", Limit::dynamic_async(inner), "a")).service(page("/b", "b"));
            app.service(ruled("/exempt", Exempt::ALL, "x"));
        },
        &[
            (0.0, "GET /a", "plan: 9/minute", "200"),
            (0.0, "GET /exempt", "", "200"),
            (0.0, "GET /a", "plan: error", "200"),
            (0.0, "GET /a", "plan: error", "429 '1 per 1 minute'"),
            (0.0, "GET /b", "", "200"),
        ],
    );
    let storages = StorageKind::ALL.len();
    assert_eq!(INNER.load(SeqCst), 3 * storages, "once for each request");
    assert_eq!(OUTER.load(SeqCst), 3 * storages, "for two failures and one route without a limit");
}

/// A route behind a guard is known only once the request reaches it: there its functions are awaited.
#[test]
fn a_rule_behind_a_guard_awaits_its_functions() {
    let guarded = |host: &'static str, rule: Rule| {
        web::scope("/p").guard(guard::Header("host", host)).service(page("/x", host)).rule(rule)
    };
    let by_user = || Rule::from(Limit::dynamic_async(by_plan).key_async(user));
    hold(
        |it| it.default_limits("3/day").function_deadline(DEADLINE),
        move |app| {
            app.service(guarded("one", by_user())).service(guarded("two", Rule::new()));
            app.service(guarded("three", by_user()));
        },
        &[
            (0.0, "GET /p/x", "host: three, user: ada, plan: 1/hour", "200 'three'"),
            (0.0, "GET /p/x", "host: three, user: ada, plan: 1/hour, k: c2", "429 '1 per 1 hour'"),
            (0.0, "GET /p/x", "host: one, user: ada, plan: 1/minute", "200 'one'"),
            (0.0, "GET /p/x", "host: one, user: ada, plan: 1/minute", "429 '1 per 1 minute'"),
            (0.0, "GET /p/x", "host: two", "200 'two'"),
            (0.0, "GET /p/x", "host: three, user: never", "200 'three'"),
            (0.0, "GET /p/x", "host: one, plan: never", "200 'one'"),
            (0.0, "GET /p/x", "host: three, user: error", "429 '3 per 1 day'"),
        ],
    );
}

async fn checked(limits: LimitCheck) -> Result<&'static str, Error> {
    limits.check().await?;
    limits.check().await?;
    Ok("passed")
}

/// One that waits for its functions holds no credit, so that the others are under the limit of the route, too.
#[actix_web::test]
async fn requests_that_wait_at_once_have_the_same_limit() {
    let nothing = Limit::new(Quota::per_hour(0));
    let limiter = Limiter::builder().default_limits(nothing).build().expect("valid");
    let app = App::new().wrap(limiter).service(ruled("/a", Limit::dynamic_async(by_plan), "a"));
    let app = init_service(app).await;
    let status = async || {
        let request = TestRequest::with_uri("/a").insert_header(("plan", "9/minute")).to_request();
        Service::call(&app, request).await.expect("an answer").status().as_u16()
    };
    assert_eq!(join_all((0..3).map(|_| status())).await, [200; 3]);
}

/// Sends three requests at once; returns their statuses.
async fn at_once<S, B>(app: &S) -> Vec<u16>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
{
    let request = || TestRequest::with_uri("/in/a").insert_header(("plan", "9/minute")).to_request();
    // All are called before the first goes on.
    let answers = join_all((0..3).map(|_| app.call(request()))).await;
    answers.into_iter().map(|answer| answer.expect("an answer").status().as_u16()).collect()
}

/// The same inside of another limiter.
#[actix_web::test]
async fn requests_that_wait_at_once_further_in_have_the_same_limit() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        let limiter = || kind.set(Limiter::builder().default_limits(Limit::new(Quota::per_hour(0))));
        let inner = limiter().build().expect("valid");
        let outer = limiter().key_prefix("outer").build().expect("valid");
        let scope = web::scope("/in").wrap(inner).service(ruled("/a", Limit::dynamic_async(by_plan), "a"));
        let app = init_service(App::new().wrap(outer).service(scope)).await;
        assert_eq!(at_once(&app).await, [200; 3], "{kind:?}");
        assert_eq!(at_once(&app).await, [200; 3], "{kind:?}");
    }
}

/// The same while the limiter's key is awaited, since the client may be banned.
#[actix_web::test]
async fn requests_whose_key_is_awaited_at_once_have_the_same_limit() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        let nothing = Limit::new(Quota::per_hour(0));
        let limiter = kind.set(Limiter::builder().default_limits(nothing).key_async(user));
        let limiter = limiter.build().expect("valid");
        limiter.ban(Key::text("user", "eve"), Duration::from_secs(60), "").await.expect("a ban");
        let limit = Limit::new(Quota::per_minute(9)).key(key::header("plan"));
        let app = init_service(App::new().wrap(limiter).service(ruled("/in/a", limit, "a"))).await;
        assert_eq!(at_once(&app).await, [200; 3], "{kind:?}");
    }
}

static CHECKED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn checks_of_handlers_await_functions() {
    let counted = async |req: &ServiceRequest| {
        CHECKED.fetch_add(1, SeqCst);
        by_plan(req).await
    };
    hold(
        |it| it.auto_check(false).default_limits("1/day"),
        move |app: &mut ServiceConfig| {
            app.service(resource("/a", Limit::dynamic_async(counted), |it| it.to(checked)));
            app.service(resource("/unchecked", Limit::dynamic_async(counted), |it| it.to(HttpResponse::Ok)));
        },
        &[
            (0.0, "GET /a", "plan: 1/minute", "200 'passed'"),
            (0.0, "GET /a", "plan: 1/minute", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "plan: error", "200 'passed'"),
            (0.0, "GET /a", "plan: error", "429 '1 per 1 day'"),
            (0.0, "GET /unchecked", "plan: 1/minute", "200"),
        ],
    );
    assert_eq!(CHECKED.load(SeqCst), 4 * StorageKind::ALL.len());
}

static FILTERED: AtomicUsize = AtomicUsize::new(0);
static KEYS: AtomicUsize = AtomicUsize::new(0);

/// The limiter's own key and its filters.
#[test]
fn the_limiters_key_and_filters_are_awaited() {
    let filter = async |req: &ServiceRequest| {
        FILTERED.fetch_add(1, SeqCst);
        is_staff(req).await
    };
    let client = async |req: &ServiceRequest| {
        KEYS.fetch_add(1, SeqCst);
        user(req).await
    };
    hold(
        move |it| it.key_async(client).request_filter_async(filter).function_deadline(DEADLINE),
        |app| {
            app.service(ruled("/a", Quota::per_minute(1), "a")).service(page("/free", "f"));
            app.service(ruled("/own", Limit::new(Quota::per_minute(1)).key(key::header("x")), "o"));
        },
        &[
            (0.0, "GET /a", "user: ada", "200"),
            (0.0, "GET /a", "user: ada", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "user: ada, staff: yes", "200"),
            (0.0, "GET /a", "user: ada, staff: error", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "user: bob", "200"),
            // By the address.
            (0.0, "GET /a", "user: error", "200"),
            (0.0, "GET /a", "user: never", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /free", "user: ada", "200"),
            (0.0, "GET /own", "user: ada, x: 1", "200"),
            (0.0, "GET /own", "user: bob, x: 1", "429 '1 per 1 minute'"),
            (0.0, "GET /own", "user: bob", "200"),
            (0.0, "GET /own", "user: bob", "429 '1 per 1 minute'"),
        ],
    );
    let storages = StorageKind::ALL.len();
    assert_eq!(FILTERED.load(SeqCst), 13 * storages, "once for each request");
    assert_eq!(KEYS.load(SeqCst), 9 * storages, "where a limit counts by it");
}

/// The functions read the client's address as the limiter finds it.
#[test]
fn filters_see_the_client_behind_a_trusted_proxy() {
    let is_inside = async |req: &ServiceRequest| {
        yield_now().await;
        key::client_address(req) == Key::from(IpAddr::from([198, 51, 100, 7]))
    };
    hold(
        move |it| {
            let proxies = TrustedProxies::x_forwarded_for().networks(["192.0.2.1"]);
            it.trusted_proxies(proxies).request_filter_async(is_inside).default_limits("1/minute")
        },
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "x-forwarded-for: 198.51.100.7", "200"),
            (0.0, "GET /a", "x-forwarded-for: 198.51.100.7", "200"),
            (0.0, "GET /a", "x-forwarded-for: 198.51.100.8", "200"),
            (0.0, "GET /a", "x-forwarded-for: 198.51.100.8", "429"),
            (0.0, "GET /a", "x-forwarded-for: 198.51.100.7", "200"),
        ],
    );
}

#[actix_web::test]
async fn named_limits_await_functions() {
    let limit = Limit::new(Quota::per_minute(3)).key_async(user).cost_async(size).exempt_when_async(is_staff);
    let limiter =
        Limiter::builder().named_limit("n", limit).function_deadline(DEADLINE).build().expect("valid");
    let check = async |headers: &[(&str, &str)]| {
        let request = headers.iter().fold(TestRequest::default(), |it, header| it.insert_header(*header));
        limiter.check(&request.to_http_request(), "n").await
    };
    let left =
        async |headers: &[(&str, &str)]| check(headers).await.ok().flatten().map(|window| window.remaining());
    assert_eq!(left(&[("user", "ada"), ("size", "2")]).await, Some(1));
    assert_eq!(left(&[("user", "bob")]).await, Some(2));
    assert!(check(&[("user", "ada"), ("size", "2")]).await.is_err(), "it is over the limit");
    assert_eq!(left(&[("user", "ada"), ("staff", "yes")]).await, None);
    for failing in [("user", "never"), ("user", "panic"), ("size", "x")] {
        assert_eq!(left(&[failing]).await, None, "{failing:?}: it does not apply");
    }
}

/// A response from elsewhere than predicted is charged afterwards, by the limits there.
#[actix_web::test]
async fn a_request_that_ends_elsewhere_is_charged_there() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let counted = async |_: &ServiceRequest| {
        CALLS.fetch_add(1, SeqCst);
        Quota::per_hour(2)
    };
    let limiter = Limiter::builder().default_limits(Limit::dynamic_async(counted)).build().expect("valid");
    let away =
        web::scope("/p").guard(guard::Header("host", "never")).service(page("/x", "x")).rule(Exempt::ALL);
    let app = App::new().wrap(limiter).service(away).service(page("/p/x", "y"));
    let app = init_service(app).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let request = TestRequest::with_uri("/p/x").to_request();
        statuses.push(Service::call(&app, request).await.expect("an answer").status().as_u16());
        // What is charged afterwards is under way.
        for _ in 0..20 {
            yield_now().await;
        }
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 2, "{statuses:?}");
    assert_eq!(CALLS.load(SeqCst), 4, "once for each request");
}

/// A banned client is found by the limiter's async key, also where no limit counts it.
#[actix_web::test]
async fn a_ban_is_by_the_async_key() {
    for auto_check in [true, false] {
        a_ban_is_found(auto_check).await;
    }
}

async fn a_ban_is_found(auto_check: bool) {
    let limiter = Limiter::builder().key_async(user).auto_check(auto_check).build().expect("valid");
    let app = App::new().wrap(limiter.clone()).service(page("/free", "f"));
    let app = init_service(app.service(ruled("/exempt", Exempt::ALL, "x"))).await;
    let status = async |path: &str, user: &str| {
        let request = TestRequest::with_uri(path).insert_header(("user", user)).to_request();
        Service::call(&app, request).await.expect("an answer").status().as_u16()
    };
    assert_eq!(status("/free", "eve").await, 200);
    limiter.ban(&Key::text("user", "eve"), Duration::from_secs(60), "").await.expect("a ban");
    assert_eq!(status("/free", "eve").await, 403);
    assert_eq!(status("/free", "ada").await, 200);
    assert_eq!(status("/exempt", "eve").await, 200);
}

/// Another pattern hides the route, so that the client is known only there.
#[actix_web::test]
async fn a_ban_is_found_at_a_route_that_is_known_only_after_routing() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        let limiter = kind.set(Limiter::builder()).build().expect("valid");
        let by_user = Limit::new(Quota::per_hour(9)).key_async(user);
        let app = App::new()
            .wrap(limiter.clone())
            .service(web::resource("/{name}").guard(guard::Host("example.com")).to(HttpResponse::Ok))
            .service(ruled("/hidden", by_user, "h"));
        let app = init_service(app).await;
        limiter.ban(&Key::text("user", "eve"), Duration::from_secs(60), "").await.expect("a ban");
        for (user, expected) in [("eve", 403), ("ada", 200)] {
            let request = TestRequest::with_uri("/hidden").insert_header(("user", user)).to_request();
            let status = Service::call(&app, request).await.expect("an answer").status();
            assert_eq!(status, expected, "{kind:?}: {user}");
        }
    }
}

/// The inner limiter reads what the outer one has awaited.
#[actix_web::test]
async fn two_limiters_call_a_function_once() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let counted = async |_: &ServiceRequest| {
        CALLS.fetch_add(1, SeqCst);
        Quota::per_hour(2)
    };
    let limiter = |limit: &str| Limiter::builder().default_limits(limit).build().expect("valid");
    let scope = web::scope("/p").service(ruled("/x", Limit::dynamic_async(counted), "x"));
    let app = App::new().service(scope.wrap(limiter("1/day"))).wrap(limiter("9/day"));
    let app = init_service(app).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let request = TestRequest::with_uri("/p/x").to_request();
        statuses.push(Service::call(&app, request).await.expect("an answer").status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(CALLS.load(SeqCst), 3);
}

#[test]
fn outage_limits_are_decided_at_once() {
    let limiter = Limiter::builder().in_memory_fallback(Limit::new(Quota::per_minute(1)).key_async(user));
    let error = limiter.build().expect_err("it awaits").to_string();
    assert!(error.contains("`key`: expected a function that is not async"), "{error}");
    for deadline in [Duration::ZERO, Duration::from_secs(61)] {
        let error =
            Limiter::builder().function_deadline(deadline).build().expect_err("out of range").to_string();
        assert!(error.contains("expected 1 ms to 60 s"), "{error}");
    }
}

/// While the storage fails, the policy of an async limit holds, and outage limits replace it.
#[test]
fn a_failing_storage_keeps_its_policy() {
    let failing = |it| StorageKind::Failing.set(it);
    limiter_test_support::play::expect(
        |it| failing(it).in_memory_fallback("1/minute"),
        |app| {
            app.service(ruled("/a", Limit::dynamic_async(by_plan).key_async(user), "a"));
        },
        &[
            (0.0, "GET /a", "plan: 9/minute, user: ada", "200"),
            (0.0, "GET /a", "plan: 9/minute, user: bob", "429 '1 per 1 minute'"),
        ],
    );
    limiter_test_support::play::expect(
        |it| failing(it).default_limits("5/minute"),
        |app| {
            let deny = Limit::dynamic_async(by_plan).on_storage_failure(OnStorageFailure::Deny);
            app.service(ruled("/a", deny, "a"));
        },
        &[(0.0, "GET /a", "plan: 9/minute", "503"), (0.0, "GET /a", "plan: error", "200")],
    );
}

/// Futures that do not borrow the request, and closures.
#[test]
fn async_functions_are_written_in_several_ways() {
    fn owned(req: &ServiceRequest) -> impl Future<Output = Option<Key>> + use<> {
        let user = header(req, "user").map(str::to_owned);
        async move { user.map(|user| Key::text("user", user)) }
    }
    async fn of_request(req: &HttpRequest) -> Option<Key> {
        yield_now().await;
        Some(Key::text("user", req.headers().get("user")?.to_str().ok()?))
    }
    let wide = Quota::per_minute(1);
    hold(
        |it| it,
        |app| {
            app.service(ruled("/a", Limit::new(wide).key_async(owned), "a"))
                .service(ruled(
                    "/b",
                    Limit::new(wide).key_async(async |req: &ServiceRequest| of_request(req.request()).await),
                    "b",
                ))
                .service(ruled("/c", Limit::new(wide).cost_async(async |_: &ServiceRequest| 1), "c"));
        },
        &[
            (0.0, "GET /a", "user: ada", "200"),
            (0.0, "GET /a", "user: ada, k: c2", "429"),
            (0.0, "GET /b", "user: ada", "200"),
            (0.0, "GET /b", "user: ada, k: c2", "429"),
            (0.0, "GET /c", "", "200"),
            (0.0, "GET /c", "", "429"),
        ],
    );
}

#[allow(dead_code, reason = "it must compile")]
mod attributes {
    use limiter_actix::limit;

    use super::{by_plan, is_staff, size, user};

    #[limit(async by_plan, key = async user, cost = async size, exempt_when = async is_staff)]
    #[limit("5/minute", key = async |req| user(req).await, override_defaults = false)]
    #[actix_web::get("/")]
    pub(super) async fn handler() -> impl actix_web::Responder {
        "ok"
    }
}

#[actix_web::test]
async fn attributes_name_async_functions() {
    let app = init_service(App::new().wrap(Limiter::default()).service(attributes::handler)).await;
    let ask = async |plan: &str, user: &str| {
        let request = TestRequest::default().insert_header(("plan", plan)).insert_header(("user", user));
        Service::call(&app, request.to_request()).await.expect("an answer").status().as_u16()
    };
    assert_eq!(ask("1/minute", "ada").await, 200);
    assert_eq!(ask("1/minute", "ada").await, 429);
    assert_eq!(ask("1/minute", "bob").await, 200);
}

/// An application pays for each call, such as with a query.
#[actix_web::test]
async fn functions_of_limits_that_do_not_apply_are_not_called() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let quota = async |_: &ServiceRequest| {
        CALLS.fetch_add(1, SeqCst);
        Quota::per_hour(9)
    };
    let limiter = Limiter::builder().application_limits(Limit::dynamic_async(quota)).build().expect("valid");
    let other = || Limit::dynamic_async(by_plan).override_defaults(false);
    let app = App::new()
        .wrap(limiter)
        .service(ruled("/exempt", Rule::from(other()).exempt(Exempt::APPLICATION), "x"))
        .service(ruled("/plain", other(), "p"));
    let app = init_service(app).await;
    for (path, calls) in [("/exempt", 0), ("/plain", 1)] {
        let request = TestRequest::with_uri(path).insert_header(("plan", "9/day")).to_request();
        assert_eq!(Service::call(&app, request).await.expect("an answer").status(), 200);
        assert_eq!(CALLS.load(SeqCst), calls, "{path}");
    }
}

#[actix_web::test]
async fn bans_have_no_key_awaited_for_an_exempt_route() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let key = async |_: &ServiceRequest| {
        CALLS.fetch_add(1, SeqCst);
        Key::text("user", "ada")
    };
    let limiter = Limiter::builder().key_async(key).build().expect("valid");
    let app = App::new().wrap(limiter.clone()).service(ruled("/exempt", Exempt::ALL, "x"));
    let app = init_service(app.service(page("/free", "f"))).await;
    limiter.ban(&Key::text("user", "eve"), Duration::from_secs(60), "").await.expect("a ban");
    for (path, calls) in [("/exempt", 0), ("/free", 1)] {
        let request = TestRequest::with_uri(path).to_request();
        assert_eq!(Service::call(&app, request).await.expect("an answer").status(), 200);
        assert_eq!(CALLS.load(SeqCst), calls, "{path}");
    }
}

#[test]
fn functions_of_meta_limits_are_awaited() {
    hold(
        |it| it.default_limits("1/second").meta_limits(Limit::new(Quota::per_day(1)).key_async(user)),
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "user: ada", "200"),
            (0.0, "GET /a", "user: ada", "429 '1 per 1 second'"),
            (1.0, "GET /a", "user: ada", "429 '1 per 1 day'"),
            (1.0, "GET /a", "user: bob", "200"),
        ],
    );
}

/// The place that is predicted refuses, and the function is one of the limit where the request may arrive instead.
#[test]
fn a_limit_elsewhere_awaits_its_function() {
    hold(
        |it| it.default_limits(Limit::new(Quota::per_hour(2)).key_async(user)),
        |app| {
            let closed =
                resource("/{id}", Quota::per_hour(0), |it| it.guard(guard::Host("no")).to(|| async { "n" }));
            app.service(closed).service(page("/x", "x"));
        },
        &[
            (0.0, "GET /x", "user: ada", "200 'x'"),
            (0.0, "GET /x", "user: ada, k: c2", "200 'x'"),
            (0.0, "GET /x", "user: ada, k: c3", "429 '2 per 1 hour'"),
            (0.0, "GET /x", "user: bob", "200 'x'"),
        ],
    );
}

/// The other limit of the route does not stand in for the outer one.
#[test]
fn an_outer_limit_that_applies_by_a_failure_awaits_its_function() {
    hold(
        |it| it.default_limits(Limit::new(Quota::per_hour(2)).key_async(user)),
        |app| {
            let both = [Limit::dynamic_async(by_plan), Limit::new(Quota::per_hour(9)).cost_async(size)];
            app.service(ruled("/a", Limits::from(both), "a"));
        },
        &[
            (0.0, "GET /a", "user: ada, plan: error", "200"),
            (0.0, "GET /a", "user: ada, plan: error, k: c2", "200"),
            (0.0, "GET /a", "user: ada, plan: error, k: c3", "429 '2 per 1 hour'"),
            (0.0, "GET /a", "user: bob, plan: error", "200"),
        ],
    );
}

/// So do the functions of limits.
#[test]
fn limits_see_the_client_behind_a_trusted_proxy() {
    let address = async |req: &ServiceRequest| {
        yield_now().await;
        key::client_address(req)
    };
    hold(
        move |it| {
            let proxies = TrustedProxies::x_forwarded_for().networks(["192.0.2.1"]);
            let limit = Limit::new(Quota::per_minute(1)).key_async(address);
            it.trusted_proxies(proxies).default_limits(limit)
        },
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "x-forwarded-for: 198.51.100.7", "200"),
            (0.0, "GET /a", "x-forwarded-for: 198.51.100.7", "429"),
            (0.0, "GET /a", "x-forwarded-for: 198.51.100.8", "200"),
        ],
    );
}

/// The limiter's key, too. Where no limit counts the client, it is awaited for its ban.
#[actix_web::test]
async fn a_banned_client_is_found_behind_a_trusted_proxy() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["192.0.2.1"]);
    let address = async |req: &ServiceRequest| {
        yield_now().await;
        key::client_address(req)
    };
    let limiter = Limiter::builder().trusted_proxies(proxies).key_async(address).build().expect("valid");
    let app = init_service(App::new().wrap(limiter.clone()).service(page("/free", "f"))).await;
    limiter.ban(IpAddr::from([198, 51, 100, 7]), Duration::from_secs(60), "").await.expect("a ban");
    for (address, expected) in [("198.51.100.7", 403), ("198.51.100.8", 200)] {
        let request = TestRequest::with_uri("/free").peer_addr(([192, 0, 2, 1], 4000).into());
        let request = request.insert_header(("x-forwarded-for", address)).to_request();
        let status = Service::call(&app, request).await.expect("an answer").status();
        assert_eq!(status, expected, "{address}");
    }
}
