use std::rc::Rc;

use actix_web::{HttpMessage, dev::ServiceRequest};
use smallvec::SmallVec;

use super::state::RequestState;
use crate::{
    Breach,
    plan::key::{RuleId, RuleIds},
};

/// The limiters and rules that a request has met so far. It lies in the extensions of the request.
#[derive(Clone, Default)]
pub(crate) struct LimiterStack {
    /// The states of the limiters, the outermost first.
    pub(crate) limiters: SmallVec<[Rc<RequestState>; 2]>,
    /// Rules that the request met before any limiter.
    pub(super) unclaimed_rules: RuleIds,
    /// Set if a limiter skips this request.
    pub(crate) is_skipped: bool,
}

impl LimiterStack {
    /// Returns the stack of a request. Most requests come without.
    #[inline]
    pub(crate) fn of(req: &ServiceRequest) -> Option<Self> {
        req.extensions().get::<Self>().cloned()
    }

    /// Adds the state of a limiter inside all others.
    #[inline]
    pub(super) fn push(req: &ServiceRequest, state: &Rc<RequestState>) {
        let mut extensions = req.extensions_mut();
        if let Some(stack) = extensions.get_mut::<Self>() {
            return stack.push_inside(state);
        }
        let (unclaimed_rules, is_skipped) = (RuleIds::new(), false);
        let limiters = SmallVec::from_iter([Rc::clone(state)]);
        extensions.insert(Self { limiters, unclaimed_rules, is_skipped });
    }

    fn push_inside(&mut self, state: &Rc<RequestState>) {
        self.unclaimed_rules.clear();
        for outer in &self.limiters {
            outer.inner.borrow_mut().push(Rc::clone(state));
        }
        self.limiters.push(Rc::clone(state));
    }

    /// Returns whether a limiter has come to decide the rules that the request met, or skips it.
    pub(crate) fn is_claimed(&self) -> bool {
        self.is_skipped || self.unclaimed_rules.is_empty()
    }

    /// Returns whether the request has met no limiter, not even one that skips it.
    pub(super) fn has_no_limiter(&self) -> bool {
        self.limiters.is_empty() && !self.is_skipped
    }

    /// Marks a request that a limiter skips.
    pub(super) fn skip(req: &ServiceRequest) {
        Self::change(req, |stack| stack.is_skipped = true);
    }

    /// Adds a rule that the request met before any limiter.
    pub(crate) fn add_unclaimed(req: &ServiceRequest, rule: RuleId) {
        Self::change(req, |stack| stack.unclaimed_rules.push(rule));
    }

    /// Hands a breach to the limiters that have admitted the request, for the headers of its response.
    pub(super) fn show_breach(req: &ServiceRequest, breach: &Breach) {
        if let Some(stack) = req.extensions().get::<Self>() {
            for state in &stack.limiters {
                state.breach.replace(Some(Box::new(breach.clone())));
            }
        }
    }

    /// Changes the stack of a request, and adds an empty one first if there is none.
    #[inline]
    fn change(req: &ServiceRequest, change: impl FnOnce(&mut Self)) {
        let mut extensions = req.extensions_mut();
        if let Some(stack) = extensions.get_mut::<Self>() {
            return change(stack);
        }
        let mut stack = Self::default();
        change(&mut stack);
        extensions.insert(stack);
    }
}
