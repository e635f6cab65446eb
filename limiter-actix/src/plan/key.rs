//! The key of a plan, and the ids of rules.

use std::{cell::Cell, fmt, sync::Arc};

use actix_web::http::Method;
use smallvec::SmallVec;

/// All that a plan follows from.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    pub(crate) pattern: Option<Arc<str>>,
    /// Rules given by pattern.
    pub(crate) covering: SmallVec<[usize; 4]>,
    /// Registered rules, from the outermost on.
    pub(crate) registered: RuleIds,
    /// Those among them whose limits another limiter decides.
    pub(crate) delegated_rules: RuleIds,
    pub(crate) method: Method,
    pub(crate) preflight: bool,
}

/// Names a rule that stands in an app of this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RuleId(u32);

/// Rules, from the outermost on. As many as most requests meet fit without an allocation.
pub(crate) type RuleIds = SmallVec<[RuleId; 4]>;

impl RuleId {
    pub(crate) fn next() -> Self {
        thread_local!(static NEXT: Cell<u32> = const { Cell::new(0) });
        let id = NEXT.get();
        NEXT.set(id.wrapping_add(1));
        Self(id)
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
