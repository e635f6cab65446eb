//! Distinct keys, scopes and policies never share a count.

use std::num::NonZeroU64;

use super::fixture::{Fixture, client, policy};
use crate::{Key, Policy, Quota, Scope, Strategy, Unit, storage::Hit};

pub(super) async fn run(fixture: &Fixture<'_>) {
    let ([one, ..], scope) = (policies(), fixture.scope());
    for key in keys() {
        let hit = Hit::new(&scope, &key, &one);
        assert!(fixture.hit(hit).await.is_allowed(), "{key:?} shares a count with another key");
        assert!(!fixture.hit(hit).await.is_allowed(), "{key:?} does not find its count again");
    }
    let key = client(1);
    for scope in scopes(&fixture.scope()) {
        let hit = Hit::new(&scope, &key, &one);
        assert!(fixture.hit(hit).await.is_allowed(), "{scope:?} shares a count with another scope");
        assert!(!fixture.hit(hit).await.is_allowed(), "{scope:?} does not find its count again");
    }
    for policy in policies().iter().filter(|policy| fixture.storage.check(policy).is_ok()) {
        let hit = Hit::new(&scope, &key, policy).cost(policy.capacity());
        assert!(fixture.hit(hit).await.is_allowed(), "{policy:?} shares a count with another policy");
        assert!(!fixture.hit(hit).await.is_allowed(), "{policy:?} does not find its count again");
    }
}

fn keys() -> Vec<Key> {
    let long = |end| "k".repeat(500) + end;
    let text = |kind: &'static str, value: &str| Key::text(kind, value);
    let address = |text: &str| Key::address(text.parse().expect("an address"), 128);
    vec![
        text("", "1.2.3.4"),
        text("header", "1.2.3.4"),
        text("cookie", "1.2.3.4"),
        address("1.2.3.4"),
        address("::1"),
        address("2001:db8::1"),
        text("a", "bc"),
        text("ab", "c"),
        text("a b", "c"),
        text("user", "alice"),
        text("user", "Alice"),
        text("user", "alice "),
        text("user", "z\u{e4}h"),
        text("user", "{}%: \r\n\0\u{7f}\"'"),
        Key::from(long("1")),
        Key::from(long("2")),
        address("1.2.3.4").and(text("user", "alice")),
        text("user", "alice").and(address("1.2.3.4")),
        text("a", "b").and(text("c", "d")).and(text("e", "f")),
        text("a", "b").and(text("c", "d").and(text("e", "f"))),
        Key::from(long("1")).and(Key::from(long("2"))).and(Key::from(long("3"))).and(Key::from(long("4"))),
        Key::from(long("1")).and(Key::from(long("2"))).and(Key::from(long("3"))).and(Key::from(long("5"))),
    ]
}

fn scopes(base: &Scope) -> Vec<Scope> {
    let long = |end| "s".repeat(500) + end;
    let [one, two] = [long("1"), long("2")];
    let tails: &[&[&str]] = &[
        &[],
        &[""],
        &["", ""],
        &["a", "b"],
        &["ab"],
        &["a,b"],
        &["a", "b", ""],
        &["a%2Cb"],
        &["/users/{id}"],
        &["/users/{id:[0-9]+}"],
        &["/Users/{id}"],
        &["a b"],
        &["a\nb"],
        &["\u{e4}"],
        &[&one],
        &[&two],
    ];
    tails.iter().map(|tail| Scope::new(base.parts().chain(tail.iter().copied()))).collect()
}

/// Returns policies that differ from the first in one property each.
fn policies() -> [Policy; 11] {
    let one = policy(1, Strategy::FixedWindow);
    let bucket = policy(1, Strategy::TokenBucket);
    let burst = bucket.clone().with_burst(NonZeroU64::new(2).expect("is not zero")).expect("fits");
    let window = Policy::new(Quota::new(1, 2, Unit::Year), Strategy::FixedWindow);
    [
        one.clone(),
        policy(2, Strategy::FixedWindow),
        window,
        policy(1, Strategy::FixedWindowElasticExpiry),
        policy(1, Strategy::MovingWindow),
        policy(1, Strategy::SlidingWindowCounter),
        bucket,
        burst,
        one.clone().with_label("a:b"),
        one.clone().with_label("a b"),
        one.with_label("l".repeat(500)),
    ]
}
