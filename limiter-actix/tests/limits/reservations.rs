//! Refusals that only reservations under way cause.

use std::{cell::RefCell, rc::Rc, time::Duration};

use actix_web::{
    App, HttpMessage, HttpRequest, HttpResponse,
    body::to_bytes,
    dev::{Service, ServiceResponse},
    guard,
    test::init_service,
    web,
};
use futures_util::future::{Either, join, join_all, select};
use limiter_actix::{Breach, Limit, Limiter, Quota, Strategy, resource};
use limiter_test_support::{
    play::{clock, header, in_a_system, read},
    storages::StorageKind,
};
use tokio::sync::Semaphore;

use crate::deduct::{decided, limiter, refunded};

/// Takes a while, and succeeds with the right password.
async fn login(req: HttpRequest) -> HttpResponse {
    decided().await;
    match req.headers().get("password") {
        Some(_) => HttpResponse::Ok().finish(),
        None => HttpResponse::Unauthorized().finish(),
    }
}

fn failures(quota: Quota) -> Limit {
    Limit::new(quota).deduct_when(|answer| answer.status == 401)
}

/// The status, and the wait of a refusal.
type Answer = (u16, Option<u64>);

const OK: Answer = (200, None);
const WRONG: Answer = (401, None);

fn refused(wait: u64) -> Answer {
    (429, Some(wait))
}

fn answer(response: &ServiceResponse) -> Answer {
    let wait = response.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
    (response.status().as_u16(), wait)
}

/// Logs in several times at once, then once more when all of these are done; by the headers of each.
fn log_in(limiter: Limiter, limit: Limit, together: &[&str], then: &[&str]) -> (Vec<Answer>, Vec<Answer>) {
    in_a_system(async {
        let app = App::new().wrap(limiter).service(resource("/login", limit, |it| it.to(login)));
        let app = init_service(app).await;
        let call = async |headers: &str| {
            let response = app.call(read("POST /login", headers).to_request()).await.expect("a response");
            answer(&response.map_into_boxed_body())
        };
        let first = join_all(together.iter().map(|headers| call(headers))).await;
        refunded().await;
        let mut later = Vec::new();
        for headers in then {
            later.push(call(headers).await);
        }
        (first, later)
    })
}

const RIGHT: &str = "password: right";

/// Eight honest clients behind one address, and a meta limit that the first breach would spend.
#[test]
fn honest_requests_at_once_are_no_breach() {
    for kind in StorageKind::ALL {
        let meta = kind.set(limiter_test_support::play::builder(&clock())).meta_limits("1/day");
        let limit = failures(Quota::per_hour(5));
        let (first, later) = log_in(meta.build().expect("limits"), limit, &[RIGHT; 8], &[RIGHT; 3]);
        assert_eq!(first.iter().filter(|it| **it == OK).count(), 5, "{kind:?}: {first:?}");
        assert_eq!(first.iter().filter(|it| **it == refused(1)).count(), 3, "{kind:?}: {first:?}");
        assert_eq!(later, [OK; 3], "{kind:?}");
    }
}

/// The same for the meta limit of the limit.
#[test]
fn nor_are_they_for_its_own_meta_limit() {
    for kind in StorageKind::ALL {
        let limit = failures(Quota::per_hour(5)).meta(Quota::per_day(1));
        let (first, later) = log_in(limiter(&clock(), kind), limit, &[RIGHT; 8], &[RIGHT]);
        assert_eq!(first.iter().filter(|it| **it == refused(1)).count(), 3, "{kind:?}: {first:?}");
        assert_eq!(later, [OK], "{kind:?}");
    }
}

/// Failures have spent the limit, so that a refusal is a breach whoever else is under way.
#[test]
fn a_limit_that_failures_have_spent_is_breached() {
    for kind in StorageKind::ALL {
        let builder = kind.set(limiter_test_support::play::builder(&clock())).meta_limits("2/day");
        let limit = failures(Quota::per_hour(2));
        let (first, later) = log_in(builder.build().expect("limits"), limit, &["", ""], &["", "", ""]);
        assert_eq!(first, [WRONG; 2], "{kind:?}");
        // The second breach spends the meta limit.
        assert_eq!(later, [refused(3600), refused(86_400), refused(86_400)], "{kind:?}");
    }
}

