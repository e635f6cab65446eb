//! Entries that are no mere table of steps.

use std::net::IpAddr;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    error::ErrorInternalServerError,
    middleware::{Next, from_fn},
    test::init_service,
    web::{self, Data},
};
use limiter_actix::{Breach, BuildError, CurrentLimits, Limit, Limiter, Quota, resource};
use limiter_test_support::play::{builder, clock, expect, header, in_a_system, page, play_to, ruled};

pub(crate) const IDS: &[&str] =
    &["C02", "CM1", "D02", "D03", "O01", "O02", "O05", "O08", "O09", "O12", "Q15", "R01a", "T01"];

/// C02: the first answer of /a shows what the reference calls its fault, a window read before the deduction.
/// Here the cost is reserved before the handler, so it reads what is left then; /b agrees.
#[test]
fn c02_cost_is_reserved_before_the_handler() {
    async fn left(limits: CurrentLimits) -> String {
        limits.iter().map(|limit| limit.window().remaining().to_string()).collect()
    }
    let limit = || Limit::new(Quota::per_minute(5)).deduct_when(|_| true);
    expect(
        |it| it.headers(true),
        |app| {
            app.service(resource("/a", limit(), |it| it.to(left))).service(ruled("/b", limit(), "x"));
        },
        &[
            (0.0, "GET /a", "", "200 [L=5 R=4 X=T+60] '4'"),
            (0.0, "GET /a", "", "200 [L=5 R=3 X=T+60] '3'"),
            (0.0, "GET /b", "", "200 [L=5 R=4 X=T+60] 'x'"),
        ],
    );
}

