//! Hot counts are charged ahead of need.

use std::{sync::Arc, time::Duration};

use actix_http::Request;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    rt::task::yield_now,
    test::init_service,
    web,
};
use limiter_actix::{Key, Leases, Limit, Limiter, LimiterBuilder, Quota, Strategy, resource};
use limiter_test_support::{app::get, log};

use crate::fickle_storage::{Bench, ok};

const AMOUNT: u64 = 5000;

fn leasing(bench: &Bench) -> Limiter {
    build(bench.limiter())
}

/// A limiter of one of several processes. Each has its own connection to the storage.
fn of_a_process(bench: &Bench) -> Limiter {
    build(bench.limiter().storage(Arc::new(Arc::clone(&bench.storage))))
}

fn build(builder: LimiterBuilder) -> Limiter {
    let limit = Limit::new(Quota::per_hour(AMOUNT)).name("all").key(|_| Key::from("everybody"));
    builder.application_limits(limit).leases(Leases::default()).build().expect("a limiter")
}

async fn app(
    limiter: &Limiter,
) -> impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error> {
    init_service(App::new().wrap(limiter.clone()).route("/", web::to(ok))).await
}

#[actix_web::test]
async fn hot_counts_are_decided_with_few_queries_and_never_beyond_the_limit() {
    let bench = Bench::new();
    let limiters = [of_a_process(&bench), of_a_process(&bench)];
    let apps = [app(&limiters[0]).await, app(&limiters[1]).await];
    let mut admitted = 0;
    for number in 0..AMOUNT + 1000 {
        bench.clock.advance(Duration::from_millis(1));
        let app = &apps[usize::from(number % 2 == 1)];
        admitted += u64::from(get(app, "/").await == 200);
        // Leases are taken meanwhile.
        yield_now().await;
    }
    assert!((AMOUNT * 97 / 100..=AMOUNT).contains(&admitted), "{admitted} were admitted");
    let decided = bench.storage.decided();
    assert!(decided < AMOUNT / 10, "{decided} queries");
}

#[actix_web::test]
async fn leases_that_a_route_cannot_have_are_logged() {
    log::capture();
    let bench = Bench::new();
    let limiter = bench.limiter().strategy(Strategy::MovingWindow).build().expect("a limiter");
    let limit = Limit::new(Quota::per_hour(AMOUNT)).leases(true);
    let app = App::new().wrap(limiter).service(resource("/", limit, |it| it.to(ok)));
    let app = init_service(app).await;
    assert_eq!(get(&app, "/").await, 200);
    let lines = log::here("L004");
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.contains("`leases`: `5000 per 1 hour` has none"), "{line}");
}

#[actix_web::test]
async fn what_is_leased_and_unused_is_refunded_before_the_process_ends() {
    let bench = Bench::new();
    let limiter = leasing(&bench);
    let app = app(&limiter).await;
    for _ in 0..1000 {
        bench.clock.advance(Duration::from_millis(1));
        assert_eq!(get(&app, "/").await, 200);
        yield_now().await;
    }
    assert!(bench.storage.decided() < 300, "{} queries", bench.storage.decided());
    limiter.flush().await.expect("the storage answers");
    let window = limiter.window("all", &Key::from("everybody")).await.expect("it is known");
    assert_eq!(window.remaining(), AMOUNT - 1000);
}

/// The defect: a clear by one limiter left what another one of the process had leased.
#[actix_web::test]
async fn a_clear_takes_effect_in_all_limiters_of_the_storage() {
    let bench = Bench::new();
    let (limiter, other) = (leasing(&bench), leasing(&bench));
    let (app, _of_other) = (app(&limiter).await, app(&other).await);
    for _ in 0..1000 {
        bench.clock.advance(Duration::from_millis(1));
        assert_eq!(get(&app, "/").await, 200);
        yield_now().await;
    }
    let everybody = Key::from("everybody");
    other.clear("all", &everybody).await.expect("the storage answers");
    assert_eq!(get(&app, "/").await, 200);
    let window = limiter.window("all", &everybody).await.expect("it is known");
    assert_eq!(window.remaining(), AMOUNT - 1);
}

/// Returns whether requests under an application limit are decided with fewer queries.
async fn is_leased(set: impl FnOnce(LimiterBuilder) -> LimiterBuilder) -> bool {
    let bench = Bench::new();
    let limiter = set(bench.limiter()).build().expect("a limiter");
    let app = app(&limiter).await;
    for _ in 0..500 {
        bench.clock.advance(Duration::from_millis(1));
        assert_eq!(get(&app, "/").await, 200);
        yield_now().await;
    }
    bench.storage.decided() < 250
}

#[actix_web::test]
async fn single_limits_turn_them_on_and_off() {
    let limit = || Limit::new(Quota::per_hour(AMOUNT));
    for (of_all, of_limit, expected) in
        [(false, None, false), (true, None, true), (false, Some(true), true), (true, Some(false), false)]
    {
        let set = |it: LimiterBuilder| {
            let it = if of_all { it.leases(Leases::default()) } else { it };
            it.application_limits(of_limit.into_iter().fold(limit(), Limit::leases))
        };
        assert_eq!(is_leased(set).await, expected, "{of_all} {of_limit:?}");
    }
    let variables = [("RATELIMIT_LEASES", "yes"), ("RATELIMIT_APPLICATION", "5000/hour")];
    assert!(is_leased(|it| it.from_variables(variables)).await);
}

#[test]
fn other_counts_have_none() {
    let limit = Limit::new(Quota::per_hour(9)).leases(true);
    for limit in
        [limit.clone().strategy(Strategy::TokenBucket), limit.clone().metered(true), limit.keep_used(true)]
    {
        let error = Limiter::builder().application_limits(limit).build().unwrap_err().to_string();
        assert!(error.contains("`leases`: `9 per 1 hour` has none"), "{error}");
    }
}

#[actix_web::test]
async fn without_the_setting_each_request_is_a_query() {
    let bench = Bench::new();
    let limiter = bench.limiter().application_limits("5000/hour").build().expect("a limiter");
    let app = app(&limiter).await;
    for _ in 0..200 {
        assert_eq!(get(&app, "/").await, 200);
    }
    assert_eq!(bench.storage.decided(), 200);
    limiter.flush().await.expect("there is nothing to do");
}
