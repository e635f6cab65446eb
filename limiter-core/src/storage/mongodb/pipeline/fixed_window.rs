//! One counter, stored as its end `x` and what is used, `u`.

use mongodb::bson::{Bson, doc};

use super::rules::window;
use crate::Policy;
use crate::storage::mongodb::expression::{
    add, all, at, at_most, choose, equal, less, minus, number, subtract,
};

pub(super) fn load(stored: &str) -> Bson {
    choose(
        is_running(stored),
        doc! { "x": at(&format!("{stored}.x")), "u": at(&format!("{stored}.u")) }.into(),
        doc! { "x": at("at"), "u": number(0) }.into(),
    )
}

/// Whether a window with one counter has begun, has not ended, and was not given back whole.
pub(super) fn is_running(stored: &str) -> Bson {
    all([less(number(0), at(&format!("{stored}.u"))), less(at("at"), at(&format!("{stored}.x")))])
}

pub(super) fn passes(state: &str, capacity: u64, cost: Bson) -> Bson {
    at_most(cost, subtract(number(capacity), at(&format!("{state}.u"))))
}

pub(super) fn take(policy: &Policy, state: &str, cost: Bson) -> Bson {
    let used = at(&format!("{state}.u"));
    let begins = equal(used.clone(), number(0));
    let end = choose(begins, add(at("at"), number(window(policy))), at(&format!("{state}.x")));
    doc! { "x": end, "u": add(used, cost) }.into()
}

pub(super) fn give_back(state: &str, cost: u64, stamp: u64) -> Bson {
    let (end, used) = (at(&format!("{state}.x")), at(&format!("{state}.u")));
    let returned = doc! { "x": end.clone(), "u": minus(used, number(cost)) };
    choose(equal(end, number(stamp)), returned.into(), at(state))
}
