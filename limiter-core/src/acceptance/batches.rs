//! A batch is decided atomically.

use std::time::Duration;

use super::{
    fixture::{Fixture, START, client, policy},
    time::Time,
};
use crate::{
    Strategy, Window,
    storage::{Batch, Hit, Verdict},
};

pub(super) async fn run(fixture: &Fixture<'_>) {
    is_admitted_whole_or_not_at_all(fixture).await;
    guards_come_first(fixture).await;
    refusals_are_hit_by_themselves(fixture).await;
    shadows_refuse_nothing(fixture).await;
    a_batch_may_hit_a_count_twice(fixture).await;
    costs_are_all_or_nothing(fixture).await;
    tests_consume_nothing(fixture).await;
    own_refusals_move_an_elastic_end(fixture).await;
    assert_eq!(fixture.decide(&Batch::new(&[])).await.verdict(), Verdict::Admitted, "nothing to decide");
}

async fn is_admitted_whole_or_not_at_all(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (wide, narrow) = (policy(10, strategy), policy(2, strategy));
        let (here, there, key) = (fixture.scope(), fixture.scope(), client(1));
        let hits = [
            Hit::new(&here, &key, &wide),
            Hit::new(&here, &key, &narrow),
            Hit::new(&there, &key, &wide).cost(3),
        ];
        for expected in [[9, 1, 7], [8, 0, 4]] {
            let decision = fixture.decide(&Batch::new(&hits)).await;
            assert_eq!(decision.verdict(), Verdict::Admitted, "{strategy}");
            let remaining: Vec<_> = decision.limits().iter().map(Window::remaining).collect();
            assert_eq!(remaining, expected, "{strategy}: in the order of the batch, after the hit");
        }
        let decision = fixture.decide(&Batch::new(&hits)).await;
        assert_eq!(decision.verdict(), Verdict::Refused, "{strategy}");
        let allowed: Vec<_> = decision.limits().iter().map(Window::is_allowed).collect();
        assert_eq!(allowed, [true, false, true], "{strategy}: which limit refused");
        assert_eq!(fixture.left(&hits).await, [8, 0, 4], "{strategy}: a refused batch consumes nothing");
    }
}

async fn guards_come_first(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (one, nine) = (policy(1, strategy), policy(9, strategy));
        let (meta, route, key) = (fixture.scope(), fixture.scope(), client(1));
        let (guard, limit) = ([Hit::new(&meta, &key, &one)], [Hit::new(&route, &key, &nine)]);
        let batch = Batch::new(&limit).guards(&guard);
        for _ in 0..2 {
            let decision = fixture.decide(&batch).await;
            assert_eq!(decision.verdict(), Verdict::Admitted, "{strategy}: a guard is not consumed");
            assert_eq!(decision.guards().len(), 1);
        }
        let _ = fixture.hit(guard[0]).await;
        let decision = fixture.decide(&batch.on_refusal(&guard)).await;
        assert_eq!(decision.verdict(), Verdict::RefusedByGuard, "{strategy}");
        assert!(!decision.guards()[0].is_allowed());
        assert_eq!(
            fixture.left(&[guard[0], limit[0]]).await,
            [0, 7],
            "{strategy}: a guard's refusal consumes nothing"
        );
    }
}

async fn refusals_are_hit_by_themselves(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (one, nine) = (policy(1, strategy), policy(9, strategy));
        let (route, other, key) = (fixture.scope(), fixture.scope(), client(1));
        let metas = [fixture.scope(), fixture.scope(), fixture.scope(), fixture.scope()];
        let limits = [Hit::new(&route, &key, &one), Hit::new(&other, &key, &nine)];
        let on_refusal = [
            Hit::new(&metas[0], &key, &nine),
            Hit::new(&metas[1], &key, &nine).only_after(0),
            Hit::new(&metas[2], &key, &nine).only_after(1),
            Hit::new(&metas[3], &key, &nine).cost(5),
        ];
        let batch = Batch::new(&limits).on_refusal(&on_refusal);
        assert_eq!(fixture.decide(&batch).await.verdict(), Verdict::Admitted, "{strategy}");
        assert_eq!(fixture.left(&on_refusal).await, [9; 4], "{strategy}: no limit has refused");
        for expected in [[8, 8, 9, 4], [7, 7, 9, 4]] {
            assert_eq!(fixture.decide(&batch).await.verdict(), Verdict::Refused, "{strategy}");
            assert_eq!(fixture.left(&on_refusal).await, expected, "{strategy}: hits on refusal that pass");
        }
    }
}

