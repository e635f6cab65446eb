//! A storage whose decision says that a limit refuses, and whose windows say that none does.

use std::sync::Arc;

use actix_web::{App, test::init_service, web};
use limiter_actix::{
    OnStorageFailure::{Allow, Deny, Fallback},
    Timestamp,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Storage, Verdict},
};

use crate::fickle_storage::{Bench, ok, statuses};

#[derive(Debug)]
struct Contradicting;

impl Storage for Contradicting {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        let decided = MemoryStorage::new().decide(batch, now);
        let (guards, limits) = (decided.guards().iter().copied(), decided.limits().iter().copied());
        Answer::Ready(Ok(Decision::new(Verdict::Refused, guards, limits)))
    }

    fn refund<'a>(&'a self, _: &'a [Refund<'a>], _: Timestamp) -> Answer<'a, ()> {
        Answer::Ready(Ok(()))
    }

    fn clear<'a>(&'a self, _: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Ready(Ok(()))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Ready(Ok(()))
    }
}

/// The defect: such requests passed, and nothing counted them.
#[actix_web::test]
async fn contradictions_are_failures() {
    for (on_failure, expected) in [(Fallback, [200, 200, 429]), (Deny, [503; 3]), (Allow, [200; 3])] {
        let limiter = Bench::new().limiter().storage(Arc::new(Contradicting));
        let limiter = limiter.default_limits("2/hour").on_storage_failure(on_failure).build().unwrap();
        let app = init_service(App::new().wrap(limiter.clone()).route("/", web::to(ok))).await;
        assert_eq!(statuses(&app, "/", 3).await, expected, "{on_failure:?}");
        assert!(limiter.storage_health().is_failing());
    }
}
