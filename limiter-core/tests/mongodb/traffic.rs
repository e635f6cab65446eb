//! What goes to the server.

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, GiveBack, Hit, Storage, Verdict},
};
use limiter_test_servers::Mongo;
use mongodb::bson::{Bson, Document, doc};

use crate::server::ServerExt;

const NOON: Timestamp = Timestamp::from_millis(1_750_000_000_000);

fn number(document: &Document, path: &[&str]) -> i64 {
    let (last, path) = path.split_last().unwrap();
    let document = path.iter().fold(document, |document, name| document.get_document(name).unwrap());
    match document.get(last) {
        Some(Bson::Int64(number)) => *number,
        Some(Bson::Int32(number)) => (*number).into(),
        other => panic!("{last}: {other:?}"),
    }
}

/// How many commands were sent that decide and that settle, and how many documents were changed by them.
async fn calls(server: &Mongo) -> (i64, i64, i64) {
    let status = server.admin().await.run_command(doc! { "serverStatus": 1 }).await.unwrap();
    let command = |name| number(&status, &["metrics", "commands", name, "total"]);
    // Only what was changed is written to the storage engine.
    let changed = number(&status, &["metrics", "document", "updated"]);
    (command("findAndModify"), command("update"), changed)
}

async fn since(server: &Mongo, before: (i64, i64, i64)) -> (i64, i64, i64) {
    let now = calls(server).await;
    (now.0 - before.0, now.1 - before.1, now.2 - before.2)
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
    let before = calls(&server).await;
    let mut verdicts = Vec::new();
    for _ in 0..20 {
        verdicts.push(storage.decide(&batch, NOON).await.unwrap().verdict());
    }
    verdicts.dedup();
    assert_eq!(verdicts, [Verdict::Admitted, Verdict::Refused, Verdict::Guarded]);
    let (decided, settled, _) = since(&server, before).await;
    assert_eq!((decided, settled), (20, 0));
    storage.clear(&guard).await.unwrap();

    let before = calls(&server).await;
    let looks: Vec<_> = limits.iter().map(|hit| hit.cost(0)).collect();
    let decision = storage.decide(&Batch::new(&looks), NOON).await.unwrap();
    let taken: Vec<_> =
        limits.iter().zip(decision.limits()).map(|(hit, window)| GiveBack::new(*hit, window)).collect();
    storage.give_back(&taken, NOON).await.unwrap();
    let (decided, settled, _) = since(&server, before).await;
    assert_eq!((decided, settled), (1, 1));
}

#[tokio::test]
async fn a_batch_of_two_clients_is_two_commands_and_two_more_when_one_refuses() {
    let server = Mongo::start();
    let storage = server.storage();
    let (scope, keys) = (Scope::new(["login"]), [Key::from("address"), Key::from("user")]);
    let [wide, narrow] = [9, 1].map(|amount| Policy::new(Quota::per_hour(amount), Strategy::FixedWindow));
    let hits = [Hit::new(&scope, &keys[0], &wide), Hit::new(&scope, &keys[1], &narrow)];
    for (admitted, expected) in [(true, (2, 0)), (false, (2, 1))] {
        let before = calls(&server).await;
        assert_eq!(storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted(), admitted);
        let (decided, settled, _) = since(&server, before).await;
        assert_eq!((decided, settled), expected, "only what was taken is given back");
    }
}

/// Who is refused again and again costs the server no writes.
#[tokio::test]
async fn a_refusal_writes_nothing() {
    let server = Mongo::start();
    let (storage, scope, key) = (server.storage(), Scope::new(["refused"]), Key::from("somebody"));
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::per_year(1), strategy);
        let hits = [Hit::new(&scope, &key, &policy)];
        assert!(storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted());
        let written = async || {
            let stats = doc! { "collStats": "counts" };
            let stats =
                server.counts().await.client().database("ratelimit").run_command(stats).await.unwrap();
            number(&stats, &["wiredTiger", "cursor", "update calls"])
                + number(&stats, &["wiredTiger", "cursor", "modify"])
        };
        let before = written().await;
        for _ in 0..5 {
            assert!(!storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted());
        }
        let moves = strategy == Strategy::FixedWindowElasticExpiry;
        assert_eq!(written().await > before, moves, "{strategy}");
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