/// The end of an elastic window moves with each hit, also that of the reservations under way.
#[test]
fn an_elastic_window_is_breached_once_nothing_is_under_way() {
    for kind in StorageKind::ALL {
        let clock = clock();
        let limit = failures(Quota::per_minute(1)).strategy(Strategy::FixedWindowElasticExpiry);
        let app = App::new().wrap(limiter(&clock, kind));
        in_a_system(async {
            let app = init_service(app.service(resource("/login", limit, |it| it.to(login)))).await;
            let call = async || {
                let response = app.call(read("POST /login", "").to_request()).await.expect("a response");
                answer(&response.map_into_boxed_body())
            };
            let later = async {
                clock.advance(Duration::from_secs(1));
                call().await
            };
            assert_eq!(join(call(), later).await, (WRONG, refused(1)), "{kind:?}");
            refunded().await;
            assert_eq!(call().await, refused(60), "{kind:?}");
        });
    }
}

/// A reservation under way may come back to whatever plan the client has by now.
#[test]
fn a_change_of_plan_makes_no_breach() {
    for kind in StorageKind::ALL {
        let limit = Limit::dynamic(|req| header(req, "plan").map(str::to_owned)).keep_used(true);
        let limit = limit.deduct_when(|answer| answer.status == 401);
        let plans = ["plan: 1/hour, password: right", "plan: 2/hour"];
        let (first, _) = log_in(limiter(&clock(), kind), limit.clone(), &[plans[0], plans[0]], &[]);
        assert_eq!(first, [OK, refused(1)], "{kind:?}: the same plan");
        let fewer = ["plan: 2/hour, password: right", "plan: 1/hour"];
        let (first, _) = log_in(limiter(&clock(), kind), limit, &fewer, &[]);
        assert_eq!(first, [OK, refused(1)], "{kind:?}");
    }
}

/// Two failures are counted, and one reservation is under way: only that one may come back.
#[test]
fn what_is_under_way_must_suffice() {
    for kind in StorageKind::ALL {
        let limit = failures(Quota::per_hour(3)).cost_with(|req| {
            req.headers().get("cost").and_then(|cost| cost.to_str().ok()?.parse().ok()).unwrap_or(1)
        });
        let together = [RIGHT, "cost: 3, password: right", "cost: 4, password: right", RIGHT];
        let (first, _) = log_in(limiter(&clock(), kind), limit, &together, &[]);
        // A cost of 4 never passes a limit of 3.
        assert_eq!(first, [OK, refused(1), (429, None), OK], "{kind:?}");
    }
}

/// Another limit refuses too, without any reservation.
#[test]
fn another_limit_that_refuses_makes_it_a_breach() {
    for kind in StorageKind::ALL {
        let builder = kind.set(limiter_test_support::play::builder(&clock()));
        let limiter = builder.application_limits("1/hour").build().expect("limits");
        let (first, _) = log_in(limiter, failures(Quota::per_minute(1)), &[RIGHT; 2], &[]);
        assert_eq!(first, [OK, refused(3600)], "{kind:?}");
    }
}

/// A reservation from a window that is over frees nothing in the current one.
#[test]
fn reservations_of_an_earlier_window_do_not_count() {
    for kind in StorageKind::ALL {
        let clock = clock();
        let limiter = limiter(&clock, kind);
        in_a_system(async {
            let limit = failures(Quota::per_minute(1));
            let app = App::new().wrap(limiter).service(resource("/login", limit, |it| it.to(login)));
            let app = init_service(app).await;
            let call = async |headers: &str| {
                let response = app.call(read("POST /login", headers).to_request()).await.expect("a response");
                answer(&response.map_into_boxed_body())
            };
            let later = async {
                refunded().await;
                clock.advance(Duration::from_secs(61));
                [call("k: c1").await, call("k: c1").await]
            };
            // The first one is under way until the others are answered: its handler waits for longer.
            let first = async {
                let responses = join_all([call(RIGHT), call(RIGHT)]).await;
                assert_eq!(responses, [OK, refused(1)], "{kind:?}");
            };
            let ((), later) = join(first, later).await;
            assert_eq!(later, [WRONG, refused(60)], "{kind:?}");
        });
    }
}

