use std::{
    future::{Future, pending, poll_fn, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::SystemTime,
};

use actix_web::{
    App, HttpResponse,
    body::to_bytes,
    dev::{Service, ServiceResponse},
    error::ErrorForbidden,
    guard,
    http::StatusCode,
    rt::{System, task::yield_now},
    test::{TestRequest, call_service, init_service},
    web,
};
use futures_util::future::join;
use limiter_core::{
    ManualClock, Timestamp,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Storage, StorageError},
};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::{Key, Limit, Limiter, OnStorageFailure, Quota, ScopeExt, resource};

/// Runs `work` on this thread, and returns the metrics that it recorded.
fn recorded(work: impl AsyncFnOnce()) -> Recorded {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || System::new().block_on(work()));
    Recorded(recorder.handle().render())
}

struct Recorded(String);

impl Recorded {
    /// Returns the lines of a metric, without its name.
    fn of(&self, name: &str) -> Vec<&str> {
        let lines = self.0.lines().filter_map(|line| line.strip_prefix("limiter_")?.strip_prefix(name));
        let mut lines: Vec<_> = lines.filter(|line| !line.ends_with(" 0")).collect();
        lines.sort_unstable();
        lines
    }
}

/// A memory storage that fails or hangs on demand.
#[derive(Debug, Default)]
struct Fickle {
    memory: MemoryStorage,
    fails: AtomicBool,
    /// The number of the decision that never ends, from zero.
    stuck_at: Option<usize>,
    decisions: AtomicUsize,
}

impl Storage for Fickle {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        if self.fails.load(Ordering::Relaxed) {
            return Answer::Ready(Err(StorageError::new("failing on demand")));
        }
        if self.stuck_at == Some(self.decisions.fetch_add(1, Ordering::Relaxed)) {
            return Answer::Pending(Box::pin(pending()));
        }
        Answer::ready(self.memory.decide(batch, now))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        self.memory.refund(taken, now)
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.memory.clear(hits)
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.memory.reset()
    }
}

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// Builds an app with these services behind a limiter.
macro_rules! app {
    ($limiter:expr $(, $service:expr)* $(,)?) => {
        init_service(App::new().wrap($limiter.clone())$(.service($service))*).await
    };
}

macro_rules! get {
    ($app:expr, $path:expr) => {
        call_service(&$app, TestRequest::get().uri($path).to_request()).await.status()
    };
}

