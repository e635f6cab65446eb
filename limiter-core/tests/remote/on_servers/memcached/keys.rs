//! The keys on the server: their names, lifetimes and contents.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    storage::{Batch, Hit, MemcachedStorage, Note, Resilient, Storage},
};
use limiter_test_servers::Memcached;

use crate::{
    NOON,
    on_servers::memcached::server::{Administered, STRATEGIES},
    server::Server,
};

const DAY: i64 = 24 * 60 * 60;

async fn admits(storage: &impl Storage, key: &Key, policy: &Policy, now: Timestamp) -> bool {
    let scope = Scope::new(["/users/{id}", "GET"]);
    let hits = [Hit::new(&scope, key, policy)];
    storage.decide(&Batch::new(&hits), now).await.unwrap().is_admitted()
}

/// The defect: a window over 30 days is gone at once, since memcached takes its length for a date.
#[tokio::test]
async fn long_windows_hold() {
    let quotas = [(1, Unit::Minute), (29, Unit::Day), (1, Unit::Month), (2, Unit::Month), (1, Unit::Year)];
    for strategy in STRATEGIES {
        for (number, unit) in quotas {
            let server = Memcached::start();
            let policy = Policy::new(Quota::new(5, number, unit), strategy);
            let key = Key::from(format!("{strategy} {number} {unit:?}"));
            for hit in 0..8 {
                let now = NOON.after(Duration::from_nanos(hit));
                assert_eq!(admits(&server.storage(), &key, &policy, now).await, hit < 5, "{key:?}: {hit}");
            }
            let keys = server.keys();
            let [name] = &keys[..] else { panic!("{strategy} {number} {unit:?}: {keys:?}") };
            let lifetime = server.lifetime(name);
            let window = i64::try_from(policy.quota().window_seconds()).unwrap();
            // Half a minute may have passed.
            let least = window - 30;
            // Twice as long where it counts in the next window, too; and what there is to spare.
            let most = 2 * window + DAY + 10;
            assert!((least..=most).contains(&lifetime), "{name}: {lifetime} for a window of {window}");
        }
    }
}

/// Beyond the last date that memcached knows a count is kept until there is no room.
#[tokio::test]
async fn the_longest_window_holds() {
    let server = Memcached::start();
    let policy = Policy::new(Quota::new(1, 100, Unit::Year), Strategy::FixedWindow);
    let key = Key::from("somebody");
    assert!(admits(&server.storage(), &key, &policy, NOON).await);
    assert!(!admits(&server.storage(), &key, &policy, NOON).await);
    assert_eq!(server.lifetime(&server.keys()[0]), -1);
}

/// The defect: one client's odd header makes the storage fail, and all others get a fresh quota.
#[tokio::test]
async fn clients_of_any_name_are_limited() {
    let server = Memcached::start();
    let storage = Resilient::new(server.storage()).deadline(Duration::from_secs(10));
    let policy = Policy::new(Quota::per_year(1), Strategy::FixedWindow);
    let long = "k".repeat(300);
    let odd = ["a key", "a\tkey", "a\r\nkey", "\n", " ", "\0", "z\u{e4}h\u{1f980}", "{}", &long, "\u{7f}"];
    for text in odd {
        for key in [Key::from(text), Key::text("header x-api-key", text).and(Key::from(long.clone()))] {
            assert!(admits(&storage, &key, &policy, NOON).await, "{text:?}");
            assert!(!admits(&storage, &key, &policy, NOON).await, "{text:?}");
        }
    }
    assert!(!storage.is_open());
}

/// However long prefix, client and count are, a key is as the server wants it.
#[tokio::test]
async fn the_longest_key_fits() {
    let server = Memcached::start();
    let storage = MemcachedStorage::builder(&server.uri()).prefix("p".repeat(64)).build().unwrap();
    let label = "l".repeat(500);
    let policy = Policy::new(Quota::per_year(1), Strategy::FixedWindow).with_label(label.clone());
    let other = policy.clone().with_label(label + "x");
    let pair = |end: &str| Key::from("k".repeat(300)).and(Key::text("kind".repeat(9), end));
    let keys = ["1", "2"].map(|end| pair(end).and(pair("3")).and(pair("4")));
    for key in &keys {
        for policy in [&policy, &other] {
            assert!(admits(&storage, key, policy, NOON).await);
            assert!(!admits(&storage, key, policy, NOON).await);
        }
    }
    let names = server.keys();
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|name| name.len() == 250), "{names:?}");
}

