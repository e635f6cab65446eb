//! Limits of concurrent requests: what counts, and with which other limits.

use std::{
    cell::RefCell,
    future::{Future, pending, poll_fn},
    pin::pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse},
    get,
    http::Uri,
    middleware::{Next, from_fn},
    test::init_service,
    web,
};
use futures_util::stream;
use limiter_actix::{
    Headers, Limit, LimitCheck, Limiter, LimiterBuilder, ManualClock, NamedLimitError, Quota, Rule, Strategy,
    Timestamp, Window, key, limit, resource,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Storage},
};
use limiter_test_support::{
    app::request,
    log,
    play::{clock, in_a_system},
    storages::StorageKind,
};

use crate::deduct::refunded;

async fn ok() -> &'static str {
    "admitted"
}

fn builder(kind: StorageKind) -> LimiterBuilder {
    kind.set(limiter_test_support::play::builder(&clock()))
}

/// Sends a request; the response is open until it is dropped.
async fn open<S, B>(app: &S, target: &str) -> ServiceResponse<B>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    // What has ended just now may still be on its way to the storage.
    refunded().await;
    app.call(request("GET", target).to_request()).await.expect("a response")
}

fn status<B>(response: &ServiceResponse<B>) -> u16 {
    response.status().as_u16()
}

fn header<'a, B>(response: &'a ServiceResponse<B>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

#[test]
fn a_request_counts_until_its_body_is_sent_or_dropped() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).default_limits("2 concurrent").build().expect("a limiter");
            let app = init_service(App::new().wrap(limiter).default_service(web::to(ok))).await;
            let (first, second) = (open(&app, "/").await, open(&app, "/").await);
            assert_eq!([status(&first), status(&second)], [200; 2], "{kind:?}");
            let refused = open(&app, "/").await;
            assert_eq!(status(&refused), 429, "{kind:?}");
            assert_eq!(header(&refused, "retry-after"), Some("1"), "{kind:?}");
            // A refused request is none that is under way.
            drop(first);
            let third = open(&app, "/").await;
            assert_eq!(status(&third), 200, "{kind:?}");
            assert_eq!(status(&open(&app, "/").await), 429, "{kind:?}");
            let sent =
                actix_web::body::to_bytes(second.into_body()).await.map_err(|_| "an error").expect("a body");
            assert_eq!(&sent[..], b"admitted", "{kind:?}");
            assert_eq!(status(&open(&app, "/").await), 200, "{kind:?}");
        });
    }
}

/// The parts of a body may be far apart.
#[test]
fn a_request_counts_until_the_last_part_of_its_body() {
    async fn parts() -> HttpResponse {
        let parts = ["one", "two"].map(|part| Ok::<_, Error>(web::Bytes::from(part)));
        HttpResponse::Ok().streaming(stream::iter(parts))
    }
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).default_limits("1 concurrent").build().expect("a limiter");
            let app = init_service(App::new().wrap(limiter).default_service(web::to(parts))).await;
            let mut body = pin!(open(&app, "/").await.into_body());
            for expected in [true, true, false] {
                assert_eq!(status(&open(&app, "/").await), 429, "{kind:?}");
                assert_eq!(poll_fn(|cx| body.as_mut().poll_next(cx)).await.is_some(), expected, "{kind:?}");
            }
            assert_eq!(status(&open(&app, "/").await), 200, "{kind:?}: its end is known");
        });
    }
}

#[test]
fn a_dropped_request_no_longer_counts() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).default_limits("1 concurrent").build().expect("a limiter");
            let handler = resource("/forever", Rule::new(), |it| it.to(pending::<HttpResponse>));
            let app = App::new().wrap(limiter).service(handler).default_service(web::to(ok));
            let app = init_service(app).await;
            for turns in 0..6 {
                // It is dropped before its decision, while the storage decides, or while the handler runs.
                let mut call = Box::pin(app.call(request("GET", "/forever").to_request()));
                for _ in 0..turns {
                    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    assert!(
                        polled.is_pending(),
                        "{kind:?} {turns}: {:?}",
                        polled.map(|it| it.map(|it| it.status()))
                    );
                    actix_web::rt::task::yield_now().await;
                }
                drop(call);
                refunded().await;
            }
            let unlimited = open(&app, "/forever-not").await;
            assert_eq!(status(&unlimited), 200, "{kind:?}");
        });
    }
}

