//! What goes to the server.

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, Refund, Storage, Verdict},
};
use limiter_test_servers::Mongo;
use mongodb::bson::{Document, doc};

use crate::mongodb::server::ServerExt;

const NOON: Timestamp = Timestamp::from_millis(1_750_000_000_000);

/// Has the server note everything that is asked of the counts from now on.
async fn listen(server: &Mongo) {
    let database = server.counts().await.client().database("ratelimit");
    database.run_command(doc! { "profile": 2 }).await.unwrap();
}

/// How many commands decided, how many settled, and how many of all have changed a document, since the last call.
async fn heard(server: &Mongo) -> (u64, u64, u64) {
    let database = server.counts().await.client().database("ratelimit");
    let notes = database.collection::<Document>("system.profile");
    let count = async |filter: Document| notes.count_documents(filter).await.unwrap();
    let counts = doc! { "ns": "ratelimit.counts" };
    let with = |name: &str, value: Document| {
        let mut filter = counts.clone();
        filter.insert(name, value);
        filter
    };
    let heard = (
        count(with("command.findAndModify", doc! { "$exists": true })).await,
        count(doc! { "ns": "ratelimit.counts", "op": "update" }).await,
        count(with("nModified", doc! { "$gt": 0 })).await,
    );
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    notes.drop().await.unwrap();
    listen(server).await;
    heard
}

#[tokio::test]
async fn a_batch_of_one_client_is_one_command() {
    let server = Mongo::start();
    let storage = server.storage();
    let (scope, route, key) = (Scope::new(["application"]), Scope::new(["route"]), Key::from("somebody"));
    let policies = [1, 2, 3, 4].map(|amount| {
        let strategy = Strategy::ALL[usize::try_from(amount).unwrap()];
        Policy::new(Quota::per_hour(amount + 5), strategy)
    });
    let meta = Policy::new(Quota::per_hour(2), policies[0].strategy());
    let limits: Vec<_> = policies
        .iter()
        .zip([&scope, &route].iter().cycle())
        .map(|(it, scope)| Hit::new(scope, &key, it))
        .collect();
    let guard = [Hit::new(&scope, &key, &meta)];
    let batch = Batch::new(&limits).guards(&guard).on_refusal(&guard);
    storage.probe().await.unwrap();
    listen(&server).await;
    let mut verdicts = Vec::new();
    for _ in 0..20 {
        verdicts.push(storage.decide(&batch, NOON).await.unwrap().verdict());
    }
    verdicts.dedup();
    assert_eq!(verdicts, [Verdict::Admitted, Verdict::Refused, Verdict::RefusedByGuard]);
    let (decided, settled, _) = heard(&server).await;
    assert_eq!((decided, settled), (20, 0));
    storage.clear(&guard).await.unwrap();
    heard(&server).await;

    let looks: Vec<_> = limits.iter().map(|hit| hit.cost(0)).collect();
    let decision = storage.decide(&Batch::new(&looks), NOON).await.unwrap();
    let taken: Vec<_> =
        limits.iter().zip(decision.limits()).map(|(hit, window)| Refund::new(*hit, window)).collect();
    storage.refund(&taken, NOON).await.unwrap();
    let (decided, settled, _) = heard(&server).await;
    assert_eq!((decided, settled), (1, 1));
}

#[tokio::test]
async fn a_batch_of_two_clients_is_two_commands_and_two_more_when_one_refuses() {
    let server = Mongo::start();
    let storage = server.storage();
    let (scope, keys) = (Scope::new(["login"]), [Key::from("address"), Key::from("user")]);
    let [wide, narrow] = [9, 1].map(|amount| Policy::new(Quota::per_hour(amount), Strategy::FixedWindow));
    let hits = [Hit::new(&scope, &keys[0], &wide), Hit::new(&scope, &keys[1], &narrow)];
    listen(&server).await;
    for (admitted, expected) in [(true, (2, 0)), (false, (2, 1))] {
        assert_eq!(storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted(), admitted);
        let (decided, settled, _) = heard(&server).await;
        assert_eq!((decided, settled), expected, "only what was taken is given back");
    }
}

/// Who is refused again and again costs the server no writes.
#[tokio::test]
async fn a_refusal_writes_nothing() {
    let server = Mongo::start();
    let (storage, scope, key) = (server.storage(), Scope::new(["refused"]), Key::from("somebody"));
    listen(&server).await;
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::per_year(1), strategy);
        let hits = [Hit::new(&scope, &key, &policy)];
        assert!(storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted());
        heard(&server).await;
        for _ in 0..5 {
            assert!(!storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted());
        }
        let moves = strategy == Strategy::FixedWindowElasticExpiry;
        let (decided, settled, changed) = heard(&server).await;
        assert_eq!((decided, settled, changed > 0), (5, 0, moves), "{strategy}");
    }
}

/// A look at a client whom nobody knows leaves no document.
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
