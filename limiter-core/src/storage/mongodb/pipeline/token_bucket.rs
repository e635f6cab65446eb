//! A token bucket. It is stored as the missing amount `m`, in nanoseconds of refilling, at the newest instant `n`, and an
//! instant `x` by which it is full.

use mongodb::bson::{Bson, doc};

use super::fields::{NANOS, fields};
use crate::storage::mongodb::expression::{
    add, cond, field, lt, lte, max, min, multiply, number, saturating_sub, subtract, var,
};

/// The longest time that matters in milliseconds: a bucket fills within 100 years. Its nanoseconds fit an integer.
const MAX_MILLIS: u64 = 4_000_000_000_000;

pub(super) fn load(stored: &str) -> Bson {
    let [expires, newest, missing] = fields(stored, ["x", "n", "m"]);
    let left = saturating_sub(missing.clone(), nanos(subtract(var("now"), newest)));
    cond(
        lt(number(0), missing),
        doc! { "x": expires, "n": var("now"), "m": left }.into(),
        doc! { "x": var("now"), "n": var("now"), "m": number(0) }.into(),
    )
}

/// Converts milliseconds to nanoseconds.
fn nanos(millis: Bson) -> Bson {
    multiply(min(millis, number(MAX_MILLIS)), number(NANOS))
}

pub(super) fn passes(state: &str, capacity: u64, cost: Bson) -> Bson {
    let [missing] = fields(state, ["m"]);
    // In debt, nothing is left: a cost of 0 passes still.
    lte(cost, saturating_sub(number(capacity), missing))
}

pub(super) fn take(state: &str, capacity: u64, cost: Bson) -> Bson {
    let [now, missing] = fields(state, ["n", "m"]);
    let expires = add(now.clone(), number(capacity.div_ceil(NANOS)));
    doc! { "x": expires, "n": now, "m": add(missing, cost) }.into()
}

/// Refunds the part of the cost that time has not refilled since the hit. More would credit the same units twice.
pub(super) fn refund(stored: &str, cost: u64, stamp: u64) -> Bson {
    let [expires, newest, missing] = fields(stored, ["x", "n", "m"]);
    let passed = saturating_sub(max(field("now"), newest.clone()), number(stamp));
    let credit = saturating_sub(number(cost), nanos(passed));
    doc! { "x": expires, "n": newest, "m": saturating_sub(missing, credit) }.into()
}
