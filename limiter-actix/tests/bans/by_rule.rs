//! Bans by the rules of limits.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::Service,
    rt::{task::yield_now, time::sleep},
    test::init_service,
    web,
};
use futures_util::{FutureExt, future::join_all};
use limiter_actix::{
    BanRule, BuildError, Key, Limit, Limiter, LimiterBuilder, ManualClock, Quota, ScopeExt, Strategy, limit,
    resource, storage::MemoryStorage,
};
use limiter_test_support::{app::ask, log, storages::StorageKind};

use crate::{HOUR, answer_to, app, from, get_from, ok, storages::Far};

const ALICE: &str = "192.0.2.1";
const BOB: &str = "192.0.2.2";

fn rule(text: &str) -> BanRule {
    text.parse().expect("a rule")
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(std::time::SystemTime::now()))
}

/// One request a minute, and a ban for an hour after three breaches in five minutes.
fn limited() -> Limit {
    Limit::new(Quota::per_minute(1)).ban(rule("1 hour after 3 breaches in 5 minutes"))
}

fn with_clock(clock: &Arc<ManualClock>) -> LimiterBuilder {
    Limiter::builder().clock(Arc::clone(clock) as _)
}

/// In memory, and on a storage on another machine.
fn everywhere() -> [fn(LimiterBuilder) -> LimiterBuilder; 2] {
    [|it| it, |it| it.storage(Far::to(&Arc::new(MemoryStorage::new())))]
}

/// Lets what runs in the background come to its end.
async fn settled() {
    for _ in 0..20 {
        yield_now().await;
    }
}

#[actix_web::test]
async fn the_last_breach_bans_and_tells_the_wait() {
    for storage in everywhere() {
        let clock = clock();
        let limiter = storage(with_clock(&clock)).default_limits(limited()).build().expect("a limiter");
        let app = app(&limiter).await;
        assert_eq!(get_from(&app, ALICE).await, 200);
        for wait in ["60", "60", "3600"] {
            let answer = answer_to(&app, ALICE).await;
            assert_eq!((answer.status, answer.header("retry-after")), (429, Some(wait)));
        }
        settled().await;
        let answer = answer_to(&app, ALICE).await;
        assert_eq!((answer.status, answer.header("retry-after")), (403, Some("3600")));
        assert_eq!(get_from(&app, BOB).await, 200, "another client");
        let bans = limiter.bans().await.expect("bans");
        assert_eq!(
            bans.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["192.0.2.1: 1 hour after 3 breaches in 5 minutes: 1 per 1 minute"]
        );
        clock.advance(HOUR);
        assert_eq!(get_from(&app, ALICE).await, 200, "it is over");
    }
}

#[actix_web::test]
async fn breaches_that_are_too_far_apart_do_not_ban() {
    let clock = clock();
    let limiter = with_clock(&clock).default_limits(limited()).build().expect("a limiter");
    let app = app(&limiter).await;
    for _ in 0..10 {
        let statuses =
            [get_from(&app, ALICE).await, get_from(&app, ALICE).await, get_from(&app, ALICE).await];
        assert_eq!(statuses, [200, 429, 429]);
        clock.advance(Duration::from_secs(5 * 60));
    }
    assert_eq!(limiter.bans().await.expect("bans"), []);
}

/// A bucket would have forgotten the first breach by the time of the last.
#[actix_web::test]
async fn breaches_count_in_a_fixed_window_whatever_the_strategy() {
    for strategy in [Strategy::FixedWindow, Strategy::TokenBucket] {
        let clock = clock();
        let limiter = with_clock(&clock).default_limits(limited().strategy(strategy)).build();
        let limiter = limiter.expect("a limiter");
        let app = app(&limiter).await;
        for _ in 0..3 {
            assert_eq!([get_from(&app, ALICE).await, get_from(&app, ALICE).await], [200, 429]);
            clock.advance(Duration::from_secs(140));
        }
        assert_eq!(get_from(&app, ALICE).await, 403, "{strategy}");
    }
}

