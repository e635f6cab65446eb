use allocation_counter::measure;
use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, MemoryStorage},
};

/// As a flood from ever new addresses is: five million keys, in a storage with room for a million.
const KEYS: u32 = 5_000_000;
const ROOM: usize = MemoryStorage::DEFAULT_CAPACITY;

/// An entry and its place in a table, which grows by doubling.
const MOST_BYTES_A_KEY: usize = 80;

/// An interrupt is charged to whom it interrupts. What is slow by itself is slow each time.
const TRIES: usize = 3;

#[test]
fn many_keys_stay_within_the_cap_and_never_make_a_decision_slow() {
    let slowest: Vec<u64> = (0..TRIES).map(|_| flood()).take_while(|slowest| *slowest >= 1_000_000).collect();
    assert!(slowest.len() < TRIES, "nanoseconds of the slowest decision: {slowest:?}");
}

/// Returns the nanoseconds of the slowest decision.
fn flood() -> u64 {
    let storage = MemoryStorage::with_capacity(ROOM);
    let policy = Policy::new(Quota::per_minute(10), Strategy::FixedWindow);
    let scope = Scope::new(["flood"]);
    let mut slowest = 0;
    let mut last = thread_cpu_nanos();
    let seen = measure(|| {
        for number in 0..KEYS {
            let key = Key::from(std::net::IpAddr::from(number.to_be_bytes()));
            let hit = [Hit::new(&scope, &key, &policy)];
            // A millisecond passes with each hundred keys.
            let now = Timestamp::from_millis(1_767_225_600_000 + u64::from(number) / 100);
            assert!(storage.decide(&Batch::new(&hit), now).is_admitted());
            let time = thread_cpu_nanos();
            slowest = slowest.max(time - last);
            last = time;
        }
    });
    println!("{} bytes a key at most, slowest decision {slowest} ns", seen.bytes_max / ROOM as u64);
    assert!(storage.len() <= ROOM);
    assert_eq!(storage.evictions(), u64::from(KEYS) - ROOM as u64);
    assert!(seen.bytes_max <= (ROOM * MOST_BYTES_A_KEY) as u64, "{} bytes", seen.bytes_max);
    slowest
}

/// Processor time of this thread: what other threads and programs do meanwhile does not count.
#[cfg(target_os = "linux")]
fn thread_cpu_nanos() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Elsewhere only the memory is measured.
#[cfg(not(target_os = "linux"))]
fn thread_cpu_nanos() -> u64 {
    0
}