/// All or nothing: whichever refuses, the other has not counted the request.
#[test]
fn requests_are_counted_by_all_limits_or_none() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).default_limits("3/hour; 1 concurrent").build().expect("a limiter");
            let app = init_service(App::new().wrap(limiter).default_service(web::to(ok))).await;
            let first = open(&app, "/").await;
            for _ in 0..4 {
                let refused = open(&app, "/").await;
                assert_eq!((status(&refused), header(&refused, "retry-after")), (429, Some("1")), "{kind:?}");
            }
            drop(first);
            for _ in 0..2 {
                assert_eq!(status(&open(&app, "/").await), 200, "{kind:?}");
            }
            // The hour is spent, and nothing is under way.
            for _ in 0..2 {
                let refused = open(&app, "/").await;
                assert_eq!(
                    (status(&refused), header(&refused, "retry-after")),
                    (429, Some("3600")),
                    "{kind:?}"
                );
            }
        });
    }
}

#[test]
fn headers_show_what_is_left_and_no_window() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind)
                .headers(Headers::X_RATELIMIT | Headers::IETF_DRAFT_11)
                .build()
                .expect("a limiter");
            let limit = Limit::concurrent(2);
            let handler = resource("/", limit, |it| it.to(ok));
            let several =
                resource("/two", [Limit::concurrent(2), Limit::new(Quota::per_hour(9))], |it| it.to(ok));
            let app = init_service(App::new().wrap(limiter).service(handler).service(several)).await;
            let first = open(&app, "/").await;
            let policy = r#""2 concurrent";q=2;qu="concurrent-requests""#;
            assert_eq!(header(&first, "ratelimit-policy"), Some(policy), "{kind:?}");
            assert_eq!(header(&first, "ratelimit"), Some(r#""2 concurrent";r=1"#), "{kind:?}");
            assert_eq!(header(&first, "x-ratelimit-remaining"), Some("1"), "{kind:?}");
            let _second = open(&app, "/").await;
            let refused = open(&app, "/").await;
            assert_eq!(header(&refused, "ratelimit-policy"), Some(policy), "{kind:?}");
            assert_eq!(header(&refused, "ratelimit"), Some(r#""2 concurrent";r=0;t=1"#), "{kind:?}");
            // A limit with a window stands for the request.
            let both = open(&app, "/two").await;
            assert_eq!(header(&both, "x-ratelimit-remaining"), Some("8"), "{kind:?}");
        });
    }
}

#[test]
fn a_shadow_refuses_nothing() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limit = Limit::concurrent(1).shadow(true).name("seen");
            let limiter = kind.set(Limiter::builder()).application_limits(limit).build().expect("a limiter");
            let handle = limiter.clone();
            let app = init_service(App::new().wrap(limiter).default_service(web::to(ok))).await;
            let left = async || {
                let client = limiter_actix::Key::from(std::net::IpAddr::from([127, 0, 0, 1]));
                refunded().await;
                handle.window("seen", &client).await.expect("a window").remaining()
            };
            let (first, second) = (open(&app, "/").await, open(&app, "/").await);
            assert_eq!((status(&first), status(&second), left().await), (200, 200, 0), "{kind:?}");
            drop(second);
            assert_eq!(left().await, 0, "{kind:?}: the second one was not counted");
            drop(first);
            assert_eq!(left().await, 1, "{kind:?}");
        });
    }
}

#[limit("2 concurrent", cost = 2)]
#[get("/attribute")]
async fn attribute() -> &'static str {
    "admitted"
}

