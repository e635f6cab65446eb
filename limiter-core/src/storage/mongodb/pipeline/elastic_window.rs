//! A fixed window whose end moves, stored as the newest instant `n`, the start `s`, the end `x` and the used amount `u`.

use mongodb::bson::{Bson, doc};

use super::{
    fields::{fields, window},
    fixed_window::is_running,
};
use crate::{
    Policy,
    storage::mongodb::expression::{add, cond, eq, field, number, saturating_sub, var},
};

pub(super) fn load(stored: &str) -> Bson {
    let [end, start, used] = fields(stored, ["x", "s", "u"]);
    cond(
        is_running(stored),
        doc! { "x": end, "n": var("now"), "s": start, "u": used }.into(),
        doc! { "x": var("now"), "n": var("now"), "s": var("now"), "u": number(0) }.into(),
    )
}

/// Moves the end and takes a cost, which may be 0.
pub(super) fn take(policy: &Policy, state: &str, cost: Bson) -> Bson {
    let [now, start, used] = fields(state, ["n", "s", "u"]);
    let end = add(now.clone(), number(window(policy)));
    doc! { "x": end, "n": now, "s": start, "u": add(used, cost) }.into()
}

pub(super) fn refund(stored: &str, cost: u64, stamp: u64) -> Bson {
    let [end, newest, start, used] = fields(stored, ["x", "n", "s", "u"]);
    let returned =
        doc! { "x": end, "n": newest, "s": start.clone(), "u": saturating_sub(used, number(cost)) };
    cond(eq(start, number(stamp)), returned.into(), field(stored))
}

/// Moves the end back from `end` to `before`, unless another hit has moved it since.
pub(super) fn restore(stored: &str, end: u64, before: u64) -> Bson {
    let [now, newest, start, used] = fields(stored, ["x", "n", "s", "u"]);
    let restored = doc! { "x": number(before), "n": newest, "s": start, "u": used };
    cond(eq(now, number(end)), restored.into(), field(stored))
}
