//! Which requests are refused, and which pass.

use std::{sync::Arc, time::Duration};

use actix_web::{App, guard, test::init_service, web};
use limiter_actix::{Exempt, Key, Limiter, ManualClock, Quota, ScopeExt, exempt, key, resource};
use limiter_test_support::app::{ask, request};

use crate::{HOUR, app, from, get_from, ok};

const ALICE: &str = "192.0.2.1";

fn address(text: &str) -> std::net::IpAddr {
    text.parse().expect("an address")
}

#[actix_web::test]
async fn a_banned_client_is_refused_before_anything_is_counted() {
    let limiter =
        Limiter::builder().default_limits("2/hour").meta_limits("1/day").build().expect("a limiter");
    let app = app(&limiter).await;
    limiter.ban(address(ALICE), HOUR, "scraping").await.expect("a ban");
    for _ in 0..5 {
        assert_eq!(get_from(&app, ALICE).await, 403);
    }
    assert_eq!(get_from(&app, "192.0.2.2").await, 200, "another client");
    assert!(limiter.unban(address(ALICE)).await.expect("no ban"));
    let statuses = [get_from(&app, ALICE).await, get_from(&app, ALICE).await, get_from(&app, ALICE).await];
    assert_eq!(statuses, [200, 200, 429], "the whole quota is left");
}

#[actix_web::test]
async fn a_pass_lifts_all_limits_and_counts_nothing() {
    let limiter = Limiter::builder().application_limits("1/hour").build().expect("a limiter");
    let app = app(&limiter).await;
    limiter.allow(address(ALICE), HOUR).await.expect("a pass");
    for _ in 0..5 {
        assert_eq!(get_from(&app, ALICE).await, 200);
    }
    assert!(limiter.disallow(address(ALICE)).await.expect("no pass"));
    assert_eq!([get_from(&app, ALICE).await, get_from(&app, ALICE).await], [200, 429]);
}

#[actix_web::test]
async fn bans_and_passes_end_at_their_time() {
    let clock = Arc::new(ManualClock::new(std::time::SystemTime::now()));
    let builder = Limiter::builder().default_limits("1/day").clock(Arc::clone(&clock) as _);
    let limiter = builder.build().expect("a limiter");
    let app = app(&limiter).await;
    limiter.ban(address(ALICE), Duration::from_secs(60), "").await.expect("a ban");
    limiter.allow(address("192.0.2.2"), Duration::from_secs(60)).await.expect("a pass");
    clock.advance(Duration::from_secs(59));
    assert_eq!([get_from(&app, ALICE).await, get_from(&app, "192.0.2.2").await], [403, 200]);
    clock.advance(Duration::from_secs(1));
    assert_eq!([get_from(&app, ALICE).await, get_from(&app, "192.0.2.2").await], [200, 200]);
    assert_eq!([get_from(&app, ALICE).await, get_from(&app, "192.0.2.2").await], [429, 429]);
    assert_eq!(limiter.bans().await.expect("bans"), []);
}

#[actix_web::test]
async fn a_ban_and_a_pass_of_one_target_replace_each_other() {
    let limiter = Limiter::default();
    let app = app(&limiter).await;
    let alice = address(ALICE);
    limiter.ban(alice, HOUR, "first").await.expect("a ban");
    assert!(!limiter.disallow(alice).await.expect("no pass"), "there is none");
    assert_eq!(get_from(&app, ALICE).await, 403);
    limiter.allow(alice, HOUR).await.expect("a pass");
    assert_eq!(get_from(&app, ALICE).await, 200);
    assert!(!limiter.unban(alice).await.expect("no ban"), "it is a pass now");
    limiter.ban(alice, HOUR, "again").await.expect("a ban");
    let bans = limiter.bans().await.expect("bans");
    let [ban] = &*bans else { panic!("{bans:?}") };
    assert_eq!((ban.client(), ban.reason(), ban.is_pass()), (ALICE, "again", false));
    assert_eq!(ban.to_string(), "192.0.2.1: again");
    assert!(limiter.unban(ban).await.expect("no ban"));
    assert_eq!(get_from(&app, ALICE).await, 200);
}

/// A health check answers whoever asks.
#[actix_web::test]
async fn only_routes_that_are_exempt_from_all_answer_banned_clients() {
    let limiter = Limiter::builder().exempt_scope("/static").build().expect("a limiter");
    let partly = web::scope("/partly").exempt(Exempt::DEFAULT | Exempt::META).route("", web::get().to(ok));
    let app = init_service(
        App::new()
            .wrap(limiter.clone())
            .service(web::scope("/health").exempt(Exempt::ALL).route("", web::get().to(ok)))
            .service(web::scope("/static").route("/{file}", web::get().to(ok)))
            .service(partly)
            .service(resource("/limited", Quota::per_hour(5), |it| it.get(ok))),
    )
    .await;
    limiter.ban(address("127.0.0.1"), HOUR, "").await.expect("a ban");
    for (path, expected) in
        [("/health", 200), ("/static/a", 200), ("/partly", 403), ("/limited", 403), ("/missing", 403)]
    {
        for _ in 0..3 {
            assert_eq!(ask(&app, request("GET", path)).await.status, expected, "{path}");
        }
    }
}