#[actix_web::test]
async fn only_breaches_of_this_limit_count() {
    let other = Limit::new(Quota::per_hour(3));
    let limiter = Limiter::builder().application_limits(other).default_limits(limited()).build();
    let limiter = limiter.expect("a limiter");
    let app = init_service(
        App::new().wrap(limiter.clone()).route("/", web::get().to(ok)).route("/b", web::get().to(ok)),
    )
    .await;
    let get = async |path: &str| ask(&app, from(ALICE).uri(path)).await.status;
    assert_eq!([get("/").await, get("/b").await], [200, 200]);
    // Two of one route, two of the other: each has a count of its own.
    assert_eq!([get("/").await, get("/").await, get("/b").await, get("/b").await], [429; 4]);
    assert_eq!(limiter.bans().await.expect("bans"), []);
    assert_eq!(get("/").await, 429);
    assert_eq!(get("/").await, 403);
}

#[actix_web::test]
async fn each_further_ban_is_twice_as_long() {
    for storage in everywhere() {
        let clock = clock();
        let doubling = rule("10 minutes after 1 breach in 1 hour, doubling up to 30 minutes");
        let limit = Limit::new(Quota::per_minute(1)).ban(doubling);
        let limiter = storage(with_clock(&clock)).default_limits(limit).build().expect("a limiter");
        let app = app(&limiter).await;
        let banned = async || {
            assert_eq!(get_from(&app, ALICE).await, 200);
            let breach = answer_to(&app, ALICE).await;
            settled().await;
            let refusal = answer_to(&app, ALICE).await;
            assert_eq!(refusal.status, 403);
            let wait = refusal.header("retry-after").expect("a wait").to_owned();
            assert_eq!(breach.header("retry-after"), Some(&*wait));
            clock.advance(Duration::from_secs(wait.parse().expect("seconds")));
            wait
        };
        let waits = [banned().await, banned().await, banned().await, banned().await];
        assert_eq!(waits, ["600", "1200", "1800", "1800"]);
        // Twice the longest ban without one.
        clock.advance(HOUR);
        assert_eq!(banned().await, "600", "the earlier ones are forgotten");
    }
}

/// One request a minute, and a ban for 10 minutes after one breach, which doubles.
fn doubling() -> Limit {
    Limit::new(Quota::per_minute(1)).ban(rule("10 minutes after 1 breach in 1 hour, doubling up to 1 day"))
}

/// The defect: each breach that was in flight when another one banned was a further ban, up to the longest.
#[actix_web::test]
async fn breaches_in_flight_together_are_one_ban() {
    for storage in everywhere() {
        let limiter = storage(with_clock(&clock())).default_limits(doubling()).build().expect("a limiter");
        let app = app(&limiter).await;
        assert_eq!(get_from(&app, ALICE).await, 200);
        let breaches = join_all((0..6).map(|_| answer_to(&app, ALICE))).await;
        let breaches = breaches.iter().filter(|answer| answer.status == 429);
        let waits: Vec<_> = breaches.filter_map(|answer| answer.header("retry-after")).collect();
        assert_eq!(waits.iter().filter(|wait| **wait == "600").count(), 1, "{waits:?}");
        settled().await;
        let answer = answer_to(&app, ALICE).await;
        assert_eq!((answer.status, answer.header("retry-after")), (403, Some("600")));
    }
}

/// The defect: until a process had read the ban of another one, a breach there doubled it.
#[actix_web::test]
async fn a_ban_of_another_process_is_not_doubled() {
    let (server, clock) = (Arc::new(MemoryStorage::new()), clock());
    let build = |far: &Arc<Far>| {
        let builder = with_clock(&clock).storage(Arc::clone(far) as _).default_limits(doubling());
        builder.build().expect("a limiter")
    };
    let (here, there) = (Far::to(&server), Far::to(&server));
    let (one, other) = (build(&here), build(&there));
    let (first, second) = (app(&one).await, app(&other).await);
    while there.reads.load(Relaxed) == 0 {
        yield_now().await;
    }
    assert_eq!([get_from(&first, ALICE).await, get_from(&first, ALICE).await], [200, 429]);
    settled().await;
    // It does not know the ban yet, unless this machine has been busy for a second.
    assert!([429, 403].contains(&get_from(&second, ALICE).await));
    settled().await;
    let answer = answer_to(&second, ALICE).await;
    assert_eq!((answer.status, answer.header("retry-after")), (403, Some("600")));
    assert_eq!(one.bans().await.expect("bans").len(), 1);
    assert_eq!(answer_to(&first, ALICE).await.header("retry-after"), Some("600"));
}

