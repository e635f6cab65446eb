//! The hits of the last window, stored as a list `h`, oldest first, of numbers: the instant times 10 000, plus the
//! cost; the sum of the costs, `u`; the newest instant, `n`; and the instant `x` at which the last has left.

use mongodb::bson::{Bson, doc};

use super::rules::{fields, window};
use crate::{
    Policy,
    storage::mongodb::expression::{
        add, all, at_most, call, choose, differs, filter, join, last, least, less, list, map, multiply, name,
        number, or, remainder, size, subtract, sum, var,
    },
};

/// What an instant is multiplied by, to leave room for the cost.
pub(in crate::storage::mongodb) const ROOM: u64 = 10_000;

pub(super) fn load(policy: &Policy, stored: &str) -> Bson {
    let [hits, expires] = fields(stored, ["h", "x"]);
    // Those at `now - window` have just left.
    let oldest = multiply(add(subtract(var("now"), number(window(policy))), number(1)), number(ROOM));
    let live = name("oldest", oldest, filter(or(hits, list([])), at_most(var("oldest"), var("this"))));
    state(or(expires, var("now")), var("now"), live)
}

/// A state with these hits.
fn state(expires: Bson, newest: Bson, hits: Bson) -> Bson {
    let used = sum(map(var("hits"), remainder(var("this"), number(ROOM))));
    name("hits", hits, doc! { "x": expires, "n": newest, "h": var("hits"), "u": used }.into())
}

pub(super) fn passes(state: &str, capacity: u64, cost: Bson) -> Bson {
    let [used] = fields(state, ["u"]);
    at_most(cost, subtract(number(capacity), used))
}

/// One of its hits may be as new as this one: then they become one.
pub(super) fn take(policy: &Policy, state: &str, cost: Bson) -> Bson {
    let [hits, now, used] = fields(state, ["h", "n", "u"]);
    let expires = add(now.clone(), number(window(policy)));
    let first_of_now = multiply(now.clone(), number(ROOM));
    let earlier = call("$slice", [hits.clone(), subtract(size(hits.clone()), Bson::Int32(1))]);
    let longer = choose(
        less(var("last"), first_of_now.clone()),
        join([hits.clone(), list([add(first_of_now, var("cost"))])]),
        join([earlier, list([add(var("last"), var("cost"))])]),
    );
    let longer = name("last", last(hits), longer);
    name("cost", cost, doc! { "x": expires, "n": now, "h": longer, "u": add(used, var("cost")) }.into())
}

pub(super) fn refund(stored: &str, cost: u64, stamp: u64) -> Bson {
    let [hits, newest, expires] = fields(stored, ["h", "n", "x"]);
    let [first, next] = [stamp, stamp.saturating_add(1)].map(|at| number(at.saturating_mul(ROOM)));
    let is_it = all([at_most(first.clone(), var("this")), less(var("this"), next)]);
    let returned = subtract(var("this"), least(number(cost), subtract(var("this"), first)));
    let returned = map(hits, choose(is_it, returned, var("this")));
    let left = filter(returned, differs(remainder(var("this"), number(ROOM)), number(0)));
    state(expires, newest, left)
}
