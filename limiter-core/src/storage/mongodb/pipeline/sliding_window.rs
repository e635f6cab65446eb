//! Two counters over windows aligned to the epoch. They are stored as the newest instant `n`, the amounts used in the
//! previous window, `p`, and in the current one, `u`, and their expiry `x`, two windows after the start of the current one.

use mongodb::bson::{Bson, doc};

use super::fields::{fields, window};
use crate::{
    Policy,
    storage::mongodb::expression::{
        add, and, cond, eq, field, if_null, let_in, lt, lte, modulo, multiply, number, or, saturating_sub,
        subtract, var,
    },
};

pub(super) fn load(policy: &Policy, stored: &str) -> Bson {
    let [end, previous, current] = fields(stored, ["x", "p", "u"]);
    let length = number(window(policy));
    // Two windows after the start of the current one.
    let start = subtract(var("now"), modulo(var("now"), length.clone()));
    let expires = add(start, number(2 * window(policy)));
    let shifted = add(end.clone(), length);
    let is = |other: &Bson| eq(other.clone(), var("expires"));
    let [previous, counts_on] = [
        cond(
            is(&end),
            if_null(previous, number(0)),
            cond(is(&shifted), if_null(current.clone(), number(0)), number(0)),
        ),
        cond(is(&end), if_null(current, number(0)), number(0)),
    ];
    let_in(
        "expires",
        expires,
        doc! { "x": var("expires"), "n": var("now"), "p": previous, "u": counts_on }.into(),
    )
}

/// Returns whether `floor(previous * left / window) <= room`, without the division. The products have at most 28 digits,
/// so 128-bit decimals, which have 34, are exact.
pub(super) fn passes(policy: &Policy, state: &str, capacity: u64, cost: Bson) -> Bson {
    let [end, now, previous, current] = fields(state, ["x", "n", "p", "u"]);
    let length = window(policy);
    let left = subtract(subtract(end, number(length)), now);
    let room = subtract(subtract(number(capacity), current), var("cost"));
    let fits =
        lt(multiply(decimal(previous), left), multiply(decimal(add(var("room"), number(1))), number(length)));
    let fits = let_in("room", room, and([lte(number(0), var("room")), fits]));
    let_in("cost", cost, or([eq(var("cost"), number(0)), fits]))
}

fn decimal(value: Bson) -> Bson {
    doc! { "$toDecimal": value }.into()
}

pub(super) fn take(state: &str, cost: Bson) -> Bson {
    let [end, now, previous, current] = fields(state, ["x", "n", "p", "u"]);
    doc! { "x": end, "n": now, "p": previous, "u": add(current, cost) }.into()
}

/// Refunds the counter of the window that started at the stamp. By now it may be the previous one.
pub(super) fn refund(policy: &Policy, stored: &str, cost: u64, stamp: u64) -> Bson {
    let [end, newest, previous, current] = fields(stored, ["x", "n", "p", "u"]);
    let length = window(policy);
    let state = |previous: Bson, current: Bson| -> Bson {
        doc! { "x": end.clone(), "n": newest.clone(), "p": previous, "u": current }.into()
    };
    let to_current = state(previous.clone(), saturating_sub(current.clone(), number(cost)));
    let to_previous = state(saturating_sub(previous, number(cost)), current);
    let started = |stamp: u64| eq(end.clone(), number(stamp.saturating_add(2 * length)));
    cond(started(stamp), to_current, cond(started(stamp.saturating_add(length)), to_previous, field(stored)))
}
