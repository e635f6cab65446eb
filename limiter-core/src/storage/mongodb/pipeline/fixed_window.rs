//! A counter, stored as the newest instant `n`, the end of the window `x` and the used amount `u`.

use mongodb::bson::{Bson, doc};

use super::{
    ClockSource,
    fields::{NANOS, fields, window},
};
use crate::{
    Policy,
    storage::mongodb::expression::{add, and, cond, eq, field, lt, lte, number, saturating_sub, var},
};

pub(super) fn load(stored: &str) -> Bson {
    let [end, used] = fields(stored, ["x", "u"]);
    cond(
        is_running(stored),
        doc! { "x": end, "n": var("now"), "u": used }.into(),
        doc! { "x": var("now"), "n": var("now"), "u": number(0) }.into(),
    )
}

/// Returns whether a window with one counter has begun, has not ended, and was not refunded as a whole.
pub(super) fn is_running(stored: &str) -> Bson {
    let [end, used] = fields(stored, ["x", "u"]);
    and([lt(number(0), used), lt(var("now"), end)])
}

pub(super) fn passes(state: &str, capacity: u64, cost: Bson) -> Bson {
    let [used] = fields(state, ["u"]);
    // More may be used than the amount, if that was larger before.
    lte(cost, saturating_sub(number(capacity), used))
}

pub(super) fn take(policy: &Policy, state: &str, cost: Bson, clock: ClockSource) -> Bson {
    let [end, now, used] = fields(state, ["x", "n", "u"]);
    let begins = eq(used.clone(), number(0));
    let end = cond(begins, new_end(policy, now.clone(), clock), end);
    doc! { "x": end, "n": now, "u": add(used, cost) }.into()
}

/// Returns the end of a window that begins at `now`. Of the ends near the caller's time, it is the next one.
fn new_end(policy: &Policy, now: Bson, clock: ClockSource) -> Bson {
    match policy.nearest_ends(clock.caller) {
        None => add(now, number(window(policy))),
        Some(ends) => {
            let [first, second] = ends.map(|end| end / NANOS);
            // The clocks differ by more than half a window.
            let otherwise = add(now.clone(), number(second - first));
            let next = cond(lt(now.clone(), number(second)), number(second), otherwise);
            cond(lt(now, number(first)), number(first), next)
        }
    }
}

pub(super) fn refund(stored: &str, cost: u64, stamp: u64) -> Bson {
    let [end, newest, used] = fields(stored, ["x", "n", "u"]);
    let returned = doc! { "x": end.clone(), "n": newest, "u": saturating_sub(used, number(cost)) };
    cond(eq(end, number(stamp)), returned.into(), field(stored))
}