/// In attributes, texts, functions, and on a limit of its own with a cost.
#[test]
fn concurrent_limits_are_declared_everywhere() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).route("GET /rule", "1 concurrent").build().expect("a limiter");
            let dynamic = Limit::dynamic(|_| "1 concurrent").key(key::header("k"));
            let app = App::new()
                .wrap(limiter)
                .service(attribute)
                .route("/rule", web::get().to(ok))
                .service(resource("/dynamic", dynamic, |it| it.to(ok)));
            let app = init_service(app).await;
            for path in ["/attribute", "/dynamic", "/rule"] {
                let first = open(&app, path).await;
                let statuses = [status(&first), status(&open(&app, path).await)];
                assert_eq!(statuses, [200, 429], "{kind:?} {path}");
                drop(first);
                assert_eq!(status(&open(&app, path).await), 200, "{kind:?} {path}");
            }
        });
    }
}

/// A changed amount does not forget what is under way.
#[test]
fn requests_under_way_count_whatever_the_amount() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let plan = Arc::new(AtomicUsize::new(1));
            let amount = Arc::clone(&plan);
            let limit = Limit::dynamic(move |_| Quota::concurrent(amount.load(Ordering::SeqCst) as u64));
            let limiter = builder(kind).default_limits(limit).build().expect("a limiter");
            let app = init_service(App::new().wrap(limiter).default_service(web::to(ok))).await;
            let first = open(&app, "/").await;
            assert_eq!(status(&open(&app, "/").await), 429, "{kind:?}");
            plan.store(2, Ordering::SeqCst);
            let second = open(&app, "/").await;
            assert_eq!([status(&second), status(&open(&app, "/").await)], [200, 429], "{kind:?}");
            plan.store(1, Ordering::SeqCst);
            drop(first);
            assert_eq!(status(&open(&app, "/").await), 429, "{kind:?}: one is under way");
            drop(second);
            assert_eq!(status(&open(&app, "/").await), 200, "{kind:?}");
        });
    }
}

/// Nothing else but its end frees a request, however long it takes.
#[test]
fn a_request_in_memory_counts_for_days() {
    in_a_system(async {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
        let limiter = Limiter::builder().clock(Arc::clone(&clock) as _).default_limits("1 concurrent");
        let limiter = limiter.build().expect("a limiter");
        let app = init_service(App::new().wrap(limiter).default_service(web::to(ok))).await;
        let first = open(&app, "/").await;
        clock.advance(Duration::from_secs(30 * 86_400));
        assert_eq!(status(&open(&app, "/").await), 429);
        drop(first);
        assert_eq!(status(&open(&app, "/").await), 200);
    });
}

/// The check of a handler takes it, and the body frees it.
#[test]
fn the_check_of_a_handler_counts_too() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter =
                builder(kind).default_limits("1 concurrent").auto_check(false).build().expect("a limiter");
            let checked = web::to(|check: LimitCheck| async move {
                check.check().await?;
                Ok::<_, Error>("admitted")
            });
            let app = init_service(App::new().wrap(limiter).default_service(checked)).await;
            let first = open(&app, "/").await;
            assert_eq!([status(&first), status(&open(&app, "/").await)], [200, 429], "{kind:?}");
            drop(first);
            assert_eq!(status(&open(&app, "/").await), 200, "{kind:?}");
        });
    }
}

/// The limits of a predicted place are exchanged for others where the request arrives.
#[test]
fn a_corrected_request_counts_where_it_arrives() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).default_limits("1 concurrent").build().expect("a limiter");
            let guarded = |scope: actix_web::Scope| scope.guard(actix_web::guard::Header("x", "y"));
            let app = App::new()
                .wrap(limiter)
                .service(guarded(web::scope("/in")).route("/a", web::get().to(ok)))
                .service(resource("/in/a", Limit::concurrent(2), |it| it.to(ok)))
                .default_service(web::to(ok));
            let app = init_service(app).await;
            let (first, second) = (open(&app, "/in/a").await, open(&app, "/in/a").await);
            assert_eq!([status(&first), status(&second)], [200; 2], "{kind:?}");
            assert_eq!(status(&open(&app, "/in/a").await), 429, "{kind:?}");
            drop((first, second));
            let _other = open(&app, "/other").await;
            assert_eq!(status(&open(&app, "/other").await), 429, "{kind:?}");
            assert_eq!(status(&open(&app, "/in/a").await), 200, "{kind:?}");
        });
    }
}

