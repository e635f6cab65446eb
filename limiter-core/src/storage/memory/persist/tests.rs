//! States in files, read by storages of the same process: its hashes have the same secret.

use std::{io::Cursor, num::NonZeroU64, time::Duration};

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::{
    Key, Policy, Quota, Scope, Strategy, Unit, Window,
    storage::{Batch, Hit, Note, Refund, Storage},
};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_123);

fn later(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

fn saved(storage: &MemoryStorage, now: Timestamp) -> Vec<u8> {
    let mut file = Vec::new();
    storage.save(&mut file, now).expect("it is written");
    file
}

fn load(capacity: usize, file: &[u8], now: Timestamp) -> Result<MemoryStorage, LoadStateError> {
    let storage = MemoryStorage::with_capacity(capacity);
    storage.load(Cursor::new(file), now).map(|_| storage)
}

/// All kinds of policies that a memory storage counts, in groups that a client has together.
fn policies() -> Vec<Vec<Policy>> {
    let of = |amount, strategy| Policy::new(Quota::per_hour(amount), strategy);
    let burst = NonZeroU64::new(20).expect("it is one");
    let zone = "+05:45".parse().expect("a zone");
    vec![
        vec![of(10, Strategy::FixedWindow)],
        vec![of(10, Strategy::FixedWindow).with_label("other"), of(5, Strategy::TokenBucket)],
        Strategy::ALL[..2].iter().chain(&Strategy::ALL[3..]).map(|it| of(10, *it)).collect(),
        Strategy::ALL.map(|it| of(10, it).with_metered(true)).to_vec(),
        vec![
            of(7, Strategy::TokenBucket).with_burst(burst).expect("it fits"),
            Policy::new(Quota::per_calendar_day(4), Strategy::FixedWindow).with_time_zone(zone),
        ],
        vec![of(10, Strategy::SlidingWindowCounter).with_keep_used(true)],
        (1..12).map(|amount| of(amount, Strategy::FixedWindow)).collect(),
    ]
}

fn hits<'a>(scope: &'a Scope, key: &'a Key, policies: &'a [Policy], cost: u64) -> Vec<Hit<'a>> {
    policies.iter().map(|policy| Hit::new(scope, key, policy).cost(cost)).collect()
}

/// Hits each group of policies a few times, by clients of its own.
fn used(storage: &MemoryStorage, clients: u64) {
    for (group, policies) in policies().iter().enumerate() {
        let scope = Scope::new(["a", &group.to_string()]);
        for client in 0..clients {
            let key = Key::text("client", client);
            for _ in 0..=client % 7 {
                let _any = storage.decide(&Batch::new(&hits(&scope, &key, policies, 1)), later(client));
            }
        }
    }
}

/// Returns the windows that each client sees.
fn seen(storage: &MemoryStorage, clients: u64, now: Timestamp) -> Vec<Vec<Window>> {
    let mut seen = Vec::new();
    for (group, policies) in policies().iter().enumerate() {
        let scope = Scope::new(["a", &group.to_string()]);
        for client in 0..clients {
            let key = Key::text("client", client);
            for cost in [0, 4] {
                let hits = hits(&scope, &key, policies, cost);
                seen.push(storage.decide(&Batch::test(&hits), now).guards().to_vec());
            }
        }
    }
    seen
}

#[test]
fn a_restored_storage_decides_as_the_saved_one() {
    let storage = MemoryStorage::with_capacity(20_000);
    used(&storage, 300);
    let file = saved(&storage, later(300));
    let restored = load(20_000, &file, later(310)).expect("it is read");
    assert_eq!(restored.len(), storage.len());
    for now in [300, 1000, 3599, 3700, 7300] {
        assert_eq!(seen(&restored, 300, later(now)), seen(&storage, 300, later(now)), "after {now} s");
    }
    // Further hits find the same entries.
    used(&storage, 300);
    used(&restored, 300);
    assert_eq!(seen(&restored, 300, later(400)), seen(&storage, 300, later(400)));
    assert_eq!(restored.len(), storage.len());
}

/// They end with the process. A limit beside them, of the same client, is kept.
#[test]
fn concurrent_requests_are_left_out() {
    let storage = MemoryStorage::with_capacity(100);
    let policies = [
        Policy::new(Quota::concurrent(2), Strategy::FixedWindow),
        Policy::new(Quota::per_hour(5), Strategy::FixedWindow),
    ];
    let [scope, other] = ["a", "b"].map(|name| Scope::new([name]));
    let key = Key::from("somebody");
    let mut windows = Vec::new();
    for (scope, policies) in [(&scope, &policies[..]), (&other, &policies[..1])] {
        windows.extend(storage.decide(&Batch::new(&hits(scope, &key, policies, 1)), NOW).limits().to_vec());
    }
    let restored = load(100, &saved(&storage, NOW), NOW).expect("it is read");
    assert_eq!(restored.len(), 1, "nothing else is left of the other scope");
    let left = restored.decide(&Batch::new(&hits(&scope, &key, &policies, 0)), NOW);
    assert_eq!(left.limits().iter().map(Window::remaining).collect::<Vec<_>>(), [2, 4]);
    // A request of the old process ends in the new one at most by mistake, and frees nothing.
    let refund = [Refund::new(Hit::new(&scope, &key, &policies[0]), &windows[0])];
    drop(restored.refund(&refund, NOW));
    let left = restored.decide(&Batch::new(&hits(&scope, &key, &policies, 0)), NOW);
    assert_eq!(left.limits()[0].remaining(), 2);
}

