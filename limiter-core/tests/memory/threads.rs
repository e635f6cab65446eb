use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use limiter_core::{
    Policy, Scope, Strategy,
    storage::{Batch, Hit, MemoryStorage, Refund, Storage},
};

use crate::{NOW, client, left, per_minute, ready, scope};

const THREADS: usize = 8;
const ROUNDS: u64 = 300;

/// Runs `admits` on all threads over and over; returns how often it was true.
fn admitted(admits: impl Fn(usize) -> bool + Sync) -> u64 {
    let admitted = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (admits, admitted) = (&admits, &admitted);
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    admitted.fetch_add(u64::from(admits(thread)), Ordering::Relaxed);
                }
            });
        }
    });
    admitted.into_inner()
}

#[test]
fn threads_on_one_key_admit_exactly_the_amount() {
    for strategy in Strategy::ALL {
        let storage = MemoryStorage::new();
        let (policy, a, key) = (per_minute(1000, strategy), scope("a"), client(1));
        let count =
            admitted(|_| storage.decide(&Batch::new(&[Hit::new(&a, &key, &policy)]), NOW).is_admitted());
        assert_eq!(count, 1000, "{strategy}");
    }
}

/// Each thread has the scopes in another order; the narrowest limit decides, and nothing is lost to refusals.
#[test]
fn threads_on_batches_over_three_scopes_admit_exactly_the_amount() {
    for strategy in Strategy::ALL {
        let storage = MemoryStorage::new();
        let policies: [Policy; 3] = [700, 500, 600].map(|amount| per_minute(amount, strategy));
        let scopes: [Scope; 3] = ["a", "b", "c"].map(scope);
        let key = client(1);
        let hits = [0, 1, 2].map(|index| Hit::new(&scopes[index], &key, &policies[index]));
        let count = admitted(|thread| {
            let mut hits = hits;
            hits.rotate_left(thread % 3);
            if thread % 2 == 0 {
                hits.reverse();
            }
            storage.decide(&Batch::new(&hits), NOW).is_admitted()
        });
        assert_eq!(count, 500, "{strategy}");
        assert_eq!(left(&storage, &hits, NOW), [200, 0, 100], "{strategy}");
    }
}

#[test]
fn threads_that_refund_leave_nothing_taken() {
    for strategy in Strategy::ALL {
        let storage = MemoryStorage::new();
        let (policy, a, b, key) = (per_minute(5, strategy), scope("a"), scope("b"), client(1));
        let hits = [Hit::new(&a, &key, &policy), Hit::new(&b, &key, &policy)];
        let _ = admitted(|_| {
            let decision = storage.decide(&Batch::new(&hits), NOW);
            if decision.is_admitted() {
                let taken = [0, 1].map(|index| Refund::new(hits[index], &decision.limits()[index]));
                ready(storage.refund(&taken, NOW));
            }
            decision.is_admitted()
        });
        assert_eq!(left(&storage, &hits, NOW), [5, 5], "{strategy}");
    }
}

/// Keys come and leave on all threads; the count of keys stays right.
#[test]
fn threads_on_a_full_storage_keep_its_cap() {
    let storage = MemoryStorage::with_capacity(10_000);
    let policy = per_minute(3, Strategy::FixedWindow);
    let a = scope("a");
    let next = AtomicU64::new(0);
    let made = admitted(|_| {
        let first = u32::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap() * 10;
        (first..first + 10).all(|number| {
            storage.decide(&Batch::new(&[Hit::new(&a, &client(number), &policy)]), NOW).is_admitted()
        })
    });
    assert_eq!(made, THREADS as u64 * ROUNDS);
    assert_eq!(storage.len(), 10_000);
    assert_eq!(storage.evictions(), made * 10 - 10_000);
    ready(storage.reset());
    assert!(storage.is_empty());
}
