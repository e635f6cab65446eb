//! Limits whose usage is known after the answer.

use std::{
    cell::RefCell,
    future::pending,
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::Service,
    error::ErrorImATeapot,
    rt::task::yield_now,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use futures_util::{FutureExt, StreamExt, stream};
use limiter_actix::{
    Key, Limit, LimitCheck, Limiter, LimiterBuilder, Limits, ManualClock, Quota, Strategy, Usage,
    limit as limited, resource,
};
use limiter_test_support::{
    play::{clock, in_a_system},
    storages::StorageKind,
};

/// Reserves 4 of 10.
fn tokens() -> Limit {
    Limit::new(Quota::per_hour(10)).cost(4).metered(true).shared("tokens")
}

fn builder(kind: StorageKind) -> LimiterBuilder {
    kind.set(Limiter::builder().named_limit("tokens", tokens_by_name()))
}

/// The same count, by its name.
fn tokens_by_name() -> Limit {
    Limit::new(Quota::per_hour(10)).cost(4).metered(true)
}

/// The key of all test requests.
fn anybody() -> Key {
    limiter_actix::key::client_address(&TestRequest::default().to_srv_request())
}

/// Returns what is left, once the tasks of the limiter have ended.
async fn left(limiter: &Limiter) -> u64 {
    for _ in 0..10 {
        yield_now().await;
    }
    limiter.window("tokens", &anybody()).await.expect("a window").remaining()
}

/// Reports the amount in the path and responds at once.
async fn at_once(used: web::Path<u64>, usage: Usage) -> HttpResponse {
    usage.set(*used);
    HttpResponse::Ok().finish()
}

/// Streams as many parts, and reports one unit with each.
async fn streams(used: web::Path<u64>, usage: Usage) -> HttpResponse {
    let parts = stream::iter(0..*used).map(move |_| {
        usage.add(1);
        Ok::<_, std::convert::Infallible>(web::Bytes::from_static(b"part "))
    });
    HttpResponse::Ok().streaming(parts)
}

#[test]
fn the_usage_replaces_the_estimate() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).build().expect("a limiter");
            let app = App::new()
                .wrap(limiter.clone())
                .service(resource("/at-once/{used}", tokens(), |it| it.to(at_once)))
                .service(resource("/streams/{used}", tokens(), |it| it.to(streams)));
            let app = init_service(app).await;
            for (path, used, expected) in [
                ("/at-once/1", "less", 9),
                ("/streams/2", "less", 7),
                ("/at-once/4", "as much", 3),
                ("/streams/0", "nothing is reported, so the reservation stays", 0),
            ] {
                let response = call_service(&app, TestRequest::with_uri(path).to_request()).await;
                assert_eq!(response.status(), 200, "{kind:?}: {path} while one is left");
                read_body(response).await;
                assert_eq!(left(&limiter).await, expected, "{kind:?}: {path} used {used}");
            }
            let refused = call_service(&app, TestRequest::with_uri("/at-once/1").to_request()).await;
            assert_eq!(refused.status(), 429, "{kind:?}: nothing is left");
        });
    }
}

#[test]
fn more_than_reserved_is_charged_beyond_the_limit() {
    for kind in StorageKind::ALL {
        for (strategy, after_an_hour) in [
            (Strategy::FixedWindow, 10),
            (Strategy::SlidingWindowCounter, 0),
            (Strategy::TokenBucket, 2),
            (Strategy::MovingWindow, 10),
        ] {
            in_a_system(async {
                let clock =
                    Arc::new(ManualClock::new(limiter_actix::Timestamp::from_millis(1_750_000_000_000)));
                let limit = || tokens().strategy(strategy);
                let named = tokens_by_name().strategy(strategy);
                let limiter = kind.set(Limiter::builder().named_limit("tokens", named)).clock(clock.clone());
                let limiter = limiter.build().expect("a limiter");
                let app =
                    App::new()
                        .wrap(limiter.clone())
                        .service(resource("/streams/{used}", limit(), |it| it.to(streams)));
                let app = init_service(app).await;
                let response = call_service(&app, TestRequest::with_uri("/streams/18").to_request()).await;
                assert_eq!(read_body(response).await.len(), 18 * 5);
                assert_eq!(left(&limiter).await, 0, "{kind:?} {strategy}");
                clock.advance(Duration::from_secs(3600));
                assert_eq!(left(&limiter).await, after_an_hour, "{kind:?} {strategy}: what is carried over");
            });
        }
    }
}

