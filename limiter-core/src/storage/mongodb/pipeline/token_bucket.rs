//! A bucket, stored as what was missing from it, `m`, in nanoseconds of refilling, at an instant, `n`; and an
//! instant `x` at which it is full for certain.

use mongodb::bson::{Bson, doc};

use crate::storage::mongodb::expression::{
    add, at, at_most, choose, least, less, minus, multiply, number, subtract,
};

/// A bucket fills within 100 years. More milliseconds than these do not matter, and their nanoseconds fit.
const LONGEST: u64 = 4_000_000_000_000;
pub(in crate::storage::mongodb) const NANOS: u64 = 1_000_000;

pub(super) fn load(stored: &str) -> Bson {
    let [expires, newest, missing] = fields(stored);
    choose(
        less(number(0), missing.clone()),
        doc! { "x": expires, "n": newest, "m": missing }.into(),
        doc! { "x": at("at"), "n": at("at"), "m": number(0) }.into(),
    )
}

fn fields(state: &str) -> [Bson; 3] {
    ["x", "n", "m"].map(|field| at(&format!("{state}.{field}")))
}

/// The nanoseconds of so many milliseconds.
fn nanos(millis: Bson) -> Bson {
    multiply(least(millis, number(LONGEST)), number(NANOS))
}

/// What is missing now.
fn missing(state: &str) -> Bson {
    let [_, newest, missing] = fields(state);
    minus(missing, nanos(subtract(at("at"), newest)))
}

pub(super) fn passes(state: &str, capacity: u64, cost: Bson) -> Bson {
    at_most(cost, subtract(number(capacity), missing(state)))
}

pub(super) fn take(state: &str, capacity: u64, cost: Bson) -> Bson {
    let expires = add(at("at"), number(capacity.div_ceil(NANOS)));
    doc! { "x": expires, "n": at("at"), "m": add(missing(state), cost) }.into()
}

/// What the time since the hit has not already refilled: more would let it gain the same units twice.
pub(super) fn give_back(stored: &str, cost: u64, stamp: u64) -> Bson {
    let [expires, newest, missing] = fields(stored);
    let credit = minus(number(cost), nanos(minus(at("at"), number(stamp))));
    doc! { "x": expires, "n": newest, "m": minus(missing, credit) }.into()
}
