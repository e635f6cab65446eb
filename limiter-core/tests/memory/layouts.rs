//! Layouts that many clients share, and the counts of each client.

use std::collections::HashMap;

use limiter_core::{
    Policy, Quota, Strategy,
    storage::{Batch, Hit, MemoryStorage, Storage},
};
use proptest::prelude::*;

use crate::{NOW, after_secs, client, left, per_minute, ready, scope};

/// A client, which of the policies it meets, and whether these are forgotten instead.
fn any_calls() -> impl proptest::strategy::Strategy<Value = Vec<(u32, Vec<usize>, bool)>> {
    let policies = prop::collection::vec(0..POLICIES, 1..4);
    prop::collection::vec((0..CLIENTS, policies, prop::bool::weighted(0.1)), 1..400)
}

const CLIENTS: u32 = 150;
/// As many as one client may have counts.
const POLICIES: usize = 64;
const AMOUNT: u64 = 5;

/// Some of each strategy, some with amounts that take more room.
fn policies() -> Vec<Policy> {
    let policy = |index: usize| {
        let amount = if index.is_multiple_of(7) { Quota::MAX_AMOUNT } else { AMOUNT };
        let strategy = Strategy::ALL[index % Strategy::ALL.len()];
        let is_kept = strategy != Strategy::MovingWindow;
        per_minute(if is_kept { amount } else { AMOUNT }, strategy).with_label(index.to_string())
    };
    (0..POLICIES).map(policy).collect()
}

proptest! {
    /// However many limits the clients of a shard meet in whatever order, each count is its own.
    #[test]
    fn all_counts_are_kept_apart(calls in any_calls()) {
        let (storage, a, policies) = (MemoryStorage::with_capacity(1000), scope("a"), policies());
        let mut used: HashMap<(u32, usize), u64> = HashMap::new();
        for (number, chosen, is_cleared) in calls {
            let key = client(number);
            let hits: Vec<_> = chosen.iter().map(|index| Hit::new(&a, &key, &policies[*index])).collect();
            if is_cleared {
                ready(storage.clear(&hits));
                used.retain(|(of, index), _| *of != number || !chosen.contains(index));
                continue;
            }
            let mut then = used.clone();
            for index in &chosen {
                *then.entry((number, *index)).or_default() += 1;
            }
            let is_full = chosen.iter().any(|index| then[&(number, *index)] > policies[*index].quota().amount());
            let decision = storage.decide(&Batch::new(&hits), NOW);
            prop_assert_eq!(decision.is_admitted(), !is_full);
            if !is_full {
                used = then;
            }
            let left_of = |index: &usize| {
                policies[*index].quota().amount() - used.get(&(number, *index)).copied().unwrap_or(0)
            };
            let expected: Vec<_> = chosen.iter().map(left_of).collect();
            prop_assert_eq!(left(&storage, &hits, NOW), expected);
        }
        prop_assert_eq!(storage.evictions(), 0);
    }
}

/// The limits of a program change while it runs; who comes later takes no more room.
#[test]
fn counts_that_have_ended_make_way_for_others() {
    let (storage, a, key) = (MemoryStorage::new(), scope("a"), client(1));
    for minute in 0..100 {
        let policies = ["one", "two"]
            .map(|name| per_minute(3, Strategy::FixedWindow).with_label(format!("{name} {minute}")));
        let hits = policies.each_ref().map(|policy| Hit::new(&a, &key, policy));
        for expected in [2, 1, 0] {
            assert!(storage.decide(&Batch::new(&hits), after_secs(61 * minute)).is_admitted());
            assert_eq!(left(&storage, &hits, after_secs(61 * minute)), [expected; 2]);
        }
    }
    assert_eq!((storage.len(), storage.evictions()), (1, 0));
}
