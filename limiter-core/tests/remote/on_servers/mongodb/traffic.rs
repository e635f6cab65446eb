//! The commands to the server.

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy,
    storage::{Batch, Hit, Storage, Verdict},
};
use limiter_test_servers::Mongo;
use mongodb::bson::{Document, doc};

use crate::{
    NOON,
    batches::{FourLimits, refunds},
    on_servers::mongodb::server::Administered,
    server::Server,
};

/// Has the server record all commands to the counts from now on.
async fn record(server: &Mongo) {
    let database = server.counts().await.client().database("ratelimit");
    database.run_command(doc! { "profile": 2 }).await.unwrap();
}

/// Returns how many commands decided, how many settled, and how many of all have changed a document, since the
/// last call.
async fn recorded(server: &Mongo) -> (u64, u64, u64) {
    let database = server.counts().await.client().database("ratelimit");
    let notes = database.collection::<Document>("system.profile");
    let count = async |filter: Document| notes.count_documents(filter).await.unwrap();
    let counts = doc! { "ns": "ratelimit.counts" };
    let with = |name: &str, value: Document| {
        let mut filter = counts.clone();
        filter.insert(name, value);
        filter
    };
    let recorded = (
        count(with("command.findAndModify", doc! { "$exists": true })).await,
        count(doc! { "ns": "ratelimit.counts", "op": "update" }).await,
        count(with("nModified", doc! { "$gt": 0 })).await,
    );
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    notes.drop().await.unwrap();
    record(server).await;
    recorded
}

#[tokio::test]
async fn a_batch_of_one_client_is_one_command() {
    let server = Mongo::start();
    let storage = server.storage();
    let four = FourLimits::new();
    let (limits, guard) = (four.limits(), four.guard());
    let batch = Batch::new(&limits).guards(&guard).on_refusal(&guard);
    storage.probe().await.unwrap();
    record(&server).await;
    let mut verdicts = Vec::new();
    for _ in 0..20 {
        verdicts.push(storage.decide(&batch, NOON).await.unwrap().verdict());
    }
    verdicts.dedup();
    assert_eq!(verdicts, [Verdict::Admitted, Verdict::Refused, Verdict::RefusedByGuard]);
    let (decided, settled, _) = recorded(&server).await;
    assert_eq!((decided, settled), (20, 0));
    storage.clear(&guard).await.unwrap();
    recorded(&server).await;

    let looks: Vec<_> = limits.iter().map(|hit| hit.cost(0)).collect();
    let decision = storage.decide(&Batch::new(&looks), NOON).await.unwrap();
    storage.refund(&refunds(&limits, &decision), NOON).await.unwrap();
    let (decided, settled, _) = recorded(&server).await;
    assert_eq!((decided, settled), (1, 1));
}

#[tokio::test]
async fn a_batch_of_two_clients_is_two_commands_and_two_more_when_one_refuses() {
    let server = Mongo::start();
    let storage = server.storage();
    let (scope, keys) = (Scope::new(["login"]), [Key::from("address"), Key::from("user")]);
    let [wide, narrow] = [9, 1].map(|amount| Policy::new(Quota::per_hour(amount), Strategy::FixedWindow));
    let hits = [Hit::new(&scope, &keys[0], &wide), Hit::new(&scope, &keys[1], &narrow)];
    record(&server).await;
    for (admitted, expected) in [(true, (2, 0)), (false, (2, 1))] {
        assert_eq!(storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted(), admitted);
        let (decided, settled, _) = recorded(&server).await;
        assert_eq!((decided, settled), expected, "only what was taken is refunded");
    }
}

/// A client that is refused again and again costs the server no writes.
#[tokio::test]
async fn a_refusal_writes_nothing() {
    let server = Mongo::start();
    let (storage, scope, key) = (server.storage(), Scope::new(["refused"]), Key::from("somebody"));
    record(&server).await;
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::per_year(1), strategy);
        let hits = [Hit::new(&scope, &key, &policy)];
        assert!(storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted());
        recorded(&server).await;
        for _ in 0..5 {
            assert!(!storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted());
        }
        let moves = strategy == Strategy::FixedWindowElasticExpiry;
        let (decided, settled, changed) = recorded(&server).await;
        assert_eq!((decided, settled, changed > 0), (5, 0, moves), "{strategy}");
    }
}

/// A look at a client without counts leaves no document.
#[tokio::test]
async fn a_look_makes_no_document() {
    let server = Mongo::start();
    let (storage, scope, key) = (server.storage(), Scope::new(["looks"]), Key::from("somebody"));
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::per_year(1), strategy);
        let hits = [Hit::new(&scope, &key, &policy)];
        assert!(storage.decide(&Batch::test(&hits), NOON).await.unwrap().is_admitted());
        let looks = [hits[0].cost(0)];
        assert!(storage.decide(&Batch::new(&looks), NOON).await.unwrap().is_admitted());
    }
    assert_eq!(server.counts().await.count_documents(doc! {}).await.unwrap(), 0);
}
