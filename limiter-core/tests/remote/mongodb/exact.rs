//! Exactly as much is admitted as is allowed, whoever asks.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    storage::{Batch, Hit, MongoStorage, Storage},
};
use limiter_test_servers::Mongo;

use crate::{
    mongodb::server::ServerExt,
    processes::{self, ADMITTED},
};

#[test]
fn eight_processes_on_one_key() {
    let admitted = processes::admitted(&Mongo::start().uri(), 1, &Strategy::ALL, A_PROCESS);
    assert_eq!(admitted, [ADMITTED; Strategy::ALL.len()]);
}

#[test]
fn eight_processes_with_batches_over_three_scopes() {
    let admitted = processes::admitted(&Mongo::start().uri(), 3, &Strategy::ALL, A_PROCESS);
    assert_eq!(admitted, [ADMITTED; Strategy::ALL.len()]);
}

const A_PROCESS: &str = "mongodb::exact::a_process";

/// One of the processes, when it is asked to be.
#[test]
fn a_process() {
    processes::run(&Strategy::ALL, |uri| MongoStorage::new(uri).unwrap());
}

/// The defect: a clock that is ahead takes quota from the others.
#[tokio::test]
async fn clocks_an_hour_apart_share_a_count() {
    let server = Mongo::start();
    let nodes = [server.storage(), server.storage()];
    let noon = Timestamp::from_millis(1_750_000_000_000);
    let times = [noon, noon.after(Duration::from_secs(3600))];
    let (scope, key) = (Scope::new(["clocks"]), Key::from("somebody"));
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::new(10, 10, Unit::Year), strategy);
        let hits = [Hit::new(&scope, &key, &policy)];
        let mut admitted = 0;
        for turn in 0..30 {
            let (node, time) = (&nodes[turn % 2], times[turn % 2]);
            admitted += u32::from(node.decide(&Batch::new(&hits), time).await.unwrap().is_admitted());
        }
        assert_eq!(admitted, 10, "{strategy}");
    }
}
