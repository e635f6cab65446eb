use allocation_counter::measure;
use limiter_core::{
    Clock, Key, Policy, Quota, Scope, Strategy, SystemClock, Timestamp,
    storage::{Batch, Hit, MemoryStorage, Refund, Storage},
};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_123);

/// Enough for the hits below to be admitted, and few enough for a log to be filled first.
const AMOUNT: u64 = 40;

struct Limits {
    storage: MemoryStorage,
    key: Key,
    policies: Vec<Policy>,
    scopes: Vec<Scope>,
}

impl Limits {
    /// Limits that are counted in `entries` entries, after a window in which all were spent.
    fn warm(count: usize, entries: usize, strategy: impl Fn(usize) -> Strategy) -> Self {
        let policies = (0..count).map(|index| {
            let policy = Policy::new(Quota::per_minute(AMOUNT), strategy(index));
            policy.with_label(index.to_string())
        });
        let this = Self {
            storage: MemoryStorage::new(),
            key: Key::from("somebody").and(Key::from(std::net::IpAddr::from([1, 2, 3, 4]))),
            policies: policies.collect(),
            scopes: (0..count).map(|index| Scope::new(["scope", &(index % entries).to_string()])).collect(),
        };
        while this.storage.decide(&Batch::new(&this.hits()), NOW).is_admitted() {}
        this
    }

    fn hits(&self) -> Vec<Hit<'_>> {
        self.scopes
            .iter()
            .zip(&self.policies)
            .map(|(scope, policy)| Hit::new(scope, &self.key, policy))
            .collect()
    }
}

fn check(limits: &Limits, name: &str) {
    let hits = limits.hits();
    let batch = Batch::new(&hits);
    let later = NOW.after(std::time::Duration::from_secs(600));
    let (mut admitted, mut refused) = (0, 0);
    let seen = measure(|| {
        for _ in 0..2 * AMOUNT {
            let decision = limits.storage.decide(&batch, later);
            *if decision.is_admitted() { &mut admitted } else { &mut refused } += 1;
        }
    });
    assert_eq!((admitted, refused), (AMOUNT, AMOUNT), "{name}");
    assert_eq!(seen.count_total, 0, "{name}: hits, admitted and refused");

    // With a guard, with looks, and through the trait.
    let guarded = Batch::new(&hits[1..]).guards(&hits[..1]).on_refusal(&hits[..1]);
    let much_later = later.after(std::time::Duration::from_secs(600));
    let seen = measure(|| {
        for _ in 0..2 * AMOUNT {
            let _ready = Storage::decide(&limits.storage, &guarded, much_later);
            let _ = limits.storage.decide(&Batch::test(&hits), much_later);
        }
    });
    assert_eq!(seen.count_total, 0, "{name}: guards and tests");
    assert!(limits.storage.evictions() == 0 && limits.storage.len() <= 4);
}

#[test]
fn warm_keys_allocate_nothing() {
    for strategy in Strategy::ALL {
        for count in [1, 2, 4] {
            for entries in [1, count] {
                let limits = Limits::warm(count, entries, |_| strategy);
                check(&limits, &format!("{strategy}, {count} limits in {entries} entries"));
            }
        }
    }
    let mixed = Limits::warm(4, 2, |index| Strategy::ALL[index + 1]);
    check(&mixed, "four strategies at once");
}

#[test]
fn warm_keys_are_refunded_without_allocating() {
    for strategy in Strategy::ALL {
        let limits = Limits::warm(2, 2, |_| strategy);
        let hits = limits.hits();
        let later = NOW.after(std::time::Duration::from_secs(600));
        let seen = measure(|| {
            for _ in 0..2 * AMOUNT {
                let decision = limits.storage.decide(&Batch::new(&hits), later);
                assert!(decision.is_admitted());
                let taken = [0, 1].map(|index| Refund::new(hits[index], &decision.limits()[index]));
                let _ready = limits.storage.refund(&taken, later);
            }
        });
        assert_eq!(seen.count_total, 0, "{strategy}");
    }
}

#[test]
fn warm_keys_are_found_without_allocating() {
    let clock = SystemClock::new();
    let address = std::net::IpAddr::from([1, 2, 3, 4]);
    let seen = measure(|| {
        let _ = (clock.now(), Key::from(address));
    });
    assert_eq!(seen.count_total, 0);
}
