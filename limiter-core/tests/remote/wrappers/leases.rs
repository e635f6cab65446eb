//! Leases of hot counts, on a storage that pretends to be far away. The time of tokio is the clock here.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::{FutureExt, TryFutureExt};
use limiter_core::{
    Key, Leases, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    acceptance::{self, Time},
    storage::{Batch, Decision, Hit, LeaseStorage, MemoryStorage, Refund, Storage},
};
use tokio::time::{Instant, sleep};

use super::storage::Far;
use crate::NOON;

/// Several processes that share a storage.
struct Fleet {
    far: Arc<Far>,
    processes: Vec<LeaseStorage>,
    scope: Scope,
    key: Key,
    policy: Policy,
    started: Instant,
}

impl Fleet {
    fn new(processes: usize, quota: Quota) -> Self {
        let far = Arc::new(Far::default());
        let process = |_| LeaseStorage::new(Arc::clone(&far) as Arc<dyn Storage>);
        Self {
            processes: (0..processes).map(process).collect(),
            far,
            scope: Scope::new(["application"]),
            key: Key::from("all"),
            policy: Policy::new(quota, Strategy::FixedWindow).with_leases(Some(Leases::default())),
            started: Instant::now(),
        }
    }

    fn now(&self) -> Timestamp {
        NOON.after(self.started.elapsed())
    }

    fn hit(&self) -> Hit<'_> {
        Hit::new(&self.scope, &self.key, &self.policy)
    }

    async fn decide(&self, process: usize) -> Decision {
        self.processes[process].decide(&Batch::new(&[self.hit()]), self.now()).await.unwrap()
    }

    /// Sends `per_tick` requests to each process every 5 ms. Returns how many were decided and admitted.
    async fn run(&self, per_tick: u64, ticks: u64) -> (u64, u64) {
        let (mut decided, mut admitted) = (0, 0);
        for _ in 0..ticks {
            for process in 0..self.processes.len() {
                for _ in 0..per_tick {
                    decided += 1;
                    admitted += u64::from(self.decide(process).await.is_admitted());
                }
            }
            sleep(Duration::from_millis(5)).await;
        }
        (decided, admitted)
    }

    /// Returns what the storage has charged in the live window.
    fn charged(&self) -> u64 {
        let batch = [self.hit()];
        let window = self.far.memory.decide(&Batch::test(&batch), self.now());
        self.policy.quota().amount() - window.guards()[0].remaining()
    }
}

#[tokio::test(start_paused = true)]
async fn a_hot_count_is_served_by_few_calls_and_never_beyond_its_limit() {
    const LIMIT: u64 = 20_000;
    let fleet = Fleet::new(8, Quota::per_second(LIMIT));
    // 199 ticks end with the window, which lasts for a second: 12 requests each are 19 200 in all.
    fleet.run(12, 200).await;
    sleep(Duration::from_secs(2)).await;
    let calls = fleet.far.decided();
    let (mut refused_in_all, mut admitted_in_all) = (0, 0);
    for per_tick in [12, 12, 16, 50] {
        let (decided, admitted) = fleet.run(per_tick, 199).await;
        assert!(admitted <= LIMIT, "{admitted} of {decided}");
        assert!(admitted * 100 >= decided.min(LIMIT) * 97, "{admitted} of {decided}");
        refused_in_all += decided - admitted;
        admitted_in_all += admitted;
        sleep(Duration::from_secs(1)).await;
    }
    // Each refusal is a call here: nothing remembers it.
    let calls = fleet.far.decided() - calls - refused_in_all;
    assert!(calls * 20 <= admitted_in_all, "{calls} calls for {admitted_in_all} admitted requests");
}

#[tokio::test(start_paused = true)]
async fn unused_units_are_refunded_within_a_second() {
    let fleet = Fleet::new(1, Quota::per_minute(100_000));
    let (_, admitted) = fleet.run(10, 60).await;
    assert!(fleet.charged() > admitted, "some are leased");
    sleep(Duration::from_millis(1200)).await;
    assert_eq!(fleet.charged(), admitted);
}

#[tokio::test(start_paused = true)]
async fn a_flush_refunds_all_leases() {
    let fleet = Fleet::new(1, Quota::per_minute(100_000));
    let (_, admitted) = fleet.run(10, 60).await;
    assert!(fleet.charged() > admitted, "some are leased");
    fleet.processes[0].flush(fleet.now()).await.unwrap();
    assert_eq!(fleet.charged(), admitted);
}

