//! The hits of the last window, stored as a list `h`, oldest first, of numbers: the instant times 10 000, plus the
//! cost; the sum of the costs, `u`; and the instant `x` at which the last has left.

use mongodb::bson::{Bson, doc};

use super::rules::window;
use crate::{
    Policy,
    storage::mongodb::expression::{
        add, all, at, at_most, call, choose, differs, filter, join, last, least, less, list, map, multiply,
        name, number, or, remainder, size, subtract, sum, var,
    },
};

/// What an instant is multiplied by, to leave room for the cost.
pub(in crate::storage::mongodb) const ROOM: u64 = 10_000;

pub(super) fn load(policy: &Policy, stored: &str) -> Bson {
    let hits = or(at(&format!("{stored}.h")), list([]));
    // Those at `at - window` have just left.
    let oldest = add(subtract(at("at"), number(window(policy))), number(1));
    let live =
        name("oldest", multiply(oldest, number(ROOM)), filter(hits, at_most(var("oldest"), var("this"))));
    state(or(at(&format!("{stored}.x")), at("at")), live)
}

/// A state with these hits.
fn state(expires: Bson, hits: Bson) -> Bson {
    let used = sum(map(var("hits"), remainder(var("this"), number(ROOM))));
    name("hits", hits, doc! { "x": expires, "h": var("hits"), "u": used }.into())
}

pub(super) fn passes(state: &str, capacity: u64, cost: Bson) -> Bson {
    at_most(cost, subtract(number(capacity), at(&format!("{state}.u"))))
}

/// One of its hits may be as new as this one: then they become one.
pub(super) fn take(policy: &Policy, state: &str, cost: Bson) -> Bson {
    let (hits, used) = (at(&format!("{state}.h")), at(&format!("{state}.u")));
    let expires = add(at("at"), number(window(policy)));
    let first_of_now = multiply(at("at"), number(ROOM));
    let earlier = call("$slice", [hits.clone(), subtract(size(hits.clone()), Bson::Int32(1))]);
    let longer = choose(
        less(var("last"), first_of_now.clone()),
        join([hits.clone(), list([add(first_of_now, var("cost"))])]),
        join([earlier, list([add(var("last"), var("cost"))])]),
    );
    let longer = name("last", last(hits), longer);
    name("cost", cost, doc! { "x": expires, "h": longer, "u": add(used, var("cost")) }.into())
}

pub(super) fn give_back(before: &str, cost: u64, stamp: u64) -> Bson {
    let (first, next) =
        (number(stamp.saturating_mul(ROOM)), number(stamp.saturating_add(1).saturating_mul(ROOM)));
    let is_it = all([at_most(first.clone(), var("this")), less(var("this"), next)]);
    let returned = least(number(cost), subtract(var("this"), first));
    let returned =
        map(at(&format!("{before}.h")), choose(is_it, subtract(var("this"), returned), var("this")));
    let left = filter(returned, differs(remainder(var("this"), number(ROOM)), number(0)));
    state(at(&format!("{before}.x")), left)
}
