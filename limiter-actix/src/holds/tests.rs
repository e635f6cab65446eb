use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::rt::task::yield_now;
use futures_util::FutureExt;
use limiter_core::{
    Clock, Key, ManualClock, Policy, Quota, Scope, Strategy, Timestamp, Window,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Renewal, Storage, StorageError},
};

use super::*;
use crate::count_id::CountId;

/// The lease. Renewals are due at once, since they are counted by the clock of the machine.
const LEASE: Duration = Duration::from_secs(30);

/// A storage in memory whose renewals may get lost, on the way there or back.
#[derive(Debug, Default)]
struct Lossy {
    memory: MemoryStorage,
    loses_calls: AtomicBool,
    loses_answers: AtomicBool,
    is_slow: AtomicBool,
}

impl Storage for Lossy {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        Storage::decide(&self.memory, batch, now)
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        self.memory.refund(taken, now)
    }

    fn has_leases(&self) -> bool {
        true
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        const LOST: StorageError = StorageError::new("lost");
        if self.is_slow.load(Ordering::SeqCst) {
            return Answer::Pending(Box::pin(async move {
                while self.is_slow.load(Ordering::SeqCst) {
                    yield_now().await;
                }
                self.memory.renew(taken, now).await
            }));
        }
        if self.loses_calls.load(Ordering::SeqCst) {
            return Answer::Ready(Err(LOST));
        }
        let answer = self.memory.renew(taken, now);
        if self.loses_answers.load(Ordering::SeqCst) { Answer::Ready(Err(LOST)) } else { answer }
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.memory.clear(hits)
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.memory.reset()
    }
}

/// A process with leases, and the storage that it shares with others.
struct Process {
    leases: Arc<HeldLeases>,
    storage: Arc<Lossy>,
    clock: Arc<ManualClock>,
    scope: Scope,
    key: Key,
    policy: Policy,
}

impl Process {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
        Self::sharing(Arc::default(), clock)
    }

    fn sharing(storage: Arc<Lossy>, clock: Arc<ManualClock>) -> Self {
        let (scope, key) = (Scope::new(["a"]), Key::text("k", "c1"));
        let policy = Policy::new(Quota::concurrent(2), Strategy::FixedWindow).with_lease(LEASE);
        let memory = Arc::new(MemoryStorage::new());
        let by_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let leases = HeldLeases::new(Arc::clone(&storage) as _, &memory, &by_clock, Duration::ZERO);
        Self { leases: Arc::new(leases), storage, clock, scope, key, policy }
    }

    /// Admits a request, or returns `None`.
    fn admit(&self) -> Option<Hold> {
        let window = self.hit(1);
        let hit = HeldHit::new(self.hit_of(1), window);
        window.is_allowed().then(|| Hold::leased(&self.leases, hit, false))
    }

    fn hit(&self, cost: u64) -> Window {
        let hits = [self.hit_of(cost)];
        self.storage.memory.decide(&Batch::new(&hits), self.clock.now()).limits()[0]
    }

    fn hit_of(&self, cost: u64) -> Hit<'_> {
        Hit::new(&self.scope, &self.key, &self.policy).cost(cost)
    }

    fn is_freeing(&self) -> bool {
        self.leases.is_freeing(&CountId::of(&self.hit_of(1)))
    }

    fn left(&self) -> u64 {
        self.hit(0).remaining()
    }

    /// Lets time pass, with or without a renewal in the middle.
    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[actix_web::test]
async fn leases_last_while_they_are_renewed() {
    let process = Process::new();
    let (one, _two) = (process.admit().expect("room"), process.admit().expect("room"));
    assert!(process.admit().is_none());
    for _ in 0..10 {
        process.advance(20);
        process.leases.renew_if_due().await;
        assert!(process.admit().is_none(), "both are under way");
    }
    drop(one);
    process.leases.free_ended().await;
    assert_eq!(process.left(), 1);
}

#[actix_web::test]
async fn leases_of_a_dead_process_end_and_not_before() {
    let process = Process::new();
    let held = process.admit().expect("room");
    process.advance(29);
    process.leases.renew_if_due().await;
    // It dies here.
    process.advance(29);
    assert_eq!(process.left(), 1, "it may be under way");
    process.advance(1);
    assert_eq!(process.left(), 2);
    drop(held);
}

/// A process is stopped for longer than its leases, and continues: others have come meanwhile.
#[actix_web::test]
async fn a_process_that_comes_back_counts_once() {
    let process = Process::new();
    let held = [process.admit().expect("room"), process.admit().expect("room")];
    process.advance(31);
    let other = Process::sharing(Arc::clone(&process.storage), Arc::clone(&process.clock));
    let theirs = other.admit().expect("both leases have ended");
    process.leases.renew_if_due().await;
    assert_eq!(process.left(), 0, "one of its requests has room");
    process.leases.renew_if_due().await;
    assert_eq!(process.left(), 0);
    drop(held);
    process.leases.free_ended().await;
    assert_eq!(process.left(), 1, "the lease of the other process is not its own");
    drop(theirs);
    other.leases.free_ended().await;
    assert_eq!(process.left(), 2);
}

/// The storage has renewed a lease, and the answer is lost.
#[actix_web::test]
async fn a_lost_answer_counts_nothing_twice() {
    let process = Process::new();
    let held = process.admit().expect("room");
    process.storage.loses_answers.store(true, Ordering::SeqCst);
    process.advance(10);
    process.leases.renew_if_due().await;
    process.storage.loses_answers.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        process.leases.renew_if_due().await;
        assert_eq!(process.left(), 1, "it counts once");
    }
    drop(held);
    process.leases.free_ended().await;
    process.advance(30);
    assert_eq!(process.left(), 2, "the lease has ended by itself");
}

/// Two workers renew the same lease, and the first is busy before it has the answer.
#[actix_web::test]
async fn a_lease_is_renewed_by_one_worker_at_a_time() {
    let process = Process::new();
    let held = process.admit().expect("room");
    process.storage.is_slow.store(true, Ordering::SeqCst);
    process.advance(10);
    let mut busy = Box::pin(process.leases.renew_if_due());
    assert!(busy.as_mut().now_or_never().is_none(), "it waits for the storage");
    process.storage.is_slow.store(false, Ordering::SeqCst);
    process.leases.renew_if_due().await;
    busy.await;
    process.leases.renew_if_due().await;
    assert_eq!(process.left(), 1, "it counts once");
    drop(held);
    process.leases.free_ended().await;
    assert_eq!(process.left(), 2);
}

#[actix_web::test]
async fn a_lost_call_is_made_again() {
    let process = Process::new();
    let held = process.admit().expect("room");
    process.storage.loses_calls.store(true, Ordering::SeqCst);
    process.advance(10);
    process.leases.renew_if_due().await;
    process.storage.loses_calls.store(false, Ordering::SeqCst);
    process.advance(10);
    process.leases.renew_if_due().await;
    process.advance(20);
    assert_eq!(process.left(), 1);
    drop(held);
    process.leases.free_ended().await;
    assert_eq!(process.left(), 2);
}

#[actix_web::test]
async fn counts_are_known_while_they_are_being_freed() {
    let process = Process::new();
    let held = process.admit().expect("room");
    assert!(!process.is_freeing());
    drop(held);
    assert!(process.is_freeing());
    process.leases.free_ended().await;
    assert!(!process.is_freeing());
}
