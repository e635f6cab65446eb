//! The recorded runs, by the clock of the caller.

use std::num::NonZeroU64;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, Storage},
};
use serde_json::{Value, json};

use crate::server::Server;

/// Runs of the reference, 240 in three strategies.
const REFERENCE: &str = include_str!("../../data/limits-vectors.jsonl");

/// Runs of a naive model of the contract, 300 in five strategies.
pub(crate) const CONTRACT: &str = include_str!("../../data/contract-vectors.jsonl");

pub(crate) async fn agrees_with_the_reference<S: Server>() {
    let server = S::start();
    let ran = agree(&S::by_callers_clock(server.storage()), REFERENCE).await;
    let recorded = [Strategy::FixedWindow, Strategy::MovingWindow, Strategy::SlidingWindowCounter];
    assert_eq!(ran, 80 * recorded.iter().filter(|it| S::STRATEGIES.contains(it)).count());
}

pub(crate) async fn agrees_with_the_contract<S: Server>() {
    let server = S::start();
    let ran = agree(&S::by_callers_clock(server.storage()), CONTRACT).await;
    assert_eq!(ran, 60 * S::STRATEGIES.len());
}

/// Runs each line that the storage can enforce, as a client of its own; returns how many these were.
pub(crate) async fn agree(storage: &dyn Storage, lines: &str) -> usize {
    let (scope, mut ran) = (Scope::new(["vectors"]), 0);
    for (number, line) in (1..).zip(lines.lines()) {
        let run: Value = serde_json::from_str(line).unwrap();
        let (policy, key) = (policy(&run), Key::from(format!("line {number}")));
        if storage.check(&policy).is_err() {
            continue;
        }
        ran += 1;
        let hits = run["hits"].as_array().unwrap();
        let expected = run["expect"].as_array().unwrap();
        assert_eq!(hits.len(), expected.len());
        for (index, (hit, expected)) in hits.iter().zip(expected).enumerate() {
            let [at, cost] = [0, 1].map(|part| hit[part].as_u64().unwrap());
            let hits = [Hit::new(&scope, &key, &policy).cost(cost)];
            let decision = storage.decide(&Batch::new(&hits), Timestamp::from_millis(at)).await.unwrap();
            let seen = decision.limits()[0];
            assert_eq!(decision.is_admitted(), seen.is_allowed());
            let retry_after = seen.retry_after().map(|wait| wait.as_nanos().div_ceil(1_000_000));
            let seen = json!([seen.is_allowed(), seen.remaining(), retry_after]);
            // The reference has no third value.
            let seen = &seen.as_array().unwrap()[..expected.as_array().unwrap().len()];
            assert_eq!(seen, expected.as_array().unwrap(), "line {number}, hit {index}: {line}");
        }
    }
    ran
}

fn policy(run: &Value) -> Policy {
    let quota: Quota = run["limit"].as_str().unwrap().parse().unwrap();
    let strategy: Strategy = run["strategy"].as_str().unwrap().parse().unwrap();
    let policy = Policy::new(quota, strategy);
    match run["burst"].as_u64().and_then(NonZeroU64::new) {
        Some(burst) => policy.with_burst(burst).unwrap(),
        None => policy,
    }
}
