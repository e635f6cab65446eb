//! Batches over several clients, whose counts stand in several documents.

use futures_util::future::join_all;
use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Unit, Window,
    storage::{Batch, Decision, Hit, Storage},
};
use limiter_test_servers::Mongo;
use mongodb::bson::doc;

use super::server::Administered;
use crate::{NOON, server::Server};

fn policy(amount: u64, strategy: Strategy) -> Policy {
    Policy::new(Quota::new(amount, 10, Unit::Year), strategy)
}

/// Of a hundred at once never more than is allowed are admitted, and what others have taken in vain is back.
#[tokio::test]
async fn a_batch_never_admits_more_than_its_narrow_limit() {
    let server = Mongo::start();
    let storage = server.storage().use_caller_clock();
    for strategy in Strategy::ALL {
        let scope = Scope::new([strategy.name()]);
        let (address, user) = (Key::address([192, 0, 2, 1].into(), 64), Key::text("user", "somebody"));
        let (wide, narrow) = (policy(1000, strategy), policy(20, strategy));
        let hits = [Hit::new(&scope, &address, &wide), Hit::new(&scope, &user, &narrow)];
        let batch = Batch::new(&hits);
        let decisions = join_all((0..100).map(|_| storage.decide(&batch, NOON))).await;
        let admitted = decisions.into_iter().filter(|it| it.as_ref().unwrap().is_admitted()).count();
        assert_eq!(admitted, 20, "{strategy}: the narrow limit alone refuses");
        let looks = hits.map(|hit| hit.cost(0));
        let decision = storage.decide(&Batch::test(&looks), NOON).await.unwrap();
        let left: Vec<_> = decision.guards().iter().map(Window::remaining).collect();
        assert_eq!(left, [980, 0], "{strategy}");
    }
}

/// Where both limits are as narrow, a request may be refused for what another holds while it is refused; never is
/// more admitted, and nothing stays behind.
#[tokio::test]
async fn a_refused_batch_leaves_nothing_behind() {
    let server = Mongo::start();
    let storage = server.storage().use_caller_clock();
    for strategy in Strategy::ALL {
        let scopes = [Scope::new(["a", strategy.name()]), Scope::new(["b", strategy.name()])];
        let keys: Vec<_> = (0..4).map(|number| Key::text("user", number.to_string())).collect();
        let narrow = policy(10, strategy);
        let batches: Vec<_> = (0..60)
            .map(|turn| {
                let [one, other] = [&keys[turn % 4], &keys[(turn + 1 + turn % 3) % 4]];
                [Hit::new(&scopes[0], one, &narrow), Hit::new(&scopes[1], other, &narrow)]
            })
            .collect();
        let batches: Vec<_> = batches.iter().map(|hits| Batch::new(hits)).collect();
        let decide = |batch| storage.decide(batch, NOON);
        let decisions = join_all(batches.iter().map(decide)).await;
        let decisions: Vec<Decision> = decisions.into_iter().map(Result::unwrap).collect();
        for scope in &scopes {
            for key in &keys {
                let is_it = |hit: &&Hit<'_>| hit.scope == scope && hit.key == key;
                let admitted = batches.iter().zip(&decisions).filter(|(_, decision)| decision.is_admitted());
                let taken = admitted.flat_map(|(batch, _)| batch.limits).filter(is_it).count() as u64;
                let look = [Hit::new(scope, key, &narrow).cost(0)];
                let decision = storage.decide(&Batch::test(&look), NOON).await.unwrap();
                assert_eq!(decision.guards()[0].remaining() + taken, 10, "{strategy}");
            }
        }
    }
}

/// The defect: if the command of one document failed, the others stayed charged.
#[tokio::test]
async fn a_batch_of_which_a_document_fails_leaves_nothing_behind() {
    let server = Mongo::start();
    let storage = server.storage().use_caller_clock();
    for strategy in Strategy::ALL {
        let (scope, ten) = (Scope::new([strategy.name()]), policy(10, strategy));
        let (address, user) = (Key::address([192, 0, 2, 1].into(), 64), Key::text("user", strategy.name()));
        let hits = [Hit::new(&scope, &address, &ten), Hit::new(&scope, &user, &ten)];
        assert!(storage.decide(&Batch::new(&hits[1..]), NOON).await.unwrap().is_admitted());
        let of_users = doc! { "_id": { "$regex": "^ratelimit:1:user~" } };
        server.counts().await.update_many(of_users, doc! { "$set": { "c": 7 } }).await.unwrap();
        let decided = storage.decide(&Batch::new(&hits), NOON).await;
        assert!(decided.is_err(), "{strategy}: the pipeline fails on such a document");
        let look = [hits[0].cost(0)];
        let decision = storage.decide(&Batch::test(&look), NOON).await.unwrap();
        assert_eq!(decision.guards()[0].remaining(), 10, "{strategy}");
    }
}
