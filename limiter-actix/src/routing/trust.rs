use std::{
    cell::{Cell, RefCell},
    mem,
    rc::Rc,
};

use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::plan::key::RuleId;

/// The trust of one worker that requests meet the rules that were granted to them before routing.
///
/// Only guards and other middleware know where a request ends up, so a grant is a guess. One request at a time is
/// granted a rule on credit, until it meets the rule. Mostly that is before the next request comes. A rule that a
/// request did not meet although it was granted is never granted again: it is then decided where it stands.
///
/// In the order of the rules.
#[derive(Default)]
pub(super) struct TrustTable(RefCell<Vec<(RuleId, Rc<Trust>)>>);

/// The trust in one rule.
#[derive(Default)]
pub(super) struct Trust {
    /// `true` while a request that was granted it is on its way.
    on_credit: Cell<bool>,
    /// `true` once a request met it only after others could come, since a middleware on the way waits.
    met_late: Cell<bool>,
    /// `true` once a request met it before others could come.
    met_at_once: Cell<bool>,
    doubted: Cell<bool>,
}

/// The credit of one request. It ends when the request does, if not before.
#[derive(Default)]
pub(crate) struct Credit {
    rules: SmallVec<[(RuleId, Rc<Trust>); 2]>,
    /// `true` if the request has returned it for the time of a wait.
    is_suspended: bool,
    /// `true` if the request can arrive at one place only.
    is_only_place: bool,
    /// Shared with the prediction of another place for the same request.
    by_pattern: Option<Rc<PatternCredit>>,
}

/// The credit on which rules by pattern lift limits. The request does not meet them on its way, so it ends with the
/// response.
struct PatternCredit {
    trusts: Vec<Rc<Trust>>,
    /// Wakes requests that wait for its end.
    ended: Rc<Notify>,
}

impl TrustTable {
    pub(super) fn of(&self, rule: RuleId) -> Rc<Trust> {
        let mut rules = self.0.borrow_mut();
        let at = rules.binary_search_by_key(&rule, |(rule, _)| *rule).unwrap_or_else(|at| {
            rules.insert(at, (rule, Rc::default()));
            at
        });
        Rc::clone(&rules[at].1)
    }

    /// Notes that a request did not meet a rule that was granted to it; returns whether that is news.
    pub(super) fn doubt(&self, rule: RuleId) -> bool {
        self.of(rule).doubt()
    }
}

impl Trust {
    pub(super) fn is_doubted(&self) -> bool {
        self.doubted.get()
    }

    /// Notes that a request did not meet the rule although it was expected to; returns whether that is news.
    pub(super) fn doubt(&self) -> bool {
        !self.doubted.replace(true)
    }

    /// Returns whether a grant needs credit at the only place of requests: not if they meet the rule late, since those on
    /// their way must not keep others waiting. `None` if there is no grant now.
    pub(super) fn needs_credit(&self) -> Option<bool> {
        if self.doubted.get() {
            return None;
        }
        if self.met_late.get() {
            return Some(false);
        }
        (!self.on_credit.get()).then_some(true)
    }

    pub(super) fn is_on_credit(&self) -> bool {
        self.on_credit.get()
    }

    /// Begins the credit of a request.
    pub(super) fn lend(&self) {
        self.on_credit.set(true);
    }

    /// Ends the credit of a request that has met the rule; `is_late` if others could come before.
    pub(super) fn repay(&self, is_late: bool) {
        self.release();
        self.met_late.set(self.met_late.get() || is_late);
        self.met_at_once.set(self.met_at_once.get() || !is_late);
    }

    /// Ends the credit of a request.
    pub(super) fn release(&self) {
        self.on_credit.set(false);
    }

    /// Returns whether all requests have met the rule before others could come.
    pub(super) fn is_met_at_once(&self) -> bool {
        self.met_at_once.get() && !self.met_late.get()
    }
}

impl Credit {
    /// Grants a rule, if that is possible now.
    pub(super) fn grant(&mut self, rule: RuleId, trust: &Rc<Trust>, is_only_place: bool) -> bool {
        self.is_only_place = is_only_place;
        match trust.needs_credit() {
            Some(false) if is_only_place => true,
            None => false,
            Some(_) if trust.on_credit.get() => false,
            Some(_) => {
                trust.lend();
                self.hold(rule, trust);
                true
            }
        }
    }

    /// Holds a credit that was granted for the only place of a request.
    pub(super) fn hold_at_only_place(&mut self, rule: RuleId, trust: &Rc<Trust>) {
        self.is_only_place = true;
        self.hold(rule, trust);
    }

    fn hold(&mut self, rule: RuleId, trust: &Rc<Trust>) {
        self.rules.push((rule, Rc::clone(trust)));
    }

    /// Returns the credit for rules before a wait that does not lead the request on, so that others can have it meanwhile.
    pub(crate) fn suspend(&mut self) {
        self.release();
        self.is_suspended = true;
    }

    /// Returns whether others can have it for now.
    pub(crate) fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// Takes it back after the wait. Returns `false` if some of the rules cannot be granted any more.
    pub(crate) fn resume(&mut self) -> bool {
        if !mem::take(&mut self.is_suspended) {
            return true;
        }
        let is_only_place = self.is_only_place;
        mem::take(&mut self.rules).iter().all(|(rule, trust)| self.grant(*rule, trust, is_only_place))
    }