/// It is a response of the middleware, with the limit's text, and without a breach for whoever looks for one.
#[test]
fn it_calls_no_callback_and_leaves_no_breach() {
    for kind in StorageKind::ALL {
        let limit = failures(Quota::per_hour(1))
            .error_message("too many failures")
            .on_breach(|_, _| -> HttpResponse { unreachable!() });
        in_a_system(async {
            let limiter = kind.set(limiter_test_support::play::builder(&clock()).headers(true));
            let limiter =
                limiter.on_breach(|_, _| -> HttpResponse { unreachable!() }).build().expect("limits");
            let app = App::new().wrap(limiter).service(resource("/login", limit, |it| it.to(login)));
            let app = init_service(app).await;
            let call = || app.call(read("POST /login", RIGHT).to_request());
            let [_, second] = join_all([call(), call()]).await.try_into().expect("two responses");
            let second = second.expect("a response");
            assert!(second.request().extensions().get::<Breach>().is_none(), "{kind:?}");
            assert_eq!(second.status(), 429, "{kind:?}");
            let remaining = second.headers().get("x-ratelimit-remaining").expect("a header");
            assert_eq!(remaining, "0", "{kind:?}");
            let body = to_bytes(second.map_into_boxed_body().into_body()).await.expect("a body");
            assert_eq!(body, "too many failures", "{kind:?}");
        });
    }
}

/// A limiter around the one that refuses shows its window, and not its own.
#[test]
fn the_limiter_further_out_shows_it() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let builder = |prefix: &str| {
                kind.set(limiter_test_support::play::builder(&clock())).key_prefix(prefix).headers(true)
            };
            let outer = builder("outer").application_limits("9/hour").build().expect("limits");
            let inner = builder("inner").application_limits(failures(Quota::per_hour(1)));
            let scope = web::scope("/in").route("/login", web::post().to(login));
            let scope = scope.wrap(inner.build().expect("limits"));
            let app = init_service(App::new().wrap(outer).service(scope)).await;
            let call = || app.call(read("POST /in/login", RIGHT).to_request());
            let [first, second] = join_all([call(), call()]).await.try_into().expect("two responses");
            let shown = [first, second].map(|response| {
                let response = response.expect("a response").map_into_boxed_body();
                let limit = response.headers().get("x-ratelimit-limit").expect("a header");
                (response.status().as_u16(), limit.to_str().expect("a number").to_owned())
            });
            assert_eq!(shown[1], (429, "1".to_owned()), "{kind:?}");
            assert_eq!(shown[0].0, 200, "{kind:?}");
        });
    }
}

/// A request that is dropped stays charged, and what it took is no reservation any more.
#[test]
fn a_dropped_request_reserves_nothing() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limiter = limiter(&clock(), kind);
            let limit = failures(Quota::per_hour(1));
            let app = App::new().wrap(limiter).service(resource("/login", limit, |it| it.to(login)));
            let app = init_service(app).await;
            let call = || app.call(read("POST /login", RIGHT).to_request());
            let dropped = select(Box::pin(call()), Box::pin(refunded())).await;
            assert!(matches!(dropped, Either::Right(_)), "{kind:?}: it is under way");
            drop(dropped);
            let response = call().await.expect("a response");
            assert_eq!(answer(&response.map_into_boxed_body()), refused(3600), "{kind:?}");
        });
    }
}

/// Its other limit awaits a response, and the spent one does not.
#[test]
fn a_limit_without_deduct_when_is_breached_by_reservations_of_its_count() {
    async fn waits(gate: web::Data<Semaphore>) -> HttpResponse {
        drop(gate.acquire().await);
        HttpResponse::Ok().finish()
    }
    for kind in StorageKind::ALL {
        in_a_system(async {
            let gate = web::Data::new(Semaphore::new(0));
            let shared = || Limit::new(Quota::per_hour(1)).shared("attempts");
            let page = [shared(), failures(Quota::per_hour(9))];
            let app = App::new()
                .app_data(web::Data::clone(&gate))
                .wrap(limiter(&clock(), kind))
                .service(resource("/login", shared().deduct_when(|it| it.status == 401), |it| it.to(waits)))
                .service(resource("/page", page, |it| it.to(waits)));
            let app = init_service(app).await;
            let call = async |request: &str| {
                let response = app.call(read(request, "").to_request()).await.expect("a response");
                answer(&response.map_into_boxed_body())
            };
            let later = async {
                refunded().await;
                assert_eq!(call("POST /login").await, refused(1), "{kind:?}");
                assert_eq!(call("GET /page").await, refused(3600), "{kind:?}");
                gate.add_permits(100);
            };
            let (first, ()) = join(call("POST /login"), later).await;
            assert_eq!(first, OK, "{kind:?}");
            refunded().await;
            assert_eq!([call("GET /page").await, call("GET /page").await], [OK, refused(3600)], "{kind:?}");
        });
    }
}

