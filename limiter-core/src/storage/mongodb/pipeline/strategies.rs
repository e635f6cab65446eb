//! The strategies, as expressions on their states: the same integer steps as those of `crate::strategy`.
//!
//! A state is a small document whose field `x` is the instant, in milliseconds, from which it is as good as none.
//! What is given back goes to the state as it is stored; everything else starts from the state as it is now,
//! which `load` makes of it: its field `n` is then the time of the decision, and else the newest time at which
//! something was counted.

use mongodb::bson::Bson;

use super::{elastic_window, fixed_window, moving_window, sliding_window, token_bucket};
use crate::{
    Policy, Strategy,
    storage::mongodb::expression::{at, choose, less, most, name, number},
};

/// In milliseconds: windows are whole seconds.
pub(super) fn window(policy: &Policy) -> u64 {
    policy.window() / token_bucket::NANOS
}

/// What the strategy counts: units, or the nanoseconds that refill them into a bucket. Whatever is above the
/// capacity counts as one above it, so that sums fit.
pub(super) fn amount(policy: &Policy, units: u64) -> u64 {
    let each = if policy.strategy() == Strategy::TokenBucket { policy.interval() } else { 1 };
    units.saturating_mul(each).min(capacity(policy).saturating_add(1))
}

fn capacity(policy: &Policy) -> u64 {
    let each = if policy.strategy() == Strategy::TokenBucket { policy.interval() } else { 1 };
    policy.capacity().saturating_mul(each)
}

/// Whether a cost can pass at all, and takes something when it does.
pub(super) fn can_matter(policy: &Policy, cost: u64) -> bool {
    (1..=policy.capacity()).contains(&cost)
}

/// Some fields of a state.
pub(super) fn fields<const N: usize>(state: &str, names: [&str; N]) -> [Bson; N] {
    names.map(|name| at(&format!("{state}.{name}")))
}

/// The state as it is now of what is stored at a path, which need not be there. A time before the newest counts as
/// that.
pub(super) fn load(policy: &Policy, stored: &str) -> Bson {
    let [newest] = fields(stored, ["n"]);
    name("now", most(at("now"), newest), load_at_now(policy, stored))
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

/// Whether there is room for an amount in the state at a path.
pub(super) fn passes(policy: &Policy, state: &str, amount: Bson) -> Bson {
    let capacity = capacity(policy);
    match policy.strategy() {
        Strategy::FixedWindow | Strategy::FixedWindowElasticExpiry => {
            fixed_window::passes(state, capacity, amount)
        }
        Strategy::MovingWindow => moving_window::passes(state, capacity, amount),
        Strategy::SlidingWindowCounter => sliding_window::passes(policy, state, capacity, amount),
        Strategy::TokenBucket => token_bucket::passes(state, capacity, amount),
    }
}

/// The state after an amount above 0 was taken.
pub(super) fn take(policy: &Policy, state: &str, amount: Bson) -> Bson {
    match policy.strategy() {
        Strategy::FixedWindow => fixed_window::take(policy, state, amount),
        Strategy::FixedWindowElasticExpiry => elastic_window::take(policy, state, amount),
        Strategy::MovingWindow => moving_window::take(policy, state, amount),
        Strategy::SlidingWindowCounter => sliding_window::take(state, amount),
        Strategy::TokenBucket => token_bucket::take(state, capacity(policy), amount),
    }
}

/// The state after a refusal.
pub(super) fn refuse(policy: &Policy, state: &str) -> Bson {
    match policy.strategy() {
        Strategy::FixedWindowElasticExpiry => elastic_window::take(policy, state, number(0)),
        _ => at(state),
    }
}

/// What is stored after an amount was given back by a stamp in milliseconds; nothing where nothing is.
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

/// What is stored after the end of an elastic window was moved back from `end` to `before`.
pub(super) fn restore(stored: &str, end: u64, before: u64) -> Bson {
    if_stored(stored, elastic_window::restore(stored, end, before))
}

fn if_stored(stored: &str, changed: Bson) -> Bson {
    choose(less(number(0), at(&format!("{stored}.x"))), changed, at(stored))
}
