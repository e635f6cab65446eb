//! The limits are exact, however many processes hit them.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Unit,
    storage::{Batch, Hit, Storage},
};

use crate::{NOON, processes, server::Server};

pub(crate) fn eight_processes_on_one_key<S: Server>() {
    admit_the_limit::<S>(&S::start().uri(), 1);
}

pub(crate) fn eight_processes_with_batches_over_three_scopes<S: Server>() {
    admit_the_limit::<S>(&S::start().uri(), 3);
}

/// Checks that processes on this server are admitted exactly the limit, with batches over so many scopes.
pub(crate) fn admit_the_limit<S: Server>(uri: &str, scopes: usize) {
    let process = format!("on_servers::{}::suite::exact::hits_as_one_of_eight_processes", S::NAME);
    let admitted = processes::admitted(uri, scopes, S::STRATEGIES, &process);
    assert_eq!(admitted, processes::expected(S::STRATEGIES));
}

/// Is one of the processes if its environment names a task, and nothing otherwise.
pub(crate) fn hits_as_one_of_eight_processes<S: Server>() {
    processes::run(S::STRATEGIES, S::open);
}

/// The defect: a clock that is ahead takes quota from the others.
pub(crate) async fn clocks_an_hour_apart_share_a_count<S: Server>() {
    let server = S::start();
    let nodes = [server.storage(), server.storage()];
    let times = [NOON, NOON.after(Duration::from_secs(3600))];
    let (scope, key) = (Scope::new(["clocks"]), Key::from("somebody"));
    for strategy in S::STRATEGIES {
        let policy = Policy::new(Quota::new(10, 10, Unit::Year), *strategy);
        let hits = [Hit::new(&scope, &key, &policy)];
        let mut admitted = 0;
        for turn in 0..30 {
            let (node, time) = (&nodes[turn % 2], times[turn % 2]);
            admitted += u32::from(node.decide(&Batch::new(&hits), time).await.unwrap().is_admitted());
        }
        assert_eq!(admitted, 10, "{strategy}");
    }
}