/// Another pattern hides the route, so that its limit is decided where the requests arrive.
#[test]
fn honest_requests_at_once_are_no_breach_at_a_route_that_is_known_only_after_routing() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let limit = failures(Quota::per_hour(5)).meta(Quota::per_day(1));
            let app = App::new()
                .wrap(limiter(&clock(), kind))
                .service(web::resource("/{name}").guard(guard::Host("example.com")).to(HttpResponse::Ok))
                .service(resource("/login", limit, |it| it.to(login)));
            let app = init_service(app).await;
            let call = async || {
                let response = app.call(read("POST /login", RIGHT).to_request()).await.expect("a response");
                answer(&response.map_into_boxed_body())
            };
            let first = join_all((0..8).map(|_| call())).await;
            assert_eq!(first.iter().filter(|it| **it == OK).count(), 5, "{kind:?}: {first:?}");
            assert_eq!(first.iter().filter(|it| **it == refused(1)).count(), 3, "{kind:?}: {first:?}");
            refunded().await;
            assert_eq!(call().await, OK, "{kind:?}");
        });
    }
}

/// A hit leaves a moving window by itself, each at its own time.
#[test]
fn a_reservation_in_a_moving_window_lasts_as_long_as_its_hit() {
    async fn waits(gate: web::Data<Semaphore>, req: HttpRequest) -> HttpResponse {
        if req.headers().contains_key("password") {
            drop(gate.acquire().await);
            return HttpResponse::Ok().finish();
        }
        HttpResponse::Unauthorized().finish()
    }
    for kind in StorageKind::ALL {
        let clock = clock();
        let limit = failures(Quota::per_minute(2)).strategy(Strategy::MovingWindow).cost_with(|req| {
            req.headers().get("cost").and_then(|cost| cost.to_str().ok()?.parse().ok()).unwrap_or(1)
        });
        let gate = web::Data::new(Semaphore::new(0));
        let app = App::new().app_data(web::Data::clone(&gate)).wrap(limiter(&clock, kind));
        in_a_system(async {
            let app = init_service(app.service(resource("/login", limit, |it| it.to(waits)))).await;
            let call = async |headers: &str| {
                let response = app.call(read("POST /login", headers).to_request()).await.expect("a response");
                answer(&response.map_into_boxed_body())
            };
            assert_eq!(call("").await, WRONG, "{kind:?}");
            clock.advance(Duration::from_secs(50));
            let later = async {
                refunded().await;
                clock.advance(Duration::from_secs(15));
                assert_eq!(call("cost: 2").await, refused(1), "{kind:?}: the reservation may come back");
                gate.add_permits(100);
            };
            assert_eq!(join(call(RIGHT), later).await.0, OK, "{kind:?}");
        });
    }
}

/// Handlers may keep their requests, and with them what the limiter knows of these.
#[test]
fn a_request_that_has_ended_reserves_nothing_while_a_clone_lives_on() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let clones = Rc::new(RefCell::new(Vec::new()));
            let kept = Rc::clone(&clones);
            let fails = move |req: HttpRequest| {
                kept.borrow_mut().push(req);
                async { HttpResponse::Unauthorized().finish() }
            };
            let limit = failures(Quota::per_hour(1));
            let app = App::new()
                .wrap(limiter(&clock(), kind))
                .service(resource("/login", limit, |it| it.to(fails)));
            let app = init_service(app).await;
            for expected in [WRONG, refused(3600)] {
                let response = app.call(read("POST /login", "").to_request()).await.expect("a response");
                assert_eq!(answer(&response.map_into_boxed_body()), expected, "{kind:?}");
            }
            assert_eq!(clones.borrow().len(), 1, "{kind:?}");
        });
    }
}
