//! Requests that others overtake on their way to the storage.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use actix_web::{
    App, HttpResponse,
    test::init_service,
    web::{self, Data},
};
use futures_util::future::join3;
use limiter_actix::{
    Limit, Limiter, Quota, Timestamp, resource,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Storage},
};
use limiter_test_support::{
    app::{ask, request},
    play::in_a_system,
};
use tokio::sync::Semaphore;

use crate::deduct::{decided, refunded};

/// The first decision takes another connection than the others, and arrives when the gate is open.
#[derive(Debug)]
struct Overtaking {
    server: MemoryStorage,
    has_begun: AtomicBool,
    gate: Arc<Semaphore>,
}

impl Storage for Overtaking {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        let is_first = !self.has_begun.swap(true, Relaxed);
        Answer::Pending(Box::pin(async move {
            if is_first {
                drop(self.gate.acquire().await);
            }
            Ok(self.server.decide(batch, now))
        }))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(self.server.refund(taken, now)))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(self.server.clear(hits)))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(self.server.reset()))
    }

    /// The gate opens after any time.
    fn has_deadline(&self) -> bool {
        true
    }
}

/// Nobody else was under way when it began, so it was taken for a breach, and the meta limit shut the client out.
#[test]
fn a_request_that_the_reservations_of_later_ones_refuse_is_no_breach() {
    async fn login(gate: Data<Semaphore>) -> HttpResponse {
        drop(gate.acquire().await);
        HttpResponse::Ok().finish()
    }
    in_a_system(async {
        let (to_server, in_handler) = (Arc::new(Semaphore::new(0)), Data::new(Semaphore::new(0)));
        let server = MemoryStorage::new();
        let storage = Overtaking { server, has_begun: AtomicBool::new(false), gate: Arc::clone(&to_server) };
        let limiter = Limiter::builder().storage(Arc::new(storage)).meta_limits("1/day");
        let limiter = limiter.build().expect("a limiter");
        let limit = Limit::new(Quota::per_hour(1)).deduct_when(|answer| answer.status == 401);
        let app = App::new().app_data(Data::clone(&in_handler)).wrap(limiter);
        let app = init_service(app.service(resource("/login", limit, |it| it.route(web::post().to(login)))));
        let app = app.await;
        let log_in = async || {
            let answer = ask(&app, request("POST", "/login")).await;
            (answer.status, answer.header("retry-after").map(str::to_owned))
        };
        let gates = async {
            decided().await;
            to_server.add_permits(1);
            decided().await;
            in_handler.add_permits(100);
        };
        let (first, second, ()) = join3(log_in(), log_in(), gates).await;
        assert_eq!((first, second), ((429, Some("1".to_owned())), (200, None)));
        refunded().await;
        assert_eq!(log_in().await, (200, None), "the first was no breach");
    });
}
