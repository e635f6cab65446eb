//! Keys of plans, and ids of rules.

use std::{cell::Cell, fmt, sync::Arc};

use actix_web::http::Method;
use smallvec::SmallVec;

/// The data that determines a plan.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    pub(crate) pattern: Option<Arc<str>>,
    /// The indexes of the rules given by pattern.
    pub(crate) covering: Vec<usize>,
    /// Rules given by pattern that the request may arrive under or not, with the routes that they cover. They limit, but
    /// lift nothing.
    pub(crate) in_doubt: Vec<(usize, Arc<str>)>,
    /// `true` if all rules given by pattern limit, but lift nothing.
    pub(crate) lifts_nothing: bool,
    /// The registered rules, the outermost first.
    pub(crate) registered: RuleIds,
    /// The registered rules whose limits another limiter decides.
    pub(crate) delegated_rules: RuleIds,
    pub(crate) method: Method,
    pub(crate) preflight: bool,
}

/// Identifies a rule registered in an app of this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RuleId(u32);

/// Rules, the outermost first. Four fit without an allocation, more than most requests meet.
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
