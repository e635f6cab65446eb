//! Refusals by metered limits that only requests under way cause, and those beside other limits.

use std::{convert::Infallible, pin::pin};

use actix_web::{
    App, HttpMessage, HttpRequest, HttpResponse,
    body::to_bytes,
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
    web,
};
use futures_util::{
    StreamExt,
    future::{Either, join, join_all, select},
    stream,
};
use limiter_actix::{Breach, Limit, LimiterBuilder, Quota, Strategy, Usage, resource};
use limiter_test_support::{
    play::{clock, in_a_system, ruled},
    storages::StorageKind,
};
use tokio::sync::Semaphore;

use crate::deduct::{decided, refunded};

/// The status, the wait of a refusal, and the limit of its breach.
type Answer = (u16, Option<u64>, Option<u64>);

const OK: Answer = (200, None, None);

/// A refusal that is no breach.
const FOR_NOW: Answer = (429, Some(1), None);

fn answer<B>(response: &ServiceResponse<B>) -> Answer {
    let wait = response.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
    let extensions = response.request().extensions();
    (response.status().as_u16(), wait, extensions.get::<Breach>().map(|it| it.window().limit()))
}

fn builder(kind: StorageKind) -> LimiterBuilder {
    kind.set(limiter_test_support::play::builder(&clock()))
}

/// Reserves 4 of 10.
fn tokens() -> Limit {
    Limit::new(Quota::per_hour(10)).cost(4).metered(true)
}

/// Waits at the gate, and uses as much as the path names.
async fn work(used: web::Path<u64>, usage: Usage, gate: web::Data<Semaphore>) -> HttpResponse {
    drop(gate.acquire().await);
    usage.set(*used);
    HttpResponse::Ok().finish()
}

/// An app with the gate, whose limit is on `/{used}`.
macro_rules! app {
    ($limiter:expr, $limit:expr, $gate:expr) => {
        init_service(App::new().app_data(web::Data::clone(&$gate)).wrap($limiter).service(resource(
            "/{used}",
            $limit,
            |it| it.to(work),
        )))
        .await
    };
}

fn closed() -> web::Data<Semaphore> {
    web::Data::new(Semaphore::new(0))
}

fn get(used: u64) -> actix_http::Request {
    TestRequest::with_uri(&format!("/{used}")).to_request()
}

/// Three reserve twelve of ten, and use three. A meta limit would shut the client out for a day.
#[test]
fn reservations_that_are_settled_for_less_are_no_breach() {
    for kind in StorageKind::ALL {
        for strategy in Strategy::ALL {
            in_a_system(async {
                let gate = closed();
                let limiter = builder(kind).meta_limits("1/day").build().expect("limits");
                let app = app!(limiter, tokens().strategy(strategy), gate);
                let call = async |used| answer(&app.call(get(used)).await.expect("a response"));
                let together = join_all((0..8).map(|_| call(1)));
                let open = async {
                    refunded().await;
                    gate.add_permits(100);
                };
                let (answers, ()) = join(together, open).await;
                let of = |expected| answers.iter().filter(|it| **it == expected).count();
                assert_eq!((of(OK), of(FOR_NOW)), (3, 5), "{kind:?} {strategy}: {answers:?}");
                refunded().await;
                assert_eq!(call(1).await, OK, "{kind:?} {strategy}: nothing was held against it");
            });
        }
    }
}

/// It is under way until its body has been sent.
#[test]
fn a_stream_reserves_until_its_end() {
    async fn streams(usage: Usage) -> HttpResponse {
        let parts = stream::iter(0..3).map(move |_| {
            usage.add(1);
            Ok::<_, Infallible>(web::Bytes::from_static(b"part"))
        });
        HttpResponse::Ok().streaming(parts)
    }
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limit = tokens().cost(10);
            let app = App::new().wrap(builder(kind).build().expect("limits"));
            let app = init_service(app.service(resource("/", limit, |it| it.to(streams)))).await;
            let call = async || app.call(TestRequest::default().to_request()).await.expect("a response");
            let first = call().await;
            assert_eq!(answer(&first), OK, "{kind:?}");
            assert_eq!(answer(&call().await), FOR_NOW, "{kind:?}: it has ten");
            to_bytes(first.into_body()).await.expect("a body");
            refunded().await;
            assert_eq!(answer(&call().await), OK, "{kind:?}: seven are left");
        });
    }
}

/// More is used beyond the limit than the request under way could return.
#[test]
fn a_count_that_is_overdrawn_is_a_breach_whoever_is_under_way() {
    for kind in StorageKind::ALL {
        for strategy in
            [Strategy::FixedWindow, Strategy::FixedWindowElasticExpiry, Strategy::SlidingWindowCounter]
        {
            in_a_system(async {
                let gate = closed();
                let limit = || tokens().strategy(strategy).shared("tokens");
                let limiter = builder(kind).named_limit("tokens", tokens().strategy(strategy));
                let limiter = limiter.build().expect("limits");
                let app = app!(limiter.clone(), limit(), gate);
                let call = async |used| answer(&app.call(get(used)).await.expect("a response"));
                let charges = async {
                    refunded().await;
                    // The reservation of four, and nine: three are beyond the limit, and the four may come back.
                    let key = limiter_actix::Key::text("k", "c1");
                    let charge = async |amount| limiter.charge("tokens", &key, amount).await.map(drop);
                    charge(9).await.expect("a window");
                    assert_eq!(call(0).await, FOR_NOW, "{kind:?} {strategy}");
                    charge(1).await.expect("a window");
                    let (status, wait, breached) = call(0).await;
                    assert_eq!((status, breached), (429, Some(10)), "{kind:?} {strategy}: four beyond it");
                    assert!(wait.is_some_and(|wait| wait >= 3600), "{kind:?} {strategy}: {wait:?}");
                    gate.add_permits(100);
                };
                let (first, ()) = join(call(0), charges).await;
                assert_eq!(first, OK);
            });
        }
    }
}

