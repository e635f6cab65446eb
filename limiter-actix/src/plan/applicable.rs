//! The limits that apply to one request.

use std::rc::Rc;

use smallvec::SmallVec;

use super::{bound_limit::BoundLimit, resolve::LevelLimits};
use crate::Limit;

/// Bound limits. As many as most requests have fit without an allocation.
pub(crate) type BoundLimits = SmallVec<[Rc<BoundLimit>; 4]>;

/// The limits that apply to one request.
#[derive(Clone, Default)]
pub(crate) struct Applicable {
    pub(crate) meta: BoundLimits,
    /// Application limits first, then those of the levels, the outermost first.
    pub(crate) limits: BoundLimits,
    /// Set if a dynamic limit failed. The response is then 500.
    pub(crate) callback_failed: bool,
}

impl Applicable {
    /// Returns whether nothing is to be counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.meta.is_empty()
    }

    pub(super) fn add_meta(&mut self, meta: ResolvedLimits) {
        self.callback_failed |= meta.callback_failed;
        self.meta = meta.limits;
    }

    /// Adds the limits that this limiter decides. A count shared between levels is charged once.
    pub(super) fn add(&mut self, resolved: ResolvedLimits) {
        self.callback_failed |= resolved.callback_failed;
        for limit in resolved.limits.into_iter().filter(|limit| limit.is_local) {
            if !self.limits.iter().any(|other| other.shares_count_with(&limit)) {
                self.limits.push(limit);
            }
        }
    }
}

/// The limits that declared limits result in for one request.
#[derive(Default)]
pub(crate) struct ResolvedLimits {
    pub(crate) limits: BoundLimits,
    /// Set if a function returned an invalid text, or an async one failed. The outer limits then apply too.
    pub(crate) is_invalid: bool,
    /// Set if a function failed.
    pub(super) callback_failed: bool,
}

impl ResolvedLimits {
    /// Returns the effect of these limits, all of one level, on the levels further out.
    pub(super) fn effect(&self) -> LevelLimits {
        if self.callback_failed {
            return LevelLimits::Overriding;
        }
        effect(self.limits.iter().map(|limit| &*limit.options)).unless_invalid(self.is_invalid)
    }
}

/// Returns the effect of limits of one level on the levels further out.
pub(super) fn effect<'a>(mut limits: impl Iterator<Item = &'a Limit> + Clone) -> LevelLimits {
    if limits.clone().next().is_none() {
        LevelLimits::Nothing
    } else if limits.clone().all(|limit| limit.shadow) {
        LevelLimits::Watching
    } else if limits.any(|limit| limit.override_defaults && !limit.shadow) {
        LevelLimits::Overriding
    } else {
        LevelLimits::Adding
    }
}

impl FromIterator<ResolvedLimits> for ResolvedLimits {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        let mut sum = Self::default();
        for one in all {
            sum.limits.extend(one.limits);
            sum.is_invalid |= one.is_invalid;
            sum.callback_failed |= one.callback_failed;
        }
        sum
    }
}
