use std::mem;

use crate::{
    plan::key::{RuleId, RuleIds},
    routing::{certain::CertainPlace, prediction::Prediction, registered::Position, trust::Credit},
};

/// The rules that a request was charged for, and those that it has met on its way.
#[derive(Default)]
pub(crate) struct RuleLedger {
    /// The rules that the charges follow from: those predicted, or those met if the prediction was wrong.
    pub(super) charged: RuleIds,
    /// The rules that the request has met, from the outermost on.
    pub(super) seen: RuleIds,
    /// The rules of limiters further out or in. Boxed, since most apps have one limiter.
    others: Option<Box<RulesOfOthers>>,
    /// `true` if the last rule was that of a route or resource.
    is_at_resource: bool,
    /// `true` if other requests may have come since the request was admitted.
    pub(super) is_late: bool,
    /// The credit on which unconfirmed rules were granted.
    pub(super) credit: Credit,
    /// The place that the charges were corrected to, if another one was predicted.
    pub(super) moved: Option<Box<Prediction>>,
}

/// Rules that other limiters decide.
#[derive(Default)]
struct RulesOfOthers {
    /// Charged rules that a limiter further in decides, if the request gets there.
    delegated: RuleIds,
    /// Rules that the request has met before, which limiters further out decide.
    further_out: RuleIds,
    /// Rules that it has met since a limiter further in has taken over, which decides their limits.
    taken_over: RuleIds,
    /// The rule of the very route or resource, if a limiter there decides it.
    handed_over: Option<RuleId>,
    /// `true` if a limiter further in decides all rules that follow, although the check of the handler is still to come.
    leaves_all: bool,
}

impl RuleLedger {
    /// Returns the ledger of a request that was charged for predicted rules, and has met some before: under this limiter,
    /// and under others further out.
    #[inline]
    pub(super) fn new(
        prediction: &mut Prediction,
        charged: RuleIds,
        seen: RuleIds,
        further_out: RuleIds,
    ) -> Self {
        let credit = mem::take(&mut prediction.credit);
        let delegated = prediction.delegated_rules();
        let others = (!delegated.is_empty() || !further_out.is_empty())
            .then(|| Box::new(RulesOfOthers { delegated, further_out, ..RulesOfOthers::default() }));
        Self { charged, seen, others, credit, ..Self::default() }
    }

    /// Returns the ledger of a request at a certain place, which has met the last of its rules at this position.
    pub(super) fn of_certain(prediction: &mut Prediction, place: &CertainPlace, last: Position) -> Self {
        let is_at_resource = last == Position::Resource;
        let ledger = Self::new(prediction, place.rules(), place.met(), RuleIds::new());
        Self { is_at_resource, ..ledger }
    }

    /// Returns the ledger with another prediction.
    pub(super) fn predicted_anew(self, prediction: &mut Prediction, charged: RuleIds) -> Self {
        prediction.credit = self.credit.elsewhere();
        let further_out = self.others.map(|others| others.further_out).unwrap_or_default();
        Self::new(prediction, charged, self.seen, further_out)
    }

    /// Returns all rules that the request has met, under whatever limiter, from the outermost on.
    pub(super) fn met_anywhere(&self) -> RuleIds {
        let further_out = self.others.iter().flat_map(|others| &others.further_out);
        further_out.chain(&self.seen).copied().collect()
    }

    /// Returns those of the rules that this limiter decides.
    pub(super) fn own(&self, rules: &[RuleId]) -> RuleIds {
        without(rules, self.others.as_ref().map_or(&[], |others| &others.further_out))
    }

    /// Adds a rule that the request has met. Returns whether the charges cover all rules met so far.
    pub(super) fn add(&mut self, rule: RuleId, position: Position) -> bool {
        self.is_at_resource = position == Position::Resource;
        self.credit.meet(rule, self.is_late);
        if !self.seen.contains(&rule) {
            self.seen.push(rule);
        }
        self.seen.iter().all(|rule| self.charged.contains(rule) && self.is_decided(*rule))
    }

