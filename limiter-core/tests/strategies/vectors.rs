//! Recorded runs: of the reference, and of a naive model of the contract.

use std::{num::NonZeroU64, time::Duration};

use limiter_core::{Policy, Quota, Strategy};
use serde_json::Value;

use crate::Counter;

#[test]
fn agrees_with_the_reference() {
    assert_eq!(agree(include_str!("../data/limits-vectors.jsonl")), 240);
}

#[test]
fn agrees_with_the_contract() {
    assert_eq!(agree(include_str!("../data/contract-vectors.jsonl")), 300);
}

/// Runs each line; returns how many there were.
fn agree(lines: &str) -> usize {
    for (number, line) in (1..).zip(lines.lines()) {
        let run: Value = serde_json::from_str(line).unwrap();
        let counter = Counter::new(&policy(&run));
        let hits = run["hits"].as_array().unwrap();
        let expected = run["expect"].as_array().unwrap();
        assert_eq!(hits.len(), expected.len());
        for (index, (hit, expected)) in hits.iter().zip(expected).enumerate() {
            let [at, cost] = [0, 1].map(|part| hit[part].as_u64().unwrap());
            let seen = counter.hit(cost, at * 1_000_000);
            let retry_after = seen.retry_after().map(millis_up);
            let seen = serde_json::json!([seen.is_allowed(), seen.remaining(), retry_after]);
            // The reference has no third value.
            let seen = &seen.as_array().unwrap()[..expected.as_array().unwrap().len()];
            assert_eq!(seen, expected.as_array().unwrap(), "line {number}, hit {index}: {line}");
        }
    }
    lines.lines().count()
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

fn millis_up(wait: Duration) -> u64 {
    wait.as_nanos().div_ceil(1_000_000).try_into().unwrap()
}
