use limiter_core::{
    Policy, Quota, Strategy,
    storage::{Batch, Hit, MemoryStorage, Storage, Verdict},
};

use crate::{NOW, after_secs, client, left, per_minute, ready, refund, scope};

#[test]
fn a_batch_is_admitted_whole_or_not_at_all() {
    for strategy in Strategy::ALL {
        let storage = MemoryStorage::new();
        let (wide, narrow) = (per_minute(10, strategy), per_minute(2, strategy));
        // Two counts of one entry, and two entries more.
        let (here, there, alice, bob) = (scope("here"), scope("there"), client(1), client(2));
        let hits = [
            Hit::new(&here, &alice, &wide),
            Hit::new(&here, &alice, &narrow),
            Hit::new(&there, &alice, &wide).cost(3),
            Hit::new(&here, &bob, &wide),
        ];
        for expected in [[9, 1, 7, 9], [8, 0, 4, 8]] {
            let decision = storage.decide(&Batch::new(&hits), NOW);
            assert_eq!(decision.verdict(), Verdict::Admitted);
            let seen: Vec<_> = decision.limits().iter().map(limiter_core::Window::remaining).collect();
            assert_eq!(seen, expected, "{strategy}: in the order of the batch, after the hit");
        }
        let decision = storage.decide(&Batch::new(&hits), NOW);
        assert_eq!(decision.verdict(), Verdict::Refused);
        let allowed: Vec<_> = decision.limits().iter().map(limiter_core::Window::is_allowed).collect();
        assert_eq!(allowed, [true, false, true, true], "{strategy}");
        assert_eq!(left(&storage, &hits, NOW), [8, 0, 4, 8], "{strategy}");
        assert_eq!(storage.len(), 3);
    }
}

#[test]
fn guards_are_tested_and_never_consumed() {
    let storage = MemoryStorage::new();
    let (meta, limit) = (per_minute(1, Strategy::FixedWindow), per_minute(9, Strategy::FixedWindow));
    let elastic = per_minute(1, Strategy::FixedWindowElasticExpiry);
    let (a, b, key) = (scope("meta"), scope("route"), client(1));
    let guard = [Hit::new(&a, &key, &meta)];
    let limits = [Hit::new(&b, &key, &limit), Hit::new(&b, &key, &elastic)];
    let batch = Batch::new(&limits[..1]).guards(&guard).on_refusal(&guard);

    assert_eq!(storage.decide(&batch, NOW).verdict(), Verdict::Admitted);
    assert_eq!(left(&storage, &guard, NOW), [1]);

    // Spent, the guard refuses before the limits are tested: none is consumed, no elastic end moves, and nothing
    // is taken on refusal.
    assert!(storage.decide(&Batch::new(&guard), NOW).is_admitted());
    assert!(storage.decide(&Batch::new(&limits[1..]), NOW).is_admitted());
    let batch = Batch::new(&limits).guards(&guard).on_refusal(&guard);
    let decision = storage.decide(&batch, after_secs(30));
    assert_eq!(decision.verdict(), Verdict::RefusedByGuard);
    assert!(!decision.guards()[0].is_allowed());
    assert_eq!(decision.limits().len(), 2);
    assert_eq!(left(&storage, &limits, after_secs(30)), [8, 0]);
    assert_eq!(left(&storage, &limits[1..], after_secs(60)), [1]);
    // A guard in shadow lets pass.
    let shadow = [guard[0].shadow(true)];
    assert!(storage.decide(&Batch::new(&limits[..1]).guards(&shadow), after_secs(30)).is_admitted());
}

#[test]
fn hits_on_refusal_are_consumed_then_only() {
    let storage = MemoryStorage::new();
    let (meta, limit) = (per_minute(2, Strategy::FixedWindow), per_minute(1, Strategy::FixedWindow));
    let (a, b, key) = (scope("meta"), scope("route"), client(1));
    let breach = [Hit::new(&a, &key, &meta), Hit::new(&b, &key, &meta).cost(3)];
    let limits = [Hit::new(&b, &key, &limit)];
    let batch = Batch::new(&limits).on_refusal(&breach);
    assert!(storage.decide(&batch, NOW).is_admitted());
    assert_eq!(left(&storage, &breach, NOW), [2, 2]);
    for expected in [1, 0, 0] {
        // Each by itself: the second never passes, the first does as long as it can.
        assert_eq!(storage.decide(&batch, NOW).verdict(), Verdict::Refused);
        assert_eq!(left(&storage, &breach, NOW), [expected, 2]);
    }
}

