//! Recorded runs of the kinds of limits beyond the reference, by the clock of the caller.
//!
//! Naive models in another language have made them: `limiter-core/tests/data/kinds_vectors.py`.

use std::{collections::HashMap, time::Duration};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Window,
    storage::{Batch, Hit, Note, Refund, Renewal, Storage},
};
use serde_json::{Value, json};

use crate::server::Server;

const RUNS: &str = include_str!("../../data/kinds-vectors.jsonl");

/// The longest list of bans in the runs.
const MAX_BANS: usize = 4;

/// The runs of each kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    metered: usize,
    concurrent: usize,
    keep_used: usize,
    calendar: usize,
    bans: usize,
}

impl Ran {
    /// Returns the runs of a storage with these strategies.
    pub(crate) fn expected(strategies: &[Strategy], has_leases: bool) -> Self {
        let keep_used = strategies.iter().filter(|strategy| **strategy != Strategy::TokenBucket).count();
        let concurrent = if has_leases { 24 } else { 0 };
        Self { metered: 12 * strategies.len(), concurrent, keep_used: 8 * keep_used, calendar: 28, bans: 12 }
    }
}

pub(crate) async fn agree_with_naive_models<S: Server>() {
    let server = S::start();
    let storage = S::by_callers_clock(server.storage());
    assert_eq!(agree(&storage).await, Ran::expected(S::STRATEGIES, storage.has_leases()));
}

/// Runs each line that the storage can enforce, as a client of its own.
pub(crate) async fn agree(storage: &dyn Storage) -> Ran {
    let mut ran = Ran::default();
    for (number, line) in (1..).zip(RUNS.lines()) {
        let run: Value = serde_json::from_str(line).unwrap();
        let of_kind = match run["kind"].as_str().unwrap() {
            "metered" => &mut ran.metered,
            "concurrent" => &mut ran.concurrent,
            "keep_used" => &mut ran.keep_used,
            "calendar" => &mut ran.calendar,
            "bans" => &mut ran.bans,
            other => panic!("there are no runs of {other}"),
        };
        if run["kind"] == "bans" {
            replay_bans(storage, &run, number).await;
            *of_kind += 1;
        } else if storage.check(&policy(&run, None)).is_ok() && can_hold(storage, &run) {
            Count::new(storage, &run, number).replay(&run).await;
            *of_kind += 1;
        }
    }
    ran
}

/// Leases are no part of a policy that a storage checks.
fn can_hold(storage: &dyn Storage, run: &Value) -> bool {
    run["kind"] != "concurrent" || storage.has_leases()
}

/// Returns the policy of a run, with another amount if a hit has one.
fn policy(run: &Value, amount: Option<u64>) -> Policy {
    let mut limit = run["limit"].as_str().unwrap().to_owned();
    if let Some(amount) = amount {
        let (_, window) = limit.split_once('/').unwrap();
        limit = format!("{amount}/{window}");
    }
    let policy =
        Policy::new(limit.parse::<Quota>().unwrap(), run["strategy"].as_str().unwrap().parse().unwrap());
    match run["kind"].as_str().unwrap() {
        "metered" => policy.with_metered(true),
        "keep_used" => policy.with_keep_used(true),
        "calendar" => policy.with_time_zone(run["zone"].as_str().unwrap().parse().unwrap()),
        _ => policy.with_lease(Duration::from_millis(run["lease"].as_u64().unwrap())),
    }
}

/// The count of a run.
struct Count<'a> {
    storage: &'a dyn Storage,
    line: usize,
    scope: Scope,
    key: Key,
    policy: Policy,
    is_concurrent: bool,
    /// The stamps of admitted hits, by the numbers of their operations.
    taken: HashMap<u64, (Window, Option<u64>)>,
}

impl<'a> Count<'a> {
    fn new(storage: &'a dyn Storage, run: &Value, number: usize) -> Self {
        Self {
            storage,
            line: number,
            scope: Scope::new(["kinds"]),
            key: Key::from(format!("line {number}")),
            policy: policy(run, None),
            is_concurrent: run["kind"] == "concurrent",
            taken: HashMap::new(),
        }
    }

    async fn replay(mut self, run: &Value) {
        let (ops, expected) = (run["ops"].as_array().unwrap(), run["expect"].as_array().unwrap());
        assert_eq!(ops.len(), expected.len());
        for (number, (op, expected)) in (0..).zip(ops.iter().zip(expected)) {
            let seen = self.apply(run, number, op).await;
            assert_eq!(seen, *expected, "line {}, operation {number}, {op}: {run}", self.line);
        }
    }

