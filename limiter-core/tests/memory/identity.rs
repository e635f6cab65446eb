use std::net::IpAddr;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy,
    storage::{Batch, Hit, MemoryStorage},
};

use crate::{NOW, client, per_minute, scope};

/// Returns whether two keys share a count.
fn meet(one: &Key, other: &Key) -> bool {
    let (storage, a, policy) = (MemoryStorage::new(), scope("a"), per_minute(1, Strategy::FixedWindow));
    assert!(storage.decide(&Batch::new(&[Hit::new(&a, one, &policy)]), NOW).is_admitted());
    !storage.decide(&Batch::new(&[Hit::new(&a, other, &policy)]), NOW).is_admitted()
}

fn address(text: &str) -> Key {
    Key::from(text.parse::<IpAddr>().unwrap())
}

#[test]
fn kinds_of_keys_count_apart() {
    let keys = [
        address("1.2.3.4"),
        address("::102:304"),
        address("2001:db8::1"),
        Key::from("1.2.3.4"),
        Key::text("header x-api-key", "1.2.3.4"),
        Key::text("cookie", "1.2.3.4"),
        Key::missing(),
        Key::unlimited(),
        Key::from("a").and("bc"),
        Key::from("ab").and("c"),
        Key::from("abc"),
        Key::from("a\0bc"),
        Key::text("a", "bc"),
        Key::text("ab", "c"),
        Key::from("bc").and("a"),
        Key::from("a").and("b").and("c"),
        Key::from("a").and(Key::from("b").and("c")),
        Key::from("a").and(address("1.2.3.4")),
        Key::from("\u{2}\u{1}\u{2}\u{3}\u{4}"),
    ];
    for (index, one) in keys.iter().enumerate() {
        for (other_index, other) in keys.iter().enumerate() {
            assert_eq!(meet(one, other), index == other_index, "{index} and {other_index}");
        }
    }
}

#[test]
fn addresses_of_one_client_share_a_count() {
    assert!(meet(&address("1.2.3.4"), &address("::ffff:1.2.3.4")));
    assert!(meet(&address("2001:db8:1:2::1"), &address("2001:db8:1:2:3:4:5:6")));
    assert!(!meet(&address("2001:db8:1:2::1"), &address("2001:db8:1:3::1")));
    let exact = |text: &str| Key::address(text.parse().unwrap(), 128);
    assert!(!meet(&exact("2001:db8:1:2::1"), &exact("2001:db8:1:2::2")));
    let all = |text: &str| Key::address(text.parse().unwrap(), 0);
    assert!(meet(&all("2001:db8::1"), &all("fe80::1")));
}

#[test]
fn scopes_of_equal_parts_share_a_count() {
    let all: [&[&str]; 8] =
        [&[], &[""], &["", ""], &["a", "b"], &["ab"], &["a", "b", ""], &["", "a", "b"], &["b", "a"]];
    let (storage, key, policy) = (MemoryStorage::new(), client(1), per_minute(1, Strategy::FixedWindow));
    for parts in all {
        let hit =
            |scope: &Scope| storage.decide(&Batch::new(&[Hit::new(scope, &key, &policy)]), NOW).is_admitted();
        assert!(hit(&Scope::new(parts)), "{parts:?}");
        assert!(!hit(&Scope::new(parts)), "{parts:?}");
    }
    // The text of a key is never taken for a part of the scope.
    assert_eq!(storage.len(), all.len());
}

#[test]
fn equal_policies_share_a_count_and_others_do_not() {
    let (storage, a, key) = (MemoryStorage::new(), scope("a"), client(1));
    let bucket = per_minute(1, Strategy::TokenBucket);
    let mut policies: Vec<Policy> = Strategy::ALL.map(|strategy| per_minute(1, strategy)).to_vec();
    policies.push(bucket.clone().with_burst(2.try_into().unwrap()).unwrap());
    policies.push(bucket.clone().with_label("default"));
    policies.push(bucket.with_label("route"));
    policies.push(Policy::new(Quota::per_hour(1), Strategy::FixedWindow));
    for policy in &policies {
        let spend = |policy: &Policy| {
            let hit = Hit::new(&a, &key, policy).cost(policy.capacity());
            storage.decide(&Batch::new(&[hit]), NOW).is_admitted()
        };
        assert!(spend(policy), "{policy:?}");
        assert!(!spend(&policy.clone()), "{policy:?}");
    }
    assert_eq!(storage.len(), 1);
}
