//! A bucket, stored as what was missing from it, `m`, in nanoseconds of refilling, at the newest instant, `n`; and
//! an instant `x` at which it is full for certain.

use mongodb::bson::{Bson, doc};

use super::rules::fields;
use crate::storage::mongodb::expression::{
    add, at_most, choose, least, less, minus, most, multiply, number, subtract, var,
};

/// A bucket fills within 100 years. More milliseconds than these do not matter, and their nanoseconds fit.
const LONGEST: u64 = 4_000_000_000_000;
pub(in crate::storage::mongodb) const NANOS: u64 = 1_000_000;

pub(super) fn load(stored: &str) -> Bson {
    let [expires, newest, missing] = fields(stored, ["x", "n", "m"]);
    let left = minus(missing.clone(), nanos(subtract(var("now"), newest)));
    choose(
        less(number(0), missing),
        doc! { "x": expires, "n": var("now"), "m": left }.into(),
        doc! { "x": var("now"), "n": var("now"), "m": number(0) }.into(),
    )
}

/// The nanoseconds of so many milliseconds.
fn nanos(millis: Bson) -> Bson {
    multiply(least(millis, number(LONGEST)), number(NANOS))
}

pub(super) fn passes(state: &str, capacity: u64, cost: Bson) -> Bson {
    let [missing] = fields(state, ["m"]);
    at_most(cost, subtract(number(capacity), missing))
}

pub(super) fn take(state: &str, capacity: u64, cost: Bson) -> Bson {
    let [now, missing] = fields(state, ["n", "m"]);
    let expires = add(now.clone(), number(capacity.div_ceil(NANOS)));
    doc! { "x": expires, "n": now, "m": add(missing, cost) }.into()
}

/// What the time since the hit has not already refilled: more would let it gain the same units twice.
pub(super) fn refund(stored: &str, cost: u64, stamp: u64) -> Bson {
    let [expires, newest, missing] = fields(stored, ["x", "n", "m"]);
    let passed = minus(most(super::at("now"), newest.clone()), number(stamp));
    let credit = minus(number(cost), nanos(passed));
    doc! { "x": expires, "n": newest, "m": minus(missing, credit) }.into()
}
