//! A log of the hits in the last window. It is stored as an array `h`, oldest first, of one number for each hit: the
//! instant times 10 000, plus the cost. Beside it are the sum of the costs `u`, the newest instant `n`, and the instant
//! `x` at which the last hit leaves the window.

use mongodb::bson::{Bson, doc};

use super::fields::{fields, window};
use crate::{
    Policy,
    storage::mongodb::expression::{
        add, and, array, call, concat_arrays, cond, filter, if_null, last, let_in, lt, lte, map, min, modulo,
        multiply, ne, number, saturating_sub, size, subtract, sum, var,
    },
};

/// The factor of the instant in the number of a hit. Costs are smaller.
pub(in crate::storage::mongodb) const COST_RANGE: u64 = 10_000;

pub(super) fn load(policy: &Policy, stored: &str) -> Bson {
    let [hits, expires] = fields(stored, ["h", "x"]);
    // Hits at `now - window` have just left the window.
    let oldest = multiply(add(subtract(var("now"), number(window(policy))), number(1)), number(COST_RANGE));
    let live = let_in("oldest", oldest, filter(if_null(hits, array([])), lte(var("oldest"), var("this"))));
    state(if_null(expires, var("now")), var("now"), live)
}

/// Returns a state with these hits.
fn state(expires: Bson, newest: Bson, hits: Bson) -> Bson {
    let used = sum(map(var("hits"), modulo(var("this"), number(COST_RANGE))));
    let_in("hits", hits, doc! { "x": expires, "n": newest, "h": var("hits"), "u": used }.into())
}

pub(super) fn passes(state: &str, capacity: u64, cost: Bson) -> Bson {
    let [used] = fields(state, ["u"]);
    // More may be used than the amount, if that was larger before.
    lte(cost, saturating_sub(number(capacity), used))
}

/// Appends a hit. If the last hit has the same instant, adds the cost to it.
pub(super) fn take(policy: &Policy, state: &str, cost: Bson) -> Bson {
    let [hits, now, used] = fields(state, ["h", "n", "u"]);
    let expires = add(now.clone(), number(window(policy)));
    let first_of_now = multiply(now.clone(), number(COST_RANGE));
    let earlier = call("$slice", [hits.clone(), subtract(size(hits.clone()), Bson::Int32(1))]);
    let longer = cond(
        lt(var("last"), first_of_now.clone()),
        concat_arrays([hits.clone(), array([add(first_of_now, var("cost"))])]),
        concat_arrays([earlier, array([add(var("last"), var("cost"))])]),
    );
    let longer = let_in("last", last(hits), longer);
    let_in("cost", cost, doc! { "x": expires, "n": now, "h": longer, "u": add(used, var("cost")) }.into())
}

/// Returns whether there is a hit of this cost, or of several hits with the same instant, at an instant in milliseconds.
pub(super) fn has(state: &str, cost: u64, stamp: u64) -> Bson {
    let [hits] = fields(state, ["h"]);
    let [first, next] = [stamp, stamp.saturating_add(1)].map(|at| at.saturating_mul(COST_RANGE));
    let is_it = and([lte(number(first.saturating_add(cost)), var("this")), lt(var("this"), number(next))]);
    lt(number(0), size(filter(hits, is_it)))
}

pub(super) fn refund(stored: &str, cost: u64, stamp: u64) -> Bson {
    let [hits, newest, expires] = fields(stored, ["h", "n", "x"]);
    let [first, next] = [stamp, stamp.saturating_add(1)].map(|at| number(at.saturating_mul(COST_RANGE)));
    let is_it = and([lte(first.clone(), var("this")), lt(var("this"), next)]);
    let returned = subtract(var("this"), min(number(cost), subtract(var("this"), first)));
    let returned = map(hits, cond(is_it, returned, var("this")));
    let left = filter(returned, ne(modulo(var("this"), number(COST_RANGE)), number(0)));
    state(expires, newest, left)
}
