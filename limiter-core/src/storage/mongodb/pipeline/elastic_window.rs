//! A fixed window whose end moves, stored as the newest instant `n`, its end `x`, its start `s` and what is used,
//! `u`.

use mongodb::bson::{Bson, doc};

use super::{
    at,
    fixed_window::is_running,
    rules::{fields, window},
};
use crate::{
    Policy,
    storage::mongodb::expression::{add, choose, equal, minus, number, var},
};

pub(super) fn load(stored: &str) -> Bson {
    let [end, start, used] = fields(stored, ["x", "s", "u"]);
    choose(
        is_running(stored),
        doc! { "x": end, "n": var("now"), "s": start, "u": used }.into(),
        doc! { "x": var("now"), "n": var("now"), "s": var("now"), "u": number(0) }.into(),
    )
}

/// Moves the end, and takes a cost, which may be 0.
pub(super) fn take(policy: &Policy, state: &str, cost: Bson) -> Bson {
    let [now, start, used] = fields(state, ["n", "s", "u"]);
    let end = add(now.clone(), number(window(policy)));
    doc! { "x": end, "n": now, "s": start, "u": add(used, cost) }.into()
}

pub(super) fn refund(stored: &str, cost: u64, stamp: u64) -> Bson {
    let [end, newest, start, used] = fields(stored, ["x", "n", "s", "u"]);
    let returned = doc! { "x": end, "n": newest, "s": start.clone(), "u": minus(used, number(cost)) };
    choose(equal(start, number(stamp)), returned.into(), at(stored))
}

/// Moves the end back to where it was, unless others have moved it since.
pub(super) fn restore(stored: &str, end: u64, before: u64) -> Bson {
    let [now, newest, start, used] = fields(stored, ["x", "n", "s", "u"]);
    let restored = doc! { "x": number(before), "n": newest, "s": start, "u": used };
    choose(equal(now, number(end)), restored.into(), at(stored))
}
