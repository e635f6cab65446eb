//! Local refusals decide as the storage alone does, as long as nothing else uses it.

use proptest::{
    prelude::{Just, ProptestConfig, any, prop, prop_oneof, proptest},
    strategy::Strategy as Generate,
};

use super::{
    Batch, Bench, Decision, Duration, Hit, MemoryStorage, Policy, Quota, Refund, START, Storage, Strategy,
    Window,
};

/// One limit of a batch: which of the counts, and how it is hit.
#[derive(Clone, Copy, Debug)]
struct Of {
    count: usize,
    cost: u64,
    shadow: bool,
    reserved: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Decide {
        guards: Vec<Of>,
        limits: Vec<Of>,
        on_refusal: bool,
    },
    /// The same as before.
    Again,
    Refund,
    Clear(usize),
    Reset,
    Pass(u64),
}

/// Counts of each strategy that are soon spent.
const COUNTS: usize = 10;

fn policies() -> Vec<Policy> {
    let windows =
        [Quota::new(3, 1, limiter_core::Unit::Second), Quota::new(5, 7, limiter_core::Unit::Second)];
    let pairs = windows.into_iter().flat_map(|quota| Strategy::ALL.map(|strategy| (quota, strategy)));
    pairs.map(|(quota, strategy)| Policy::new(quota, strategy)).collect()
}

fn of() -> impl Generate<Value = Of> {
    let cost = prop_oneof![6 => Just(1_u64), 2 => 0..4_u64, 1 => 0..8_u64];
    let (shadow, reserved) = (prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    (0..COUNTS, cost, shadow, reserved).prop_map(|(count, cost, shadow, reserved)| Of {
        count,
        cost,
        shadow,
        reserved,
    })
}

fn step() -> impl Generate<Value = Step> {
    let several = |most| prop::collection::vec(of(), 0..most);
    let guards = prop_oneof![3 => Just(Vec::new()), 1 => several(3)];
    let decide = (guards, several(4), any::<bool>()).prop_map(|(guards, limits, on_refusal)| Step::Decide {
        guards,
        limits,
        on_refusal,
    });
    prop_oneof![
        6 => decide,
        9 => Just(Step::Again),
        1 => Just(Step::Refund),
        1 => (0..COUNTS).prop_map(Step::Clear),
        1 => Just(Step::Reset),
        6 => prop_oneof![0..400_000_000_u64, 0..6_000_000_000_u64, Just(1), Just(1_000_000_000)].prop_map(Step::Pass),
    ]
}

/// All that a client could see.
fn seen(decision: &Decision) -> impl PartialEq + std::fmt::Debug + use<> {
    let all = decision.guards().iter().chain(decision.limits());
    let windows: Vec<_> =
        all.map(|it| (it.is_allowed(), it.limit(), it.remaining(), it.reset(), it.retry_after())).collect();
    (decision.verdict(), windows)
}

/// Plays the steps on both; returns how many queries were spared.
async fn play(steps: Vec<Step>) -> u64 {
    let (bench, memory) = (Bench::new(Strategy::FixedWindow), MemoryStorage::new());
    let (policies, mut now, mut asked) = (policies(), START, 0);
    let hit = |of: &Of| {
        Hit::new(&bench.scope, &bench.key, &policies[of.count])
            .cost(of.cost)
            .shadow(of.shadow)
            .reserved(of.reserved)
    };
    let mut last = (Vec::new(), Vec::new(), false);
    let mut taken: Vec<(Of, Window, Window)> = Vec::new();
    for step in steps {
        match step {
            Step::Decide { .. } | Step::Again => {
                if let Step::Decide { guards, limits, on_refusal } = step {
                    last = (guards, limits, on_refusal);
                }
                let guards: Vec<_> = last.0.iter().map(hit).collect();
                let limits: Vec<_> = last.1.iter().map(hit).collect();
                let on_refusal = if last.2 { &guards[..] } else { &[] };
                let batch = Batch::new(&limits).guards(&guards).on_refusal(on_refusal);
                let expected = memory.decide(&batch, now);
                let found = bench.storage.decide(&batch, now).await.unwrap();
                asked += 1;
                assert_eq!(seen(&found), seen(&expected), "at {now:?}: {batch:?}");
                if expected.is_admitted() {
                    let windows = expected.limits().iter().zip(found.limits());
                    let consumed =
                        last.1.iter().zip(windows).filter(|(of, it)| of.cost > 0 && it.0.is_allowed());
                    taken.extend(consumed.map(|(of, it)| (*of, *it.0, *it.1)));
                }
            }
            Step::Refund => {
                let Some((of, expected, found)) = taken.pop() else { continue };
                memory.refund(&[Refund::new(hit(&of), &expected)], now).await.unwrap();
                bench.storage.refund(&[Refund::new(hit(&of), &found)], now).await.unwrap();
            }
            Step::Clear(count) => {
                let hits = [Hit::new(&bench.scope, &bench.key, &policies[count])];
                memory.clear(&hits).await.unwrap();
                bench.storage.clear(&hits).await.unwrap();
            }
            Step::Reset => {
                memory.reset().await.unwrap();
                bench.storage.reset().await.unwrap();
            }
            Step::Pass(nanos) => now = now.after(Duration::from_nanos(nanos)),
        }
    }
    asked - bench.far.decided()
}

#[test]
fn local_refusals_change_nothing_but_the_number_of_queries() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let spared = std::cell::Cell::new(0);
    let config = ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..60))| {
        spared.set(spared.get() + runtime.block_on(play(steps)));
    });
    assert!(spared.get() > 1000, "only {} questions were spared", spared.get());
}