/// The client leaves in the middle: the stream is dropped, with what it has reported.
#[test]
fn a_stream_that_is_dropped_is_settled() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).build().expect("a limiter");
            let app = App::new()
                .wrap(limiter.clone())
                .service(resource("/streams/{used}", tokens(), |it| it.to(streams)));
            let app = init_service(app).await;
            let response = call_service(&app, TestRequest::with_uri("/streams/100").to_request()).await;
            let mut body = response.into_body();
            let mut body = std::pin::Pin::new(&mut body);
            for _ in 0..2 {
                let part =
                    std::future::poll_fn(|cx| actix_web::body::MessageBody::poll_next(body.as_mut(), cx));
                assert!(part.await.is_some());
            }
            assert_eq!(left(&limiter).await, 6, "{kind:?}: it is under way");
            drop(std::mem::replace(
                body.get_mut(),
                actix_web::body::EitherBody::new(actix_web::body::BoxBody::new(())),
            ));
            assert_eq!(left(&limiter).await, 8, "{kind:?}: two parts were sent");
        });
    }
}

/// A request that is dropped before its response keeps its reservation, unless something was reported.
#[test]
fn requests_that_are_dropped_or_fail_are_settled() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).build().expect("a limiter");
            let waits = |req: HttpRequest, usage: Usage| {
                if req.query_string() == "reports" {
                    usage.add(1);
                }
                pending::<HttpResponse>()
            };
            let fails = |usage: Usage| {
                usage.set(2);
                async { Err::<HttpResponse, _>(ErrorImATeapot("no")) }
            };
            let app = App::new()
                .wrap(limiter.clone())
                .service(resource("/waits", tokens(), move |it| it.to(waits)))
                .service(resource("/fails", tokens(), move |it| it.to(fails)));
            let app = init_service(app).await;
            for (path, expected) in [("/waits?reports", 9), ("/waits", 5)] {
                let mut call = Box::pin(app.call(TestRequest::with_uri(path).to_request()));
                for _ in 0..10 {
                    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                    yield_now().await;
                }
                drop(call);
                assert_eq!(left(&limiter).await, expected, "{kind:?}: {path}");
            }
            let response = call_service(&app, TestRequest::with_uri("/fails").to_request()).await;
            assert_eq!(response.status(), 418);
            drop(response);
            assert_eq!(left(&limiter).await, 3, "{kind:?}: an error is a response");
        });
    }
}

/// A handle in another task delays the settlement, and its reports count.
#[test]
fn the_last_handle_settles() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).build().expect("a limiter");
            let kept = Rc::new(RefCell::new(Vec::new()));
            let elsewhere = Rc::clone(&kept);
            let handler = move |usage: Usage| {
                usage.set(3);
                elsewhere.borrow_mut().push(usage);
                async { HttpResponse::Ok().finish() }
            };
            let app =
                App::new().wrap(limiter.clone()).service(resource("/", tokens(), move |it| it.to(handler)));
            let app = init_service(app).await;
            drop(call_service(&app, TestRequest::default().to_request()).await);
            assert_eq!(left(&limiter).await, 6, "{kind:?}: the reservation stands");
            let usage = kept.borrow_mut().pop().expect("a handle");
            assert_eq!(usage.reported(), Some(3));
            // From any thread, without a runtime.
            std::thread::spawn(move || usage.add(2)).join().expect("it adds");
            assert_eq!(left(&limiter).await, 5, "{kind:?}: 5 are used");
        });
    }
}

