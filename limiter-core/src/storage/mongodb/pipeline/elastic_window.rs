//! A fixed window whose end moves, stored as its end `x`, its start `s` and what is used, `u`.

use mongodb::bson::{Bson, doc};

use super::{fixed_window::is_running, rules::window};
use crate::{
    Policy,
    storage::mongodb::expression::{add, at, choose, equal, minus, number},
};

pub(super) fn load(stored: &str) -> Bson {
    let [end, start, used] = ["x", "s", "u"].map(|field| at(&format!("{stored}.{field}")));
    choose(
        is_running(stored),
        doc! { "x": end, "s": start, "u": used }.into(),
        doc! { "x": at("at"), "s": at("at"), "u": number(0) }.into(),
    )
}

/// Moves the end, and takes a cost, which may be 0.
pub(super) fn take(policy: &Policy, state: &str, cost: Bson) -> Bson {
    let [start, used] = ["s", "u"].map(|field| at(&format!("{state}.{field}")));
    doc! { "x": add(at("at"), number(window(policy))), "s": start, "u": add(used, cost) }.into()
}

pub(super) fn give_back(state: &str, cost: u64, stamp: u64) -> Bson {
    let [end, start, used] = ["x", "s", "u"].map(|field| at(&format!("{state}.{field}")));
    let returned = doc! { "x": end, "s": start.clone(), "u": minus(used, number(cost)) };
    choose(equal(start, number(stamp)), returned.into(), at(state))
}

/// Moves the end back to where it was, unless others have moved it since.
pub(super) fn restore(state: &str, end: u64, before: u64) -> Bson {
    let [now, start, used] = ["x", "s", "u"].map(|field| at(&format!("{state}.{field}")));
    let restored = doc! { "x": number(before), "s": start, "u": used };
    choose(equal(now, number(end)), restored.into(), at(state))
}
