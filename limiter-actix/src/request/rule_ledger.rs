use std::mem;

use crate::{
    plan::key::{RuleId, RuleIds},
    routing::{method_set::MethodSet, prediction::Prediction, registered::Position, trust::Credit},
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
    /// Those that it met before, which limiters further out decide.
    of_others: RuleIds,
    /// Those of them that it has met since a limiter further in has taken over, which decides their limits.
    taken_over: RuleIds,
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
    pub(super) fn new(
        prediction: &mut Prediction,
        charged: RuleIds,
        seen: RuleIds,
        of_others: RuleIds,
    ) -> Self {
        let credit = mem::take(&mut prediction.credit);
        Self { charged, delegated: prediction.delegated_rules(), seen, of_others, credit, ..Self::default() }
    }

    /// Returns the ledger with another prediction.
    pub(super) fn predicted_anew(self, prediction: &mut Prediction, charged: RuleIds) -> Self {
        Self::new(prediction, charged, self.seen, self.of_others)
    }

    /// Returns all rules that the request has met, under whatever limiter, from the outermost on.
    pub(super) fn met_anywhere(&self) -> RuleIds {
        self.of_others.iter().chain(&self.seen).copied().collect()
    }

    /// Returns those of the rules that this limiter decides.
    pub(super) fn own(&self, rules: &[RuleId]) -> RuleIds {
        without(rules, &self.of_others)
    }

    /// Adds a rule that the request has met. Returns whether the charges cover all rules met so far.
    pub(super) fn add(&mut self, rule: RuleId, position: Position) -> bool {
        self.is_at_resource = position == Position::Resource;
        self.seen.push(rule);
        self.seen.iter().all(|rule| self.charged.contains(rule) && !self.delegated.contains(rule))
    }

    /// Notes that a limiter further in decides the limits of a rule that the request has met.
    pub(super) fn leave(&mut self, rule: RuleId) {
        self.taken_over.push(rule);
    }

    /// Returns whether the request has met a rule further in that the charges do not reckon with.
    pub(super) fn has_more_further_in(&self) -> bool {
        self.taken_over.iter().any(|rule| !self.charged.contains(rule))
    }

    /// Ends the credit for a rule that the request has met. Returns whether there was any.
    pub(super) fn end_credit(&mut self, rule: RuleId, method: MethodSet) -> bool {
        self.credit.meet(rule, method, self.is_late)
    }

    /// Returns the rules that the request was charged for and has not met.
    pub(super) fn unseen(&self) -> RuleIds {
        if self.charged.is_empty() {
            return RuleIds::new();
        }
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

    /// Returns the rules that the request has met, also the one of the very resource that was handed over.
    pub(super) fn met(&self) -> RuleIds {
        self.seen.iter().copied().chain(self.handed_over).collect()
    }

    /// Returns the delegated rules that a limiter further in can still decide: those that were not met before it.
    pub(super) fn still_delegated(&self) -> RuleIds {
        let mut delegated = without(&self.delegated, &self.seen);
        let taken_over = self.taken_over.iter().copied().chain(self.handed_over);
        delegated.extend(without(&taken_over.collect::<RuleIds>(), &delegated));
        delegated
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
