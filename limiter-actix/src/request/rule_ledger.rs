use std::mem;

use crate::{
    plan::key::{RuleId, RuleIds},
    routing::{prediction::Prediction, registered::Position, trust::Credit},
};

/// The rules that a request was charged for, and those that it has met on its way.
#[derive(Default)]
pub(crate) struct RuleLedger {
    /// The rules that the charges follow from: those predicted, or those met if the prediction was wrong.
    pub(super) charged: RuleIds,
    /// Charged rules that a limiter further in decides, if the request gets there.
    pub(super) delegated: RuleIds,
    /// The rules that the request has met, from the outermost on.
    pub(super) seen: RuleIds,
    /// The rule of the very route or resource, if a limiter there decides it.
    handed_over: Option<RuleId>,
    /// `true` if the last rule was that of a route or resource.
    is_at_resource: bool,
    /// `true` if other requests may have come since the request was admitted.
    pub(super) is_late: bool,
    /// The credit on which unconfirmed rules were granted.
    pub(super) credit: Credit,
}

impl RuleLedger {
    /// Returns the ledger of a request that was charged for predicted rules, and has met some before.
    pub(super) fn new(prediction: &mut Prediction, charged: RuleIds, seen: RuleIds) -> Self {
        let credit = mem::take(&mut prediction.credit);
        Self { charged, delegated: prediction.delegated_rules(), seen, credit, ..Self::default() }
    }

    /// Adds a rule that the request has met. Returns whether the charges cover all rules met so far.
    pub(super) fn add(&mut self, rule: RuleId, position: Position) -> bool {
        self.is_at_resource = position == Position::Resource;
        self.credit.meet(rule, self.is_late);
        self.seen.push(rule);
        self.seen.iter().all(|rule| self.charged.contains(rule) && !self.delegated.contains(rule))
    }

    /// Returns the rules that the request was charged for and has not met.
    pub(super) fn unseen(&self) -> RuleIds {
        let mut unseen = without(&self.charged, &self.seen);
        unseen.retain(|rule| Some(*rule) != self.handed_over);
        unseen
    }

    /// Hands the rule of the very route or resource over to a limiter there; returns it.
    pub(super) fn hand_over(&mut self) -> Option<RuleId> {
        if self.is_at_resource {
            self.handed_over = self.seen.pop();
            self.is_at_resource = false;
            return self.handed_over;
        }
        None
    }

    /// Returns the delegated rules that a limiter further in can still decide: those that were not met before it.
    pub(super) fn still_delegated(&self) -> RuleIds {
        without(&self.delegated, &self.seen)
    }

    /// Replaces the rules that the charges follow from, and the credit on which some of them are granted.
    pub(super) fn recharge(&mut self, rules: RuleIds, credit: Credit) {
        self.charged = rules;
        self.credit = credit;
        self.delegated = self.still_delegated();
    }
}

fn without(rules: &[RuleId], others: &[RuleId]) -> RuleIds {
    let mut rules = RuleIds::from_slice(rules);
    rules.retain(|rule| !others.contains(rule));
    rules
}
