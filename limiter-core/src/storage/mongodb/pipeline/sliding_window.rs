//! Two counters over windows aligned to the epoch, stored as the end `x` of what they say, two windows after the
//! start of the current one, and what was used in the previous one, `p`, and in the current one, `u`.

use mongodb::bson::{Bson, doc};

use super::rules::window;
use crate::{
    Policy,
    storage::mongodb::expression::{
        add, all, any, at, at_most, choose, equal, less, minus, multiply, name, number, or, remainder,
        subtract, var,
    },
};

pub(super) fn load(policy: &Policy, stored: &str) -> Bson {
    let [end, previous, current] = ["x", "p", "u"].map(|field| at(&format!("{stored}.{field}")));
    let length = number(window(policy));
    // The start of the window that holds now, and two windows later.
    let start = subtract(at("at"), remainder(at("at"), length.clone()));
    let expires = add(start, number(2 * window(policy)));
    let shifted = add(end.clone(), length);
    let is = |other: &Bson| equal(other.clone(), var("expires"));
    let [previous, counts_on] = [
        choose(
            is(&end),
            or(previous, number(0)),
            choose(is(&shifted), or(current.clone(), number(0)), number(0)),
        ),
        choose(is(&end), or(current, number(0)), number(0)),
    ];
    name("expires", expires, doc! { "x": var("expires"), "p": previous, "u": counts_on }.into())
}

/// `floor(previous * left / window) <= room`, without the division. The products have up to 28 digits; decimals
/// of 128 bits have 34, so that they are exact.
pub(super) fn passes(policy: &Policy, state: &str, capacity: u64, cost: Bson) -> Bson {
    let [end, previous, current] = ["x", "p", "u"].map(|field| at(&format!("{state}.{field}")));
    let length = window(policy);
    let left = subtract(subtract(end, number(length)), at("at"));
    let room = subtract(subtract(number(capacity), current), var("cost"));
    let fits = less(
        multiply(decimal(previous), left),
        multiply(decimal(add(var("room"), number(1))), number(length)),
    );
    let fits = name("room", room, all([at_most(number(0), var("room")), fits]));
    name("cost", cost, any([equal(var("cost"), number(0)), fits]))
}

fn decimal(value: Bson) -> Bson {
    doc! { "$toDecimal": value }.into()
}

pub(super) fn take(state: &str, cost: Bson) -> Bson {
    let [end, previous, current] = ["x", "p", "u"].map(|field| at(&format!("{state}.{field}")));
    doc! { "x": end, "p": previous, "u": add(current, cost) }.into()
}

/// To the counter of the window that started at the stamp, which may be the previous one by now.
pub(super) fn give_back(policy: &Policy, state: &str, cost: u64, stamp: u64) -> Bson {
    let [end, previous, current] = ["x", "p", "u"].map(|field| at(&format!("{state}.{field}")));
    let length = window(policy);
    let to_current =
        doc! { "x": end.clone(), "p": previous.clone(), "u": minus(current.clone(), number(cost)) };
    let to_previous = doc! { "x": end.clone(), "p": minus(previous, number(cost)), "u": current };
    choose(
        equal(end.clone(), number(stamp + 2 * length)),
        to_current.into(),
        choose(equal(end, number(stamp + 3 * length)), to_previous.into(), at(state)),
    )
}