    /// Returns whether a limiter decides a charged rule that the request has met: this one, unless another one further in
    /// has taken over before.
    fn is_decided(&self, rule: RuleId) -> bool {
        let is_taken_over = |others: &RulesOfOthers| others.taken_over.contains(&rule);
        !self.is_delegated(rule) || self.others.as_deref().is_some_and(is_taken_over)
    }

    /// Returns whether a limiter further in decides a charged rule, if the request gets there.
    pub(super) fn is_delegated(&self, rule: RuleId) -> bool {
        self.others.as_ref().is_some_and(|others| others.delegated.contains(&rule))
    }

    /// Notes that a limiter further in decides the limits of a rule that the request has met.
    pub(super) fn leave(&mut self, rule: RuleId) {
        self.others.get_or_insert_default().taken_over.push(rule);
    }

    /// Leaves all rules that the request meets from now on to a limiter further in.
    pub(super) fn leave_all(&mut self) {
        self.others.get_or_insert_default().leaves_all = true;
    }

    /// Returns whether a limiter further in decides all rules that the request meets from now on.
    pub(super) fn leaves_all(&self) -> bool {
        self.others.as_ref().is_some_and(|others| others.leaves_all)
    }

    /// Returns whether the request has met a rule further in that the charges do not reckon with.
    pub(super) fn has_more_further_in(&self) -> bool {
        let mut taken_over = self.others.iter().flat_map(|others| &others.taken_over);
        taken_over.any(|rule| !self.charged.contains(rule))
    }

    /// Returns the rules that the request was charged for and has not met.
    #[inline]
    pub(super) fn unseen(&self) -> RuleIds {
        if self.charged.is_empty() {
            return RuleIds::new();
        }
        let handed_over = self.handed_over();
        let mut unseen = RuleIds::new();
        for rule in &self.charged {
            if !self.seen.contains(rule) && Some(*rule) != handed_over {
                unseen.push(*rule);
            }
        }
        unseen
    }

    /// Hands the rule of the very route or resource over to a limiter there; returns it.
    pub(super) fn hand_over(&mut self) -> Option<RuleId> {
        if self.is_at_resource {
            let rule = self.seen.pop();
            self.others.get_or_insert_default().handed_over = rule;
            self.is_at_resource = false;
            return rule;
        }
        None
    }

    fn handed_over(&self) -> Option<RuleId> {
        self.others.as_ref().and_then(|others| others.handed_over)
    }

    /// Returns the rules that the request has met, also the one of the very resource that was handed over.
    pub(super) fn met(&self) -> RuleIds {
        self.seen.iter().copied().chain(self.handed_over()).collect()
    }

    /// Returns the delegated rules that a limiter further in can still decide: those that were not met before it.
    pub(super) fn still_delegated(&self) -> RuleIds {
        let Some(others) = &self.others else { return RuleIds::new() };
        let mut delegated = without(&others.delegated, &self.seen);
        let taken_over = others.taken_over.iter().copied().chain(others.handed_over);
        delegated.extend(without(&taken_over.collect::<RuleIds>(), &delegated));
        delegated
    }

    /// Returns those of the rules that a limiter further in decides, since it has taken over: all but those met before.
    pub(super) fn left_of(&self, rules: &[RuleId]) -> RuleIds {
        let taken_over = self.others.as_ref().map_or(&[][..], |others| &others.taken_over);
        without(rules, &without(&self.seen, taken_over))
    }

    /// Replaces the rules that the charges follow from, the place where they apply, and the credit on which some of them
    /// are granted.
    pub(super) fn recharge(&mut self, rules: RuleIds, place: Prediction, credit: Credit) {
        self.charged = rules;
        self.moved = Some(Box::new(place));
        self.credit = credit;
        let delegated = self.still_delegated();
        if let Some(others) = &mut self.others {
            others.delegated = delegated;
        }
    }
}

fn without(rules: &[RuleId], others: &[RuleId]) -> RuleIds {
    let mut rules = RuleIds::from_slice(rules);
    rules.retain(|rule| !others.contains(rule));
    rules
}
