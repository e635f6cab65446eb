//! Costs that come back when the request is dropped, or ends in another window.

use std::{
    cell::Cell,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
};

use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::Service,
    guard,
    rt::{System, spawn, task::yield_now},
    test::init_service,
    web::{self, Data},
};
use limiter_actix::{Limit, Quota, resource};
use limiter_test_support::{
    log,
    play::{clock, in_a_system, play_to, read},
    storages::StorageKind,
};

use crate::deduct::{limiter, one_failure, refunded};

/// Answers once the test opens it.
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

#[test]
fn hanging_up_makes_no_attempt_free() {
    after_hanging_up(one_failure, "429 [L=1 R=0 X=T+60 A=60]");
}

#[test]
fn hanging_up_refunds_with_refund_on_drop() {
    after_hanging_up(|| one_failure().refund_on_drop(true), "200 [L=1 R=1 X=T+0]");
    // Also where no response decides.
    let always = || Limit::new(Quota::per_minute(1)).refund_on_drop(true);
    after_hanging_up(always, "200 [L=1 R=0 X=T+60]");
}

/// Checks the answer to the next request.
fn after_hanging_up(limit: fn() -> Limit, expected: &str) {
    for kind in StorageKind::ALL {
        let wrong = in_a_system(async {
            let (clock, gate) = (clock(), Rc::new(Gate::default()));
            let gated = resource("/a", limit(), |it| it.to(Gate::wait));
            let app =
                App::new().app_data(Data::new(Rc::clone(&gate))).wrap(limiter(&clock, kind)).service(gated);
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
        assert!(wrong.is_empty(), "storage {kind:?}:\n{}\n", wrong.join("\n"));
    }
}

/// The limit is known only where the request arrives, after its admission.
#[test]
fn hanging_up_refunds_what_was_charged_on_the_way() {
    for kind in StorageKind::ALL {
        let wrong = in_a_system(async {
            let (clock, gate) = (clock(), Rc::new(Gate::default()));
            let limit = Limit::new(Quota::per_minute(1)).refund_on_drop(true);
            let gated = resource("/a", limit, |it| it.to(Gate::wait));
            let hiding = web::resource("/{name}").guard(guard::Host("example.com")).to(HttpResponse::Ok);
            let app = App::new().app_data(Data::new(Rc::clone(&gate))).wrap(limiter(&clock, kind));
            let app = init_service(app.service(hiding).service(gated)).await;
            {
                let mut request = pin!(app.call(read("GET /a", "").to_request()));
                begin(request.as_mut()).await;
            }
            gate.0.set(true);
            refunded().await;
            let steps = [(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429")];
            play_to(async |it| app.call(it.to_request()).await, &clock, &steps).await
        });
        assert!(wrong.is_empty(), "storage {kind:?}:\n{}\n", wrong.join("\n"));
    }
}

#[test]
fn a_panic_makes_no_attempt_free() {
    after_a_panic(one_failure, "429 [L=1 R=0 X=T+60 A=60]");
}

#[test]
fn a_panic_refunds_with_refund_on_drop() {
    after_a_panic(|| one_failure().refund_on_drop(true), "200 [L=1 R=1 X=T+0]");
}

/// Checks the answer to the next request.
fn after_a_panic(limit: fn() -> Limit, expected: &str) {
    for kind in StorageKind::ALL {
        let wrong = in_a_system(async {
            async fn panics(req: HttpRequest) -> HttpResponse {
                assert!(!req.headers().contains_key("panic"), "as asked");
                HttpResponse::Ok().finish()
            }
            let clock = clock();
            let service = resource("/a", limit(), |it| it.to(panics));
            let app = init_service(App::new().wrap(limiter(&clock, kind)).service(service)).await;
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
        assert!(wrong.is_empty(), "storage {kind:?}:\n{}\n", wrong.join("\n"));
    }
}

/// The worker ends while a request is on its way: its tasks are dropped where nothing can be given back any more.
#[test]
fn a_worker_that_ends_panics_nowhere() {
    log::capture();
    for kind in StorageKind::ALL {
        let before = log::here("L006").len();
        let system = System::new();
        system.block_on(async {
            let limit = one_failure().refund_on_drop(true);
            let gated = resource("/a", limit, |it| it.to(Gate::wait));
            let gate = Data::new(Rc::new(Gate::default()));
            let app = App::new().app_data(gate).wrap(limiter(&clock(), kind)).service(gated);
            let app = init_service(app).await;
            let request = app.call(read("GET /a", "").to_request());
            spawn(async move { drop(request.await) });
            refunded().await;
        });
        drop(system);
        let said = log::here("L006").split_off(before);
        let said = said.iter().filter(|line| line.contains("in a worker that shuts down")).count();
        assert_eq!(said, usize::from(matches!(kind, StorageKind::Remote)), "storage {kind:?}");
    }
}

#[test]
fn nothing_is_refunded_into_another_window() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        let wrong = in_a_system(async {
            let (clock, gate) = (clock(), Rc::new(Gate::default()));
            let limit = || one_failure().shared("s");
            let gated = resource("/gated", limit(), |it| it.to(Gate::wait));
            let failing =
                resource("/fails", limit(), |it| it.to(async || HttpResponse::BadRequest().finish()));
            let app = App::new().app_data(Data::new(Rc::clone(&gate))).wrap(limiter(&clock, kind));
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
        assert!(wrong.is_empty(), "storage {kind:?}:\n{}\n", wrong.join("\n"));
    }
}
