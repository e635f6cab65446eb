use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use smallvec::SmallVec;

use crate::plan::key::{RuleId, RuleIds};

/// How far one worker trusts that requests meet the rules that were granted to them before routing.
///
/// Only guards and other middleware know where a request ends up, so a grant is a guess. Until a rule has been met
/// once, one request at a time is let through on credit. A rule that a request did not meet although it was granted
/// is never granted again: it is then decided where it stands.
#[derive(Default)]
pub(crate) struct TrustTable(RefCell<HashMap<RuleId, Rc<Trust>>>);

/// The trust in one rule.
#[derive(Default)]
struct Trust(Cell<State>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unconfirmed,
    /// A request that was granted it is on its way.
    OnCredit,
    Confirmed,
    Doubted,
}

/// The credit of one request. It ends when the request does, if not before.
#[derive(Default)]
pub(crate) struct Credit(SmallVec<[Rc<Trust>; 2]>);

impl TrustTable {
    /// Returns those of the rules that can be granted now, and the credit they take.
    pub(super) fn grant(&self, rules: &[RuleId]) -> (RuleIds, Credit) {
        let mut credit = Credit::default();
        let granted = rules.iter().filter(|rule| self.grant_one(**rule, &mut credit)).copied().collect();
        (granted, credit)
    }

    fn grant_one(&self, rule: RuleId, credit: &mut Credit) -> bool {
        let trust = self.of(rule);
        match trust.0.get() {
            State::Confirmed => true,
            State::OnCredit | State::Doubted => false,
            State::Unconfirmed => {
                trust.0.set(State::OnCredit);
                credit.0.push(trust);
                true
            }
        }
    }

    fn of(&self, rule: RuleId) -> Rc<Trust> {
        Rc::clone(self.0.borrow_mut().entry(rule).or_default())
    }

    /// Notes that a request met a rule.
    pub(super) fn confirm(&self, rule: RuleId) {
        let trust = self.of(rule);
        if trust.0.get() != State::Doubted {
            trust.0.set(State::Confirmed);
        }
    }

    /// Notes that a request did not meet a rule that was granted to it; returns whether that is news.
    pub(super) fn doubt(&self, rule: RuleId) -> bool {
        self.of(rule).0.replace(State::Doubted) != State::Doubted
    }
}

impl Credit {
    /// Returns whether it was not needed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        for trust in &self.0 {
            if trust.0.get() == State::OnCredit {
                trust.0.set(State::Unconfirmed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_at_a_time_until_the_rule_is_met() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        let is_granted = || !table.grant(&[rule]).0.is_empty();
        let (granted, credit) = table.grant(&[rule]);
        assert_eq!(granted.as_slice(), [rule]);
        assert!(!is_granted(), "another is on its way");
        drop(credit);
        assert!(is_granted(), "the other has ended");
        let held = table.grant(&[rule]);
        table.confirm(rule);
        assert!(is_granted() && is_granted());
        drop(held);
        assert!(is_granted());
    }

    #[test]
    fn a_rule_that_was_missed_is_never_granted_again() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        let held = table.grant(&[rule]);
        assert!(table.doubt(rule), "it is news");
        assert!(!table.doubt(rule));
        drop(held);
        table.confirm(rule);
        assert!(table.grant(&[rule]).0.is_empty());
    }
}
