use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use smallvec::SmallVec;

use super::method_set::MethodSet;
use crate::plan::key::RuleId;

/// The trust of one worker that requests meet the rules that were granted to them before routing.
///
/// Only guards and other middleware know where a request ends up, so a grant is a guess. One request at a time is
/// granted a rule on credit, until it meets the rule. Mostly that is before the next request comes. After the first
/// request that did not meet a rule although it was granted, only methods by which requests meet it are trusted: the
/// most frequent guards are those of methods. For all others the rule is decided where it stands.
#[derive(Default)]
pub(super) struct TrustTable(RefCell<HashMap<RuleId, Rc<Trust>>>);

/// The trust in one rule.
#[derive(Default)]
pub(super) struct Trust {
    /// `true` while a request that was granted it is on its way.
    on_credit: Cell<bool>,
    /// `true` once a request met it only after others could come, since a middleware on the way waits.
    met_late: Cell<bool>,
    /// The methods of requests that have met it.
    met: Cell<MethodSet>,
    /// The methods of requests that have not met it although it was granted.
    missed: Cell<MethodSet>,
}

/// The credit of one request. It ends when the request does, if not before.
#[derive(Default)]
pub(crate) struct Credit(SmallVec<[(RuleId, Rc<Trust>); 2]>);

impl TrustTable {
    pub(super) fn of(&self, rule: RuleId) -> Rc<Trust> {
        Rc::clone(self.0.borrow_mut().entry(rule).or_default())
    }

    /// Notes that a request has met a rule that was not granted to it.
    pub(super) fn confirm(&self, rule: RuleId, method: MethodSet) {
        self.of(rule).confirm(method);
    }

    /// Notes that a request did not meet a rule that was granted to it; returns whether that is news.
    pub(super) fn doubt(&self, rule: RuleId, method: MethodSet) -> bool {
        self.of(rule).doubt(method)
    }
}

impl Trust {
    /// Returns whether requests of this method may be granted the rule.
    pub(super) fn is_given(&self, method: MethodSet) -> bool {
        let missed = self.missed.get();
        missed.is_empty() || !missed.contains(method) && self.met.get().contains(method)
    }

    /// Notes that a request of this method has met the rule.
    pub(super) fn confirm(&self, method: MethodSet) {
        self.met.set(self.met.get().with(method));
    }

    /// Notes that a request of this method did not meet the rule; returns whether that is news.
    pub(super) fn doubt(&self, method: MethodSet) -> bool {
        let missed = self.missed.get();
        self.missed.set(missed.with(method));
        !missed.contains(method)
    }
}

impl Credit {
    /// Grants a rule, if that is possible now. If requests cannot arrive at any other place, and meet the rule late,
    /// those on their way do not keep others waiting.
    pub(super) fn grant(
        &mut self,
        rule: RuleId,
        trust: &Rc<Trust>,
        method: MethodSet,
        is_only_place: bool,
    ) -> bool {
        if !trust.is_given(method) {
            return false;
        }
        if is_only_place && trust.met_late.get() {
            return true;
        }
        if trust.on_credit.replace(true) {
            return false;
        }
        self.0.push((rule, Rc::clone(trust)));
        true
    }

    /// Ends the credit for a rule that the request has met; `is_late` if others could come before. Returns whether there
    /// was any.
    pub(crate) fn meet(&mut self, rule: RuleId, method: MethodSet, is_late: bool) -> bool {
        let Some(at) = self.0.iter().position(|(other, _)| *other == rule) else { return false };
        let (_, trust) = self.0.swap_remove(at);
        trust.on_credit.set(false);
        trust.met_late.set(trust.met_late.get() || is_late);
        trust.confirm(method);
        true
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        for (_, trust) in &self.0 {
            trust.on_credit.set(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;

    use super::*;

    fn get() -> MethodSet {
        MethodSet::of(&Method::GET)
    }

    fn grant(table: &TrustTable, rule: RuleId, method: MethodSet, is_only_place: bool) -> Option<Credit> {
        let mut credit = Credit::default();
        credit.grant(rule, &table.of(rule), method, is_only_place).then_some(credit)
    }

    #[test]
    fn one_request_at_a_time_until_it_meets_the_rule() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        let first = grant(&table, rule, get(), true);
        assert!(first.is_some() && grant(&table, rule, get(), true).is_none(), "another is on its way");
        drop(first);
        let mut second = grant(&table, rule, get(), true).expect("the other has ended");
        assert!(second.meet(rule, get(), false));
        assert!(grant(&table, rule, get(), true).is_some(), "the other has arrived");
    }

    #[test]
    fn requests_that_meet_the_only_place_late_do_not_wait_for_each_other() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        grant(&table, rule, get(), true).expect("it is granted").meet(rule, get(), true);
        let held = grant(&table, rule, get(), false);
        assert!(held.is_some() && grant(&table, rule, get(), false).is_none(), "it may arrive elsewhere");
        assert!(grant(&table, rule, get(), true).is_some());
    }

    #[test]
    fn a_rule_that_was_missed_is_granted_only_to_methods_that_meet_it() {
        let (table, rule) = (TrustTable::default(), RuleId::next());
        let [get, post, put] = [Method::GET, Method::POST, Method::PUT].map(|method| MethodSet::of(&method));
        grant(&table, rule, get, true).expect("it is granted").meet(rule, get, false);
        let is_granted = |method| grant(&table, rule, method, true).is_some();
        assert!(is_granted(put));
        assert!(table.doubt(rule, post), "it is news");
        assert!(!table.doubt(rule, post));
        assert_eq!([get, post, put].map(is_granted), [true, false, false]);
        table.confirm(rule, put);
        assert_eq!([get, post, put].map(is_granted), [true, false, true]);
        table.doubt(rule, get);
        assert!(!is_granted(get), "requests of one method go both ways");
    }
}
