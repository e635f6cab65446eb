//! The place of requests that can arrive at no other.

use std::{cell::Cell, rc::Rc, sync::Arc};

use super::{candidate::Candidate, prediction::Prediction, route::Route, trust::Credit};
use crate::plan::key::{RuleId, RuleIds};

/// The place that a request is bound for, if nothing can lead it to another: no guard, no rule by pattern that covers
/// some places of the path only, and no limiter further in. All rules of the place are granted to the request.
///
/// It has what a [`Prediction`] has, but for what only uncertain requests need. Default services around the place are
/// no other place: whoever ends there has not met the rules.
pub(crate) struct CertainPlace {
    route: Rc<Route>,
    /// The rules of the place that are granted on credit, as bits.
    on_credit: Cell<u32>,
    /// The rules of the place that the request has met, as bits.
    met: Cell<u32>,
    /// All rules of the place, as bits.
    all: u32,
}

impl CertainPlace {
    /// Grants all rules of the only place of a route. Returns `None` if some cannot be granted now.
    #[inline]
    pub(super) fn grant(route: Rc<Route>) -> Option<Self> {
        let place = route.first();
        let mut on_credit = 0;
        for (number, trust) in place.trust.iter().enumerate() {
            if trust.needs_credit()? {
                on_credit |= bit(number);
            }
        }
        // No other request comes in between.
        each_of(on_credit, |number| place.trust[number].lend());
        let all = (1_u32 << place.trust.len()) - 1;
        Some(Self { on_credit: on_credit.into(), met: Cell::new(0), all, route })
    }

    #[inline]
    fn place(&self) -> &Candidate {
        self.route.first()
    }

    /// Returns the pattern of the route.
    pub(crate) fn pattern(&self) -> Option<&Arc<str>> {
        self.place().pattern.as_ref()
    }

    /// Notes that the request has met a rule; `is_late` if others could come before. Returns whether it is a rule of the
    /// place.
    #[inline]
    pub(crate) fn meet(&self, rule: RuleId, is_late: bool) -> bool {
        let place = self.place();
        let Some(number) = place.rules.iter().position(|other| *other == rule) else { return false };
        self.met.set(self.met.get() | bit(number));
        if self.on_credit.get() & bit(number) != 0 {
            self.on_credit.set(self.on_credit.get() & !bit(number));
            place.trust[number].repay(is_late);
        }
        true
    }

    /// Returns whether the request has met all rules that were granted to it.
    #[inline]
    pub(crate) fn is_confirmed(&self) -> bool {
        self.met.get() == self.all
    }

    /// Returns whether all requests so far have met the rules of the place while they were called, before others could
    /// come.
    #[inline]
    pub(crate) fn is_met_at_once(&self) -> bool {
        self.place().trust.iter().all(|trust| trust.is_met_at_once())
    }

    /// Returns whether requests cannot even end at a default service instead.
    pub(crate) fn is_sure(&self) -> bool {
        Prediction::certain(&self.route, Credit::default()).is_sure()
    }

    /// Returns the rules that were granted, the outermost first.
    pub(crate) fn rules(&self) -> RuleIds {
        self.place().rules.clone()
    }

    /// Returns the rules that the request has met, the outermost first.
    pub(crate) fn met(&self) -> RuleIds {
        let rules = &self.place().rules;
        let is_met = |(number, _): &(usize, &RuleId)| self.met.get() & bit(*number) != 0;
        rules.iter().enumerate().filter(is_met).map(|(_, rule)| *rule).collect()
    }

    /// Returns the same as a prediction, which takes over the credit of this.
    pub(crate) fn to_prediction(&self) -> Prediction {
        let place = self.place();
        let mut credit = Credit::default();
        each_of(self.on_credit.take(), |number| {
            credit.hold_at_only_place(place.rules[number], &place.trust[number]);
        });
        Prediction::certain(&self.route, credit)
    }
}

impl Drop for CertainPlace {
    #[inline]
    fn drop(&mut self) {
        let place = self.route.first();
        each_of(self.on_credit.get(), |number| place.trust[number].release());
    }
}

#[inline]
fn bit(number: usize) -> u32 {
    1 << number
}

#[inline]
fn each_of(mut bits: u32, mut call: impl FnMut(usize)) {
    while bits != 0 {
        call(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}