/// The defect: a lease on its way to the storage was taken after the flush, and nobody returned it.
#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_leases_on_their_way() {
    let fleet = Fleet::new(1, Quota::per_minute(100_000));
    let (_, admitted) = fleet.run(10, 60).await;
    fleet.processes[0].flush(fleet.now()).await.unwrap();
    // It begins a lease.
    assert!(fleet.decide(0).await.is_admitted());
    fleet.processes[0].flush(fleet.now()).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    assert_eq!(fleet.charged(), admitted + 1);
}

#[tokio::test(start_paused = true)]
async fn slow_counts_small_quotas_and_other_strategies_are_not_leased() {
    for (quota, strategy, per_tick) in [
        (Quota::per_minute(20), Strategy::FixedWindow, 1),
        (Quota::per_minute(100_000), Strategy::TokenBucket, 10),
        (Quota::per_minute(9_000), Strategy::MovingWindow, 10),
    ] {
        let mut fleet = Fleet::new(1, quota);
        fleet.policy = Policy::new(quota, strategy).with_leases(Some(Leases::default()));
        let (decided, _) = fleet.run(per_tick, 60).await;
        assert_eq!(fleet.far.decided(), decided, "{quota} {strategy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_partly_leased_makes_one_call_and_is_charged_once() {
    let fleet = Fleet::new(1, Quota::per_minute(100_000));
    fleet.run(10, 60).await;
    let (other, policy) = (Scope::new(["other"]), Policy::new(Quota::per_minute(1), Strategy::FixedWindow));
    let both = [fleet.hit(), Hit::new(&other, &fleet.key, &policy)];
    let (calls, charged) = (fleet.far.decided(), fleet.charged());
    for is_admitted in [true, false] {
        let decision = fleet.processes[0].decide(&Batch::new(&both), fleet.now()).await.unwrap();
        assert_eq!(decision.is_admitted(), is_admitted);
    }
    assert_eq!(fleet.far.decided() - calls, 2);
    assert_eq!(fleet.charged() - charged, 1, "the refused batch has taken nothing");
}

#[tokio::test(start_paused = true)]
async fn lost_answers_lose_units_and_admit_no_more() {
    let fleet = Fleet::new(2, Quota::per_minute(2000));
    let mut admitted = 0;
    for round in 0..40 {
        fleet.far.is_failing.store(round % 4 == 3, Relaxed);
        for process in 0..2 {
            for _ in 0..40 {
                let hit = [fleet.hit()];
                let decision = fleet.processes[process].decide(&Batch::new(&hit), fleet.now()).await;
                admitted += u64::from(decision.is_ok_and(|decision| decision.is_admitted()));
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert!(admitted <= 2000, "{admitted}");
    assert!(admitted > 1000, "{admitted}");
}

#[tokio::test(start_paused = true)]
async fn a_cleared_count_begins_anew() {
    let fleet = Fleet::new(1, Quota::per_minute(100_000));
    fleet.run(10, 60).await;
    fleet.processes[0].clear(&[fleet.hit()]).await.unwrap();
    let calls = fleet.far.decided();
    let window = fleet.decide(0).await.limits()[0];
    assert_eq!((fleet.far.decided() - calls, window.remaining()), (1, 99_999));
}

/// The defect: units from before a clear of all counts of a client were refunded to the count after it. The windows of a
/// day have the same end before and after.
#[tokio::test(start_paused = true)]
async fn units_from_before_a_clear_of_a_client_are_not_refunded_to_the_count_after_it() {
    let fleet = Fleet::new(1, Quota::new(100_000, 1, Unit::CalendarDay));
    fleet.run(10, 60).await;
    let meanwhile = async {
        // The storage has not cleared yet: units are leased again.
        fleet.run(10, 60).await;
        sleep(Far::HALF_OF_CLEAR / 2).await;
        let since = [fleet.hit().cost(5000)];
        assert!(fleet.far.memory.decide(&Batch::new(&since), fleet.now()).is_admitted());
    };
    let everywhere = Scope::new([""; 0]);
    let (cleared, ()) = tokio::join!(fleet.processes[0].clear_client(&fleet.key, &everywhere), meanwhile);
    assert!(cleared.unwrap());
    sleep(Duration::from_secs(2)).await;
    assert_eq!(fleet.charged(), 5000);
}

/// The defect: a clear that its caller gave up on its way left the units that were leased meanwhile.
#[tokio::test(start_paused = true)]
async fn a_clear_that_is_dropped_on_its_way_forgets_what_was_leased_meanwhile() {
    for way in ["clear", "clear_client", "reset"] {
        let fleet = Fleet::new(1, Quota::new(100_000, 1, Unit::CalendarDay));
        fleet.run(10, 60).await;
        let (hits, everywhere) = ([fleet.hit()], Scope::new([""; 0]));
        fleet.far.is_mute.store(true, Relaxed);
        let process = &fleet.processes[0];
        let mut clearing = match way {
            "clear" => process.clear(&hits).map_ok(drop).boxed(),
            "clear_client" => process.clear_client(&fleet.key, &everywhere).map_ok(drop).boxed(),
            _ => process.reset().map_ok(drop).boxed(),
        };
        let in_time = tokio::time::timeout(Far::HALF_OF_CLEAR / 4, &mut clearing).await;
        assert!(in_time.is_err(), "{way}: it has not cleared yet");
        fleet.far.is_mute.store(false, Relaxed);
        fleet.run(10, 40).await;
        drop(clearing);
        // The server comes to it now.
        fleet.far.memory.reset().await.unwrap();
        let since = [fleet.hit().cost(5000)];
        assert!(fleet.far.memory.decide(&Batch::new(&since), fleet.now()).is_admitted());
        sleep(Duration::from_secs(2)).await;
        assert_eq!(fleet.charged(), 5000, "{way}");
    }
}

/// The defect: to clear a client took the leases of all, and lost them if its caller gave up.
#[tokio::test(start_paused = true)]
async fn a_clear_of_a_client_leaves_the_leases_of_others() {
    let fleet = Fleet::new(1, Quota::per_minute(100_000));
    let (_, admitted) = fleet.run(10, 60).await;
    assert!(fleet.charged() > admitted, "some are leased");
    let (another, everywhere, inside) =
        (Key::from("another"), Scope::new([""; 0]), Scope::new(["application"]));
    for (client, within) in [(&another, &everywhere), (&fleet.key, &inside)] {
        let clearing = fleet.processes[0].clear_client(client, within);
        assert!(tokio::time::timeout(Far::HALF_OF_CLEAR / 4, clearing).await.is_err());
    }
    let calls = fleet.far.decided();
    assert!(fleet.decide(0).await.is_admitted());
    assert_eq!(fleet.far.decided(), calls, "it was served here");
    sleep(Duration::from_millis(1200)).await;
    assert_eq!(fleet.charged(), admitted + 1);
}

/// The defect: a storage without a reset kept its counts, but their leases were lost.
#[tokio::test(start_paused = true)]
async fn a_storage_that_clears_nothing_loses_no_leases() {
    let fleet = Fleet::new(1, Quota::per_minute(100_000));
    let (_, admitted) = fleet.run(10, 60).await;
    assert!(fleet.charged() > admitted, "some are leased");
    fleet.far.has_no_reset.store(true, Relaxed);
    fleet.processes[0].reset().await.expect_err("it has none");
    let everywhere = Scope::new([""; 0]);
    assert!(!fleet.processes[0].clear_client(&fleet.key, &everywhere).await.unwrap());
    sleep(Duration::from_millis(1200)).await;
    assert_eq!(fleet.charged(), admitted);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_served_from_a_lease_can_be_refunded() {
    let fleet = Fleet::new(1, Quota::per_minute(100_000));
    let (_, admitted) = fleet.run(10, 60).await;
    let calls = fleet.far.decided();
    let decision = fleet.decide(0).await;
    assert_eq!(fleet.far.decided(), calls, "it was served here");
    let refund = [Refund::new(fleet.hit(), &decision.limits()[0])];
    fleet.processes[0].refund(&refund, fleet.now()).await.unwrap();
    fleet.processes[0].flush(fleet.now()).await.unwrap();
    assert_eq!(fleet.charged(), admitted);
}

#[tokio::test]
async fn a_storage_behind_leases_passes() {
    acceptance::run(&LeaseStorage::new(Arc::new(MemoryStorage::new())), Time::Own).await;
}
