//! Exactly as much is admitted as is allowed, whoever asks.

use std::{
    env,
    process::{Command, Stdio},
};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    storage::{Batch, Hit, RedisStorage, Storage},
};
use tokio::runtime::Runtime;

use crate::server::Server;

const PROCESSES: usize = 8;
const CONNECTIONS: usize = 3;
const HITS: usize = 50;
const ADMITTED: u64 = 500;

/// Names the server to a process of a test, and how many scopes a batch has.
const TASK: &str = "LIMITER_TEST_TASK";

#[test]
fn eight_processes_on_one_key() {
    assert_eq!(admitted_by_processes(1), ADMITTED);
}

#[test]
fn eight_processes_with_batches_over_three_scopes() {
    assert_eq!(admitted_by_processes(3), ADMITTED);
}

/// For each strategy, all processes together; the number is the same for all of them.
fn admitted_by_processes(scopes: usize) -> u64 {
    let server = Server::start();
    let processes: Vec<_> = (0..PROCESSES)
        .map(|_| {
            let mut process = Command::new(env::current_exe().unwrap());
            process.args(["--exact", "exact::a_process", "--nocapture"]);
            process.env(TASK, format!("{scopes} {}", server.uri()));
            process.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut sums = [0; Strategy::ALL.len()];
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let line = output.lines().find_map(|line| line.split_once("admitted: ")).expect(&output).1;
        for (sum, admitted) in sums.iter_mut().zip(line.split(' ')) {
            *sum += admitted.parse::<u64>().unwrap();
        }
    }
    assert_eq!(sums, [sums[0]; Strategy::ALL.len()], "{:?}", Strategy::ALL);
    sums[0]
}

/// One of the processes, when it is asked to be.
#[test]
fn a_process() {
    let Ok(task) = env::var(TASK) else { return };
    let (scopes, uri) = task.split_once(' ').unwrap();
    let scopes: Vec<_> = (0..scopes.parse().unwrap()).map(|scope| Scope::new([scope.to_string()])).collect();
    let admitted = Strategy::ALL
        .map(|strategy| Runtime::new().unwrap().block_on(admitted(uri, &scopes, strategy)).to_string());
    // Behind what the test runner may have printed on the line.
    println!("admitted: {}", admitted.join(" "));
}

async fn admitted(uri: &str, scopes: &[Scope], strategy: Strategy) -> usize {
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (storage, scopes) = (RedisStorage::new(uri).unwrap(), scopes.to_vec());
            tokio::spawn(async move { hit(&storage, &scopes, strategy).await })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

async fn hit(storage: &RedisStorage, scopes: &[Scope], strategy: Strategy) -> usize {
    // So slow that nothing comes back while the test runs.
    let policy = |amount| Policy::new(Quota::new(amount, 10, Unit::Year), strategy);
    let (policies, key) = ([ADMITTED, 2 * ADMITTED, 3 * ADMITTED].map(policy), Key::from("everybody"));
    let hits: Vec<_> =
        scopes.iter().zip(&policies).map(|(scope, policy)| Hit::new(scope, &key, policy)).collect();
    let mut admitted = 0;
    for _ in 0..HITS {
        let decision = storage.decide(&Batch::new(&hits), Timestamp::default()).await.unwrap();
        admitted += usize::from(decision.is_admitted());
    }
    admitted
}

/// The defect: a clock that is ahead takes quota from the others.
#[tokio::test]
async fn clocks_an_hour_apart_share_a_count() {
    let server = Server::start();
    let nodes = [server.storage(), server.storage()];
    let noon = Timestamp::from_millis(1_750_000_000_000);
    let times = [noon, noon.after(std::time::Duration::from_secs(3600))];
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