#[test]
fn labels_are_names_or_tiers_and_never_results_of_functions() {
    let recorded = recorded(async || {
        let limiter = Limiter::builder()
            .application_limits("50/minute")
            .default_limits("40/minute")
            .meta_limits("1/day")
            .build()
            .unwrap_or_default();
        let by_path = Limit::dynamic(|req| format!("{}/day", req.path().len()));
        let app = app!(
            limiter,
            resource("/dynamic/{way}", by_path, |it| it.get(ok)),
            resource("/shared", Limit::new(Quota::per_day(9)).shared("pool"), |it| it.get(ok)),
            resource("/once", Limit::new(Quota::per_day(1)).name("once"), |it| it.get(ok)),
            web::scope("/in").limit(Limit::new(Quota::per_day(8))).route("/{id}", web::get().to(ok)),
        );
        for path in ["/dynamic/a", "/dynamic/longer", "/shared", "/in/1", "/in/2", "/once"] {
            assert_eq!(get!(app, path), 200);
        }
        // The meta limit refuses the second.
        assert_eq!([get!(app, "/once"), get!(app, "/once")], [429, 429]);
    });
    assert_eq!(
        recorded.of("limit_hits_total"),
        [
            r#"{route="/dynamic/{way}",limit="application 50 per 1 minute"} 2"#,
            r#"{route="/dynamic/{way}",limit="dynamic"} 2"#,
            r#"{route="/in/{id}",limit="application 50 per 1 minute"} 2"#,
            r#"{route="/in/{id}",limit="scope 8 per 1 day"} 2"#,
            r#"{route="/once",limit="application 50 per 1 minute"} 1"#,
            r#"{route="/once",limit="once"} 1"#,
            r#"{route="/shared",limit="application 50 per 1 minute"} 1"#,
            r#"{route="/shared",limit="pool"} 1"#,
        ]
    );
    assert_eq!(
        recorded.of("limit_refusals_total"),
        [r#"{route="/once",limit="meta 1 per 1 day"} 1"#, r#"{route="/once",limit="once"} 1"#]
    );
}

#[test]
fn near_is_less_than_a_fifth() {
    let recorded = recorded(async || {
        let app = app!(Limiter::builder().default_limits("10/day").build().unwrap_or_default());
        for _ in 0..10 {
            get!(app, "/");
        }
    });
    // The ninth and the tenth leave 1 and 0. The eighth leaves 2, which is a fifth.
    assert_eq!(recorded.of("limit_near_total"), [r#"{route="unmatched",limit="default 10 per 1 day"} 2"#]);
}

#[test]
fn a_failing_storage_shows() {
    let storage = Arc::new(Fickle::default());
    let fickle = Arc::clone(&storage);
    let failing = recorded(async move || {
        let limiter = Limiter::builder()
            .storage(Arc::clone(&fickle) as _)
            .default_limits("40/minute")
            .route("/deny", Limit::new(Quota::per_day(1)).on_storage_failure(OnStorageFailure::Deny))
            .route("/allow", Limit::new(Quota::per_day(1)).on_storage_failure(OnStorageFailure::Allow))
            .build()
            .unwrap_or_default();
        let app = app!(limiter);
        assert_eq!(get!(app, "/"), 404);
        fickle.fails.store(true, Ordering::Relaxed);
        assert_eq!([get!(app, "/"), get!(app, "/allow"), get!(app, "/deny")], [404, 404, 503]);
        // Leaked, because a dropped limiter leaves the metric.
        std::mem::forget(limiter);
    });
    assert_eq!(failing.of("storage_failing"), [" 1"]);
    assert_eq!(failing.of("storage_errors_total"), [" 3"]);
    assert_eq!(
        failing.of("requests_total"),
        [
            r#"{outcome="allowed",decided_by="memory"} 1"#,
            r#"{outcome="allowed",decided_by="none"} 1"#,
            r#"{outcome="allowed",decided_by="storage"} 1"#,
            r#"{outcome="undecided",decided_by="none"} 1"#,
        ]
    );
    assert_eq!(failing.of("decision_seconds_count"), [" 4"]);
}

#[test]
fn a_storage_that_is_back_or_gone_does_not_fail() {
    for recovers in [true, false] {
        let recorded = recorded(async || {
            let storage = Arc::new(Fickle::default());
            storage.fails.store(true, Ordering::Relaxed);
            let limiter = Limiter::builder().storage(Arc::clone(&storage) as _).default_limits("9/day");
            let app = app!(limiter.build().unwrap_or_default());
            get!(app, "/");
            if recovers {
                storage.fails.store(false, Ordering::Relaxed);
                get!(app, "/");
            }
        });
        assert!(recorded.0.contains("limiter_storage_failing 0"), "{}", recorded.0);
        assert_eq!(recorded.of("storage_errors_total"), [" 1"]);
    }
}

#[test]
fn local_refusals_are_counted() {
    let recorded = recorded(async || {
        let storage = Arc::new(Fickle::default());
        let limiter = Limiter::builder().storage(storage as _).default_limits("1/day");
        // A refusal is repeated for a while only.
        let limiter = limiter.clock(Arc::new(ManualClock::new(SystemTime::now())));
        let app = app!(limiter.build().unwrap_or_default());
        assert_eq!([get!(app, "/"), get!(app, "/"), get!(app, "/")], [404, 429, 429]);
    });
    assert_eq!(recorded.of("local_refusals_total"), [" 1"]);
    assert_eq!(recorded.of("requests_total{outcome=\"refused\""), [r#",decided_by="storage"} 2"#]);
}

/// A request whose route is known only after routing is counted once, with its final outcome.
#[test]
fn a_corrected_request_is_counted_once() {
    let recorded = recorded(async || {
        let app = app!(
            Limiter::builder().default_limits("40/minute").build().unwrap_or_default(),
            web::resource("/{any}").guard(guard::Header("x", "y")).get(ok),
            resource("/late", Limit::new(Quota::per_day(1)).name("late"), |it| it.get(ok)),
        );
        assert_eq!([get!(app, "/late"), get!(app, "/late")], [200, 429]);
    });
    assert_eq!(
        recorded.of("requests_total"),
        [r#"{outcome="allowed",decided_by="storage"} 1"#, r#"{outcome="refused",decided_by="storage"} 1"#,]
    );
    let hits = recorded.of("limit_hits_total");
    assert_eq!(hits.len(), 1, "refunded hits are not counted: {hits:?}");
    assert!(hits[0].contains(r#"limit="late"} 1"#), "{hits:?}");
}

/// The first request may give back what the second lacks.
#[test]
fn a_refusal_by_reservations_is_counted_apart() {
    let recorded = recorded(async || {
        let limit = Limit::new(Quota::per_day(1)).deduct_when(|answer| answer.status == 401);
        let handler = async || {
            yield_now().await;
            HttpResponse::Ok().finish()
        };
        let app = app!(Limiter::default(), resource("/login", limit, |it| it.get(handler)));
        let (first, second) = join(async { get!(app, "/login") }, async { get!(app, "/login") }).await;
        assert_eq!([first, second], [200, 429]);
    });
    assert_eq!(
        recorded.of("requests_total"),
        [r#"{outcome="allowed",decided_by="storage"} 1"#, r#"{outcome="reserved",decided_by="storage"} 1"#]
    );
}

#[test]
fn a_client_that_disconnects_is_counted() {
    let recorded = recorded(async || {
        let limiter = Limiter::builder().default_limits("40/minute").build().unwrap_or_default();
        let app = app!(limiter, web::resource("/slow").get(std::future::pending::<HttpResponse>));
        // The way of the second is straight.
        for _ in 0..2 {
            let mut answer = Box::pin(app.call(TestRequest::get().uri("/slow").to_request()));
            let is_pending = |cx: &mut Context<'_>| Poll::Ready(answer.as_mut().poll(cx).is_pending());
            assert!(poll_fn(is_pending).await);
        }
    });
    assert_eq!(recorded.of("requests_total"), [r#"{outcome="allowed",decided_by="storage"} 2"#]);
    let hits = r#"{route="/slow",limit="default 40 per 1 minute"} 2"#;
    assert_eq!(recorded.of("limit_hits_total"), [hits]);
}

/// A middleware further in returns an error, which becomes a response further out.
#[test]
fn a_request_that_ends_in_an_error_is_counted() {
    let recorded = recorded(async || {
        let limiter = Limiter::builder().default_limits("40/minute").build().unwrap_or_default();
        let app = App::new()
            .wrap_fn(|_, _| ready(Err::<ServiceResponse, _>(ErrorForbidden("no"))))
            .wrap(limiter)
            .route("/", web::get().to(ok));
        let app = init_service(app).await;
        for _ in 0..2 {
            let answer = app.call(TestRequest::get().uri("/").to_request()).await;
            assert!(answer.is_err(), "the middleware fails");
        }
    });
    assert_eq!(recorded.of("requests_total"), [r#"{outcome="allowed",decided_by="storage"} 2"#]);
}

#[test]
fn manual_checks_have_their_own_route() {
    let recorded = recorded(async || {
        let limiter =
            Limiter::builder().named_limit("exports", Quota::per_day(2)).build().unwrap_or_default();
        let key = Key::text("user", "alice");
        for _ in 0..3 {
            assert!(limiter.hit("exports", &key, 1).await.is_ok());
        }
        assert!(limiter.test("exports", &key, 1).await.is_ok());
        let req = TestRequest::default().to_http_request();
        for expected in [true, true, false] {
            assert_eq!(limiter.check(&req, "exports").await.is_ok(), expected);
        }
    });
    assert_eq!(recorded.of("limit_hits_total"), [r#"{route="manual",limit="exports"} 4"#]);
    assert_eq!(recorded.of("limit_refusals_total"), [r#"{route="manual",limit="exports"} 2"#]);
    assert!(recorded.of("requests_total").is_empty(), "no request was decided");
}

/// Requests without limits stay out of the metrics.
#[test]
fn requests_without_limits_are_not_counted() {
    let recorded = recorded(async || {
        let app = app!(Limiter::default(), web::resource("/").get(ok));
        let response = call_service(&app, TestRequest::get().uri("/").to_request()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(to_bytes(response.into_body()).await.is_ok_and(|body| body.is_empty()));
    });
    assert!(recorded.of("requests_total").is_empty());
}

#[test]
fn requests_of_banned_clients_have_an_outcome_of_their_own() {
    let recorded = recorded(async || {
        let limiter = Limiter::builder().default_limits("5/minute").build().unwrap_or_default();
        let app = app!(limiter, web::resource("/").to(ok));
        let client = Key::from("eve");
        let banned = Limiter::builder().default_limits("5/minute").key(|_| "eve").build().unwrap_or_default();
        let app_of_banned = app!(banned, web::resource("/").to(ok));
        assert!(banned.ban(&client, std::time::Duration::from_secs(60), "").await.is_ok());
        assert_eq!([get!(app, "/"), get!(app_of_banned, "/"), get!(app_of_banned, "/")], [200, 403, 403]);
    });
    assert_eq!(
        recorded.of("requests_total"),
        [r#"{outcome="allowed",decided_by="storage"} 1"#, r#"{outcome="banned",decided_by="storage"} 2"#,]
    );
}

/// The meta limit that refuses is none of those that code has named.
#[test]
fn a_manual_check_that_a_meta_limit_refuses_counts_there() {
    let recorded = recorded(async || {
        let limiter = Limiter::builder().named_limit("exports", Quota::per_day(1)).meta_limits("1/day");
        let limiter = limiter.build().unwrap_or_default();
        let req = TestRequest::default().to_http_request();
        for expected in [true, false, false] {
            assert_eq!(limiter.check(&req, "exports").await.is_ok(), expected);
        }
    });
    assert_eq!(
        recorded.of("limit_refusals_total"),
        [r#"{route="manual",limit="exports"} 1"#, r#"{route="manual",limit="meta 1 per 1 day"} 1"#]
    );
}

#[test]
fn decisions_are_timed_where_there_are_limits() {
    let recorded = recorded(async || {
        // A request filter takes requests off the straight way.
        for limiter in [Limiter::builder(), Limiter::builder().request_filter(|_| false)] {
            let limiter = limiter.build().unwrap_or_default();
            let place = resource("/limited", Limit::new(Quota::per_day(9)), |it| it.get(ok));
            let app = app!(limiter, place, web::resource("/free").get(ok));
            for path in ["/limited", "/limited", "/free"] {
                assert_eq!(get!(app, path), 200);
            }
        }
    });
    assert_eq!(recorded.of("decision_seconds_count"), [" 4"]);
}

/// A request that it would have refused is no hit, and one that it would have admitted is no refusal.
#[test]
fn a_limit_in_shadow_counts_both_apart() {
    let recorded = recorded(async || {
        let limit = Limit::new(Quota::per_day(2)).shadow(true).name("new");
        let app = app!(Limiter::builder().default_limits(limit).build().unwrap_or_default());
        for _ in 0..3 {
            assert_eq!(get!(app, "/"), 404);
        }
    });
    assert_eq!(recorded.of("limit_hits_total"), [r#"{route="unmatched",limit="new"} 2"#]);
    assert_eq!(recorded.of("limit_shadow_refusals_total"), [r#"{route="unmatched",limit="new"} 1"#]);
    assert_eq!(recorded.of("limit_refusals_total"), [] as [&str; 0]);
}

/// Whatever the level of the limit whose breaches it counts.
#[test]
fn the_meta_limit_of_a_limit_has_a_label_of_its_own() {
    let recorded = recorded(async || {
        let limit = Limit::new(Quota::per_day(2)).meta(Quota::per_day(1));
        let app = app!(Limiter::default(), resource("/", limit, |it| it.get(ok)));
        let statuses = [get!(app, "/"), get!(app, "/"), get!(app, "/"), get!(app, "/")];
        assert_eq!(statuses, [200, 200, 429, 429]);
    });
    assert_eq!(
        recorded.of("limit_refusals_total"),
        [r#"{route="/",limit="meta 1 per 1 day"} 1"#, r#"{route="/",limit="route 2 per 1 day"} 1"#]
    );
}

/// The defect: it was counted only under limits that are refunded then.
#[test]
fn a_request_that_is_dropped_while_it_is_decided_again_counts() {
    let recorded = recorded(async || {
        let storage = Arc::new(Fickle { stuck_at: Some(1), ..Fickle::default() });
        let stuck = Limiter::builder().storage(storage).default_limits("40/minute");
        let late = Limit::new(Quota::per_day(1)).name("late");
        let app = app!(
            stuck.build().unwrap_or_default(),
            web::resource("/{any}").guard(guard::Header("x", "y")).get(ok),
            resource("/late", late, |it| it.get(ok))
        );
        let mut answer = Box::pin(app.call(TestRequest::get().uri("/late").to_request()));
        for _ in 0..3 {
            let is_pending =
                |context: &mut Context<'_>| Poll::Ready(answer.as_mut().poll(context).is_pending());
            assert!(poll_fn(is_pending).await);
            yield_now().await;
        }
    });
    assert_eq!(recorded.of("requests_total"), [r#"{outcome="allowed",decided_by="storage"} 1"#]);
}
