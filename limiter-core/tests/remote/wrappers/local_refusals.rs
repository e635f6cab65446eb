//! Refusals without a query of the storage.

use std::{sync::Arc, time::Duration};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Window,
    storage::{Batch, Decision, Hit, LocalRefusals, MemoryStorage, Refund, Storage, Verdict},
};

use crate::wrappers::storage::Far;

mod equivalence;
mod forgetting;

const START: Timestamp = Timestamp::from_millis(1_750_000_015_500);

/// A storage behind local refusals, and one limit of 2 per minute of one client.
struct Bench {
    far: Arc<Far>,
    storage: LocalRefusals,
    scope: Scope,
    key: Key,
    policy: Policy,
    now: Timestamp,
}

impl Bench {
    fn new(strategy: Strategy) -> Self {
        Self::of(Policy::new(Quota::per_minute(2), strategy))
    }

    fn of(policy: Policy) -> Self {
        let far = Arc::new(Far::default());
        let storage = LocalRefusals::new(Arc::clone(&far) as Arc<dyn Storage>);
        Self { far, storage, scope: Scope::new(["search"]), key: Key::from("alice"), policy, now: START }
    }

    /// After its only limit has refused.
    async fn refused(strategy: Strategy) -> Self {
        let bench = Self::new(strategy);
        bench.spend().await;
        bench
    }

    /// Hits until the limit refuses.
    async fn spend(&self) {
        for verdict in [Verdict::Admitted, Verdict::Admitted, Verdict::Refused] {
            assert_eq!(self.ask(&[self.hit()]).await.0.verdict(), verdict);
        }
    }

