use limiter_core::{
    Key, Policy, Quota, Strategy, Unit,
    storage::{Batch, Hit, MemoryStorage, Storage},
};

use crate::{NOW, after_secs, client, left, per_minute, ready, scope};

#[test]
fn the_cap_is_held_and_evictions_are_counted() {
    let storage = MemoryStorage::with_capacity(100);
    let (policy, a) = (per_minute(2, Strategy::FixedWindow), scope("a"));
    for number in 0..1000 {
        assert!(storage.decide(&Batch::new(&[Hit::new(&a, &client(number), &policy)]), NOW).is_admitted());
        assert!(storage.len() <= 100);
    }
    assert_eq!((storage.len(), storage.evictions()), (100, 900));
    // A capacity of zero would be no limiter.
    let storage = MemoryStorage::with_capacity(0);
    let key = Key::from("alice");
    let hit = [Hit::new(&a, &key, &policy).cost(2)];
    assert!(storage.decide(&Batch::new(&hit), NOW).is_admitted());
    assert!(!storage.decide(&Batch::new(&[hit[0].cost(1)]), NOW).is_admitted());
    assert_eq!((storage.len(), storage.evictions()), (1, 0));
}

/// Expired keys leave first, then unspent ones nearest their end, then spent ones nearest theirs.
#[test]
fn the_least_worthy_count_leaves_first() {
    let storage = MemoryStorage::with_capacity(5);
    let a = scope("a");
    let amount_of_two = |seconds| Policy::new(Quota::new(2, seconds, Unit::Second), Strategy::FixedWindow);
    // Name, window, cost: in the order in which they are to leave.
    let leaving =
        [("expired", 1, 2), ("near", 60, 1), ("far", 600, 1), ("spent near", 50, 2), ("spent far", 500, 2)];
    let policies = leaving.map(|(_, seconds, _)| amount_of_two(seconds));
    let keys = leaving.map(|(name, _, _)| Key::from(name));
    let hit = |index: usize| Hit::new(&a, &keys[index], &policies[index]);
    for index in [4, 2, 0, 3, 1] {
        assert!(storage.decide(&Batch::new(&[hit(index).cost(leaving[index].2)]), NOW).is_admitted());
    }
    assert_eq!(storage.len(), 5);

    let newcomer = amount_of_two(5000);
    for gone in 0..leaving.len() {
        let name = Key::from(format!("newcomer {gone}"));
        let spend = [Hit::new(&a, &name, &newcomer).cost(2)];
        assert!(storage.decide(&Batch::new(&spend), after_secs(2)).is_admitted());
        assert_eq!(storage.len(), 5);
        assert_eq!(storage.evictions(), gone as u64, "an expired key is no loss");
        for (index, (name, _, cost)) in leaving.iter().enumerate() {
            let fresh = left(&storage, &[hit(index)], after_secs(2)) == [2];
            assert_eq!(fresh, index <= gone, "{name} after {gone}, cost {cost}");
        }
    }
}

/// A client whose spent count has expired beside a long one that is not spent is worth no more than the latter.
#[test]
fn a_spent_count_protects_its_client_only_while_it_lasts() {
    let storage = MemoryStorage::with_capacity(2);
    let a = scope("a");
    let (second, day) = (Policy::new(Quota::per_second(1), Strategy::FixedWindow), Quota::per_day(9));
    let day = Policy::new(day, Strategy::FixedWindow);
    let (once_spent, spent, newcomer) = (client(1), client(2), client(3));
    let hits = [Hit::new(&a, &once_spent, &second), Hit::new(&a, &once_spent, &day)];
    assert!(storage.decide(&Batch::new(&hits), NOW).is_admitted());
    let hour = Policy::new(Quota::per_hour(1), Strategy::FixedWindow);
    let still = [Hit::new(&a, &spent, &hour)];
    assert!(storage.decide(&Batch::new(&still), NOW).is_admitted());

    assert!(storage.decide(&Batch::new(&[Hit::new(&a, &newcomer, &hour)]), after_secs(2)).is_admitted());
    assert_eq!(left(&storage, &still, after_secs(2)), [0]);
    assert_eq!(left(&storage, &hits[1..], after_secs(2)), [9]);
}

/// No key is forgotten a nanosecond before its end, whatever its last bit.
#[test]
fn nothing_expires_early() {
    let (policy, a) = (per_minute(1, Strategy::FixedWindow), scope("a"));
    for start in [1_000_000_000_u64, 1_000_000_001] {
        let storage = MemoryStorage::new();
        let at = |nanos| limiter_core::Timestamp::from_nanos(start + nanos);
        let hits = [1, 2].map(client);
        let hit = |index: usize| [Hit::new(&a, &hits[index], &policy)];
        assert!(storage.decide(&Batch::new(&hit(0)), at(0)).is_admitted());
        // A newcomer sweeps.
        assert!(storage.decide(&Batch::new(&hit(1)), at(59_999_999_999)).is_admitted());
        assert!(!storage.decide(&Batch::new(&hit(0)), at(59_999_999_999)).is_admitted());
        assert!(storage.decide(&Batch::new(&hit(0)), at(60_000_000_000)).is_admitted());
    }
}

