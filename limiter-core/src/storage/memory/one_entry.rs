//! Fast paths for batches of limits on one entry.

use super::shards::{Shards, digest};
use crate::{
    Timestamp,
    storage::{Decision, Hit, Verdict},
};

/// Decides a batch of one limit.
#[inline]
pub(super) fn decide_limit(shards: &Shards, hit: &Hit<'_>, now: Timestamp) -> Decision {
    let digest = digest(hit);
    let mut shard = shards.lock_of(digest);
    let number = if hit.policy.ignores(hit.cost) { None } else { shard.hit_number(digest, hit, now) };
    let window = number.unwrap_or_else(|| shards.hit(&mut shard, digest, hit.policy, hit.cost, now));
    let passes = hit.shadow || window.is_allowed();
    Decision::of_one(if passes { Verdict::Admitted } else { Verdict::Refused }, window)
}

/// Decides limits of one entry, with one search for it. Returns whether each limit has a count of its own there; if not,
/// nothing has changed and `decision` is invalid.
#[inline]
pub(super) fn decide_limits(
    shards: &Shards,
    limits: &[Hit<'_>],
    now: Timestamp,
    decision: &mut Decision,
) -> bool {
    let digest = digest(&limits[0]);
    shards.lock_of(digest).decide(digest, limits, now, decision)
}
