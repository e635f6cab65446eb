//! Costs that are taken only when the response says so.

use std::{
    cell::Cell,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse, ResponseError,
    dev::{ResponseHead, Service},
    error::{ErrorBadRequest, ErrorUnauthorized},
    guard::{GuardContext, fn_guard},
    rt::{System, spawn, task::yield_now, time::sleep},
    test::init_service,
    web::{self, Data},
};
use futures_util::future::join_all;
use limiter_actix::{Exempt, Limit, Limiter, Quota, resource};
use limiter_test_support::{
    log,
    play::{builder, clock, expect, in_a_system, page, play_to, read},
    storages::Kept,
};

use crate::probe::hold;

/// Only failures count.
fn failed(answer: &ResponseHead) -> bool {
    answer.status.is_client_error()
}

fn one_failure() -> Limit {
    Limit::new(Quota::per_minute(1)).deduct_when(failed)
}

/// Succeeds with the right password.
async fn login(req: HttpRequest) -> Result<&'static str, Error> {
    match req.headers().get("password") {
        Some(password) if password == "right" => Ok("welcome"),
        Some(_) => Err(ErrorUnauthorized("wrong")),
        None => Err(ErrorBadRequest("none")),
    }
}

#[test]
fn only_failures_count() {
    hold(
        |it| it.headers(true),
        |app| {
            let two = Limit::new(Quota::per_minute(2)).deduct_when(failed);
            app.service(resource("/login", two, |it| it.to(login)));
        },
        &[
            (0.0, "POST /login", "password: right", "200 [L=2 R=2 X=T+0]"),
            (0.0, "POST /login", "password: right", "200 [L=2 R=2 X=T+0]"),
            (0.0, "POST /login", "password: right", "200 [L=2 R=2 X=T+0]"),
            (1.0, "POST /login", "password: wrong", "401 [L=2 R=1 X=T+61]"),
            (2.0, "POST /login", "password: right", "200 [L=2 R=1 X=T+61]"),
            // An error from inside is a response like any other.
            (3.0, "POST /login", "", "400 [L=2 R=0 X=T+61]"),
            (4.0, "POST /login", "password: right", "429 [L=2 R=0 X=T+61 A=57]"),
            (61.0, "POST /login", "password: right", "200"),
        ],
    );
}

#[test]
fn what_is_always_due_stays() {
    hold(
        |it| it.headers(true),
        |app| {
            app.service(resource("/a", Limit::new(Quota::per_minute(2)).deduct_when(|_| true), |it| {
                it.to(login)
            }));
        },
        &[
            (0.0, "GET /a", "password: right", "200 [L=2 R=1 X=T+60]"),
            (0.0, "GET /a", "", "400 [L=2 R=0 X=T+60]"),
            (0.0, "GET /a", "password: right", "429 [L=2 R=0 X=T+60 A=60]"),
        ],
    );
}

#[test]
fn other_limits_of_the_request_stay_taken() {
    hold(
        |it| it.headers(true).application_limits("3/hour"),
        |app| {
            app.service(resource("/login", one_failure(), |it| it.to(login))).service(page("/b", "b"));
        },
        &[
            (0.0, "POST /login", "password: right", "200"),
            (0.0, "POST /login", "password: right", "200"),
            (0.0, "GET /b", "", "200 [L=3 R=0 X=T+3600]"),
            (0.0, "POST /login", "password: right", "429 [L=3 R=0 X=T+3600 A=3600]"),
        ],
    );
}

#[test]
fn refused_requests_are_never_asked() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let limit = Limit::new(Quota::per_hour(5)).deduct_when(move |answer| {
        assert_ne!(answer.status, 429);
        counter.fetch_add(1, Relaxed);
        true
    });
    expect(
        |it| it.application_limits("1/minute"),
        |app| {
            app.service(resource("/login", limit, |it| it.to(login)));
        },
        &[
            (0.0, "POST /login", "", "400"),
            (0.0, "POST /login", "", "429 '1 per 1 minute'"),
            (0.0, "POST /login", "", "429 '1 per 1 minute'"),
        ],
    );
    assert!(asked.load(Relaxed) > 0, "the admitted one was asked");
}

/// Answers when the test says so.
#[derive(Default)]
struct Gate(Cell<bool>);

impl Gate {
    async fn wait(gate: Data<Rc<Self>>) -> HttpResponse {
        while !gate.0.get() {
            yield_now().await;
        }
        HttpResponse::Ok().finish()
    }
}