#[test]
fn expired_keys_leave_step_by_step() {
    // So few that all share a lock.
    let storage = MemoryStorage::with_capacity(3000);
    let (policy, a) = (per_minute(2, Strategy::FixedWindow), scope("a"));
    let visit = |number: u32, seconds| {
        let before = storage.len();
        assert!(
            storage
                .decide(&Batch::new(&[Hit::new(&a, &client(number), &policy)]), after_secs(seconds))
                .is_admitted()
        );
        (before, storage.len())
    };
    for number in 0..1000 {
        visit(number, 0);
    }
    // At most two leave for each that comes, and in the end none is left.
    for number in 1000..2000 {
        let (before, after) = visit(number, 60);
        assert!(after.abs_diff(before) <= 1);
    }
    assert_eq!((storage.len(), storage.evictions()), (1000, 0));
    // A client that is back after the end is counted anew.
    assert_eq!(left(&storage, &[Hit::new(&a, &client(5), &policy)], after_secs(60)), [2]);
}

/// After a flood, few newcomers suffice to clear away what it left.
#[test]
fn expired_keys_leave_faster_than_new_ones_come() {
    let storage = MemoryStorage::with_capacity(3000);
    let (policy, a) = (per_minute(2, Strategy::FixedWindow), scope("a"));
    let visit = |number: u32, seconds| {
        assert!(
            storage
                .decide(&Batch::new(&[Hit::new(&a, &client(number), &policy)]), after_secs(seconds))
                .is_admitted()
        );
    };
    (0..2000).for_each(|number| visit(number, 0));
    (2000..2100).for_each(|number| visit(number, 60));
    assert_eq!(storage.len(), 2000 - 100, "each newcomer makes two expired keys leave");
    (2100..4200).for_each(|number| visit(number, 120));
    assert_eq!((storage.len(), storage.evictions()), (2100, 0));
}

/// Limits computed per request can make any number of policies for one client.
#[test]
fn policies_of_one_client_are_bounded() {
    let storage = MemoryStorage::new();
    let (a, key) = (scope("a"), client(1));
    let policies: Vec<Policy> = (2..1002).map(|amount| per_minute(amount, Strategy::FixedWindow)).collect();
    for policy in &policies {
        let hit = [Hit::new(&a, &key, policy)];
        assert!(storage.decide(&Batch::new(&hit), NOW).is_admitted());
        assert_eq!(left(&storage, &hit, NOW), [policy.quota().amount() - 1]);
    }
    assert_eq!((storage.len(), storage.evictions()), (1, 1000 - 64));
    // A spent one outlives those that are not.
    let spent = [Hit::new(&a, &key, &policies[0]).cost(2)];
    assert!(storage.decide(&Batch::new(&spent), NOW).is_admitted());
    for policy in &policies[1..] {
        assert!(storage.decide(&Batch::new(&[Hit::new(&a, &key, policy)]), NOW).is_admitted());
    }
    assert_eq!(left(&storage, &spent, NOW), [0]);
    ready(storage.clear(&spent));
    assert_eq!(left(&storage, &spent, NOW), [2]);
}

/// The defect: a client that was refused with something left counted as unspent, and was forgotten at once.
#[test]
fn a_refused_client_outlives_a_million_new_ones() {
    let (storage, a) = (MemoryStorage::new(), scope("a"));
    let policy = Policy::new(Quota::per_hour(10), Strategy::FixedWindow);
    let key = Key::from("refused");
    let hit = [Hit::new(&a, &key, &policy).cost(3)];
    let try_it = || storage.decide(&Batch::new(&hit), NOW).is_admitted();
    assert_eq!([try_it(), try_it(), try_it(), try_it()], [true, true, true, false]);
    for number in 0..1_200_000 {
        assert!(storage.decide(&Batch::new(&[Hit::new(&a, &client(number), &policy)]), NOW).is_admitted());
    }
    assert!(storage.evictions() >= 200_000);
    assert!(!try_it(), "it is remembered");
}

/// In whatever way a batch is decided, and wherever its counts are stored.
#[test]
fn every_refusal_counts() {
    const CAPACITY: u32 = 1000;
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::per_hour(10), strategy);
        let wide = Policy::new(Quota::per_day(1000), strategy);
        let more = [2000, 3000, 4000].map(|amount| Policy::new(Quota::per_day(amount), strategy));
        let (a, b, key) = (scope("a"), scope("b"), Key::from("refused"));
        let [refused, other] = [&policy, &wide].map(|policy| Hit::new(&a, &key, policy).cost(3));
        let elsewhere = Hit::new(&b, &key, &wide);
        let many: Vec<_> =
            [&policy, &wide].into_iter().chain(&more).map(|it| Hit::new(&a, &key, it).cost(3)).collect();
        let batches: [(&str, Vec<Hit<'_>>); 4] = [
            ("one", vec![refused]),
            ("two", vec![refused, other]),
            ("several entries", vec![refused, elsewhere]),
            ("too many for an entry", many),
        ];
        for (name, hits) in &batches {
            let storage = MemoryStorage::with_capacity(CAPACITY as usize);
            let admitted = (0..4).map(|_| storage.decide(&Batch::new(hits), NOW).is_admitted());
            assert_eq!(admitted.collect::<Vec<_>>(), [true, true, true, false], "{strategy}, {name}");
            for number in 0..5 * CAPACITY {
                let key = client(number);
                let new = [Hit::new(&a, &key, &policy)];
                assert!(storage.decide(&Batch::new(&new), NOW).is_admitted());
            }
            assert_eq!(left(&storage, &hits[..1], NOW), [1], "{strategy}, {name}");
        }
    }
}