#[test]
fn shadow_refuses_nothing_and_is_consumed_with_the_rest() {
    for strategy in Strategy::ALL {
        let storage = MemoryStorage::new();
        let (small, large) = (per_minute(1, strategy), per_minute(3, strategy));
        let (a, key) = (scope("a"), client(1));
        let hits = [Hit::new(&a, &key, &small).shadow(true), Hit::new(&a, &key, &large)];
        for (verdict, in_shadow, expected) in [
            (Verdict::Admitted, true, [0, 2]),
            (Verdict::Admitted, false, [0, 1]),
            (Verdict::Admitted, false, [0, 0]),
            (Verdict::Refused, false, [0, 0]),
        ] {
            let decision = storage.decide(&Batch::new(&hits), NOW);
            assert_eq!(decision.verdict(), verdict);
            assert_eq!(decision.limits()[0].is_allowed(), in_shadow, "{strategy}");
            assert_eq!(left(&storage, &hits, NOW), expected, "{strategy}");
        }
        // Alone too; and when another refuses, shadow takes nothing.
        assert!(storage.decide(&Batch::new(&hits[..1]), NOW).is_admitted());
        let other = scope("b");
        let hits = [Hit::new(&other, &key, &small).shadow(true), hits[1]];
        assert!(!storage.decide(&Batch::new(&hits), NOW).is_admitted());
        assert_eq!(left(&storage, &hits, NOW), [1, 0]);
    }
}

/// The defect: what refuses in shadow was added to later hits of the same count.
#[test]
fn a_refused_shadow_takes_nothing_from_the_next_hit() {
    let storage = MemoryStorage::new();
    let (policy, a, key) = (per_minute(3, Strategy::FixedWindow), scope("a"), client(1));
    let hit = Hit::new(&a, &key, &policy);
    let hits = [hit.cost(5).shadow(true), hit.cost(2)];
    assert!(storage.decide(&Batch::new(&hits), NOW).is_admitted());
    assert_eq!(left(&storage, &hits, NOW), [1, 1]);
}

#[test]
fn an_elastic_end_moves_only_when_its_own_limit_refuses() {
    let storage = MemoryStorage::new();
    let elastic = per_minute(2, Strategy::FixedWindowElasticExpiry);
    let fixed = per_minute(1, Strategy::FixedWindow);
    let (a, key) = (scope("a"), client(1));
    let both = [Hit::new(&a, &key, &elastic), Hit::new(&a, &key, &fixed)];
    let ends_at = |seconds| {
        left(&storage, &both[..1], after_secs(seconds - 1)) != [2]
            && left(&storage, &both[..1], after_secs(seconds)) == [2]
    };

    assert!(storage.decide(&Batch::new(&both), NOW).is_admitted());
    assert!(ends_at(60));
    // The other one refuses.
    assert!(!storage.decide(&Batch::new(&both), after_secs(10)).is_admitted());
    assert!(ends_at(60));
    // Admitted, it moves; refused by itself, too; by a test or a look or a cost that never passes, it does not.
    assert!(storage.decide(&Batch::new(&both[..1]), after_secs(20)).is_admitted());
    assert!(ends_at(80));
    let refused = storage.decide(&Batch::new(&both), after_secs(30));
    assert_eq!(refused.limits()[0].retry_after(), Some(std::time::Duration::from_secs(60)));
    assert!(ends_at(90));
    assert!(!storage.decide(&Batch::test(&both), after_secs(40)).is_admitted());
    assert!(storage.decide(&Batch::new(&[both[0].cost(0)]), after_secs(40)).is_admitted());
    assert!(!storage.decide(&Batch::new(&[both[0].cost(3)]), after_secs(40)).is_admitted());
    assert!(ends_at(90));
}