#[test]
fn other_options_keep_their_meaning() {
    in_a_system(async {
        let failing = |response: &actix_web::dev::ResponseHead| response.status.is_server_error();
        let limits = tokens().deduct_when(failing);
        let limiter = builder(StorageKind::Memory).build().expect("a limiter");
        let app = App::new()
            .wrap(limiter.clone())
            .service(resource("/deduct/{used}", limits, |it| it.to(at_once)))
            .service(resource("/estimate/{used}", tokens().cost(500), |it| it.to(at_once)));
        let app = init_service(app).await;
        drop(call_service(&app, TestRequest::with_uri("/deduct/3").to_request()).await);
        assert_eq!(left(&limiter).await, 10, "`deduct_when` refunds all of it");
        let response = call_service(&app, TestRequest::with_uri("/estimate/1").to_request()).await;
        assert_eq!(response.status(), 200, "an estimate above the whole limit reserves the whole limit");
        drop(response);
        assert_eq!(left(&limiter).await, 9);
    });
}

#[test]
fn a_check_by_hand_is_settled_too() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).build().expect("a limiter");
            let by_hand = limiter.clone();
            let handler = move |req: HttpRequest, usage: Usage| {
                let limiter = by_hand.clone();
                async move {
                    limiter.check(&req, "tokens").await?;
                    usage.set(1);
                    Ok::<_, actix_web::Error>(HttpResponse::Ok().finish())
                }
            };
            let app = init_service(App::new().route("/", web::to(handler))).await;
            drop(call_service(&app, TestRequest::default().to_request()).await);
            assert_eq!(left(&limiter).await, 9, "{kind:?}");
        });
    }
}

#[limited("10/hour", cost = 4, metered, shared = "tokens")]
#[actix_web::get("/checked")]
async fn checked(limits: LimitCheck, usage: Usage) -> actix_web::Result<HttpResponse> {
    limits.check().await?;
    usage.set(1);
    Ok(HttpResponse::Ok().finish())
}

#[test]
fn a_check_in_the_handler_is_settled_too() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).auto_check(false).build().expect("a limiter");
            let app = init_service(App::new().wrap(limiter.clone()).service(checked)).await;
            drop(call_service(&app, TestRequest::with_uri("/checked").to_request()).await);
            assert_eq!(left(&limiter).await, 9, "{kind:?}");
        });
    }
}

#[test]
fn a_charge_by_hand_always_takes() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).build().expect("a limiter");
            for (amount, remaining) in [(3, 7), (100, 0), (1, 0)] {
                let window = limiter.charge("tokens", &anybody(), amount).await.expect("a window");
                assert!(window.is_allowed(), "{kind:?}: it takes");
                assert_eq!(window.remaining(), remaining, "{kind:?}");
            }
            assert!(!limiter.hit("tokens", &anybody(), 1).await.expect("a window").is_allowed());
            assert!(limiter.charge("token", &anybody(), 1).await.is_err(), "there is no such limit");
        });
    }
}

#[test]
fn a_metered_meta_limit_is_an_error() {
    let error = Limiter::builder().meta_limits(tokens_by_name()).build().expect_err("no effect").to_string();
    assert!(error.contains("metered"), "{error}");
}

/// Nothing was charged, so that neither anything comes back nor more is taken.
#[test]
fn a_limit_in_shadow_settles_only_what_it_has_charged() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let clock = clock();
            let bucket = |limit: Limit| limit.strategy(Strategy::TokenBucket);
            let limiter = Limiter::builder().named_limit("tokens", bucket(tokens_by_name()));
            let limiter = kind.set(limiter).clock(Arc::clone(&clock) as _).build().expect("a limiter");
            let limit = bucket(tokens()).shadow(true);
            let app =
                App::new().wrap(limiter.clone()).service(resource("/{used}", limit, |it| it.to(at_once)));
            let app = init_service(app).await;
            for (path, expected) in [("/1", 9), ("/9", 0), ("/1", 0), ("/14", 0)] {
                let response = call_service(&app, TestRequest::with_uri(path).to_request()).await;
                assert_eq!(response.status(), 200, "{kind:?}: {path}");
                drop(response);
                assert_eq!(left(&limiter).await, expected, "{kind:?}: after {path}");
            }
            clock.advance(Duration::from_secs(3600));
            assert_eq!(left(&limiter).await, 10, "{kind:?}: it is full again");
        });
    }
}