/// The usage was not less than what was reserved.
#[test]
fn a_settled_request_reserves_nothing() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let gate = closed();
            gate.add_permits(100);
            let app = app!(builder(kind).build().expect("limits"), tokens(), gate);
            let call = async |used| answer(&app.call(get(used)).await.expect("a response"));
            assert_eq!(call(10).await, OK, "{kind:?}");
            refunded().await;
            assert_eq!(call(1).await, (429, Some(3600), Some(10)), "{kind:?}");
        });
    }
}

/// A named limit that a handler checks.
#[test]
fn a_check_by_hand_reserves_too() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let gate = closed();
            let limiter = builder(kind).named_limit("tokens", tokens().cost(10)).build().expect("limits");
            let by_hand = limiter.clone();
            let handler = move |req: HttpRequest, usage: Usage, gate: web::Data<Semaphore>| {
                let limiter = by_hand.clone();
                async move {
                    limiter.check(&req, "tokens").await?;
                    drop(gate.acquire().await);
                    usage.set(1);
                    Ok::<_, actix_web::Error>(HttpResponse::Ok().finish())
                }
            };
            let app = App::new().app_data(web::Data::clone(&gate)).route("/", web::to(handler));
            let app = init_service(app).await;
            let call =
                async || answer(&app.call(TestRequest::default().to_request()).await.expect("a response"));
            let later = async {
                refunded().await;
                assert_eq!(call().await, FOR_NOW, "{kind:?}");
                gate.add_permits(100);
            };
            let (first, ()) = join(call(), later).await;
            assert_eq!(first, OK, "{kind:?}");
        });
    }
}

/// The defect: the breach of one limit had the wait of another, which only reservations made refuse.
#[test]
fn a_breach_has_the_wait_of_the_limit_that_is_spent() {
    for (application, wait, limit) in [("1/minute", 60, 1), ("1 concurrent", 1, 1)] {
        for kind in StorageKind::ALL {
            in_a_system(async {
                let gate = closed();
                let limiter = builder(kind).application_limits(application).build().expect("limits");
                let app = app!(limiter, tokens().cost(10), gate);
                let call = async |used| answer(&app.call(get(used)).await.expect("a response"));
                let later = async {
                    refunded().await;
                    assert_eq!(call(1).await, (429, Some(wait), Some(limit)), "{kind:?}: {application}");
                    gate.add_permits(100);
                };
                let (first, ()) = join(call(1), later).await;
                assert_eq!(first, OK, "{kind:?}: {application}");
            });
        }
    }
}

/// The meta limit has shut the client out, whatever the requests under way will use.
#[test]
fn a_refusal_by_a_meta_limit_is_a_breach_whoever_is_under_way() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let gate = closed();
            let limiter = builder(kind).meta_limits("1/day").build().expect("limits");
            let app = App::new()
                .app_data(web::Data::clone(&gate))
                .wrap(limiter)
                .service(resource("/{used}", tokens().cost(10), |it| it.to(work)))
                .service(ruled("/other/page", Quota::per_minute(1), "page"));
            let app = init_service(app).await;
            let call = async |path: &str| {
                let request = TestRequest::with_uri(path).to_request();
                answer(&app.call(request).await.expect("a response"))
            };
            let later = async {
                refunded().await;
                assert_eq!(call("/1").await, FOR_NOW, "{kind:?}: it has ten");
                assert_eq!(call("/other/page").await, OK, "{kind:?}");
                assert_eq!(call("/other/page").await, (429, Some(86_400), Some(1)), "{kind:?}: the breach");
                assert_eq!(call("/1").await, (429, Some(86_400), Some(1)), "{kind:?}: the meta limit");
                gate.add_permits(100);
            };
            let (first, ()) = join(call("/1"), later).await;
            assert_eq!(first, OK, "{kind:?}");
        });
    }
}

/// Whether they are breaches is known only once both are decided without a meta limit, and each then counts once.
#[test]
fn breaches_at_once_beside_a_request_under_way_count_once_each() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let gate = closed();
            let limiter = builder(kind).named_limit("tokens", tokens()).meta_limits("2/day");
            // Not a rule of the route, which is granted to one request at a time.
            let limiter = limiter.default_limits(tokens().shared("tokens")).build().expect("limits");
            let app = App::new().app_data(web::Data::clone(&gate)).wrap(limiter.clone());
            let app = init_service(app.route("/{used}", web::to(work))).await;
            let call = async |used| answer(&app.call(get(used)).await.expect("a response"));
            let later = async {
                refunded().await;
                // The four under way may come back, and the ten stay.
                let key = limiter_actix::Key::text("k", "c1");
                assert!(limiter.charge("tokens", &key, 10).await.is_ok());
                // Each takes three decisions at most, and no turn of another request ends it.
                let both = pin!(join(call(0), call(0)));
                let Either::Left(((one, other), _)) = select(both, pin!(decided())).await else {
                    panic!("{kind:?}: each waits for the other");
                };
                let mut waits = [one, other];
                waits.sort_unstable();
                let breach = |wait, limit| (429, Some(wait), Some(limit));
                assert_eq!(waits, [breach(3600, 10), breach(86_400, 10)], "{kind:?}: the second spends it");
                assert_eq!(call(0).await, breach(86_400, 2), "{kind:?}");
                gate.add_permits(100);
            };
            let (first, ()) = join(call(0), later).await;
            assert_eq!(first, OK, "{kind:?}");
        });
    }
}