#[actix_web::test]
async fn filtered_requests_and_a_limiter_that_is_off_ban_nobody() {
    let filter = |req: &actix_web::dev::ServiceRequest| req.headers().contains_key("x-internal");
    let limiter = Limiter::builder().request_filter(filter).build().expect("a limiter");
    let app = app(&limiter).await;
    limiter.ban(address(ALICE), HOUR, "").await.expect("a ban");
    assert_eq!(ask(&app, from(ALICE).insert_header(("x-internal", "1"))).await.status, 200);
    assert_eq!(get_from(&app, ALICE).await, 403);
    limiter.set_enabled(false);
    assert_eq!(get_from(&app, ALICE).await, 200);
}

/// A client is known by the limiter's key, by the keys of the limits, and by its address.
#[actix_web::test]
async fn each_key_of_a_request_may_be_banned() {
    let limiter = Limiter::builder().key(key::header("x-user")).build().expect("a limiter");
    let by_token = limiter_actix::Limit::new(Quota::per_hour(100)).key(key::header("x-token"));
    let app =
        init_service(App::new().wrap(limiter.clone()).service(resource("/", by_token, |it| it.get(ok))))
            .await;
    let status = async |user: &'static str, token: &'static str| {
        ask(&app, from(ALICE).insert_header(("x-user", user)).insert_header(("x-token", token))).await.status
    };
    let header = |name, value: &str| Key::text(name, value);
    for banned in
        [header("header x-user", "eve"), header("header x-token", "stolen"), Key::from(address(ALICE))]
    {
        assert_eq!(status("eve", "stolen").await, 200, "{banned:?}");
        limiter.ban(&banned, HOUR, "").await.expect("a ban");
        assert_eq!(status("eve", "stolen").await, 403, "{banned:?}");
        let is_address = banned == Key::from(address(ALICE));
        assert_eq!(status("bob", "own").await, if is_address { 403 } else { 200 }, "{banned:?}");
        assert!(limiter.unban(&banned).await.expect("no ban"));
    }
}

#[actix_web::test]
async fn handlers_that_check_limits_themselves_are_not_reached_by_banned_clients() {
    let limiter = Limiter::builder().auto_check(false).build().expect("a limiter");
    let app = app(&limiter).await;
    limiter.ban(address(ALICE), HOUR, "").await.expect("a ban");
    assert_eq!(get_from(&app, ALICE).await, 403);
}

/// Tenants that share a process do not share bans.
#[actix_web::test]
async fn bans_are_separate_by_storage_and_prefix() {
    let storage: Arc<dyn limiter_actix::storage::Storage> =
        Arc::new(limiter_actix::storage::MemoryStorage::new());
    let limiter = |prefix: &str| {
        let builder = Limiter::builder().storage(Arc::clone(&storage)).key_prefix(prefix);
        builder.build().expect("a limiter")
    };
    let (one, same, other) = (limiter("one"), limiter("one"), limiter("other"));
    one.ban(address(ALICE), HOUR, "").await.expect("a ban");
    for (limiter, expected) in [(&one, 403), (&same, 403), (&other, 200), (&Limiter::default(), 200)] {
        assert_eq!(get_from(&app(limiter).await, ALICE).await, expected);
    }
}

/// A guard leads requests past the exempt place that was expected.
#[actix_web::test]
async fn a_guard_leads_no_banned_client_around_its_ban() {
    let limiter = Limiter::default();
    let exempt = web::scope("/s").guard(guard::Header("x-inner", "1")).exempt(Exempt::ALL);
    let app = init_service(
        App::new()
            .wrap(limiter.clone())
            .service(exempt.route("/{page}", web::get().to(ok)))
            .service(resource("/s/limited", Quota::per_hour(100), |it| it.get(ok))),
    )
    .await;
    limiter.ban(address(ALICE), HOUR, "").await.expect("a ban");
    for _ in 0..5 {
        let request = |address| from(address).uri("/s/limited");
        assert_eq!(ask(&app, request(ALICE)).await.status, 403);
        assert_eq!(ask(&app, request("192.0.2.2")).await.status, 200);
    }
}

#[exempt]
#[actix_web::get("/x")]
async fn exempt_x() -> &'static str {
    "exempt"
}

/// The defect: where another handler responded than that of an exempt route, a client with a pass was charged.
#[actix_web::test]
async fn a_client_with_a_pass_is_not_charged_after_the_response() {
    let limiter = Limiter::builder().application_limits("1/hour").build().expect("a limiter");
    let app = App::new()
        .wrap(limiter.clone())
        .route("/", web::get().to(ok))
        .route("/x", web::get().guard(guard::Host("example.com")).to(ok))
        .service(exempt_x);
    let app = init_service(app).await;
    limiter.allow(address(ALICE), HOUR).await.expect("a pass");
    let elsewhere = from(ALICE).uri("/x").insert_header(("host", "example.com"));
    assert_eq!(ask(&app, elsewhere).await.status, 200);
    assert!(limiter.disallow(address(ALICE)).await.expect("no pass"));
    assert_eq!(get_from(&app, ALICE).await, 200, "nothing was counted");
}