/// The defect: a check that was decided after the response left its reservation, whatever was reported.
#[test]
fn a_check_that_outlives_its_response_is_settled_too() {
    async fn handler(limits: LimitCheck, usage: Usage) -> HttpResponse {
        let mut check = Box::pin(async move { limits.check().await.map(drop) });
        assert!(check.as_mut().now_or_never().is_none(), "it awaits the storage");
        actix_web::rt::spawn(async move {
            drop(check.await);
            usage.set(1);
        });
        HttpResponse::Ok().finish()
    }
    in_a_system(async {
        let limiter = builder(StorageKind::Remote).auto_check(false).build().expect("a limiter");
        let app = App::new().wrap(limiter.clone()).service(resource("/", tokens(), |it| it.to(handler)));
        let app = init_service(app).await;
        drop(call_service(&app, TestRequest::default().to_request()).await);
        assert_eq!(left(&limiter).await, 9);
    });
}

/// Other limits of the request keep their own cost, whether it ends or is dropped.
#[test]
fn usage_is_that_of_metered_limits() {
    const NAMES: [&str; 3] = ["plain", "refunded", "due"];
    for kind in StorageKind::ALL {
        in_a_system(async {
            let of = |name| Limit::new(Quota::per_hour(9)).shared(name);
            let limits = || {
                let due = of("due").deduct_when(|_| true);
                Limits::from([tokens(), of("plain"), of("refunded").refund_on_drop(true), due])
            };
            let limiter = NAMES
                .into_iter()
                .fold(builder(kind), |it, name| it.named_limit(name, Limit::new(Quota::per_hour(9))));
            let limiter = limiter.build().expect("a limiter");
            let waits = |usage: Usage| {
                usage.set(7);
                pending::<HttpResponse>()
            };
            let app = App::new()
                .wrap(limiter.clone())
                .service(resource("/waits", limits(), move |it| it.to(waits)))
                .service(resource("/{used}", limits(), |it| it.to(at_once)));
            let app = init_service(app).await;
            let all = async || {
                let tokens = left(&limiter).await;
                let mut all = vec![tokens];
                for name in NAMES {
                    all.push(limiter.window(name, &anybody()).await.expect("a window").remaining());
                }
                all
            };
            let mut call = Box::pin(app.call(TestRequest::with_uri("/waits").to_request()));
            for _ in 0..10 {
                assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                yield_now().await;
            }
            drop(call);
            assert_eq!(all().await, [3, 8, 9, 8], "{kind:?}: it was dropped");
            drop(call_service(&app, TestRequest::with_uri("/2").to_request()).await);
            assert_eq!(all().await, [1, 7, 8, 7], "{kind:?}: it has ended");
        });
    }
}

/// All that was reserved comes back, whatever was reported.
#[test]
fn a_request_that_is_refunded_when_it_is_dropped_is_not_settled() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).build().expect("a limiter");
            let waits = |usage: Usage| {
                usage.set(7);
                pending::<HttpResponse>()
            };
            let refunded = tokens().refund_on_drop(true);
            let app =
                App::new().wrap(limiter.clone()).service(resource("/", refunded, move |it| it.to(waits)));
            let app = init_service(app).await;
            let mut call = Box::pin(app.call(TestRequest::default().to_request()));
            for _ in 0..10 {
                assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                yield_now().await;
            }
            assert_eq!(left(&limiter).await, 6, "{kind:?}");
            drop(call);
            assert_eq!(left(&limiter).await, 10, "{kind:?}");
        });
    }
}