#[test]
fn one_count_may_stand_twice() {
    for strategy in Strategy::ALL {
        let storage = MemoryStorage::new();
        let (policy, a, key) = (per_minute(5, strategy), scope("a"), client(1));
        let twice = [Hit::new(&a, &key, &policy).cost(2), Hit::new(&a, &key, &policy).cost(2)];
        assert!(!storage.decide(&Batch::test(&[twice[0].cost(3), twice[1].cost(3)]), NOW).is_admitted());
        assert!(storage.decide(&Batch::new(&twice), NOW).is_admitted());
        assert_eq!(left(&storage, &twice, NOW), [1, 1], "{strategy}");
    }
}

/// Over several entries, by other references to the same key, and with counts that are there already.
#[test]
fn one_count_may_stand_twice_apart() {
    for strategy in Strategy::ALL {
        let storage = MemoryStorage::new();
        let (policy, wide) = (per_minute(5, strategy), per_minute(9, strategy));
        let (a, b, key, same) = (scope("a"), scope("b"), client(1), client(1));
        let [here, there] = [Hit::new(&a, &key, &policy), Hit::new(&b, &key, &wide)];
        let again = Hit::new(&a, &same, &policy);
        assert!(storage.decide(&Batch::new(&[here, there]), NOW).is_admitted());
        for hits in [[here.cost(2), there, again.cost(3)], [here.cost(3), again.cost(2), there]] {
            assert!(!storage.decide(&Batch::new(&hits), NOW).is_admitted(), "{strategy}");
            assert_eq!(left(&storage, &[here, there], NOW), [4, 8], "{strategy}");
        }
        let hits = [here.cost(2), there, again.cost(2)];
        let guard = [there.cost(8)];
        assert!(storage.decide(&Batch::new(&hits).guards(&guard).on_refusal(&hits), NOW).is_admitted());
        assert_eq!(left(&storage, &[here, there], NOW), [0, 7], "{strategy}");
        let refused = storage.decide(&Batch::new(&[there]).guards(&guard), NOW);
        assert_eq!(refused.verdict(), Verdict::RefusedByGuard);
        assert_eq!(left(&storage, &[here, there], NOW), [0, 7], "{strategy}");
        // The guard passes, and is not consumed.
        let admitted = storage.decide(&Batch::new(&[there, here.cost(0)]).guards(&[there.cost(7)]), NOW);
        assert_eq!((admitted.guards().len(), admitted.limits().len()), (1, 2));
        assert_eq!(admitted.guards()[0].remaining(), 7, "{strategy}");
        assert_eq!(admitted.limits()[0].remaining(), 6, "{strategy}");
    }
}

/// The defect: an elastic limit that stood twice in a refused batch was consumed for its second hit.
#[test]
fn one_elastic_count_twice_is_all_or_nothing_too() {
    let storage = MemoryStorage::new();
    let policy = per_minute(5, Strategy::FixedWindowElasticExpiry);
    let (a, key) = (scope("a"), client(1));
    let hit = Hit::new(&a, &key, &policy).cost(2);
    assert!(storage.decide(&Batch::new(&[hit]), NOW).is_admitted());
    let refused = storage.decide(&Batch::new(&[hit, hit]), after_secs(30));
    assert_eq!(refused.verdict(), Verdict::Refused);
    assert_eq!(left(&storage, &[hit], after_secs(30)), [3]);
    // It has refused, so that its end has moved.
    assert_eq!(left(&storage, &[hit], after_secs(89)), [3]);
    assert_eq!(left(&storage, &[hit], after_secs(90)), [5]);
}

#[test]
fn looks_and_refusals_leave_no_trace() {
    let storage = MemoryStorage::new();
    let (a, key) = (scope("a"), client(1));
    for strategy in Strategy::ALL {
        let policy = per_minute(2, strategy);
        let hit = Hit::new(&a, &key, &policy);
        assert!(storage.decide(&Batch::new(&[hit.cost(0)]), NOW).is_admitted());
        assert!(storage.decide(&Batch::test(&[hit]), NOW).is_admitted());
        assert!(!storage.decide(&Batch::new(&[hit.cost(3)]), NOW).is_admitted());
        assert!(!storage.decide(&Batch::new(&[hit, hit.cost(2)]), NOW).is_admitted());
    }
    assert!(storage.is_empty());
    assert!(storage.decide(&Batch::default(), NOW).is_admitted());
}