/// A guard that refuses, such as a meta limit, refuses its client.
#[test]
fn refusals_by_guards_count() {
    let (storage, a, key) = (MemoryStorage::with_capacity(1000), scope("a"), Key::from("refused"));
    let meta = Policy::new(Quota::per_hour(10), Strategy::FixedWindow);
    let guard = [Hit::new(&a, &key, &meta).cost(3)];
    for expected in [true, true, true] {
        assert_eq!(storage.decide(&Batch::new(&guard), NOW).is_admitted(), expected);
    }
    assert!(!storage.decide(&Batch::new(&[]).guards(&guard), NOW).is_admitted());
    for number in 0..5000 {
        let key = client(number);
        let new = [Hit::new(&a, &key, &meta)];
        assert!(storage.decide(&Batch::new(&new), NOW).is_admitted());
    }
    assert_eq!(left(&storage, &guard, NOW), [1]);
}

/// A bucket that has refilled what was refused is not spent any more.
#[test]
fn a_refusal_counts_until_its_cost_would_pass() {
    let a = scope("a");
    let bucket = Policy::new(Quota::per_hour(10), Strategy::TokenBucket);
    let day = Policy::new(Quota::per_day(10), Strategy::FixedWindow);
    // A unit comes every 6 minutes: after the refusal at 1 left, 3 are there after 12 minutes.
    for (minutes, is_kept) in [(11, true), (12, false)] {
        let storage = MemoryStorage::with_capacity(2);
        let (key, other) = (Key::from("refused"), client(0));
        let hit = [Hit::new(&a, &key, &bucket).cost(3)];
        let admitted = (0..4).map(|_| storage.decide(&Batch::new(&hit), NOW).is_admitted());
        assert_eq!(admitted.collect::<Vec<_>>(), [true, true, true, false]);
        // Unspent, but its end is far.
        assert!(storage.decide(&Batch::new(&[Hit::new(&a, &other, &day)]), NOW).is_admitted());
        let now = after_secs(60 * minutes);
        assert!(storage.decide(&Batch::new(&[Hit::new(&a, &client(1), &day)]), now).is_admitted());
        assert_eq!(left(&storage, &hit, now) != [10], is_kept, "after {minutes} minutes");
    }
}

/// The figures of `docs/security.md`: how many new keys of which kind an attacker needs before a storage that is full
/// of unspent keys forgets spent ones. Printed for the page.
#[test]
fn what_an_attacker_needs_before_spent_counts_are_forgotten() {
    const CAPACITY: u32 = 100_000;
    const VICTIMS: u32 = 200;
    let (a, storage) = (scope("a"), MemoryStorage::with_capacity(CAPACITY as usize));
    let policy = Policy::new(Quota::per_hour(2), Strategy::FixedWindow);
    let visit = |number: u32, cost, now| {
        let key = client(number);
        let hit = [Hit::new(&a, &key, &policy).cost(cost)];
        assert!(storage.decide(&Batch::new(&hit), now).is_admitted());
    };
    // The ends of the attacker's keys are later, so they leave later: the worst case.
    let later = after_secs(1);
    let forgotten = || {
        let is_forgotten =
            |number: &u32| left(&storage, &[Hit::new(&a, &client(*number), &policy)], later) != [0];
        (0..VICTIMS).filter(is_forgotten).count()
    };
    (0..VICTIMS).for_each(|number| visit(number, 2, NOW));
    // Fresh keys, each hit once.
    let fresh = VICTIMS..VICTIMS + 10 * CAPACITY;
    fresh.clone().for_each(|number| visit(number, 1, later));
    assert_eq!(forgotten(), 0, "no number of unspent keys is enough");
    // Keys that are spent as well.
    let (mut first, mut half, mut number) = (None, None, fresh.end);
    while half.is_none() {
        (number..number + CAPACITY / 100).for_each(|number| visit(number, 2, later));
        number += CAPACITY / 100;
        let share = (number - fresh.end) * 100 / CAPACITY;
        let forgotten = forgotten();
        first = first.or((forgotten > 0).then_some(share));
        half = (forgotten * 2 >= VICTIMS as usize).then_some(share);
        assert!(share < 200, "spent keys of one kind are forgotten in the order of their ends");
    }
    let (first, half) = (first.unwrap_or_default(), half.unwrap_or_default());
    println!(
        "spent keys in per cent of the capacity: {first} until the first is forgotten, {half} until half are"
    );
    assert!(first >= 50, "{first} %");
    assert!(half >= 75, "{half} %");
}