/// The defect: the breach that bans was lost with its request, and the next ban was doubled.
#[actix_web::test]
async fn a_client_that_hangs_up_is_banned() {
    let server = Arc::new(MemoryStorage::new());
    let far = Far::to(&server);
    let limiter = with_clock(&clock()).storage(Arc::clone(&far) as _).default_limits(doubling()).build();
    let app = app(&limiter.expect("a limiter")).await;
    assert_eq!(get_from(&app, ALICE).await, 200);
    far.is_slow.store(true, Relaxed);
    let mut breach = Box::pin(app.call(from(ALICE).to_request()));
    // It is decided, and the number of earlier bans is awaited.
    for _ in 0..2 {
        assert!(breach.as_mut().now_or_never().is_none());
        yield_now().await;
    }
    drop(breach);
    settled().await;
    let answer = answer_to(&app, ALICE).await;
    assert_eq!((answer.status, answer.header("retry-after")), (403, Some("600")));
}

/// A breach that finds nothing left bans too, if the one that has taken the last could not.
#[actix_web::test]
async fn a_later_breach_bans_if_the_last_one_did_not() {
    let server = Arc::new(MemoryStorage::new());
    let far = Far::to(&server);
    let limiter = with_clock(&clock()).storage(Arc::clone(&far) as _).default_limits(doubling()).build();
    let limiter = limiter.expect("a limiter");
    let app = app(&limiter).await;
    assert_eq!(get_from(&app, ALICE).await, 200);
    far.is_slow.store(true, Relaxed);
    let mut breach = Box::pin(app.call(from(ALICE).to_request()));
    assert!(breach.as_mut().now_or_never().is_none(), "it is decided, and nobody is there for the answer");
    drop(breach);
    assert_eq!(get_from(&app, ALICE).await, 429);
    for attempt in 0.. {
        let answer = answer_to(&app, ALICE).await;
        if answer.status == 403 {
            assert_eq!(answer.header("retry-after"), Some("600"));
            break;
        }
        assert!(attempt < 600, "not within a minute");
        sleep(Duration::from_millis(100)).await;
    }
}

/// The rules of two limits that a client breaches together.
#[actix_web::test]
async fn the_longer_of_two_bans_holds() {
    for storage in everywhere() {
        let longer = Limit::new(Quota::per_hour(1)).ban(rule("1 day after 1 breach in 1 hour"));
        let limiter = storage(with_clock(&clock())).default_limits((doubling(), longer)).build();
        let app = app(&limiter.expect("a limiter")).await;
        assert_eq!([get_from(&app, ALICE).await, get_from(&app, ALICE).await], [200, 429]);
        settled().await;
        assert_eq!(answer_to(&app, ALICE).await.header("retry-after"), Some("86400"));
    }
}

/// The defect: the client had no ban, and its next one was doubled nevertheless.
#[actix_web::test]
async fn a_ban_that_could_not_be_stored_is_none() {
    log::capture();
    let before = log::here("L043").len();
    let server = Arc::new(MemoryStorage::new());
    let far = Far::to(&server);
    let limiter = with_clock(&clock()).storage(Arc::clone(&far) as _).default_limits(doubling()).build();
    let app = app(&limiter.expect("a limiter")).await;
    far.is_full.store(true, Relaxed);
    for status in [200, 429, 429] {
        assert_eq!(get_from(&app, ALICE).await, status);
        settled().await;
    }
    assert_eq!(log::here("L043").len() - before, 2, "each breach would have banned");
    far.is_full.store(false, Relaxed);
    assert_eq!(get_from(&app, ALICE).await, 429);
    settled().await;
    assert_eq!(answer_to(&app, ALICE).await.header("retry-after"), Some("600"));
}

