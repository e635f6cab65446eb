use std::{rc::Rc, sync::Arc};

use actix_web::{HttpMessage, dev::ServiceRequest};
use smallvec::SmallVec;

use super::{state::RequestState, straight_request::StraightRequest};
use crate::{
    Breach,
    limiter::shared::Shared,
    plan::key::{RuleId, RuleIds},
    report::current::Current,
    routing::registered::Position,
};

/// The limiters and rules that a request has met so far. It lies in the extensions of the request.
#[derive(Clone, Default)]
pub(crate) struct LimiterStack {
    /// The states of the limiters, the outermost first.
    pub(super) limiters: SmallVec<[Rc<RequestState>; 2]>,
    /// The state of the only limiter, while the request is on the straight way.
    straight: Option<Rc<StraightRequest>>,
    /// Rules that the request met before any limiter.
    pub(super) unclaimed_rules: RuleIds,
    /// Set if a limiter skips this request.
    pub(crate) is_skipped: bool,
}

/// The state of a rule that a request has met, seen by its limiters.
pub(crate) enum Noted {
    /// The charges are right.
    Covered,
    /// The charges of the nearest limiter need a correction.
    Uncovered(Rc<RequestState>),
}

impl LimiterStack {
    /// Returns whether a request has met limiters or rules before. Most requests have not.
    #[inline]
    pub(super) fn is_there(req: &ServiceRequest) -> bool {
        req.extensions().contains::<Self>()
    }

    /// Returns the stack of a request, which leaves the straight way.
    #[inline]
    pub(crate) fn of(req: &ServiceRequest) -> Option<Self> {
        if !Self::is_there(req) {
            return None;
        }
        let mut extensions = req.extensions_mut();
        let stack = extensions.get_mut::<Self>()?;
        stack.leave_straight();
        Some(stack.clone())
    }

    /// Returns the state of this limiter.
    pub(super) fn state_of(req: &ServiceRequest, limiter: &Arc<Shared>) -> Option<Rc<RequestState>> {
        Self::of(req)?.limiters.into_iter().find(|state| state.is_of(limiter))
    }

    /// Adds the state of the only limiter of a request so far, which is on the straight way.
    #[inline]
    pub(super) fn begin_straight(req: &ServiceRequest, request: &Rc<StraightRequest>) {
        let straight = Some(Rc::clone(request));
        req.extensions_mut().insert(Self { straight, ..Self::default() });
    }

    /// Continues in general with a request that is on the straight way.
    fn leave_straight(&mut self) {
        if let Some(straight) = self.straight.take() {
            self.limiters.push(Rc::clone(straight.continue_in_general()));
        }
    }

    /// The same for the stack of a request, if there is one.
    pub(crate) fn note(req: &ServiceRequest, rule: RuleId, position: Position) -> Option<Noted> {
        req.extensions_mut().get_mut::<Self>()?.note_rule(rule, position)
    }

    /// Notes that the request has met a rule. Returns the state of the nearest limiter, if the charges there do not cover
    /// all rules met so far. `None` if there is no limiter.
    pub(crate) fn note_rule(&mut self, rule: RuleId, position: Position) -> Option<Noted> {
        if let Some(straight) = &self.straight {
            if straight.note_rule(rule, position) {
                return Some(Noted::Covered);
            }
            self.leave_straight();
        }
        let (nearest, others) = self.limiters.split_last()?;
        for other in others {
            other.note_rule(rule, position);
        }
        let is_predicted = nearest.note_rule(rule, position);
        let is_covered = is_predicted || !nearest.is_correctable();
        Some(if is_covered { Noted::Covered } else { Noted::Uncovered(Rc::clone(nearest)) })
    }

    /// Adds the limits of the request, as they stand.
    pub(crate) fn add_current(&self, current: &mut Current) {
        if let Some(straight) = &self.straight {
            straight.add_current(current);
        }
        self.limiters.iter().for_each(|state| state.add_current(current));
    }

    /// Adds the state of a limiter inside all others.
    #[inline]
    pub(super) fn push(req: &ServiceRequest, state: &Rc<RequestState>) {
        let mut extensions = req.extensions_mut();
        if let Some(stack) = extensions.get_mut::<Self>() {
            return stack.push_inside(state);
        }
        extensions.insert(Self { limiters: SmallVec::from_iter([Rc::clone(state)]), ..Self::default() });
    }

    fn push_inside(&mut self, state: &Rc<RequestState>) {
        self.leave_straight();
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
        self.limiters.is_empty() && self.straight.is_none() && !self.is_skipped
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
        if let Some(stack) = req.extensions_mut().get_mut::<Self>() {
            stack.leave_straight();
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
