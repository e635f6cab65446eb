//! Compares every way to decide a batch with the rule, `batch_decision::decide_batch`, on counts without any structure.

use std::{collections::HashMap, time::Duration};

use proptest::{
    collection::vec,
    option,
    prelude::{Just, TestCaseError, prop, prop_assert_eq, prop_oneof, proptest},
    strategy::Strategy as Generate,
};

use super::*;
use crate::{
    Key, Quota, Scope, Strategy, Unit, Window,
    storage::{
        Verdict,
        batch_decision::{self, CounterSet},
    },
    strategy::State,
};

/// The middle of a window of each length.
const NOON: Timestamp = Timestamp::from_millis(1_750_000_015_500);

/// A state for each policy of a client in a scope, and the newest time at which one changed.
#[derive(Default)]
struct PlainEntry {
    newest: Timestamp,
    states: HashMap<u64, State>,
}

/// A scope and a client, by their indices.
type EntryId = (usize, usize);

#[derive(Default)]
struct PlainCounts {
    entries: HashMap<EntryId, PlainEntry>,
    /// The entries of the hits of the present batch.
    places: Vec<EntryId>,
}

impl CounterSet for PlainCounts {
    type Entry = EntryId;

    fn entry(&self, place: usize) -> EntryId {
        self.places[place]
    }

    fn test(&self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let entry = self.entries.get(&self.places[place]);
        let state = entry.and_then(|entry| Some((entry, entry.states.get(&policy.id())?)));
        match state {
            Some((entry, state)) => state.test(policy, cost, now.max(entry.newest)),
            None => State::untouched(policy, cost),
        }
    }

    fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        if policy.ignores(cost) {
            return self.test(place, policy, cost, now);
        }
        let entry = self.entries.entry(self.places[place]).or_default();
        let now = now.max(entry.newest);
        let state = entry.states.entry(policy.id()).or_insert_with(|| State::new(policy));
        let window = state.hit(policy, cost, now);
        if window.is_allowed() || policy.is_elastic() {
            entry.newest = now;
        }
        window
    }
}

impl PlainCounts {
    fn refund(&mut self, id: EntryId, hit: &Hit<'_>, taken: &Window, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Some(state) = entry.states.get_mut(&hit.policy.id()) {
            state.refund(hit.policy, hit.cost, taken, now.max(entry.newest));
        }
    }
}

/// A hit on the policy of an index.
#[derive(Clone, Debug)]
struct SomeHit {
    entry: EntryId,
    policy: usize,
    cost: u64,
    shadow: bool,
    only_after: Option<usize>,
}

/// A batch, and whether its limits are refunded if it is admitted.
#[derive(Clone, Debug)]
struct SomeBatch {
    guards: Vec<SomeHit>,
    limits: Vec<SomeHit>,
    on_refusal: Vec<SomeHit>,
    is_refunded: bool,
}

const SCOPES: usize = 2;
const CLIENTS: usize = 3;
const POLICIES: usize = 9;

/// Returns some policies of all strategies. One or two of them fit into the numbers of an entry, others do not.
fn policies(unit: Unit, chosen: &[usize]) -> Vec<Policy> {
    let policy = |amount, strategy| Policy::new(Quota::new(amount, 1, unit), strategy);
    let all: [Policy; POLICIES] = [
        policy(4, Strategy::FixedWindow),
        policy(5, Strategy::FixedWindow),
        policy(4, Strategy::FixedWindowElasticExpiry),
        policy(5, Strategy::FixedWindowElasticExpiry),
        policy(4, Strategy::MovingWindow),
        policy(4, Strategy::SlidingWindowCounter),
        policy(Quota::MAX_AMOUNT, Strategy::SlidingWindowCounter),
        policy(5, Strategy::TokenBucket),
        policy(0, Strategy::FixedWindow),
    ];
    chosen.iter().map(|index| all[*index].clone()).collect()
}

/// The policies of a history: usually few, whose counts fit into the numbers of an entry.
fn any_policies() -> impl Generate<Value = Vec<usize>> {
    prop_oneof![3 => vec(0..POLICIES, 1..3), 1 => vec(0..POLICIES, 3..8)]
}

fn any_entry() -> impl Generate<Value = EntryId> {
    (0..SCOPES, 0..CLIENTS)
}

fn any_hit(entry: impl Generate<Value = EntryId>) -> impl Generate<Value = SomeHit> {
    let cost = prop_oneof![8 => Just(1), 3 => 0..4_u64, 1 => Just(u64::MAX)];
    (entry, 0..POLICIES, cost, prop::bool::weighted(0.15), option::of(0..4_usize)).prop_map(
        |(entry, policy, cost, shadow, only_after)| SomeHit { entry, policy, cost, shadow, only_after },
    )
}