    async fn apply(&mut self, run: &Value, number: u64, op: &Value) -> Value {
        let at = Timestamp::from_millis(op[0].as_u64().unwrap());
        let amounts = [2, 3].map(|part| op[part].as_u64());
        match (op[1].as_str().unwrap(), amounts) {
            ("hit", [Some(cost), amount]) => {
                let policy = amount.map(|amount| policy(run, Some(amount)));
                let window = self.hit(policy.as_ref().unwrap_or(&self.policy), cost, at).await;
                if window.is_allowed() && cost > 0 {
                    self.taken.insert(number, (window, None));
                }
                shown(window)
            }
            ("charge", [Some(cost), None]) => shown(self.hit(&self.policy.charging(), cost, at).await),
            ("refund", [Some(hit), Some(cost)]) => {
                let refund = self.refund(hit, cost);
                self.storage.refund(&[refund], at).await.unwrap();
                shown(self.hit(&self.policy, 0, at).await)
            }
            ("renew", [Some(hit), Some(cost)]) => {
                let renewed = self.storage.renew(&[self.refund(hit, cost)], at).await.unwrap();
                let [renewal] = renewed[..] else { panic!("{renewed:?}") };
                if let (Renewal::Renewed(stamp), Some(taken)) = (renewal, self.taken.get_mut(&hit)) {
                    taken.1 = Some(stamp);
                }
                (renewal != Renewal::Ended).into()
            }
            other => panic!("{other:?}"),
        }
    }

    async fn hit(&self, policy: &Policy, cost: u64, at: Timestamp) -> Window {
        let hits = [Hit::new(&self.scope, &self.key, policy).cost(cost).reserved(self.is_concurrent)];
        let decision = self.storage.decide(&Batch::new(&hits), at).await.unwrap();
        assert_eq!(decision.is_admitted(), decision.limits()[0].is_allowed());
        decision.limits()[0]
    }

    fn refund(&self, hit: u64, cost: u64) -> Refund<'_> {
        let (window, stamp) = &self.taken[&hit];
        let mut refund = Refund::new(Hit::new(&self.scope, &self.key, &self.policy).cost(cost), window);
        refund.stamp = stamp.unwrap_or(refund.stamp);
        refund
    }
}

fn shown(window: Window) -> Value {
    let wait = window.retry_after().map(millis_up);
    json!([window.is_allowed(), window.remaining(), wait])
}

fn millis_up(wait: Duration) -> u64 {
    wait.as_nanos().div_ceil(1_000_000).try_into().unwrap()
}

/// Each millisecond of bans takes so many: a server removes a list that ends in a millisecond before a busy machine looks
/// at it.
const SLOWER: u64 = 60_000;

/// Puts and removes bans, and lists those that have not ended.
async fn replay_bans(storage: &dyn Storage, run: &Value, line: usize) {
    let list = format!("bans-{line}");
    let (ops, expected) = (run["ops"].as_array().unwrap(), run["expect"].as_array().unwrap());
    assert_eq!(ops.len(), expected.len());
    // A fraction is a fault, which no expected number equals.
    let fast = |time: Duration| {
        let millis = millis_up(time);
        if millis.is_multiple_of(SLOWER) { json!(millis / SLOWER) } else { json!(format!("{time:?}")) }
    };
    let instant = |op: &Value| op[0].as_u64().unwrap();
    let start = instant(&ops[0]);
    for (op, expected) in ops.iter().zip(expected) {
        let at = Timestamp::from_millis(start + (instant(op) - start) * SLOWER);
        let name = op[2].as_str().unwrap_or_default();
        let seen = match op[1].as_str().unwrap() {
            "put" => {
                let ends_in = Duration::from_millis(op[3].as_u64().unwrap() * SLOWER);
                let note = Note { name: name.to_owned(), text: "a reason".to_owned(), ends_in };
                storage.put_note(&list, &note, MAX_BANS, at).await.unwrap().into()
            }
            "remove" => storage.remove_note(&list, name, at).await.unwrap().into(),
            _ => {
                let mut notes = storage.notes(&list, None, at).await.unwrap().unwrap_or_default().notes;
                notes.sort_by(|one, other| one.name.cmp(&other.name));
                notes.iter().map(|note| json!([note.name, fast(note.ends_in)])).collect::<Value>()
            }
        };
        assert_eq!(seen, *expected, "line {line}, {op}: {run}");
    }
}
