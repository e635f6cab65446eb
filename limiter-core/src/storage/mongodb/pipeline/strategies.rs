//! The strategies as expressions on their states, with the same integer steps as in `crate::strategy`.
//!
//! A state is a small document. Its field `x` is the instant, in milliseconds, from which it equals an untouched one.
//! In a stored state the field `n` is the newest time at which something was counted. `load` converts it to the state
//! now, whose `n` is the time of the decision. Refunds change the stored state, everything else the loaded one.

use mongodb::bson::Bson;

use super::{
    ClockSource, elastic_window, fields::fields, fixed_window, moving_window, sliding_window, token_bucket,
};
use crate::{
    Policy, Strategy,
    storage::mongodb::expression::{cond, field, let_in, lt, lte, max, min, number, saturating_sub, var},
};

/// Converts units to the strategy's amounts. A token bucket counts the nanoseconds that refill them. Amounts that never
/// pass are reduced to one that does not pass either, so that sums fit.
pub(super) fn amount(policy: &Policy, units: u64) -> u64 {
    let max = policy.max_counted();
    if units < max || policy.is_charging() {
        return in_amounts(policy, units.min(max));
    }
    in_amounts(policy, max - 1).saturating_add(1)
}

fn in_amounts(policy: &Policy, units: u64) -> u64 {
    let each = if policy.strategy() == Strategy::TokenBucket { policy.interval() } else { 1 };
    units.saturating_mul(each)
}

/// Returns the state now of the stored state at a path, which may be missing. A time before the newest one counts as
/// the newest.
pub(super) fn load(policy: &Policy, stored: &str) -> Bson {
    let [newest] = fields(stored, ["n"]);
    let_in("now", max(field("now"), newest), load_at_now(policy, stored))
}

fn load_at_now(policy: &Policy, stored: &str) -> Bson {
    match policy.strategy() {
        Strategy::FixedWindow => fixed_window::load(stored),
        Strategy::FixedWindowElasticExpiry => elastic_window::load(stored),
        Strategy::MovingWindow => moving_window::load(policy, stored),
        Strategy::SlidingWindowCounter => sliding_window::load(policy, stored),
        Strategy::TokenBucket => token_bucket::load(stored),
    }
}

/// Returns whether an amount passes, given the path of the state.
pub(super) fn passes(policy: &Policy, state: &str, amount: Bson) -> Bson {
    if policy.is_charging() {
        return Bson::Boolean(true);
    }
    fits(policy, state, needed(policy, amount), policy.capacity())
}

/// Returns what must be left for an amount to pass. A metered limit passes while one unit is left, if the amount is within
/// its capacity.
fn needed(policy: &Policy, amount: Bson) -> Bson {
    if !policy.is_metered() {
        return amount;
    }
    let [one, capacity] = [1, policy.capacity()].map(|units| number(in_amounts(policy, units)));
    let needed = cond(lte(var("amount"), capacity), min(var("amount"), one), var("amount"));
    let_in("amount", amount, needed)
}

/// Returns whether anything is left.
pub(super) fn has_left(policy: &Policy, state: &str) -> Bson {
    fits(policy, state, number(amount(policy, 1)), policy.capacity())
}

/// Returns whether an amount fits into a capacity beside what is used.
fn fits(policy: &Policy, state: &str, amount: Bson, capacity: u64) -> Bson {
    let capacity = in_amounts(policy, capacity);
    match policy.strategy() {
        Strategy::FixedWindow | Strategy::FixedWindowElasticExpiry => {
            fixed_window::passes(state, capacity, amount)
        }
        Strategy::MovingWindow => moving_window::passes(state, capacity, amount),
        Strategy::SlidingWindowCounter => sliding_window::passes(policy, state, capacity, amount),
        Strategy::TokenBucket => token_bucket::passes(state, capacity, amount),
    }
}

/// Returns the state after taking an amount above 0.
pub(super) fn take(policy: &Policy, state: &str, amount: Bson, clock: ClockSource) -> Bson {
    match policy.strategy() {
        Strategy::FixedWindow => fixed_window::take(policy, state, amount, clock),
        Strategy::FixedWindowElasticExpiry => elastic_window::take(policy, state, amount),
        Strategy::MovingWindow => moving_window::take(policy, state, amount),
        Strategy::SlidingWindowCounter => sliding_window::take(state, amount),
        Strategy::TokenBucket => token_bucket::take(state, in_amounts(policy, deepest(policy)), amount),
    }
}

/// Returns the part of a charge that the count takes: as much as fits beyond the amount.
pub(super) fn charged(policy: &Policy, state: &str, amount: Bson) -> Bson {
    let (max, taken) = match policy.strategy() {
        Strategy::MovingWindow => (policy.capacity(), "u"),
        Strategy::TokenBucket => (deepest(policy), "m"),
        _ => (policy.max_used(), "u"),
    };
    let left = saturating_sub(number(in_amounts(policy, max)), field(&format!("{state}.{taken}")));
    min(amount, left)
}

/// Returns the units that may be missing in a token bucket.
fn deepest(policy: &Policy) -> u64 {
    let may_be_in_debt = policy.is_metered() || policy.is_charging();
    policy.capacity().saturating_mul(if may_be_in_debt { 2 } else { 1 })
}

/// Returns the state after a hit that takes the cost if it passes, and is refused otherwise.
pub(super) fn hit(policy: &Policy, state: &str, cost: u64, clock: ClockSource) -> Bson {
    let amount = number(amount(policy, cost));
    let amount = if policy.is_charging() { charged(policy, state, amount) } else { amount };
    cond(passes(policy, state, amount.clone()), take(policy, state, amount, clock), refuse(policy, state))
}

/// Returns the state after a refusal.
pub(super) fn refuse(policy: &Policy, state: &str) -> Bson {
    match policy.strategy() {
        Strategy::FixedWindowElasticExpiry => elastic_window::take(policy, state, number(0)),
        _ => field(state),
    }
}

/// Returns the stored state after the refund of an amount, with the stamp in milliseconds. A missing state stays missing.
pub(super) fn refund(policy: &Policy, stored: &str, amount: u64, stamp: u64) -> Bson {
    let refunded = match policy.strategy() {
        Strategy::FixedWindow => fixed_window::refund(stored, amount, stamp),
        Strategy::FixedWindowElasticExpiry => elastic_window::refund(stored, amount, stamp),
        Strategy::MovingWindow => moving_window::refund(stored, amount, stamp),
        Strategy::SlidingWindowCounter => sliding_window::refund(policy, stored, amount, stamp),
        Strategy::TokenBucket => token_bucket::refund(stored, amount, stamp),
    };
    if_stored(stored, refunded)
}

/// Returns the stored state after moving the end of an elastic window back from `end` to `before`.
pub(super) fn restore(stored: &str, end: u64, before: u64) -> Bson {
    if_stored(stored, elastic_window::restore(stored, end, before))
}

fn if_stored(stored: &str, changed: Bson) -> Bson {
    cond(lt(number(0), field(&format!("{stored}.x"))), changed, field(stored))
}