async fn shadows_refuse_nothing(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (one, three) = (policy(1, strategy), policy(3, strategy));
        let (a, b, meta, key) = (fixture.scope(), fixture.scope(), fixture.scope(), client(1));
        let limits = [Hit::new(&a, &key, &one).shadow(true), Hit::new(&b, &key, &three)];
        let on_refusal = [Hit::new(&meta, &key, &three).only_after(0)];
        let batch = Batch::new(&limits).on_refusal(&on_refusal);
        for (shadow, left) in [(true, 2), (false, 1), (false, 0)] {
            let decision = fixture.decide(&batch).await;
            assert_eq!(decision.verdict(), Verdict::Admitted, "{strategy}");
            assert_eq!(decision.limits()[0].is_allowed(), shadow, "{strategy}: its report is a refusal");
            assert_eq!(decision.limits()[1].remaining(), left, "{strategy}");
        }
        assert_eq!(fixture.decide(&batch).await.verdict(), Verdict::Refused, "{strategy}");
        assert_eq!(
            fixture.left(&on_refusal).await,
            [3],
            "{strategy}: a limit in shadow does not count as a refusal"
        );
    }
}

async fn a_batch_may_hit_a_count_twice(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (three, scope, key) = (policy(3, strategy), fixture.scope(), client(1));
        let twice = [Hit::new(&scope, &key, &three), Hit::new(&scope, &key, &three).cost(2)];
        let thrice = [twice[0], twice[0], twice[1]];
        let decision = fixture.decide(&Batch::new(&thrice)).await;
        assert_eq!(decision.verdict(), Verdict::Refused, "{strategy}: together they exceed the quota");
        let allowed: Vec<_> = decision.limits().iter().map(Window::is_allowed).collect();
        assert_eq!(allowed, [true, true, false], "{strategy}");
        let decision = fixture.decide(&Batch::new(&twice)).await;
        let remaining: Vec<_> = decision.limits().iter().map(Window::remaining).collect();
        assert_eq!((decision.verdict(), remaining), (Verdict::Admitted, vec![2, 0]), "{strategy}");
    }
}

async fn costs_are_all_or_nothing(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (five, none, scope, key) = (policy(5, strategy), policy(0, strategy), fixture.scope(), client(1));
        let hit = Hit::new(&scope, &key, &five);
        for cost in [6, u64::MAX] {
            let window = fixture.hit(hit.cost(cost)).await;
            assert_eq!(
                (window.is_allowed(), window.remaining()),
                (false, 5),
                "{strategy}: {cost} never passes"
            );
            assert_eq!(window.retry_after(), None, "{strategy}: no wait helps");
        }
        assert_eq!(fixture.hit(hit.cost(4)).await.remaining(), 1, "{strategy}");
        let refused = fixture.hit(hit.cost(2)).await;
        assert_eq!((refused.is_allowed(), refused.remaining()), (false, 1), "{strategy}");
        assert!(refused.retry_after().is_some(), "{strategy}: a wait helps");
        assert_eq!(fixture.hit(hit).await.remaining(), 0, "{strategy}: a refused cost consumes nothing");
        assert!(fixture.hit(hit.cost(0)).await.is_allowed(), "{strategy}: a cost of 0 always passes");
        let never = Hit::new(&scope, &key, &none);
        assert!(!fixture.hit(never).await.is_allowed(), "{strategy}: an amount of 0 always refuses");
        assert!(fixture.hit(never.cost(0)).await.is_allowed(), "{strategy}: but not a look");
    }
}

async fn tests_consume_nothing(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (one, scope, key) = (policy(1, strategy), fixture.scope(), client(1));
        let hit = [Hit::new(&scope, &key, &one)];
        for _ in 0..2 {
            assert!(fixture.decide(&Batch::test(&hit)).await.is_admitted(), "{strategy}");
        }
        let _ = fixture.hit(hit[0]).await;
        assert_eq!(fixture.decide(&Batch::test(&hit)).await.verdict(), Verdict::RefusedByGuard, "{strategy}");
    }
}

/// Tests that a limit's own refusal moves the end of its window, and that refusals of other limits do not.
async fn own_refusals_move_an_elastic_end(fixture: &Fixture<'_>) {
    let strategy = Strategy::FixedWindowElasticExpiry;
    if fixture.time == Time::Own || !fixture.has(strategy) {
        return;
    }
    let (one, two, key) = (policy(1, strategy), policy(2, strategy), client(1));
    let (a, b) = (fixture.scope(), fixture.scope());
    let hits = [Hit::new(&a, &key, &one), Hit::new(&b, &key, &two)];
    let window = fixture.decide(&Batch::new(&hits)).await.limits()[0].reset();
    let passed = Duration::from_secs(100);
    let later = START.after(passed);
    let decision = fixture.decide_at(&Batch::new(&hits), later).await;
    assert_eq!(decision.verdict(), Verdict::Refused);
    let resets: Vec<_> = decision.limits().iter().map(Window::reset).collect();
    assert_eq!(resets, [window, window.saturating_sub(passed)]);
}
