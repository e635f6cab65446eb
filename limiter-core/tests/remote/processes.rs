//! Several processes on one server, for the tests of all storages on other machines.

use std::{
    env,
    process::{Command, Stdio},
};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    storage::{Batch, Hit, Storage},
};
use tokio::runtime::Runtime;

const PROCESSES: usize = 8;
const CONNECTIONS: usize = 3;
const HITS: usize = 50;

/// The limit, less than half of the hits.
pub(crate) const ADMITTED: u64 = 500;

/// A hit of a metered limit reserves so much. It is no divisor of the limit.
const RESERVED: u64 = 3;

/// Names the server to a process of a test, and how many scopes a batch has.
const TASK: &str = "LIMITER_TEST_TASK";

/// Returns the admitted hits of all processes together, for each of the [`kinds`] of limits. `a_process` is the path of the test
/// that calls [`run`].
pub(crate) fn admitted(uri: &str, scopes: usize, strategies: &[Strategy], a_process: &str) -> Vec<u64> {
    let processes: Vec<_> = (0..PROCESSES)
        .map(|_| {
            let mut process = Command::new(env::current_exe().unwrap());
            process.args(["--exact", a_process, "--nocapture"]);
            process.env(TASK, format!("{scopes} {uri}"));
            process.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut sums = vec![0; kinds(strategies).len()];
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let line = output.lines().find_map(|line| line.split_once("admitted: ")).expect(&output).1;
        for (sum, admitted) in sums.iter_mut().zip(line.split(' ')) {
            *sum += admitted.parse::<u64>().unwrap();
        }
    }
    sums
}

/// Is one of the processes if the environment says so, and nothing otherwise.
pub(crate) fn run<S: Storage + 'static>(strategies: &[Strategy], open: impl Fn(&str) -> S) {
    let Ok(task) = env::var(TASK) else { return };
    let (scopes, uri) = task.split_once(' ').unwrap();
    let scopes: Vec<_> = (0..scopes.parse().unwrap()).map(|scope| Scope::new([scope.to_string()])).collect();
    let admitted = |kind| Runtime::new().unwrap().block_on(admitted_here(|| open(uri), &scopes, kind));
    let admitted: Vec<_> = kinds(strategies).into_iter().map(|kind| admitted(kind).to_string()).collect();
    // Behind what the test runner may have printed on the line.
    println!("admitted: {}", admitted.join(" "));
}

async fn admitted_here<S: Storage + 'static>(open: impl Fn() -> S, scopes: &[Scope], kind: Kind) -> usize {
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (storage, scopes) = (open(), scopes.to_vec());
            tokio::spawn(async move { hit(&storage, &scopes, kind).await })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

/// A kind of limits.
#[derive(Clone, Copy)]
struct Kind {
    strategy: Strategy,
    multiple: u32,
    unit: Unit,
    /// The cost that a hit reserves of a metered limit.
    reserves: Option<u64>,
}

/// Returns a kind for each strategy, one whose windows end by the calendar, and a metered one for each strategy.
fn kinds(strategies: &[Strategy]) -> Vec<Kind> {
    // So slow that nothing comes back while the test runs.
    let plain =
        |strategy: &Strategy| Kind { strategy: *strategy, multiple: 10, unit: Unit::Year, reserves: None };
    let calendar = Kind { multiple: 1, unit: Unit::CalendarYear, ..plain(&Strategy::FixedWindow) };
    let metered = strategies.iter().map(|it| Kind { reserves: Some(RESERVED), ..plain(it) });
    strategies.iter().map(plain).chain([calendar]).chain(metered).collect()
}

/// Returns how many hits each of the [`kinds`] admits. A metered limit admits while 1 is left, so that the last reservation
/// exceeds it.
pub(crate) fn expected(strategies: &[Strategy]) -> Vec<u64> {
    kinds(strategies).iter().map(|kind| ADMITTED.div_ceil(kind.reserves.unwrap_or(1))).collect()
}

async fn hit(storage: &impl Storage, scopes: &[Scope], kind: Kind) -> usize {
    let policy = |amount| {
        Policy::new(Quota::new(amount, kind.multiple, kind.unit), kind.strategy)
            .with_metered(kind.reserves.is_some())
    };
    let policies = [ADMITTED, 2 * ADMITTED, 3 * ADMITTED].map(policy);
    // Of several clients, so that a cluster keeps them in several places.
    let keys = ["everybody", "all of them", "whoever asks"].map(Key::from);
    let of_scopes = scopes.iter().zip(&keys).zip(&policies);
    let cost = kind.reserves.unwrap_or(1);
    let hits: Vec<_> =
        of_scopes.map(|((scope, key), policy)| Hit::new(scope, key, policy).cost(cost)).collect();
    let mut admitted = 0;
    for _ in 0..HITS {
        let decision = storage.decide(&Batch::new(&hits), Timestamp::default()).await.unwrap();
        admitted += usize::from(decision.is_admitted());
    }
    admitted
}
