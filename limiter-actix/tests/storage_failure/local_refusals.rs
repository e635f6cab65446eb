//! Refused clients are refused again without a query.

use std::{sync::Arc, time::Duration};

use actix_web::{App, HttpResponse, rt::task::yield_now, test::init_service, web};
use limiter_actix::{
    Headers, Key, Limit, Limits, Quota, Strategy, Timestamp, resource,
    storage::{Answer, Batch, Decision, Hit, Refund, Storage},
};
use limiter_test_support::app::{ask, request};

use crate::fickle_storage::{Bench, Fickle, START, of_another, ok, statuses};

/// Sends six requests; returns the statuses, and the number of queries.
async fn six_times(limits: impl Into<Limits>) -> (Vec<u16>, u64) {
    let bench = Bench::new();
    let app = App::new()
        .wrap(bench.limiter().build().unwrap())
        .service(resource("/", limits.into(), |it| it.to(ok)));
    let app = init_service(app).await;
    (statuses(&app, "/", 6).await, bench.storage.decided())
}

fn two_per_hour() -> Limit {
    Limit::new(Quota::per_hour(2))
}

#[actix_web::test]
async fn the_storage_is_queried_for_the_first_refusal_only() {
    let refused_from_the_third = vec![200, 200, 429, 429, 429, 429];
    for strategy in Strategy::ALL {
        let expected = if strategy == Strategy::FixedWindowElasticExpiry { 6 } else { 3 };
        let seen = six_times(two_per_hour().strategy(strategy)).await;
        assert_eq!(seen, (refused_from_the_third.clone(), expected), "{strategy}");
    }
}

#[actix_web::test]
async fn some_limits_are_always_queried() {
    let deducting = two_per_hour().deduct_when(|_| true);
    assert_eq!(six_times(deducting).await, (vec![200, 200, 429, 429, 429, 429], 6));
    assert_eq!(six_times(two_per_hour().shadow(true)).await, (vec![200; 6], 6));
    assert_eq!(six_times(two_per_hour().cost(0)).await, (vec![200; 6], 6));
    assert_eq!(six_times(two_per_hour().meta(Quota::per_hour(9))).await.1, 6, "its refusals are counted");
}

/// A refusal must count there, until the meta limit itself refuses.
#[actix_web::test]
async fn meta_limits_are_queried_until_they_refuse() {
    let bench = Bench::new();
    let limiter = bench.limiter().default_limits("1/hour").meta_limits("2/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
    for (status, asked, problem) in [
        (200, 1, ""),
        (429, 2, "quota-exceeded"),
        // It spends the meta limit, so the wait of that is asked for as well.
        (429, 4, "quota-exceeded"),
        (429, 5, "abnormal-usage"),
        (429, 5, "abnormal-usage"),
        (429, 5, "abnormal-usage"),
    ] {
        let answer = ask(&app, request("GET", "/")).await;
        assert_eq!((answer.status, bench.storage.decided()), (status, asked));
        assert!(answer.body.contains(problem), "{}", answer.body);
    }
}

#[actix_web::test]
async fn local_refusals_can_be_turned_off() {
    let bench = Bench::new();
    let limiter = bench.limiter().default_limits("2/hour").local_refusals(false).build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
    assert_eq!(statuses(&app, "/", 6).await, [200, 200, 429, 429, 429, 429]);
    assert_eq!(bench.storage.decided(), 6);
}

/// A storage that decides here.
#[derive(Debug)]
struct Here(Arc<Fickle>);

impl Storage for Here {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        self.0.decide(batch, now)
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        self.0.refund(taken, now)
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.0.clear(hits)
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.0.reset()
    }

    fn is_local(&self) -> bool {
        true
    }
}

#[actix_web::test]
async fn a_local_storage_is_always_queried() {
    let bench = Bench::new();
    let here = Arc::new(Here(Arc::clone(&bench.storage)));
    let limiter = bench.limiter().storage(here).default_limits("2/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
    statuses(&app, "/", 6).await;
    assert_eq!(bench.storage.decided(), 6);
    assert!(limiter_actix::storage::MemoryStorage::new().is_local());
}

#[actix_web::test]
async fn a_local_refusal_counts_down_the_wait_of_the_storage() {
    let bench = Bench::new();
    let limits = Limits::from([two_per_hour().name("own"), Limit::new(Quota::per_day(9)).name("daily")]);
    let app = App::new()
        .wrap(bench.limiter().headers(Headers::X_RATELIMIT | Headers::IETF_DRAFT_11).build().unwrap())
        .service(resource("/", limits, |it| it.to(ok)));
    let app = init_service(app).await;
    statuses(&app, "/", 3).await;
    let reset = (START + 3600).to_string();
    for passed in [0, 1] {
        bench.clock.set(Timestamp::from_millis((START + passed) * 1000));
        let answer = ask(&app, request("GET", "/")).await;
        assert_eq!((answer.status, bench.storage.decided()), (429, 3), "after {passed} s");
        let wait = (3600 - passed).to_string();
        assert_eq!(answer.header("retry-after"), Some(&*wait));
        for (name, value) in [("limit", "2"), ("remaining", "0"), ("reset", &*reset)] {
            assert_eq!(answer.header(&format!("x-ratelimit-{name}")), Some(value), "{name} after {passed} s");
        }
        let fields = format!("\"own\";r=0;t={wait}, \"daily\";r=7;t={}", 86_400 - passed);
        assert_eq!(answer.header("ratelimit"), Some(&*fields));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"own\";q=2;w=3600, \"daily\";q=9;w=86400"));
        assert!(answer.body.contains("2 per 1 hour"), "{}", answer.body);
    }
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(statuses(&app, "/", 1).await, [429]);
    assert_eq!(bench.storage.decided(), 4, "after 2 s");
}