/// Lets a request get as far as the gate.
async fn begin<T>(mut request: Pin<&mut impl Future<Output = T>>) {
    for _ in 0..10 {
        poll_fn(|cx| {
            assert!(request.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        yield_now().await;
    }
}

/// Lets what comes back get to a storage that is far.
async fn refunded() {
    for _ in 0..10 {
        yield_now().await;
    }
}

fn limiter(clock: &Arc<limiter_actix::ManualClock>, kept: Kept) -> Limiter {
    kept.set(builder(clock)).headers(true).build().expect("there is nothing to read")
}

#[test]
fn of_a_hundred_at_once_one_is_admitted() {
    for kept in Kept::ALL {
        let statuses = in_a_system(async {
            async fn slow() -> HttpResponse {
                sleep(Duration::from_millis(5)).await;
                HttpResponse::Ok().finish()
            }
            let app = App::new()
                .wrap(limiter(&clock(), kept))
                .service(resource("/a", one_failure(), |it| it.to(slow)));
            let app = init_service(app).await;
            let requests = (0..100).map(|_| app.call(read("GET /a", "").to_request()));
            join_all(requests)
                .await
                .into_iter()
                .map(|answer| answer.expect("an answer").status().as_u16())
                .collect::<Vec<_>>()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "kept {kept:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 99, "kept {kept:?}");
    }
}

#[test]
fn hanging_up_makes_no_attempt_free() {
    after_hanging_up(one_failure, "429 [L=1 R=0 X=T+60 A=60]");
}

#[test]
fn hanging_up_gives_back_where_the_limit_says_so() {
    after_hanging_up(|| one_failure().refund_on_drop(true), "200 [L=1 R=1 X=T+0]");
    // Also where the response has no say.
    let always = || Limit::new(Quota::per_minute(1)).refund_on_drop(true);
    after_hanging_up(always, "200 [L=1 R=0 X=T+60]");
}

/// What the next request is answered.
fn after_hanging_up(limit: fn() -> Limit, expected: &str) {
    for kept in Kept::ALL {
        let wrong = in_a_system(async {
            let (clock, gate) = (clock(), Rc::new(Gate::default()));
            let gated = resource("/a", limit(), |it| it.to(Gate::wait));
            let app =
                App::new().app_data(Data::new(Rc::clone(&gate))).wrap(limiter(&clock, kept)).service(gated);
            let app = init_service(app).await;
            {
                let mut request = pin!(app.call(read("GET /a", "").to_request()));
                begin(request.as_mut()).await;
            }
            gate.0.set(true);
            refunded().await;
            let steps = [(0.0, "GET /a", "", expected), (60.0, "GET /a", "", "200")];
            play_to(async |it| app.call(it.to_request()).await, &clock, &steps).await
        });
        assert!(wrong.is_empty(), "kept {kept:?}:\n{}\n", wrong.join("\n"));
    }
}

#[test]
fn a_panic_makes_no_attempt_free() {
    after_a_panic(one_failure, "429 [L=1 R=0 X=T+60 A=60]");
}

#[test]
fn a_panic_gives_back_where_the_limit_says_so() {
    after_a_panic(|| one_failure().refund_on_drop(true), "200 [L=1 R=1 X=T+0]");
}

/// What the next request is answered.
fn after_a_panic(limit: fn() -> Limit, expected: &str) {
    for kept in Kept::ALL {
        let wrong = in_a_system(async {
            async fn panics(req: HttpRequest) -> HttpResponse {
                assert!(!req.headers().contains_key("panic"), "as asked");
                HttpResponse::Ok().finish()
            }
            let clock = clock();
            let service = resource("/a", limit(), |it| it.to(panics));
            let app = init_service(App::new().wrap(limiter(&clock, kept)).service(service)).await;
            {
                let request = read("GET /a", "panic: 1").to_request();
                let mut request = pin!(app.call(request));
                let panicked =
                    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| request.as_mut().poll(cx))) {
                        Ok(polled) => polled.map(|_| false),
                        Err(_) => Poll::Ready(true),
                    });
                assert!(panicked.await, "the handler panics");
            }
            refunded().await;
            let steps = [(0.0, "GET /a", "", expected), (60.0, "GET /a", "", "200")];
            play_to(async |it| app.call(it.to_request()).await, &clock, &steps).await
        });
        assert!(wrong.is_empty(), "kept {kept:?}:\n{}\n", wrong.join("\n"));
    }
}

/// The worker ends while a request is on its way: its tasks are dropped where nothing can be given back any more.
#[test]
fn a_worker_that_ends_panics_nowhere() {
    log::capture();
    for kept in Kept::ALL {
        let before = log::here("L006").len();
        let system = System::new();
        system.block_on(async {
            let limit = one_failure().refund_on_drop(true);
            let gated = resource("/a", limit, |it| it.to(Gate::wait));
            let gate = Data::new(Rc::new(Gate::default()));
            let app = App::new().app_data(gate).wrap(limiter(&clock(), kept)).service(gated);
            let app = init_service(app).await;
            let request = app.call(read("GET /a", "").to_request());
            spawn(async move { drop(request.await) });
            refunded().await;
        });
        drop(system);
        let said = log::here("L006").split_off(before);
        let said = said.iter().filter(|line| line.contains("in a worker that shuts down")).count();
        assert_eq!(said, usize::from(matches!(kept, Kept::Far)), "kept {kept:?}");
    }
}

/// An error that can say what it is only once.
#[test]
fn errors_that_middleware_makes_are_asked() {
    #[derive(Debug)]
    struct Failure;
    impl std::fmt::Display for Failure {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("failure")
        }
    }
    impl ResponseError for Failure {
        fn status_code(&self) -> actix_web::http::StatusCode {
            actix_web::http::StatusCode::FORBIDDEN
        }
    }
    let wrong = in_a_system(async {
        let clock = clock();
        let limiter = builder(&clock).headers(true).default_limits(one_failure()).build().expect("a limit");
        let fails = actix_web::middleware::from_fn(
            async |_: actix_web::dev::ServiceRequest,
                   _: actix_web::middleware::Next<actix_web::body::BoxBody>|
                   -> Result<actix_web::dev::ServiceResponse, Error> { Err(Failure.into()) },
        );
        let app = init_service(App::new().wrap(fails).wrap(limiter).service(page("/a", "a"))).await;
        let steps =
            [(0.0, "GET /a", "", "403 [L=1 R=0 X=T+60]"), (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60]")];
        play_to(async |it| app.call(it.to_request()).await, &clock, &steps).await
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn nothing_is_given_back_into_another_window() {
    for kept in [Kept::Here, Kept::Far] {
        let wrong = in_a_system(async {
            let (clock, gate) = (clock(), Rc::new(Gate::default()));
            let limit = || one_failure().shared("s");
            let gated = resource("/gated", limit(), |it| it.to(Gate::wait));
            let failing =
                resource("/fails", limit(), |it| it.to(async || HttpResponse::BadRequest().finish()));
            let app = App::new().app_data(Data::new(Rc::clone(&gate))).wrap(limiter(&clock, kept));
            let app = init_service(app.service(gated).service(failing)).await;
            let play =
                async |steps: &[_]| play_to(async |it| app.call(it.to_request()).await, &clock, steps).await;

            let mut request = pin!(app.call(read("GET /gated", "").to_request()));
            begin(request.as_mut()).await;
            let mut wrong = play(&[
                (59.0, "GET /fails", "", "429 [L=1 R=0 X=T+60 A=1]"),
                // The window of the one that waits is over.
                (60.0, "GET /fails", "", "400 [L=1 R=0 X=T+120]"),
            ])
            .await;
            gate.0.set(true);
            assert_eq!(request.await.expect("an answer").status(), 200);
            yield_now().await;
            wrong.extend(play(&[(61.0, "GET /fails", "", "429 [L=1 R=0 X=T+120 A=59]")]).await);
            wrong
        });
        assert!(wrong.is_empty(), "kept {kept:?}:\n{}\n", wrong.join("\n"));
    }
}

/// A guarded handler answers for an exempt route, and only then it is known that the limit holds: it is asked of
/// the response all the same.
#[test]
fn what_is_due_late_is_asked_as_well() {
    let has_password = |it: &GuardContext<'_>| it.head().headers().contains_key("password");
    for (password, first, expected) in [("password: right", "200", "200"), ("password: wrong", "401", "429")]
    {
        for kept in Kept::ALL {
            let wrong = in_a_system(async {
                let clock = clock();
                let limiter = kept.set(builder(&clock)).application_limits(one_failure()).build();
                let app = App::new()
                    .wrap(limiter.expect("a limit"))
                    .route("/a", web::get().guard(fn_guard(has_password)).to(login))
                    .service(resource("/a", Exempt::ALL, |it| it.to(login)))
                    .route("/b", web::get().to(login));
                let app = init_service(app).await;
                let play = async |steps: &[_]| {
                    play_to(async |it| app.call(it.to_request()).await, &clock, steps).await
                };
                let mut wrong = play(&[(0.0, "GET /a", password, first)]).await;
                refunded().await;
                wrong.extend(play(&[(0.0, "GET /b", "password: right", expected)]).await);
                wrong
            });
            assert!(wrong.is_empty(), "{password}, kept {kept:?}:\n{}\n", wrong.join("\n"));
        }
    }
}

#[test]
fn a_default_service_counts_as_any_route() {
    hold(
        |it| it.default_limits(one_failure()),
        |app| {
            app.default_service(web::to(login));
        },
        &[
            (0.0, "GET /x", "password: right", "200"),
            (0.0, "GET /x", "password: right", "200"),
            (0.0, "GET /y", "password: wrong", "401"),
            (0.0, "GET /x", "password: right", "429"),
        ],
    );
}