/// A breach of it is one for meta limits.
#[test]
fn its_breaches_are_counted() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limit = Limit::concurrent(1).meta(Quota::per_hour(1));
            let limiter = builder(kind).default_limits(limit).build().expect("a limiter");
            let app = init_service(App::new().wrap(limiter).default_service(web::to(ok))).await;
            let first = open(&app, "/").await;
            let refused = open(&app, "/").await;
            assert_eq!((status(&refused), header(&refused, "retry-after")), (429, Some("3600")), "{kind:?}");
            drop(first);
            assert_eq!(status(&open(&app, "/").await), 429, "{kind:?}");
        });
    }
}

#[test]
fn by_hand_it_is_shown_and_not_hit() {
    in_a_system(async {
        let limit = Limit::concurrent(2).name("downloads");
        let limiter = Limiter::builder().application_limits(limit).build().expect("a limiter");
        let handle = limiter.clone();
        let app = init_service(App::new().wrap(limiter).default_service(web::to(ok))).await;
        let first = open(&app, "/").await;
        let client = limiter_actix::Key::from(std::net::IpAddr::from([127, 0, 0, 1]));
        let left = async || handle.window("downloads", &client).await.map(|it| Window::remaining(&it));
        assert_eq!(left().await.expect("a window"), 1);
        let error = handle.hit("downloads", &client, 1).await.unwrap_err();
        assert!(matches!(error, NamedLimitError::Concurrent(_)), "{error}");
        handle.clear("downloads", &client).await.expect("it is cleared");
        assert_eq!(left().await.expect("a window"), 2);
        // It frees nothing that others hold by now.
        let second = open(&app, "/").await;
        drop(first);
        assert!(left().await.expect("a window") >= 1);
        drop(second);
        assert_eq!(left().await.expect("a window"), 2);
    });
}

#[test]
fn what_makes_no_sense_is_an_error() {
    let errors = [
        (
            Limit::concurrent(2).strategy(Strategy::TokenBucket),
            "`strategy`: it has no effect on `2 concurrent`",
        ),
        (Limit::concurrent(2).strategy(Strategy::TokenBucket).burst(3), "`burst`: it has no effect"),
        (Limit::concurrent(2).keep_used(true), "`keep_used`: it has no effect"),
        (Limit::concurrent(2).deduct_when(|_| true), "`deduct_when`: it has no effect"),
        (Limit::concurrent(2).refund_on_drop(true), "`refund_on_drop`: it has no effect"),
        (Limit::concurrent(2).metered(true), "`metered`: it has no effect"),
        (
            Limit::new(Quota::per_day(1)).meta(Quota::concurrent(1)),
            "`meta`: expected a quota of breaches in a time",
        ),
        (Limit::concurrent(20_000), "at most 10000 concurrent"),
    ];
    for (limit, expected) in errors {
        let error = Limiter::builder().default_limits(limit).build().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let meta = Limiter::builder().meta_limits("3 concurrent").build().unwrap_err().to_string();
    assert!(meta.contains("meta limits count hits, and not the requests that are under way"), "{meta}");
    let named = Limiter::builder().named_limit("x", Quota::concurrent(1)).build().unwrap_err().to_string();
    assert!(named.contains("named limits count hits"), "{named}");
}

#[cfg(feature = "memcached")]
#[test]
fn memcached_refuses_it_with_an_alternative() {
    let limiter = Limiter::builder().storage_uri("memcached://127.0.0.1").default_limits("5 concurrent");
    let error = limiter.build().unwrap_err().to_string();
    assert!(error.contains("memcached does not support limits of concurrent requests"), "{error}");
    assert!(error.contains("use Redis, Valkey, MongoDB or memory"), "{error}");
}

/// Handlers may keep their requests, and with them what the limiter knows of these.
#[test]
fn a_dropped_request_no_longer_counts_while_a_clone_lives_on() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).default_limits("1 concurrent").build().expect("a limiter");
            let clones = Rc::new(RefCell::new(Vec::new()));
            let kept = Rc::clone(&clones);
            let keep = move |req: HttpRequest| {
                kept.borrow_mut().push(req);
                pending::<HttpResponse>()
            };
            let app = init_service(App::new().wrap(limiter).default_service(web::to(keep))).await;
            for admitted in 1..=3 {
                let mut call = Box::pin(app.call(request("GET", "/").to_request()));
                for _ in 0..6 {
                    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    assert!(polled.is_pending(), "{kind:?}");
                    actix_web::rt::task::yield_now().await;
                }
                assert_eq!(clones.borrow().len(), admitted, "{kind:?}: it has reached the handler");
                drop(call);
                refunded().await;
            }
        });
    }
}