#[actix_web::test]
async fn refusals_of_a_shared_limit_hold_on_all_its_routes() {
    let bench = Bench::new();
    let shared = || two_per_hour().shared("both");
    let app = App::new()
        .wrap(bench.limiter().build().unwrap())
        .service(resource("/a", shared(), |it| it.to(ok)))
        .service(resource("/b", shared(), |it| it.to(ok)))
        .service(resource("/own", two_per_hour(), |it| it.to(ok)));
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/a", 3).await, [200, 200, 429]);
    assert_eq!(statuses(&app, "/b", 2).await, [429, 429]);
    assert_eq!(bench.storage.decided(), 3);
    assert_eq!(ask(&app, of_another("/b")).await.status, 200);
    assert_eq!(statuses(&app, "/own", 1).await, [200]);
    assert_eq!(bench.storage.decided(), 5);
}

#[actix_web::test]
async fn cleared_counts_are_queried() {
    let bench = Bench::new();
    // Another limiter of the same storage clears for both.
    let limiters = ["one", "other"].map(|filter| {
        let limiter = bench.limiter().application_limits(two_per_hour().shared("mails"));
        let limiter = limiter.request_filter(move |req| req.path() == filter);
        limiter.named_limit("mails", Quota::per_hour(2)).build().unwrap()
    });
    let [limiter, other] = limiters;
    let app = init_service(App::new().wrap(limiter.clone()).route("/", web::to(ok))).await;
    let client = Key::from(std::net::IpAddr::from([127, 0, 0, 1]));
    for clear in 0..5 {
        assert_eq!(statuses(&app, "/", 4).await, [200, 200, 429, 429], "round {clear}");
        assert_eq!(bench.storage.decided(), 3 * (clear + 1));
        match clear {
            0 => limiter.clear("mails", &client).await.unwrap(),
            1 => drop(limiter.clear_all(&client).await.unwrap()),
            2 => limiter.reset().await.unwrap(),
            3 => other.clear("mails", &client).await.unwrap(),
            _ => other.reset().await.unwrap(),
        }
    }
    assert_eq!(statuses(&app, "/", 1).await, [200]);
}

async fn not_found_when_told(gate: web::Data<tokio::sync::Notify>) -> HttpResponse {
    gate.notified().await;
    HttpResponse::NotFound().finish()
}

/// A reservation that comes back frees the count for limits that refused meanwhile.
#[actix_web::test]
async fn refunded_counts_are_queried() {
    let bench = Bench::new();
    let limit = || Limit::new(Quota::per_hour(1)).shared("both");
    let on_success = limit().deduct_when(|response| response.status.is_success());
    let gate = web::Data::new(tokio::sync::Notify::new());
    let app = App::new()
        .app_data(gate.clone())
        .wrap(bench.limiter().build().unwrap())
        .service(resource("/deducting", on_success, |it| it.to(not_found_when_told)))
        .service(resource("/plain", limit(), |it| it.to(ok)));
    let app = init_service(app).await;
    let held = ask(&app, request("GET", "/deducting"));
    let meanwhile = async {
        yield_now().await;
        yield_now().await;
        let seen = statuses(&app, "/plain", 2).await;
        gate.notify_one();
        seen
    };
    let (held, seen) = futures_util::future::join(held, meanwhile).await;
    assert_eq!((held.status, seen), (404, vec![429, 429]));
    assert_eq!(bench.storage.decided(), 2, "the second refusal was made here");
    for _ in 0..10 {
        yield_now().await;
    }
    assert_eq!(statuses(&app, "/plain", 1).await, [200]);
}

/// A refusal of the fallback memory is not taken for a refusal of the storage.
#[actix_web::test]
async fn refusals_of_the_fallback_are_not_remembered() {
    let bench = Bench::failing();
    let limiter = bench.limiter().default_limits("2/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
    assert_eq!(statuses(&app, "/", 4).await, [200, 200, 429, 429]);
    assert_eq!(bench.storage.decided(), 4);
    bench.storage.recover();
    assert_eq!(statuses(&app, "/", 2).await, [200, 200]);
}
