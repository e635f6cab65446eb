use allocation_counter::{AllocationInfo, measure};
use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    storage::{Batch, Hit, MemoryStorage},
};

/// As a flood from ever new addresses is: five million keys, in a storage with room for a million.
const KEYS: u32 = 5_000_000;
const ROOM: usize = MemoryStorage::DEFAULT_CAPACITY;

/// An entry and its place in a table, which grows by doubling.
const MAX_BYTES_A_KEY: usize = 80;

/// A shard's table when it is full, which is rebuilt at once. No decision copies more.
const MAX_BYTES_A_DECISION: u64 = 64 * 1024;

/// The time of a decision depends on the machine. What a decision allocates does not, and bounds what it copies.
#[test]
fn many_keys_stay_within_the_cap_and_no_decision_copies_much() {
    let storage = MemoryStorage::with_capacity(ROOM);
    let policy = Policy::new(Quota::per_minute(10), Strategy::FixedWindow);
    let scope = Scope::new(["flood"]);
    let (mut largest, mut held, mut most_held) = (0, 0_i64, 0_usize);
    for number in 0..KEYS {
        let key = Key::from(std::net::IpAddr::from(number.to_be_bytes()));
        let hit = [Hit::new(&scope, &key, &policy)];
        // A millisecond passes with each hundred keys.
        let now = Timestamp::from_millis(1_767_225_600_000 + u64::from(number) / 100);
        let AllocationInfo { bytes_total, bytes_current, .. } =
            measure(|| assert!(storage.decide(&Batch::new(&hit), now).is_admitted()));
        largest = largest.max(bytes_total);
        held += bytes_current;
        most_held = most_held.max(usize::try_from(held).unwrap_or(0));
    }
    println!("{} bytes a key at most, {largest} in one decision", most_held / ROOM);
    assert!(storage.len() <= ROOM);
    assert_eq!(storage.evictions(), u64::from(KEYS) - ROOM as u64);
    assert!(most_held <= ROOM * MAX_BYTES_A_KEY, "{most_held} bytes");
    assert!(largest <= MAX_BYTES_A_DECISION, "{largest} bytes");
}

/// The room of four fixed windows, with the table and its reserve.
const MAX_BYTES_OF_FOUR_LIMITS: usize = 112;

/// Four fixed windows are eight numbers, which need no allocation of their own.
#[test]
fn four_limits_of_a_client_are_stored_with_each_other() {
    const CLIENTS: u32 = 100_000;
    let storage = MemoryStorage::with_capacity(100_000);
    let policies =
        [1, 2, 3, 4].map(|minutes| Policy::new(Quota::new(10, minutes, Unit::Minute), Strategy::FixedWindow));
    let scope = Scope::new(["four"]);
    let held = measure(|| {
        for number in 0..CLIENTS {
            let key = Key::from(std::net::IpAddr::from(number.to_be_bytes()));
            let hits = policies.each_ref().map(|policy| Hit::new(&scope, &key, policy));
            let now = Timestamp::from_millis(1_767_225_600_000);
            assert!(storage.decide(&Batch::new(&hits), now).is_admitted());
        }
    });
    let bytes = usize::try_from(held.bytes_current).unwrap() / storage.len();
    println!("{bytes} bytes a client");
    assert!(bytes <= MAX_BYTES_OF_FOUR_LIMITS, "{bytes} bytes a client");
}