/// `build` does not see the limits of resources, whose other options hold.
#[test]
fn what_makes_no_sense_on_a_resource_is_logged_and_has_no_effect() {
    log::capture();
    in_a_system(async {
        let limiter = builder(StorageKind::Memory).build().expect("a limiter");
        let limits = [
            Limit::concurrent(2).strategy(Strategy::TokenBucket),
            Limit::new(Quota::per_day(5)).meta(Quota::concurrent(1)),
        ];
        let place = resource("/", limits.to_vec(), |it| it.to(ok));
        let app = init_service(App::new().wrap(limiter).service(place)).await;
        let first = open(&app, "/").await;
        let statuses = [status(&first), status(&open(&app, "/").await), status(&open(&app, "/").await)];
        assert_eq!(statuses, [200, 200, 429]);
    });
    for reason in ["`strategy`: it has no effect", "`meta`: expected a quota of breaches in a time"] {
        let errors = log::here(reason);
        assert!(!errors.is_empty() && errors.iter().all(|line| line.starts_with("ERROR")), "{errors:?}");
    }
}

/// Counts hits, and no requests that are under way.
#[derive(Debug, Default)]
struct WithoutLeases(MemoryStorage);

impl Storage for WithoutLeases {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        Answer::ready(self.0.decide(batch, now))
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
}

/// `build` does not see attributes. The other limits hold.
#[test]
fn an_attribute_that_the_storage_does_not_support_is_logged_and_does_not_apply() {
    log::capture();
    in_a_system(async {
        let limiter = builder(StorageKind::Memory).storage(Arc::new(WithoutLeases::default()));
        let limiter = limiter.application_limits("3/hour").build().expect("a limiter");
        let app = init_service(App::new().wrap(limiter).service(attribute)).await;
        let mut under_way = Vec::new();
        for expected in [200, 200, 200, 429] {
            let response = open(&app, "/attribute").await;
            assert_eq!(status(&response), expected);
            under_way.push(response);
        }
    });
    let errors = log::here("ignoring a limit of concurrent requests: the storage does not support it");
    assert!(!errors.is_empty() && errors.iter().all(|line| line.starts_with("ERROR")), "{errors:?}");
}

/// Leads `/straight?slow` to `/slow`.
async fn to_slow(
    mut req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if req.query_string() == "slow" {
        let uri = Uri::from_static("/slow");
        req.match_info_mut().get_mut().update(&uri);
        req.head_mut().uri = uri;
    }
    next.call(req).await
}

/// The request is expected elsewhere, where nothing is counted that is under way. Its body has the hold nevertheless.
#[test]
fn a_request_that_comes_where_nobody_expected_it_counts_until_its_body_ends() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = builder(kind).default_limits("9/hour").build().expect("a limiter");
            let app = App::new()
                .wrap(from_fn(to_slow))
                .wrap(limiter)
                .route("/straight", web::get().to(ok))
                .service(resource("/slow", Limit::concurrent(1), |it| it.to(ok)));
            let app = init_service(app).await;
            assert_eq!(status(&open(&app, "/straight").await), 200, "{kind:?}");
            // A server drops the request when it begins to send the body.
            let body = open(&app, "/straight?slow").await.into_parts().1.into_body();
            assert_eq!(status(&open(&app, "/slow").await), 429, "{kind:?}");
            drop(body);
            assert_eq!(status(&open(&app, "/slow").await), 200, "{kind:?}");
        });
    }
}