#[test]
fn expired_counts_are_left_out_and_notes_are_kept() {
    let storage = MemoryStorage::with_capacity(100);
    let policy = Policy::new(Quota::new(5, 1, Unit::Minute), Strategy::FixedWindow);
    let (scope, key) = (Scope::new(["a"]), Key::from("somebody"));
    let _admitted = storage.decide(&Batch::new(&[Hit::new(&scope, &key, &policy)]), NOW);
    for (name, seconds) in [("short", 30), ("long", 300)] {
        let note = Note { name: name.into(), text: "a reason".into(), ends_in: Duration::from_secs(seconds) };
        drop(storage.put_note("bans", &note, 10, NOW));
    }
    let before = storage.notes.list("bans", None, NOW).expect("a list").version;
    let restored = load(100, &saved(&storage, later(60)), later(90)).expect("it is read");
    assert_eq!(restored.len(), 0);
    let list = restored.notes.list("bans", None, later(90)).expect("a list");
    assert_eq!(list.version, before);
    let [note] = &list.notes[..] else { panic!("{list:?}") };
    assert_eq!((&*note.name, &*note.text, note.ends_in), ("long", "a reason", Duration::from_secs(210)));
}

/// Nothing is left out, though entries move while they are saved.
#[test]
fn counts_are_saved_while_others_come_and_go() {
    let storage = MemoryStorage::with_capacity(100_000);
    let policies = [
        Policy::new(Quota::per_day(5), Strategy::FixedWindow),
        Policy::new(Quota::per_second(5), Strategy::FixedWindow),
    ];
    let scope = Scope::new(["a"]);
    let hit = |key: &Key, policy| {
        let _admitted = storage.decide(&Batch::new(&[Hit::new(&scope, key, policy)]), NOW);
    };
    let kept: Vec<_> = (0..20_000).map(|client| Key::text("kept", client)).collect();
    let gone: Vec<_> = (0..20_000).map(|client| Key::text("gone", client)).collect();
    for (kept, gone) in kept.iter().zip(&gone) {
        hit(kept, &policies[0]);
        hit(gone, &policies[1]);
    }
    let file = std::thread::scope(|threads| {
        let saving = threads.spawn(|| saved(&storage, NOW));
        for gone in &gone {
            drop(storage.clear(&[Hit::new(&scope, gone, &policies[1])]));
        }
        saving.join().expect("it is saved")
    });
    let restored = load(100_000, &file, NOW).expect("it is read");
    for key in &kept {
        let look = restored.decide(&Batch::new(&[Hit::new(&scope, key, &policies[0]).cost(0)]), NOW);
        assert_eq!(look.limits()[0].remaining(), 4);
    }
}

#[test]
fn files_that_mean_nothing_here_are_errors() {
    let storage = MemoryStorage::with_capacity(20_000);
    used(&storage, 20);
    let now = later(20);
    let file = saved(&storage, now);
    let error = |capacity, file: &[u8], now| load(capacity, file, now).expect_err("it is refused");
    let expect = |error: LoadStateError, text: &str| assert!(error.to_string().contains(text), "{error}");
    expect(error(20_000, b"", now), "no state");
    expect(error(20_000, b"limiter-core state", now), "no state");
    expect(error(20_000, &[0; 1000], now), "no state");
    expect(error(40_000, &file, now), "another capacity");
    expect(error(20_000, &file, Timestamp::from_millis(1_767_225_000_000)), "set back");
    let mut other = file.clone();
    other[MAGIC_LEN - 1] = 2;
    expect(error(20_000, &other, now), "version 2 of the format is not supported");
    let mut longer = file.clone();
    longer.push(0);
    expect(error(20_000, &longer, now), "something follows");
    for len in (MAGIC_LEN..file.len()).step_by(101) {
        expect(error(20_000, &file[..len], now), "end is missing");
    }
    // Another secret.
    let mut other = file.clone();
    other[MAGIC_LEN + 12 + 5] ^= 1;
    rewrite_checksum(&mut other, MAGIC_LEN);
    expect(error(20_000, &other, now), "made limits before");
    assert!(load(20_000, &file, now).is_ok());
}

/// The magic text and the version.
const MAGIC_LEN: usize = 20;

/// Makes the checksum of the frame at a place right. Returns the place of the next one.
fn rewrite_checksum(file: &mut [u8], at: usize) -> Option<usize> {
    let len = u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?);
    let (start, end) = (at + 12, at + 12 + usize::try_from(len).ok()?);
    let hash = Sha256::digest(file.get(start..end)?);
    file[at + 4..start].copy_from_slice(&hash[..8]);
    Some(end)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_byte_is_found(at in 0..1_000_000_usize, change in 1..=255_u8) {
        let storage = MemoryStorage::with_capacity(20_000);
        used(&storage, 10);
        let mut file = saved(&storage, later(20));
        prop_assert!(load(20_000, &file, later(20)).is_ok());
        let at = at % file.len();
        file[at] ^= change;
        prop_assert!(load(20_000, &file, later(20)).is_err());
    }

    /// Whoever has the file can make its checksums right. It may make counts wrong, but no decision may panic.
    #[test]
    fn a_changed_file_with_right_checksums_panics_nowhere(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let storage = MemoryStorage::with_capacity(20_000);
        used(&storage, 10);
        let mut file = saved(&storage, later(20));
        prop_assert!(load(20_000, &file, later(20)).is_ok());
        for (at, byte) in changes {
            let at = MAGIC_LEN + at.index(file.len() - MAGIC_LEN);
            file[at] = byte;
        }
        let mut at = Some(MAGIC_LEN);
        while let Some(frame) = at {
            at = rewrite_checksum(&mut file, frame);
        }
        if let Ok(restored) = load(20_000, &file, later(20)) {
            for now in [0, 300, 3700] {
                let _any = seen(&restored, 10, later(now));
                used(&restored, 10);
            }
        }
    }
}
