//! One counter, stored as the newest instant `n`, its end `x` and what is used, `u`.

use mongodb::bson::{Bson, doc};

use super::rules::{fields, window};
use crate::{
    Policy,
    storage::mongodb::expression::{add, all, at_most, choose, equal, less, minus, number, subtract, var},
};

pub(super) fn load(stored: &str) -> Bson {
    let [end, used] = fields(stored, ["x", "u"]);
    choose(
        is_running(stored),
        doc! { "x": end, "n": var("now"), "u": used }.into(),
        doc! { "x": var("now"), "n": var("now"), "u": number(0) }.into(),
    )
}

/// Whether a window with one counter has begun, has not ended, and was not given back whole.
pub(super) fn is_running(stored: &str) -> Bson {
    let [end, used] = fields(stored, ["x", "u"]);
    all([less(number(0), used), less(var("now"), end)])
}

pub(super) fn passes(state: &str, capacity: u64, cost: Bson) -> Bson {
    let [used] = fields(state, ["u"]);
    at_most(cost, subtract(number(capacity), used))
}

pub(super) fn take(policy: &Policy, state: &str, cost: Bson) -> Bson {
    let [end, now, used] = fields(state, ["x", "n", "u"]);
    let begins = equal(used.clone(), number(0));
    let end = choose(begins, add(now.clone(), number(window(policy))), end);
    doc! { "x": end, "n": now, "u": add(used, cost) }.into()
}

pub(super) fn refund(stored: &str, cost: u64, stamp: u64) -> Bson {
    let [end, newest, used] = fields(stored, ["x", "n", "u"]);
    let returned = doc! { "x": end.clone(), "n": newest, "u": minus(used, number(cost)) };
    choose(equal(end, number(stamp)), returned.into(), super::at(stored))
}