/// The count begins anew, although its window is longer than the ban.
#[actix_web::test]
async fn after_a_ban_the_breaches_count_from_zero() {
    for storage in everywhere() {
        let clock = clock();
        let limit = Limit::new(Quota::per_minute(1)).ban(rule("2 minutes after 2 breaches in 1 day"));
        let limiter = storage(with_clock(&clock)).default_limits(limit).build().expect("a limiter");
        let app = app(&limiter).await;
        for _ in 0..3 {
            let mut statuses = Vec::new();
            for _ in 0..4 {
                statuses.push(get_from(&app, ALICE).await);
                settled().await;
            }
            assert_eq!(statuses, [200, 429, 429, 403]);
            clock.advance(Duration::from_secs(120));
        }
    }
}

/// The client is the one that the limit counts, which need not be the address.
#[actix_web::test]
async fn the_key_of_the_limit_is_banned() {
    async fn user_page(_: HttpRequest) -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    let by_user = |req: &actix_web::dev::ServiceRequest| {
        Key::text("user", req.headers().get("user").and_then(|it| it.to_str().ok()).unwrap_or_default())
    };
    let limiter = Limiter::builder().build().expect("a limiter");
    let limit = limited().key(by_user).name("pages");
    let app = App::new().wrap(limiter.clone()).service(resource("/u", limit, |it| it.to(user_page)));
    let app = init_service(app).await;
    let get = async |user: &'static str| {
        ask(&app, from(ALICE).uri("/u").insert_header(("user", user))).await.status
    };
    let statuses = [get("eve").await, get("eve").await, get("eve").await, get("eve").await, get("eve").await];
    assert_eq!(statuses, [200, 429, 429, 429, 403]);
    assert_eq!(get("bob").await, 200, "the same address");
    let ban = &limiter.bans().await.expect("bans")[0];
    assert_eq!(ban.client(), Key::text("user", "eve").stored_name());
    assert_eq!(ban.reason(), "1 hour after 3 breaches in 5 minutes: pages");
}

#[actix_web::test]
async fn attributes_and_scopes_ban_too() {
    #[limit("1/minute", ban = "1 hour after 1 breach in 1 minute")]
    #[actix_web::get("/a")]
    async fn page() -> &'static str {
        "a"
    }
    let limiter = Limiter::builder().build().expect("a limiter");
    let scope = web::scope("/s").route("", web::get().to(ok)).limit(limited());
    let app = init_service(App::new().wrap(limiter.clone()).service(page).service(scope)).await;
    let get = async |address: &str, path: &str| ask(&app, from(address).uri(path)).await.status;
    assert_eq!([get(ALICE, "/a").await, get(ALICE, "/a").await, get(ALICE, "/s").await], [200, 429, 403]);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(get(BOB, "/s").await);
    }
    assert_eq!(statuses, [200, 429, 429, 429, 403]);
}

/// Bans are of the middleware. A manual check knows none, but its refusals are breaches.
#[actix_web::test]
async fn a_refusal_by_a_check_is_a_breach() {
    async fn export(req: HttpRequest, limiter: web::Data<Limiter>) -> Result<HttpResponse, actix_web::Error> {
        limiter.check(&req, "exports").await?;
        Ok(HttpResponse::Ok().finish())
    }
    let limiter = Limiter::builder().named_limit("exports", limited()).build().expect("a limiter");
    let app = App::new().app_data(web::Data::new(limiter.clone())).wrap(limiter);
    let app = init_service(app.route("/", web::get().to(export))).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(get_from(&app, ALICE).await);
    }
    assert_eq!(statuses, [200, 429, 429, 429, 403]);
}

/// A limit in shadow refuses nothing, so nobody breaches it.
#[actix_web::test]
async fn a_limit_in_shadow_bans_nobody() {
    let limiter = Limiter::builder().default_limits(limited().shadow(true)).build().expect("a limiter");
    let app = app(&limiter).await;
    for _ in 0..10 {
        assert_eq!(get_from(&app, ALICE).await, 200);
    }
    assert_eq!(limiter.bans().await.expect("bans"), []);
}