/// CM1 differs: no shared count by accident.
#[test]
fn cm1_no_count_is_shared_by_accident() {
    async fn m(req: HttpRequest, limiter: Data<Limiter>) -> Result<&'static str, Error> {
        limiter.check(&req, "often").await?;
        Ok(if limiter.check(&req, "rarely").await.is_ok() { "okmaybe" } else { "ok" })
    }
    async fn m2(req: HttpRequest, limiter: Data<Limiter>) -> Result<&'static str, Error> {
        limiter.check(&req, "one").await?;
        limiter.check(&req, "other").await?;
        Ok("12")
    }
    let wrong = in_a_system(async {
        let clock = clock();
        let limiter = builder(&clock)
            .named_limit("often", Quota::per_second(1))
            .named_limit("rarely", Quota::per_minute(1))
            .named_limit("one", Quota::per_minute(1))
            .named_limit("other", Quota::per_minute(1))
            .build()
            .expect("the limits can be read");
        let app = App::new()
            .app_data(Data::new(limiter))
            .route("/m", web::get().to(m))
            .route("/m2", web::get().to(m2));
        let app = init_service(app).await;
        play_to(
            async |it| app.call(it.to_request()).await,
            &clock,
            &[
                (0.0, "GET /m", "", "200 'okmaybe'"),
                (0.0, "GET /m", "", "429 '1 per 1 second'"),
                (1.0, "GET /m", "", "200 'ok'"),
                (0.0, "GET /m2", "", "200 '12'"),
                (0.0, "GET /m2", "", "429 '1 per 1 minute'"),
            ],
        )
        .await
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// D01, its last part: a limit function that fails is the application's error.
#[test]
fn d01_a_failing_limit_function_is_a_500() {
    expect(
        |it| it.default_limits("1/minute"),
        |app| {
            app.service(ruled("/raise", Limit::dynamic(|_| "1".parse::<Quota>()), "a"));
        },
        &[(0.0, "GET /raise", "", "500"), (0.0, "GET /raise", "", "500")],
    );
}

/// D03 differs: a failing key function is a 500.
#[test]
fn d03_a_failing_key_function_is_a_500() {
    expect(
        |it| it.default_limits("1/minute").key(|_| "x".parse::<IpAddr>()),
        |app| {
            app.service(page("/a", "a"));
        },
        &[(0.0, "GET /a", "", "500"), (0.0, "GET /a", "", "500")],
    );
}

/// D02 differs: fails in `build()`.
#[test]
fn d02_invalid_limits_fail_in_build() {
    let built = Limiter::builder().default_limits("nonsense").build();
    let Err(BuildError::Config(error)) = built else { panic!("expected an issue") };
    assert!(error.to_string().starts_with(r#".default_limits("nonsense"): expected"#), "{error}");
}

/// T01 agrees: both limiters decide. Headers are never duplicated: of all limits of both, they name the one that
/// refused, or else the one with the shortest window.
#[test]
fn t01_two_limiters_both_decide() {
    let wrong = in_a_system(async {
        let clock = clock();
        let inner = builder(&clock).default_limits("5/minute").headers(true).build().expect("limits");
        let outer =
            builder(&clock).default_limits("2/hour").headers(true).key_prefix("B").build().expect("limits");
        let app = init_service(App::new().wrap(inner).wrap(outer).service(page("/a", "a"))).await;
        play_to(
            async |it| app.call(it.to_request()).await,
            &clock,
            &[
                (0.0, "GET /a", "", "200 [L=5 R=4 X=T+60] 'a'"),
                (0.0, "GET /a", "", "200 [L=5 R=3 X=T+60] 'a'"),
                (0.0, "GET /a", "", "429 [L=2 R=0 X=T+3600 A=3600] '2 per 1 hour'"),
            ],
        )
        .await
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// T01 with the limiters the other way round: the inner one refuses, and headers and body name its breach.
#[test]
fn t01_two_limiters_in_the_other_order() {
    let wrong = in_a_system(async {
        let clock = clock();
        let inner = builder(&clock).default_limits("2/hour").headers(true).build().expect("limits");
        let outer =
            builder(&clock).default_limits("5/minute").headers(true).key_prefix("B").build().expect("limits");
        let app = init_service(App::new().wrap(inner).wrap(outer).service(page("/a", "a"))).await;
        play_to(
            async |it| app.call(it.to_request()).await,
            &clock,
            &[
                (0.0, "GET /a", "", "200 [L=5 R=4 X=T+60] 'a'"),
                (0.0, "GET /a", "", "200 [L=5 R=3 X=T+60] 'a'"),
                (0.0, "GET /a", "", "429 [L=2 R=0 X=T+3600 A=3600] '2 per 1 hour'"),
            ],
        )
        .await
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// O01 agrees: a middleware further out answers before the limiter.
#[test]
fn o01_middleware_further_out_answers_first() {
    async fn early(
        req: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        if header(&req, "e").is_some() {
            return Ok(req.into_response(HttpResponse::Ok().body("early")));
        }
        next.call(req).await.map(ServiceResponse::map_into_boxed_body)
    }
    let wrong = in_a_system(async {
        let clock = clock();
        let limiter = builder(&clock).default_limits("1/minute").headers(true).build().expect("limits");
        let app = init_service(App::new().wrap(limiter).wrap(from_fn(early)).service(page("/a", "a"))).await;
        play_to(
            async |it| app.call(it.to_request()).await,
            &clock,
            &[
                (0.0, "GET /a", "e: 1", "200 [] 'early'"),
                (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60] 'a'"),
                (0.0, "GET /a", "e: 1", "200 [] 'early'"),
                (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60] '1 per 1 minute'"),
            ],
        )
        .await
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// O02 agrees: an error after the handler is an answer like any other, and taken for once.
#[test]
fn o02_an_error_after_the_handler_is_charged_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let limit = Limit::new(Quota::per_minute(10)).deduct_when(move |_| {
        counted.fetch_add(1, Relaxed);
        true
    });
    expect(
        |it| it.headers(true).default_limits(limit),
        |app| {
            async fn fails() -> Result<HttpResponse, Error> {
                Err(ErrorInternalServerError("it failed"))
            }
            app.service(web::resource("/a").to(fails)).service(page("/b", ""));
        },
        &[(0.0, "GET /a", "", "500 [L=10 R=9 X=T+60]")],
    );
    assert_eq!(asked.load(Relaxed), 1);
}

/// O05 agrees: the answer of a limit that is the limiter's too is made once.
#[test]
fn o05_a_response_is_made_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let answer = || {
        let calls = Arc::clone(&calls);
        move |_: &Breach, _: &ServiceRequest| {
            calls.fetch_add(1, Relaxed);
            Some(HttpResponse::TooManyRequests().body("x"))
        }
    };
    let limit = Limit::new(Quota::per_minute(1)).on_breach(answer());
    expect(
        |it| it.on_breach(answer()),
        |app| {
            app.service(ruled("/a", limit, "a"));
        },
        &[(0.0, "GET /a", "", "200 'a'"), (0.0, "GET /a", "", "429 'x'")],
    );
    assert_eq!(calls.load(Relaxed), 1);
}

/// O08 agrees in what the client sees; the cost is told once here, twice by the reference.
#[test]
fn o08_a_cost_function_runs_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let cost = move |_: &ServiceRequest| {
        counted.fetch_add(1, Relaxed);
        2
    };
    let limit = Limit::new(Quota::per_minute(10)).cost_with(cost).deduct_when(|_| true);
    expect(
        |it| it,
        |app| {
            app.service(ruled("/a", limit, "a"));
        },
        &[(0.0, "GET /a", "", "200")],
    );
    assert_eq!(calls.load(Relaxed), 1);
}

/// O09 agrees: the functions of a limit are called once per request.
#[test]
fn o09_callbacks_run_once() {
    let calls: [Arc<AtomicUsize>; 4] = std::array::from_fn(|_| Arc::default());
    let call = |index: usize| {
        let calls = Arc::clone(&calls[index]);
        move || calls.fetch_add(1, Relaxed)
    };
    let (default, own, key, exempt) = (call(0), call(1), call(2), call(3));
    let defaults = Limit::dynamic(move |_| {
        default();
        "10/minute"
    });
    let limit = Limit::dynamic(move |_| {
        own();
        "5/minute"
    });
    let limit = limit.override_defaults(false).key(move |_| {
        key();
        "k"
    });
    let limit = limit.exempt_when(move |_| {
        exempt();
        false
    });
    expect(
        |it| it.default_limits(defaults),
        |app| {
            app.service(ruled("/a", limit, "a"));
        },
        &[(0.0, "GET /a", "", "200")],
    );
    assert_eq!(calls.map(|calls| calls.load(Relaxed)), [1; 4]);
}

/// O12 differs: what code says goes before the environment, so the default is 2 per minute, while what only
/// the environment says holds too. Given in code here. The refused request has taken nothing.
#[test]
fn o12_code_goes_before_the_environment() {
    expect(
        |it| it.default_limits("2/minute").application_limits("3/minute").headers(true).meta_limits("5/hour"),
        |app| {
            app.service(page("/a", "a")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /a", "", "200 [L=2 R=1 X=T+60] 'a'"),
            (0.0, "GET /a", "", "200 [L=2 R=0 X=T+60] 'a'"),
            (0.0, "GET /a", "", "429 [L=2 R=0 X=T+60 A=60] '2 per 1 minute'"),
            (0.0, "GET /b", "", "200 [L=2 R=1 X=T+60] 'b'"),
            (0.0, "GET /b", "", "429 [L=3 R=0 X=T+60 A=60] '3 per 1 minute'"),
        ],
    );
}

/// Q15 agrees: keys are taken as they are.
#[test]
fn q15_keys_are_taken_as_they_are() {
    let long = format!("k: {}", "a".repeat(5000));
    let longer = format!("k: {}", "a".repeat(5001));
    expect(
        |it| it.default_limits("1/minute").headers(true),
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "k: a/b", "200"),
            (0.0, "GET /a", &long, "200"),
            (0.0, "GET /a", "k:  ", "200"),
            (0.0, "GET /a", &long, "429"),
            (0.0, "GET /a", &longer, "200"),
        ],
    );
}

/// R01a agrees: before `reset`.
#[test]
fn r01a_counts_before_a_reset() {
    expect(
        |it| it.default_limits("1/day"),
        |app| {
            app.service(page("/a", "a"));
        },
        &[(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429")],
    );
}