    fn hit(&self) -> Hit<'_> {
        Hit::new(&self.scope, &self.key, &self.policy)
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
    }

    /// Returns the decision, and whether the storage was queried for it.
    async fn decide(&self, batch: &Batch<'_>) -> (Decision, bool) {
        let before = self.far.decided();
        let decision = self.storage.decide(batch, self.now).await.expect("the storage decides");
        (decision, self.far.decided() > before)
    }

    async fn ask(&self, limits: &[Hit<'_>]) -> (Decision, bool) {
        self.decide(&Batch::new(limits)).await
    }

    async fn is_asked(&self, limits: &[Hit<'_>]) -> bool {
        self.ask(limits).await.1
    }
}

fn times(window: Window) -> (u64, u128, Option<u128>) {
    (window.remaining(), window.reset().as_millis(), window.retry_after().map(|wait| wait.as_millis()))
}

#[tokio::test]
async fn a_refused_client_is_refused_again_here_for_the_rest_of_the_wait() {
    let mut bench = Bench::refused(Strategy::FixedWindow).await;
    for passed in [0, 900, 1800] {
        bench.now = START.after(Duration::from_millis(passed));
        let (decision, is_asked) = bench.ask(&[bench.hit()]).await;
        assert!(!is_asked, "after {passed} ms");
        assert_eq!(decision.verdict(), Verdict::Refused);
        let left = u128::from(60_000 - passed);
        assert_eq!(times(decision.limits()[0]), (0, left, Some(left)));
    }
    assert_eq!(bench.far.decided(), 3);
}

#[tokio::test]
async fn a_refusal_is_forgotten_after_2_s_or_with_its_wait() {
    let mut bench = Bench::refused(Strategy::FixedWindow).await;
    bench.pass(1999);
    assert!(!bench.is_asked(&[bench.hit()]).await);
    bench.pass(1);
    assert!(bench.is_asked(&[bench.hit()]).await, "after 2 s");

    let mut bench = Bench::of(Policy::new(Quota::per_second(2), Strategy::FixedWindow));
    bench.spend().await;
    bench.pass(999);
    assert!(!bench.is_asked(&[bench.hit()]).await);
    bench.pass(1);
    let (decision, is_asked) = bench.ask(&[bench.hit()]).await;
    assert!(is_asked && decision.is_admitted(), "with the window");
}

#[tokio::test]
async fn a_clock_that_went_back_queries_the_storage() {
    let mut bench = Bench::refused(Strategy::FixedWindow).await;
    bench.now = Timestamp::from_nanos(START.as_nanos() - 1);
    assert!(bench.is_asked(&[bench.hit()]).await);
}

/// The wait counts from before the query, and so from before the decision: no client waits for longer here.
#[tokio::test]
async fn the_wait_counts_from_the_query() {
    let mut bench = Bench::of(Policy::new(Quota::per_second(2), Strategy::FixedWindow));
    // The storage decides 300 ms after the query.
    let late = START.after(Duration::from_millis(300));
    let hits = [bench.hit()];
    for _ in 0..2 {
        assert!(bench.far.memory.decide(&Batch::new(&hits), late).is_admitted());
    }
    assert_eq!(bench.ask(&hits).await.0.verdict(), Verdict::Refused);
    let over = bench.far.memory.decide(&Batch::new(&hits), late).limits()[0].retry_after().unwrap();
    bench.now = START.after(over);
    assert!(bench.now < late.after(over));
    assert!(bench.is_asked(&[bench.hit()]).await);
}

#[tokio::test]
async fn a_smaller_cost_queries_the_storage() {
    for strategy in Strategy::ALL {
        let bench = Bench::new(strategy);
        let costs = |cost| [bench.hit().cost(cost)];
        assert!(bench.ask(&costs(1)).await.0.is_admitted());
        assert!(!bench.ask(&costs(2)).await.0.is_admitted());
        assert!(bench.is_asked(&costs(0)).await, "{strategy}: a look");
        assert!(bench.is_asked(&costs(1)).await, "{strategy}");
    }
}

#[tokio::test]
async fn a_greater_cost_is_refused_where_its_wait_is_known() {
    for (strategy, expected) in [
        (Strategy::FixedWindow, false),
        (Strategy::TokenBucket, false),
        (Strategy::MovingWindow, true),
        (Strategy::SlidingWindowCounter, true),
    ] {
        let bench = Bench::refused(strategy).await;
        assert_eq!(bench.is_asked(&[bench.hit().cost(2)]).await, expected, "{strategy}");
    }
}

#[tokio::test]
async fn a_cost_that_never_passes_is_refused_for_2_s() {
    for strategy in [Strategy::FixedWindow, Strategy::TokenBucket, Strategy::MovingWindow] {
        let mut bench = Bench::new(strategy);
        assert!(bench.is_asked(&[bench.hit().cost(3)]).await);
        bench.pass(1500);
        let (decision, is_asked) = bench.ask(&[bench.hit().cost(3)]).await;
        assert!(!is_asked, "{strategy}");
        assert_eq!(times(decision.limits()[0]), (2, 0, None));
        bench.pass(1000);
        assert!(bench.is_asked(&[bench.hit().cost(3)]).await, "{strategy}");
    }
}

#[tokio::test]
async fn elastic_limits_always_query_the_storage() {
    let bench = Bench::refused(Strategy::FixedWindowElasticExpiry).await;
    assert!(bench.is_asked(&[bench.hit()]).await);

    // One beside the limit that refuses would be moved if it refuses as well.
    let elastic = Policy::new(Quota::per_minute(9), Strategy::FixedWindowElasticExpiry);
    let bench = Bench::refused(Strategy::FixedWindow).await;
    for _ in 0..2 {
        assert!(bench.is_asked(&[bench.hit(), Hit::new(&bench.scope, &bench.key, &elastic)]).await);
    }
}

#[tokio::test]
async fn reserved_costs_always_query_the_storage() {
    let bench = Bench::new(Strategy::FixedWindow);
    for _ in 0..4 {
        assert!(bench.is_asked(&[bench.hit().reserved(true)]).await);
    }
    let daily = Policy::new(Quota::per_day(100), Strategy::FixedWindow);
    let beside = Hit::new(&bench.scope, &bench.key, &daily);
    for _ in 0..2 {
        assert!(bench.is_asked(&[bench.hit().reserved(true), beside]).await);
    }
}

#[tokio::test]
async fn shadows_refuse_nothing() {
    let bench = Bench::new(Strategy::FixedWindow);
    for _ in 0..4 {
        let (decision, is_asked) = bench.ask(&[bench.hit().shadow(true)]).await;
        assert!(is_asked && decision.is_admitted());
    }
    assert!(bench.is_asked(&[bench.hit()]).await, "what a shadow would have refused is not known here");
    let (decision, is_asked) = bench.ask(&[bench.hit().shadow(true)]).await;
    assert!(is_asked && decision.is_admitted(), "nor does it refuse what the limit itself has refused");
}

#[tokio::test]
async fn tests_always_query_the_storage() {
    let bench = Bench::refused(Strategy::FixedWindow).await;
    let hits = [bench.hit()];
    let (decision, is_asked) = bench.decide(&Batch::test(&hits)).await;
    assert!(is_asked);
    assert_eq!(decision.verdict(), Verdict::RefusedByGuard);
}

#[tokio::test]
async fn other_clients_are_not_refused() {
    let bench = Bench::refused(Strategy::FixedWindow).await;
    let (bob, other) = (Key::from("bob"), Scope::new(["other"]));
    let labelled = bench.policy.clone().with_label("default");
    for hit in [
        Hit::new(&bench.scope, &bob, &bench.policy),
        Hit::new(&other, &bench.key, &bench.policy),
        Hit::new(&bench.scope, &bench.key, &labelled),
    ] {
        let (decision, is_asked) = bench.ask(&[hit]).await;
        assert!(is_asked && decision.is_admitted(), "{hit:?}");
    }
}

/// A refusal must count there.
#[tokio::test]
async fn the_storage_is_queried_while_a_guard_passes() {
    let bench = Bench::new(Strategy::FixedWindow);
    let meta = Policy::new(Quota::per_hour(2), Strategy::FixedWindow).with_label("meta");
    let (hits, guards) = ([bench.hit()], [Hit::new(&bench.scope, &bench.key, &meta)]);
    let batch = Batch::new(&hits).guards(&guards).on_refusal(&guards);
    for expected in [
        (Verdict::Admitted, true),
        (Verdict::Admitted, true),
        (Verdict::Refused, true),
        (Verdict::Refused, true),
        (Verdict::RefusedByGuard, true),
        (Verdict::RefusedByGuard, false),
        (Verdict::RefusedByGuard, false),
    ] {
        let (decision, is_asked) = bench.decide(&batch).await;
        assert_eq!((decision.verdict(), is_asked), expected);
        assert_eq!((decision.guards().len(), decision.limits().len()), (1, 1));
    }
}

/// Without guards a refusal by the limits can still have something to count.
#[tokio::test]
async fn a_refusal_that_counts_elsewhere_queries_the_storage() {
    let bench = Bench::refused(Strategy::FixedWindow).await;
    let meta = Policy::new(Quota::per_hour(9), Strategy::FixedWindow);
    let (hits, counted) = ([bench.hit()], [Hit::new(&bench.scope, &bench.key, &meta)]);
    assert!(bench.decide(&Batch::new(&hits).on_refusal(&counted)).await.1);
}

#[tokio::test]
async fn all_limits_of_a_batch_are_reported_or_the_storage_is_queried() {
    let bench = Bench::new(Strategy::FixedWindow);
    let daily = Policy::new(Quota::per_day(100), Strategy::FixedWindow);
    let other = Policy::new(Quota::per_day(50), Strategy::FixedWindow);
    let limit = |policy| Hit::new(&bench.scope, &bench.key, policy);
    let both = [bench.hit(), limit(&daily)];
    for _ in 0..3 {
        assert!(bench.is_asked(&both).await);
    }
    let (decision, is_asked) = bench.ask(&both).await;
    assert!(!is_asked);
    let reported: Vec<_> =
        decision.limits().iter().map(|window| (window.remaining(), window.limit())).collect();
    assert_eq!(reported, [(0, 2), (98, 100)]);

    let with_unknown = [bench.hit(), limit(&other)];
    assert!(bench.is_asked(&with_unknown).await);
    assert!(!bench.is_asked(&with_unknown).await, "then it is known");
    assert!(!bench.is_asked(&[bench.hit()]).await, "the one that refuses is known anyway");
}

#[tokio::test]
async fn more_clients_than_there_is_room_for_query_the_storage_again() {
    let bench = Bench::of(Policy::new(Quota::per_minute(0), Strategy::FixedWindow));
    let clients: Vec<_> = (0..20_000).map(|number| Key::text("client", number.to_string())).collect();
    let hit = |key| Hit::new(&bench.scope, key, &bench.policy);
    for key in &clients {
        assert!(bench.is_asked(&[hit(key)]).await);
    }
    let mut known = 0;
    for key in &clients {
        let before = bench.far.decided();
        assert_eq!(bench.ask(&[hit(key)]).await.0.verdict(), Verdict::Refused);
        known += u64::from(bench.far.decided() == before);
    }
    assert!(known <= 2048 * 4, "{known}");
}

#[tokio::test]
async fn a_storage_that_fails_has_refused_nothing() {
    let bench = Bench::new(Strategy::FixedWindow);
    bench.far.is_failing.store(true, std::sync::atomic::Ordering::Relaxed);
    let hits = [bench.hit()];
    for asked in 1..=3 {
        assert!(bench.storage.decide(&Batch::new(&hits), START).await.is_err());
        assert_eq!(bench.far.decided(), asked);
    }
}