/// A longer ban by hand is not shortened.
#[actix_web::test]
async fn a_longer_ban_stays() {
    let limiter = Limiter::builder().default_limits(limited()).build().expect("a limiter");
    let app = app(&limiter).await;
    let address: std::net::IpAddr = ALICE.parse().expect("an address");
    limiter.ban(address, 24 * HOUR, "by hand").await.expect("a ban");
    for _ in 0..5 {
        assert_eq!(get_from(&app, ALICE).await, 403);
    }
    assert_eq!(limiter.bans().await.expect("bans")[0].reason(), "by hand");
}

/// The storage keeps the bans, so that nobody is banned while it fails.
#[actix_web::test]
async fn nobody_is_banned_while_the_storage_fails() {
    let server = Arc::new(MemoryStorage::new());
    let far = Far::to(&server);
    let limiter = Limiter::builder().storage(Arc::clone(&far) as _).default_limits(limited()).build();
    let limiter = limiter.expect("a limiter");
    let app = app(&limiter).await;
    far.is_failing.store(true, Relaxed);
    assert_eq!(get_from(&app, ALICE).await, 200);
    for _ in 0..10 {
        assert_eq!(get_from(&app, ALICE).await, 429);
        settled().await;
    }
    far.is_failing.store(false, Relaxed);
    assert_eq!(limiter.bans().await.expect("bans"), []);
}

/// Two processes add up the breaches of a client.
#[actix_web::test]
async fn breaches_of_all_processes_count() {
    let server = Arc::new(MemoryStorage::new());
    let build = || Limiter::builder().storage(Far::to(&server)).default_limits(limited()).build();
    let (one, other) = (build().expect("a limiter"), build().expect("a limiter"));
    let (first, second) = (app(&one).await, app(&other).await);
    assert_eq!(get_from(&first, ALICE).await, 200);
    let statuses =
        [get_from(&first, ALICE).await, get_from(&second, ALICE).await, get_from(&first, ALICE).await];
    assert_eq!(statuses, [429; 3]);
    settled().await;
    assert_eq!(get_from(&first, ALICE).await, 403);
    assert_eq!(other.bans().await.expect("bans").len(), 1);
    assert_eq!(get_from(&second, ALICE).await, 403, "this process has read them");
}

#[test]
fn a_storage_without_bans_is_an_error() {
    log::capture();
    let error = StorageKind::Failing.set(Limiter::builder()).default_limits(limited()).build();
    let error = error.expect_err("it keeps none").to_string();
    assert!(error.contains("invalid option `ban`: the storage keeps no bans"), "{error}");
    let named = StorageKind::Failing.set(Limiter::builder()).named_limit("a", limited()).build();
    assert!(matches!(named, Err(BuildError::Config(_))));
    // Of a scope, it is known only once it is bound.
    let bucket = limited().strategy(Strategy::TokenBucket);
    actix_web::rt::System::new().block_on(async {
        let limiter = StorageKind::Failing.set(Limiter::builder()).build().expect("a limiter");
        let app =
            App::new().wrap(limiter).service(web::scope("/s").route("", web::get().to(ok)).limit(bucket));
        let app = init_service(app).await;
        assert_eq!(ask(&app, from(ALICE).uri("/s")).await.status, 200);
    });
    assert!(
        log::here("ignoring `ban`").iter().any(|line| line.contains("L004")),
        "{:?}",
        log::here("ignoring")
    );
}

/// A reason has a bound, and names may be longer.
#[actix_web::test]
async fn a_limit_with_a_long_name_bans_too() {
    for name in ["n".repeat(1000), "\u{e9}".repeat(1000)] {
        let clock = clock();
        let limit =
            Limit::new(Quota::per_minute(1)).name(name).ban(rule("1 hour after 1 breach in 5 minutes"));
        let limiter = with_clock(&clock).default_limits(limit).build().expect("a limiter");
        let app = app(&limiter).await;
        assert_eq!([get_from(&app, ALICE).await, get_from(&app, ALICE).await], [200, 429]);
        settled().await;
        clock.advance(Duration::from_secs(60));
        assert_eq!(get_from(&app, ALICE).await, 403);
        assert_eq!(get_from(&app, BOB).await, 200);
    }
}