/// The defect: a refused hit let go of what was still in view for a hit with an earlier time.
#[test]
fn a_refusal_leaves_no_trace_of_its_time() {
    let storage = MemoryStorage::new();
    let (policy, a, key) = (per_minute(2, Strategy::MovingWindow), scope("a"), client(1));
    let hit = Hit::new(&a, &key, &policy);
    for seconds in [0, 30] {
        assert!(storage.decide(&Batch::new(&[hit]), after_secs(seconds)).is_admitted());
    }
    assert!(!storage.decide(&Batch::new(&[hit.cost(2)]), after_secs(70)).is_admitted());
    assert!(!storage.decide(&Batch::new(&[hit]), after_secs(50)).is_admitted());
}

#[test]
fn time_before_the_newest_counts_as_the_newest() {
    for strategy in Strategy::ALL {
        let storage = MemoryStorage::new();
        let policy = Policy::new(Quota::per_second(2), strategy);
        let (a, key) = (scope("a"), client(1));
        let hit = Hit::new(&a, &key, &policy);
        for seconds in [100, 0] {
            assert!(storage.decide(&Batch::new(&[hit]), after_secs(seconds)).is_admitted());
        }
        assert_eq!(left(&storage, &[hit], after_secs(50)), [0], "{strategy}");
        assert_eq!(left(&storage, &[hit], after_secs(102)), [2], "{strategy}");
    }
}

#[test]
fn clear_forgets_one_count_and_reset_all() {
    let storage = MemoryStorage::new();
    let (one, two) = (per_minute(1, Strategy::FixedWindow), per_minute(2, Strategy::MovingWindow));
    let (a, alice, bob) = (scope("a"), client(1), client(2));
    let hits = [Hit::new(&a, &alice, &one), Hit::new(&a, &alice, &two), Hit::new(&a, &bob, &one)];
    assert!(storage.decide(&Batch::new(&hits), NOW).is_admitted());
    assert_eq!(storage.len(), 2);

    ready(storage.clear(&hits[..1]));
    assert_eq!(left(&storage, &hits, NOW), [1, 1, 0]);
    assert_eq!(storage.len(), 2);
    // The last count takes the entry along; what is not there cannot be cleared and does not matter.
    ready(storage.clear(&hits[..2]));
    ready(storage.clear(&hits[..2]));
    assert_eq!(left(&storage, &hits, NOW), [1, 2, 0]);
    assert_eq!(storage.len(), 1);

    assert!(storage.decide(&Batch::new(&hits[..2]), NOW).is_admitted());
    ready(storage.reset());
    assert_eq!(left(&storage, &hits, NOW), [1, 2, 1]);
    assert!(storage.is_empty());
    assert_eq!(storage.evictions(), 0);
}

#[test]
fn a_refund_to_a_count_that_is_gone_does_nothing() {
    let storage = MemoryStorage::new();
    let (policy, a, key) = (per_minute(1, Strategy::FixedWindow), scope("a"), client(1));
    let hit = Hit::new(&a, &key, &policy);
    let decision = storage.decide(&Batch::new(&[hit]), NOW);
    ready(storage.reset());
    refund(&storage, hit, &decision, NOW);
    assert!(storage.is_empty());

    let decision = storage.decide(&Batch::new(&[hit]), NOW);
    refund(&storage, hit, &decision, NOW);
    assert_eq!(left(&storage, &[hit], NOW), [1]);
    // Once more than was taken.
    refund(&storage, hit, &decision, NOW);
    assert_eq!(left(&storage, &[hit], NOW), [1]);
}

#[test]
fn large_moving_windows_are_refused_when_checked() {
    let storage = MemoryStorage::new();
    assert!(storage.check(&per_minute(10_000, Strategy::MovingWindow)).is_ok());
    assert!(storage.check(&per_minute(10_001, Strategy::FixedWindow)).is_ok());
    let error = storage.check(&per_minute(10_001, Strategy::MovingWindow)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a moving window of `10001 per 1 minute` remembers too many hits for this storage: at most 10000; \
         use `sliding-window-counter` or `token-bucket`"
    );
}
