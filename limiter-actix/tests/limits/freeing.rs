//! Concurrent requests that follow each other faster than a shared storage frees those that have ended.

use std::sync::Arc;

use actix_web::{
    App,
    dev::{Service, ServiceRequest},
    rt::task::yield_now,
    test::init_service,
    web,
};
use limiter_actix::{
    Limit, Quota, Timestamp,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Renewal, Storage},
};
use limiter_test_support::{
    app::request,
    play::{builder, clock, header, in_a_system},
};

/// The quota in the header `plan`.
fn by_plan(req: &ServiceRequest) -> Option<String> {
    header(req, "plan").map(str::to_owned)
}

/// A storage that takes longer to free what has ended than to decide.
#[derive(Debug, Default)]
struct SlowToFree(MemoryStorage);

impl Storage for SlowToFree {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        Answer::Pending(Box::pin(async move { Ok(self.0.decide(batch, now)) }))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(async move {
            for _ in 0..20 {
                yield_now().await;
            }
            self.0.refund(taken, now).await
        }))
    }

    fn has_leases(&self) -> bool {
        true
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        self.0.renew(taken, now)
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.0.clear(hits)
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.0.reset()
    }

    fn has_deadline(&self) -> bool {
        true
    }
}

/// The plan of a client may change meanwhile.
#[test]
fn a_request_waits_for_those_of_another_amount() {
    in_a_system(async {
        let limiter = builder(&clock()).storage(Arc::<SlowToFree>::default());
        let limiter = limiter.default_limits(Limit::dynamic(by_plan)).build().expect("a limiter");
        let app = init_service(App::new().wrap(limiter).default_service(web::to(async || "ok"))).await;
        for plan in ["2 concurrent", "1 concurrent"] {
            let request = request("GET", "/").insert_header(("plan", plan));
            let response = app.call(request.to_request()).await.expect("a response");
            // It ends here.
            assert_eq!(response.status(), 200, "{plan}");
        }
    });
}

/// A client may send its next request as soon as it has the last byte. That is no breach.
#[test]
fn a_request_waits_until_those_before_it_are_freed() {
    for limit in [Limit::concurrent(1), Limit::concurrent(1).meta(Quota::per_hour(1))] {
        in_a_system(async {
            let limiter = builder(&clock()).storage(Arc::<SlowToFree>::default()).default_limits(limit);
            let app = App::new().wrap(limiter.build().expect("a limiter"));
            let app = init_service(app.default_service(web::to(async || "admitted"))).await;
            let send = async || app.call(request("GET", "/").to_request()).await.expect("a response");
            for _ in 0..3 {
                // It ends here.
                assert_eq!(send().await.status(), 200);
            }
            let _last = send().await;
            assert_eq!(send().await.status(), 429, "nothing is being freed");
        });
    }
}
