//! What is declared at one place of an app.

use std::{cell::Cell, fmt};

use smallvec::SmallVec;

use crate::{Exempt, Limit, Limits};

/// What is declared at one place of an app (a handler, a resource, a scope): limits, an exemption, or both.
///
/// ```
/// use limiter_actix::{Exempt, Limit, Quota, Rule};
///
/// let limited: Rule = Limit::new(Quota::per_minute(5)).into();
/// let exempt: Rule = Exempt::ALL.into();
/// let both = Rule::from(Limit::new(Quota::per_second(100))).exempt(Exempt::DEFAULT);
/// # let _ = (limited, exempt, both);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Rule {
    pub(crate) limits: Limits,
    pub(crate) exempt: Exempt,
}

impl Rule {
    /// Declares nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a limit.
    pub fn limit(mut self, limit: impl Into<Limit>) -> Self {
        self.limits.0.push(limit.into());
        self
    }

    /// Adds an exemption from what is declared further out.
    pub fn exempt(mut self, exempt: Exempt) -> Self {
        self.exempt |= exempt;
        self
    }
}

impl<L: Into<Limits>> From<L> for Rule {
    fn from(limits: L) -> Self {
        Self { limits: limits.into(), exempt: Exempt::NONE }
    }
}

impl From<Exempt> for Rule {
    fn from(exempt: Exempt) -> Self {
        Self::new().exempt(exempt)
    }
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

/// A rule that stands in an app.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) id: RuleId,
    pub(crate) rule: Rule,
    /// What the `#[scope]` modules around a handler declare, with their prefixes, from the outermost on.
    pub(crate) around: Vec<(String, Rule)>,
}

impl Standing {
    pub(crate) fn new(rule: impl Into<Rule>) -> Self {
        Self { id: RuleId::next(), rule: rule.into(), around: Vec::new() }
    }

    /// All rules in it.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.around.iter().map(|(_, rule)| rule).chain([&self.rule])
    }
}