/// Returns limits of one entry or of several, which have fast paths, or a batch of any kind.
fn any_batch() -> impl Generate<Value = SomeBatch> {
    let of_one_entry = any_entry().prop_flat_map(|entry| vec(any_hit(Just(entry)), 1..5));
    let hits = |most| vec(any_hit(any_entry()), 0..most);
    let parts = prop_oneof![
        of_one_entry.prop_map(|limits| (Vec::new(), limits, Vec::new())),
        (hits(2), hits(4)).prop_map(|(guards, limits)| (guards, limits, Vec::new())),
        (hits(3), hits(5), hits(3)),
    ];
    (parts, prop::bool::weighted(0.2)).prop_map(|((guards, limits, on_refusal), is_refunded)| SomeBatch {
        guards,
        limits,
        on_refusal,
        is_refunded,
    })
}

/// The memory storage and the plain counts, side by side.
struct Comparison {
    storage: MemoryStorage,
    plain: PlainCounts,
    policies: Vec<Policy>,
    scopes: [Scope; SCOPES],
    keys: [Key; CLIENTS],
}

impl Comparison {
    fn new(unit: Unit, chosen: &[usize]) -> Self {
        Self {
            // A few shards, so that some entries share one.
            storage: MemoryStorage::with_capacity(10_000),
            plain: PlainCounts::default(),
            policies: policies(unit, chosen),
            scopes: ["a", "b"].map(|name| Scope::new([name])),
            // The last equals the first: a batch may have its key twice.
            keys: ["alice", "bob", "alice"].map(Key::from),
        }
    }

    fn hits(&self, hits: &[SomeHit]) -> Vec<Hit<'_>> {
        let hit = |hit: &SomeHit| {
            let (scope, client) = hit.entry;
            let policy = &self.policies[hit.policy % self.policies.len()];
            let plain = Hit::new(&self.scopes[scope], &self.keys[client], policy);
            Hit { only_after: hit.only_after, ..plain.cost(hit.cost).shadow(hit.shadow) }
        };
        hits.iter().map(hit).collect()
    }

    fn run(&mut self, batch: &SomeBatch, now: Timestamp) -> Result<(), TestCaseError> {
        let mut plain = std::mem::take(&mut self.plain);
        let all = batch.guards.iter().chain(&batch.limits).chain(&batch.on_refusal);
        plain.places = all.map(|hit| (hit.entry.0, hit.entry.1 % 2)).collect();
        let [guards, limits, on_refusal] =
            [&batch.guards, &batch.limits, &batch.on_refusal].map(|hits| self.hits(hits));
        let to_decide = Batch::new(&limits).guards(&guards).on_refusal(&on_refusal);
        let expected = batch_decision::decide_batch(&mut plain, &to_decide, now);
        let decision = self.storage.decide(&to_decide, now);
        prop_assert_eq!(decision.verdict(), expected.verdict());
        prop_assert_eq!(reports(decision.guards()), reports(expected.guards()));
        prop_assert_eq!(reports(decision.limits()), reports(expected.limits()));
        if batch.is_refunded && decision.verdict() == Verdict::Admitted {
            for (index, hit) in limits.iter().enumerate() {
                let [taken, expected] = [&decision, &expected].map(|decision| &decision.limits()[index]);
                if taken.is_allowed() {
                    drop(self.storage.refund(&[Refund::new(*hit, taken)], now));
                    plain.refund(plain.places[guards.len() + index], hit, expected, now);
                }
            }
        }
        self.plain = plain;
        Ok(())
    }
}

/// All of a report but the stamp, which only a refund reads.
fn reports(windows: &[Window]) -> Vec<(bool, u64, u64, Duration, Option<Duration>)> {
    let report = |it: &Window| (it.is_allowed(), it.limit(), it.remaining(), it.reset(), it.retry_after());
    windows.iter().map(report).collect()
}

proptest! {
    #[test]
    fn every_way_decides_as_the_rule(chosen in any_policies(), steps in vec((any_batch(), 0..40_u64), 1..60)) {
        let (mut comparison, mut now) = (Comparison::new(Unit::Minute, &chosen), NOON);
        for (batch, seconds) in &steps {
            now = now.after(Duration::from_secs(*seconds));
            comparison.run(batch, now)?;
        }
    }

    /// No entry expires here, since the storage may remove an expired one together with its newest time: all times lie
    /// within ten minutes, and nothing is refunded.
    #[test]
    fn every_way_decides_as_the_rule_when_time_jumps(
        chosen in any_policies(),
        steps in vec((any_batch(), 0..600_u64), 1..60),
    ) {
        let mut comparison = Comparison::new(Unit::Hour, &chosen);
        for (batch, seconds) in steps {
            let batch = SomeBatch { is_refunded: false, ..batch };
            comparison.run(&batch, NOON.after(Duration::from_secs(seconds)))?;
        }
    }
}
