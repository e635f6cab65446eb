use crate::plan::key::{RuleId, RuleIds};

/// The rules that a request was charged for, and those that it has met on its way.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleLedger {
    /// The rules that the charges follow from: those predicted, or those met if the prediction was wrong.
    pub(super) charged: RuleIds,
    /// Charged rules that a limiter further in decides, if the request gets there.
    pub(super) delegated: RuleIds,
    /// The rules that the request has met, from the outermost on.
    pub(super) seen: RuleIds,
}

impl RuleLedger {
    /// Adds a rule that the request has met. Returns whether the charges cover all rules met so far.
    pub(super) fn add(&mut self, rule: RuleId) -> bool {
        self.seen.push(rule);
        self.seen.iter().all(|rule| self.charged.contains(rule) && !self.delegated.contains(rule))
    }

    /// Returns whether the request has met all rules that it was charged for.
    pub(super) fn has_seen_all(&self) -> bool {
        self.charged.iter().all(|rule| self.seen.contains(rule))
    }

    /// Returns the rules that the request was charged for and has not met.
    pub(super) fn unseen(&self) -> RuleIds {
        without(&self.charged, &self.seen)
    }

    /// Returns the delegated rules that a limiter further in can still decide: those that were not met before it.
    pub(super) fn still_delegated(&self) -> RuleIds {
        without(&self.delegated, &self.seen)
    }

    /// Replaces the rules that the charges follow from.
    pub(super) fn recharge(&mut self, rules: RuleIds) {
        self.charged = rules;
        self.delegated = self.still_delegated();
    }
}

fn without(rules: &[RuleId], others: &[RuleId]) -> RuleIds {
    rules.iter().filter(|rule| !others.contains(rule)).copied().collect()
}