    fn release(&self) {
        if !self.is_suspended {
            self.rules.iter().for_each(|(_, trust)| trust.release());
        }
    }

    /// Lets rules by pattern lift limits, if no other request does so on credit; returns whether that is so.
    pub(super) fn lift(&mut self, by_pattern: Vec<Rc<Trust>>, ended: &Rc<Notify>) -> bool {
        if by_pattern.iter().any(|trust| trust.is_on_credit()) {
            return false;
        }
        for trust in &by_pattern {
            trust.lend();
        }
        self.by_pattern = Some(Rc::new(PatternCredit { trusts: by_pattern, ended: Rc::clone(ended) }));
        true
    }

    /// Returns the credit for the same request at another place, where no other rules are granted.
    pub(crate) fn elsewhere(&self) -> Self {
        let mut credit = Self::default();
        credit.by_pattern.clone_from(&self.by_pattern);
        credit
    }

    /// Ends the credit for a rule that the request has met; `is_late` if others could come before.
    pub(crate) fn meet(&mut self, rule: RuleId, is_late: bool) {
        if let Some(at) = self.rules.iter().position(|(other, _)| *other == rule) {
            let (_, trust) = self.rules.swap_remove(at);
            trust.repay(is_late);
        }
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.release();
    }
}

impl Drop for PatternCredit {
    fn drop(&mut self) {
        for trust in &self.trusts {
            trust.release();
        }
        self.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(table: &TrustTable, rule: RuleId, is_only_place: bool) -> Option<Credit> {
        let mut credit = Credit::default();
        credit.grant(rule, &table.of(rule), is_only_place).then_some(credit)
    }

    #[test]
    fn one_request_at_a_time_until_it_meets_the_rule() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        let first = grant(&table, rule, true);
        assert!(first.is_some() && grant(&table, rule, true).is_none(), "another is on its way");
        drop(first);
        let mut second = grant(&table, rule, true).expect("the other has ended");
        second.meet(rule, false);
        assert!(grant(&table, rule, true).is_some(), "the other has arrived");
    }

    #[test]
    fn requests_that_meet_the_only_place_late_do_not_wait_for_each_other() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        grant(&table, rule, true).expect("it is granted").meet(rule, true);
        let held = grant(&table, rule, false);
        assert!(held.is_some() && grant(&table, rule, false).is_none(), "it may arrive elsewhere");
        assert!(grant(&table, rule, true).is_some());
    }

    #[test]
    fn others_have_the_credit_of_a_request_that_waits() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        for is_only_place in [false, true] {
            let mut first = grant(&table, rule, is_only_place).expect("it is granted");
            first.suspend();
            first.suspend();
            let second = grant(&table, rule, is_only_place).expect("the first one waits");
            assert!(!first.resume(), "the second is on its way");
            drop(first);
            assert!(table.of(rule).is_on_credit(), "it was the second one's");
            drop(second);
        }
        let mut first = grant(&table, rule, true).expect("it is granted");
        first.suspend();
        assert!(first.resume() && grant(&table, rule, true).is_none(), "nobody else is on the way");
        first.suspend();
        table.doubt(rule);
        assert!(!first.resume(), "another went astray meanwhile");
    }

    #[test]
    fn what_is_met_late_is_granted_again_although_another_is_on_its_way() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        let mut first = grant(&table, rule, true).expect("it is granted");
        first.suspend();
        grant(&table, rule, true).expect("the first one waits").meet(rule, true);
        let _second = grant(&table, rule, false).expect("it has arrived");
        assert!(first.resume(), "the first can arrive at no other place");
    }

    #[test]
    fn a_certain_place_stays_the_only_one_after_a_wait() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        let mut first = Credit::default();
        table.of(rule).lend();
        first.hold_at_only_place(rule, &table.of(rule));
        first.suspend();
        grant(&table, rule, true).expect("the first one waits").meet(rule, true);
        let _second = grant(&table, rule, false).expect("it has arrived");
        assert!(first.resume(), "the first can arrive at no other place");
    }

    #[test]
    fn rules_by_pattern_lift_for_one_request_at_a_time() {
        let trusts = [Rc::<Trust>::default(), Rc::default(), Rc::default()];
        let ended = Rc::default();
        let (mut first, mut second) = (Credit::default(), Credit::default());
        assert!(first.lift(trusts[..2].to_vec(), &ended));
        assert!(!second.lift(trusts[1..].to_vec(), &ended), "one of them is on credit");
        let elsewhere = first.elsewhere();
        drop(first);
        assert!(!second.lift(trusts[1..].to_vec(), &ended), "the same request may still arrive");
        drop(elsewhere);
        assert!(second.lift(trusts[1..].to_vec(), &ended));
    }

    #[test]
    fn a_rule_that_was_missed_is_never_granted_again() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        let held = grant(&table, rule, true);
        assert!(table.doubt(rule), "it is news");
        assert!(!table.doubt(rule));
        drop(held);
        assert!(grant(&table, rule, true).is_none());
    }
}