/// Clients that are neither banned nor have a pass are charged as usual while others are.
#[actix_web::test]
async fn a_ban_of_another_client_frees_nobody_after_the_response() {
    let limiter = Limiter::builder().application_limits("1/hour").build().expect("a limiter");
    let app = App::new()
        .wrap(limiter.clone())
        .route("/", web::get().to(ok))
        .route("/x", web::get().guard(guard::Host("example.com")).to(ok))
        .service(exempt_x);
    let app = init_service(app).await;
    limiter.ban(address("192.0.2.2"), HOUR, "").await.expect("a ban");
    let elsewhere = from(ALICE).uri("/x").insert_header(("host", "example.com"));
    assert_eq!(ask(&app, elsewhere).await.status, 200);
    assert_eq!(get_from(&app, ALICE).await, 429, "the other handler is not exempt");
}

/// The request is first taken for one to `/{page}`. The key of the limit that it meets then is banned.
#[actix_web::test]
async fn what_was_charged_before_a_ban_was_found_is_refunded() {
    let limiter = Limiter::builder().default_limits("1/hour").build().expect("a limiter");
    let by_token = limiter_actix::Limit::new(Quota::per_hour(9)).key(key::header("x-token"));
    let app = App::new()
        .wrap(limiter.clone())
        .service(web::resource("/{page}").guard(guard::Host("example.com")).to(ok))
        .service(resource("/hidden", by_token, |it| it.get(ok)));
    let app = init_service(app).await;
    limiter.ban(Key::text("header x-token", "stolen"), HOUR, "").await.expect("a ban");
    let status = async |path: &str, name: &'static str, value: &'static str| {
        ask(&app, from(ALICE).uri(path).insert_header((name, value))).await.status
    };
    assert_eq!(status("/hidden", "x-token", "stolen").await, 403);
    assert_eq!(status("/page", "host", "example.com").await, 200, "nothing was counted");
    assert_eq!(status("/page", "host", "example.com").await, 429);
}

/// Only guards tell the routes and the scopes apart. At the scope, nobody knows yet whether the exempt route follows.
#[actix_web::test]
async fn a_ban_by_the_key_of_a_scope_does_not_hold_at_an_exempt_route_inside() {
    let limiter = Limiter::builder().default_limits("9/hour").build().expect("a limiter");
    let with = |name: &'static str| guard::Header(name, "1");
    let by_token = limiter_actix::Limit::new(Quota::per_hour(9)).key(key::header("x-token"));
    let scope = web::scope("/v1")
        .guard(with("x-a"))
        .service(resource("/x", Exempt::ALL, move |it| it.guard(with("x-b")).to(ok)))
        .service(resource("/x", Quota::per_hour(8), move |it| it.to(ok)));
    let app = App::new()
        .wrap(limiter.clone())
        .service(scope.limit(by_token))
        .service(web::scope("/v1").route("/x", web::get().to(ok)));
    let app = init_service(app).await;
    limiter.ban(Key::text("header x-token", "stolen"), HOUR, "").await.expect("a ban");
    for _ in 0..3 {
        let stolen = request("GET", "/v1/x").insert_header(("x-token", "stolen"));
        let exempt = stolen.insert_header(("x-a", "1")).insert_header(("x-b", "1"));
        assert_eq!(ask(&app, exempt).await.status, 200);
    }
}

/// The defect: the key was looked for only where a resource with a limit followed, and only among the limits there.
#[actix_web::test]
async fn a_ban_by_the_key_of_a_scope_holds_where_the_scope_is_known_only_after_routing() {
    for inside in ["a plain route", "a resource", "a scope"] {
        let limiter = Limiter::builder().default_limits("9/hour").build().expect("a limiter");
        let by_token = limiter_actix::Limit::new(Quota::per_hour(9)).key(key::header("x-token"));
        let adding = || limiter_actix::Limit::new(Quota::per_hour(8)).override_defaults(false);
        let scope = web::scope("/v1").guard(guard::Header("x-a", "1"));
        let scope = match inside {
            "a plain route" => scope.route("/x", web::get().to(ok)),
            "a resource" => scope.service(resource("/x", adding(), move |it| it.to(ok))),
            _ => scope.service(web::scope("").limit(adding()).route("/x", web::get().to(ok))),
        };
        let app = App::new()
            .wrap(limiter.clone())
            .service(scope.limit(by_token))
            .service(web::scope("/v1").route("/x", web::get().to(ok)));
        let app = init_service(app).await;
        limiter.ban(Key::text("header x-token", "stolen"), HOUR, "").await.expect("a ban");
        let status = async |token: &'static str| {
            let headers = [("x-token", token), ("x-a", "1")];
            let with = |it: actix_web::test::TestRequest, header| it.insert_header(header);
            ask(&app, headers.into_iter().fold(request("GET", "/v1/x"), with)).await.status
        };
        for _ in 0..3 {
            assert_eq!([status("stolen").await, status("own").await], [403, 200], "{inside}");
        }
    }
}
