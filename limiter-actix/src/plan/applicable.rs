use std::rc::Rc;

use smallvec::SmallVec;

use super::bound_limit::BoundLimit;

/// The limits of one request.
#[derive(Clone, Default)]
pub(crate) struct Applicable {
    pub(crate) meta: SmallVec<[Rc<BoundLimit>; 2]>,
    /// Application limits first, then those of the levels from the outermost on.
    pub(crate) limits: SmallVec<[Rc<BoundLimit>; 4]>,
    /// Whether a function could not tell its limits: the request is answered 500.
    pub(crate) callback_failed: bool,
}

impl Applicable {
    /// A count that is shared between levels is taken from once.
    pub(super) fn add(&mut self, found: ResolvedLimits) {
        self.callback_failed |= found.callback_failed;
        for limit in found.limits.into_iter().filter(|limit| limit.is_local) {
            if !self.limits.iter().any(|there| there.shares_count_with(&limit)) {
                self.limits.push(limit);
            }
        }
    }
}

/// What a declared limit comes to for one request.
#[derive(Default)]
pub(crate) struct ResolvedLimits {
    pub(crate) limits: SmallVec<[Rc<BoundLimit>; 2]>,
    /// Whether a function told what cannot be: then the limits further out hold as well.
    pub(crate) is_invalid: bool,
    /// Whether a function could not tell.
    pub(super) callback_failed: bool,
}

impl FromIterator<ResolvedLimits> for ResolvedLimits {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        let mut found = Self::default();
        for one in all {
            found.limits.extend(one.limits);
            found.is_invalid |= one.is_invalid;
            found.callback_failed |= one.callback_failed;
        }
        found
    }
}
