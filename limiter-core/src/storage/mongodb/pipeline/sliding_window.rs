//! Two counters over windows aligned to the epoch, stored as the newest instant `n`, the end `x` of what they
//! say, two windows after the start of the current one, and what was used in the previous one, `p`, and in the
//! current one, `u`.

use mongodb::bson::{Bson, doc};

use super::{
    at,
    rules::{fields, window},
};
use crate::{
    Policy,
    storage::mongodb::expression::{
        add, all, any, at_most, choose, equal, less, minus, multiply, name, number, or, remainder, subtract,
        var,
    },
};

pub(super) fn load(policy: &Policy, stored: &str) -> Bson {
    let [end, previous, current] = fields(stored, ["x", "p", "u"]);
    let length = number(window(policy));
    // The start of the window that holds now, and two windows later.
    let start = subtract(var("now"), remainder(var("now"), length.clone()));
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
    name(
        "expires",
        expires,
        doc! { "x": var("expires"), "n": var("now"), "p": previous, "u": counts_on }.into(),
    )
}

/// `floor(previous * left / window) <= room`, without the division. The products have up to 28 digits; decimals
/// of 128 bits have 34, so that they are exact.
pub(super) fn passes(policy: &Policy, state: &str, capacity: u64, cost: Bson) -> Bson {
    let [end, now, previous, current] = fields(state, ["x", "n", "p", "u"]);
    let length = window(policy);
    let left = subtract(subtract(end, number(length)), now);
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
    let [end, now, previous, current] = fields(state, ["x", "n", "p", "u"]);
    doc! { "x": end, "n": now, "p": previous, "u": add(current, cost) }.into()
}

/// To the counter of the window that started at the stamp, which may be the previous one by now.
pub(super) fn refund(policy: &Policy, stored: &str, cost: u64, stamp: u64) -> Bson {
    let [end, newest, previous, current] = fields(stored, ["x", "n", "p", "u"]);
    let length = window(policy);
    let with = |previous: Bson, current: Bson| -> Bson {
        doc! { "x": end.clone(), "n": newest.clone(), "p": previous, "u": current }.into()
    };
    let to_current = with(previous.clone(), minus(current.clone(), number(cost)));
    let to_previous = with(minus(previous, number(cost)), current);
    let started = |stamp: u64| equal(end.clone(), number(stamp.saturating_add(2 * length)));
    choose(started(stamp), to_current, choose(started(stamp.saturating_add(length)), to_previous, at(stored)))
}