#[tokio::test]
async fn keys_can_be_read_and_keep_secrets() {
    let server = Memcached::start();
    let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
    let storage = MemcachedStorage::builder(&server.uri()).prefix("shop").build().unwrap();
    assert!(admits(&storage, &Key::text("user", "alice-the-secret"), &policy, NOON).await);
    assert!(admits(&server.storage(), &Key::address([192, 0, 2, 7].into(), 64), &policy, NOON).await);
    let keys = server.keys();
    let [address, user] = &keys[..] else { panic!("{keys:?}") };
    assert_eq!(address, "ratelimit:1:{192.0.2.7}:,/users/{id},GET:fw:5:60:5:");
    assert!(user.starts_with("shop:1:{user~") && !user.contains("alice"), "{user}");
    let value = server.ask(&format!("mg {address} v\r\nmn\r\n"), &["MN\r\n"]);
    assert_eq!(value, "VA 43\r\n1750000000000000000 1750000060000000000 1 0\r\nMN\r\n");
}

/// The defect: a foreign value blocks its client for ever, or brings down the server.
#[tokio::test]
async fn a_value_of_another_application_is_written_over() {
    for strategy in STRATEGIES {
        let server = Memcached::start();
        let policy = Policy::new(Quota::per_minute(1), strategy);
        let key = Key::from(strategy.name());
        assert!(admits(&server.storage(), &key, &policy, NOON).await);
        let keys = server.keys();
        let [name] = &keys[..] else { panic!("{keys:?}") };
        for text in ["", "x", "1 2 3", "9 99999999999999999999 1 1", "1 2 3 18446744073709551615"] {
            server.ask(&format!("ms {name} {} T0\r\n{text}\r\n", text.len()), &["HD\r\n"]);
            let later = NOON.after(Duration::from_secs(600));
            assert!(admits(&server.storage(), &key, &policy, later).await, "{strategy}: {text:?}");
            assert!(!admits(&server.storage(), &key, &policy, later).await, "{strategy}: {text:?}");
            assert!(server.lifetime(name) > 0);
        }
    }
}

/// A list is one value, which a server bounds.
#[tokio::test]
async fn a_list_of_notes_ends_at_a_megabyte() {
    let server = Memcached::start();
    let storage = server.storage();
    let note = |number: usize| Note {
        name: number.to_string(),
        text: "x".repeat(50_000),
        ends_in: Duration::from_secs(60 * 60),
    };
    for number in 0..19 {
        assert!(storage.put_note("bans", &note(number), 100, NOON).await.unwrap(), "{number}");
    }
    assert!(!storage.put_note("bans", &note(19), 100, NOON).await.unwrap(), "there is no room");
    let list = storage.notes("bans", None, NOON).await.unwrap().unwrap();
    assert_eq!(list.notes.len(), 19);
}

/// A text that another program wrote under the key of a list is no list.
#[tokio::test]
async fn a_foreign_list_of_notes_is_replaced() {
    let server = Memcached::start();
    let storage = server.storage();
    let note = Note { name: "a".into(), text: String::new(), ends_in: Duration::from_secs(60) };
    assert!(storage.put_note("bans", &note, 10, NOON).await.unwrap());
    let [name] = &server.keys()[..] else { panic!("one key") };
    server.ask(&format!("ms {name} 7 T0\r\nno list\r\n"), &["\r\n"]);
    assert_eq!(storage.notes("bans", None, NOON).await.unwrap().unwrap().notes, []);
    assert!(storage.put_note("bans", &note, 10, NOON).await.unwrap());
    assert_eq!(storage.notes("bans", None, NOON).await.unwrap().unwrap().notes.len(), 1);
}
