//! A model check of the memory storage as it ships, with only its lock and its counters swapped (`shim.rs`):
//! loom runs the orders in which the threads can meet.
//!
//! `RUSTFLAGS="--cfg limiter_loom" cargo test --release -p limiter-core --test model`
#![cfg(limiter_loom)]

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Answer, Batch, Hit, MemoryStorage, Refund, Storage},
};
use loom::{sync::Arc, thread};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_123);

/// Makes 64 shards, so that two entries hardly ever share one. (Where they lie differs from run to run.)
const CAPACITY: usize = 64 * 8 * 2900;

/// Two entries of one client.
struct World {
    storage: MemoryStorage,
    scopes: [Scope; 2],
    key: Key,
    policy: Policy,
}

impl World {
    fn new(capacity: usize, strategy: Strategy, amount: u64) -> Arc<Self> {
        Arc::new(Self {
            storage: MemoryStorage::with_capacity(capacity),
            scopes: ["a", "b"].map(|name| Scope::new([name])),
            key: Key::from("alice"),
            policy: Policy::new(Quota::per_minute(amount), strategy),
        })
    }

    fn hits(&self) -> [Hit<'_>; 2] {
        self.scopes.each_ref().map(|scope| Hit::new(scope, &self.key, &self.policy))
    }

    /// Hits one of the two.
    fn one(&self, index: usize) -> bool {
        self.storage.decide(&Batch::new(&[self.hits()[index]]), NOW).is_admitted()
    }

    /// Hits both.
    fn both(&self) -> bool {
        self.storage.decide(&Batch::new(&self.hits()), NOW).is_admitted()
    }

    /// Hits both in the opposite order.
    fn both_reversed(&self) -> bool {
        let [first, second] = self.hits();
        self.storage.decide(&Batch::new(&[second, first]), NOW).is_admitted()
    }

    fn both_and_give_back(&self) -> bool {
        let hits = self.hits();
        let decision = self.storage.decide(&Batch::new(&hits), NOW);
        if decision.is_admitted() {
            let taken = [0, 1].map(|index| Refund::new(hits[index], &decision.limits()[index]));
            assert!(matches!(self.storage.refund(&taken, NOW), Answer::Ready(Ok(()))));
        }
        false
    }

    fn left(&self) -> [u64; 2] {
        let decision = self.storage.decide(&Batch::test(&self.hits()), NOW);
        [0, 1].map(|index| decision.guards()[index].remaining())
    }
}

type Request = fn(&World) -> bool;

/// Runs each request on a thread of its own; returns how many were admitted.
fn admitted(world: &Arc<World>, requests: &[Request]) -> u64 {
    let threads: Vec<_> = requests
        .iter()
        .map(|request| {
            let (world, request) = (Arc::clone(world), *request);
            thread::spawn(move || request(&world))
        })
        .collect();
    threads.into_iter().map(|thread| u64::from(thread.join().unwrap())).sum()
}

/// Checks `run` in all orders with at most three preemptions a thread, which is where faults are known to show.
fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(3));
    model.check(run);
}

/// Also that nobody waits in a circle: loom reports it when all threads wait.
#[test]
fn batches_in_opposite_orders_admit_exactly_the_amount() {
    for strategy in Strategy::ALL {
        model(move || {
            let world = World::new(CAPACITY, strategy, 1);
            assert_eq!(admitted(&world, &[World::both, World::both_reversed]), 1);
            assert_eq!(world.left(), [0, 0]);
            assert_eq!(world.storage.len(), 2);
        });
    }
}

#[test]
fn three_threads_admit_exactly_the_amount() {
    model(|| {
        let world = World::new(CAPACITY, Strategy::FixedWindow, 2);
        assert_eq!(admitted(&world, &[World::both, World::both_reversed, World::both]), 2);
        assert_eq!(world.left(), [0, 0]);
    });
}

#[test]
fn a_batch_is_visible_whole_or_not_at_all() {
    fn look(world: &World) -> bool {
        let [first, second] = world.left();
        // The batch takes from both, the single hit from the second only.
        assert!(first == 1 || second == 0);
        false
    }
    model(|| {
        let world = World::new(CAPACITY, Strategy::TokenBucket, 1);
        assert_eq!(admitted(&world, &[World::both, |world| world.one(1), look]), 1);
        assert_eq!(world.left()[1], 0);
    });
}

#[test]
fn refunded_quota_is_there_again() {
    model(|| {
        let world = World::new(CAPACITY, Strategy::MovingWindow, 1);
        let kept = admitted(&world, &[World::both, World::both_and_give_back]);
        assert_eq!(world.left(), [1 - kept, 1 - kept]);
    });
}

#[test]
fn the_cap_is_held_and_evictions_are_counted() {
    model(|| {
        let world = World::new(1, Strategy::FixedWindow, 1);
        assert_eq!(admitted(&world, &[|world| world.one(0), |world| world.one(1)]), 2);
        assert_eq!((world.storage.len(), world.storage.evictions()), (1, 1));
    });
}

#[test]
fn the_count_of_keys_is_right_when_they_come_and_go() {
    fn clear(world: &World) -> bool {
        assert!(matches!(world.storage.clear(&world.hits()), Answer::Ready(Ok(()))));
        false
    }
    fn reset(world: &World) -> bool {
        assert!(matches!(world.storage.reset(), Answer::Ready(Ok(()))));
        false
    }
    for go in [clear as Request, reset] {
        model(move || {
            // One shard: loom would try all orders of 64 locks with each other's.
            let world = World::new(2, Strategy::FixedWindow, 1);
            admitted(&world, &[World::both, go, |world| world.one(0)]);
            let taken = world.left().iter().filter(|left| **left == 0).count();
            assert_eq!(world.storage.len(), taken);
        });
    }
}
