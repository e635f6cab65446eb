use std::mem;

use crate::{
    plan::key::{RuleId, RuleIds},
    routing::{prediction::Prediction, trust::Credit},
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
    /// Rules that it has met, but that a limiter on the very place decides.
    handed_over: RuleIds,
    /// Where the last rules were met: how many, and how much of the path was not routed yet.
    last_place: (usize, usize),
    /// The credit on which unconfirmed rules were granted.
    pub(super) credit: Credit,
}

impl RuleLedger {
    /// Returns the ledger of a request that was charged for predicted rules, and has met some before.
    pub(super) fn new(prediction: &mut Prediction, charged: RuleIds, seen: RuleIds) -> Self {
        let credit = mem::take(&mut prediction.credit);
        Self { charged, delegated: prediction.delegated_rules(), seen, credit, ..Self::default() }
    }

    /// Adds a rule that the request has met, with so many bytes of its path not routed yet. Returns whether the charges
    /// cover all rules met so far.
    pub(super) fn add(&mut self, rule: RuleId, unrouted: usize) -> bool {
        let (count, place) = self.last_place;
        self.last_place = if place == unrouted { (count + 1, place) } else { (1, unrouted) };
        self.seen.push(rule);
        self.seen.iter().all(|rule| self.charged.contains(rule) && !self.delegated.contains(rule))
    }

    /// Returns the rules that the request was charged for and has not met.
    pub(super) fn unseen(&self) -> RuleIds {
        let unseen = without(&self.charged, &self.seen);
        without(&unseen, &self.handed_over)
    }

    /// Hands the rules that were met at this very place over to a limiter there; returns them.
    pub(super) fn hand_over(&mut self, unrouted: usize) -> RuleIds {
        let (count, place) = self.last_place;
        let first = if place == unrouted { self.seen.len().saturating_sub(count) } else { self.seen.len() };
        let handed_over = RuleIds::from_slice(&self.seen[first..]);
        self.seen.truncate(first);
        self.last_place = (0, unrouted);
        self.handed_over.extend_from_slice(&handed_over);
        handed_over
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
    rules.iter().filter(|rule| !others.contains(rule)).copied().collect()
}
