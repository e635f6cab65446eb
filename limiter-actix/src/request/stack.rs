use std::{rc::Rc, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, dev::ServiceRequest};
use smallvec::SmallVec;

use super::{carrier::carried, state::RequestState, straight_request::StraightRequest};
use crate::{
    Breach,
    limiter::shared::Shared,
    plan::key::{RuleId, RuleIds},
    report::current::Current,
    routing::registered::Position,
};

/// The limiters that a request has met so far. It lies in the extensions of the request.
///
/// Most requests have one limiter, and stay on the straight way. So this is small, and what only others need is apart. If
/// that limiter is around a router, a [carrier](super::carrier) has the state, and there is nothing in the extensions.
#[derive(Default)]
pub(crate) struct RequestLimiters {
    /// The state of the only limiter, while the request is on the straight way.
    straight: Option<Rc<StraightRequest>>,
    stack: Option<Box<LimiterStack>>,
}

/// The limiters and rules that a request has met so far, in general.
#[derive(Clone, Default)]
pub(crate) struct LimiterStack {
    /// The states of the limiters, the outermost first.
    pub(super) limiters: SmallVec<[Rc<RequestState>; 2]>,
    /// Rules that the request met before any limiter.
    pub(super) unclaimed_rules: RuleIds,
    /// The limiter that skips this request.
    skipped_by: Option<Arc<Shared>>,
}

/// The state of a rule that a request has met, seen by its limiters.
pub(crate) enum RuleCoverage {
    /// The charges are right.
    Covered,
    /// The charges of these limiters need a correction.
    Uncovered(UncoveredStates),
}

/// Limiters whose charges do not cover all rules that a request has met, the outermost first.
pub(crate) type UncoveredStates = SmallVec<[Rc<RequestState>; 1]>;

impl RequestLimiters {
    /// Returns whether a request has met limiters or rules before. Most requests have not.
    #[inline]
    pub(super) fn is_there(req: &ServiceRequest) -> bool {
        Self::is_in_extensions(req) || carried(req.request()).is_some()
    }

    /// The same for a limiter around the router of an app: there is no other router around it.
    #[inline]
    pub(super) fn is_in_extensions(req: &ServiceRequest) -> bool {
        req.extensions().contains::<Self>()
    }

    /// Adds the state of the only limiter of a request so far, which is on the straight way.
    #[inline]
    pub(super) fn begin_straight(req: &ServiceRequest, request: &Rc<StraightRequest>) {
        req.extensions_mut().insert(Self::of_straight(request));
    }

    fn of_straight(request: &Rc<StraightRequest>) -> Self {
        Self { straight: Some(Rc::clone(request)), stack: None }
    }

    /// Notes that the request has met a rule. Returns the states of the limiters whose charges do not cover all rules met
    /// so far. `None` if there is no limiter.
    #[inline]
    pub(crate) fn note(req: &ServiceRequest, rule: RuleId, position: Position) -> Option<RuleCoverage> {
        let is_covered = |straight: &Rc<StraightRequest>| straight.note_rule(rule, position);
        let is_on_straight_way = match req.extensions().get::<Self>() {
            Some(limiters) => limiters.straight.as_ref().is_some_and(is_covered),
            None => carried(req.request()).is_some_and(is_covered),
        };
        if is_on_straight_way {
            return Some(RuleCoverage::Covered);
        }
        Self::in_general(req, |stack| stack.note_rule(rule, position))?
    }

    /// Adds the limits of a request, as they stand.
    pub(crate) fn add_current(req: &HttpRequest, current: &mut Current) {
        let extensions = req.extensions();
        let limiters = extensions.get::<Self>();
        let straight = match limiters {
            Some(limiters) => limiters.straight.as_ref(),
            None => carried(req),
        };
        if let Some(straight) = straight {
            straight.add_current(current);
        }
        let stack = limiters.and_then(|limiters| limiters.stack.as_ref());
        let states = stack.iter().flat_map(|stack| &stack.limiters);
        states.for_each(|state| state.add_current(current));
    }

    /// Returns the innermost limiter that the request has met and whose state it has, or else one that skips it.
    pub(crate) fn innermost(req: &HttpRequest) -> Option<Arc<Shared>> {
        let extensions = req.extensions();
        let Some(limiters) = extensions.get::<Self>() else {
            return carried(req).map(|straight| Arc::clone(straight.limiter()));
        };
        let stack = limiters.stack.as_ref();
        let of_stack = || stack?.limiters.last().map(|state| Arc::clone(state.limiter()));
        let straight = limiters.straight.as_ref().map(|straight| Arc::clone(straight.limiter()));
        straight.or_else(of_stack).or_else(|| stack?.skipped_by.clone())
    }

    /// Returns whether a limiter has come to decide the rules that the request met, or skips it.
    pub(crate) fn is_claimed(&self) -> bool {
        self.stack.as_ref().is_none_or(|stack| stack.skipped_by.is_some() || stack.unclaimed_rules.is_empty())
    }

    /// Calls `change` with the stack of a request, which leaves the straight way. `None` if it has met nothing so far.
    fn in_general<T>(req: &ServiceRequest, change: impl FnOnce(&mut LimiterStack) -> T) -> Option<T> {
        let mut extensions = req.extensions_mut();
        if !extensions.contains::<Self>() {
            extensions.insert(Self::of_straight(carried(req.request())?));
        }
        extensions.get_mut::<Self>().map(|limiters| change(limiters.stack()))
    }

    /// Returns the stack. A request on the straight way leaves it.
    fn stack(&mut self) -> &mut LimiterStack {
        let straight = self.straight.take();
        let stack = self.stack.get_or_insert_default();
        stack.limiters.extend(straight.map(|straight| Rc::clone(straight.continue_in_general())));
        stack
    }
}

impl LimiterStack {
    /// Returns the stack of a request, which leaves the straight way.
    #[inline]
    pub(crate) fn of(req: &ServiceRequest) -> Option<Self> {
        RequestLimiters::in_general(req, |stack| stack.clone())
    }

    /// Returns the states of the limiters of a request, the outermost first.
    pub(super) fn states(req: &ServiceRequest) -> SmallVec<[Rc<RequestState>; 2]> {
        Self::of(req).map(|stack| stack.limiters).unwrap_or_default()
    }

    /// Returns the state of this limiter.
    pub(super) fn state_of(req: &ServiceRequest, limiter: &Arc<Shared>) -> Option<Rc<RequestState>> {
        Self::of(req)?.limiters.into_iter().find(|state| state.is_of(limiter))
    }

    fn note_rule(&self, rule: RuleId, position: Position) -> Option<RuleCoverage> {
        let is_uncovered =
            |state: &&Rc<RequestState>| !state.note_rule(rule, position) && state.is_correctable();
        let uncovered: UncoveredStates = self.limiters.iter().filter(is_uncovered).cloned().collect();
        let noted =
            if uncovered.is_empty() { RuleCoverage::Covered } else { RuleCoverage::Uncovered(uncovered) };
        (!self.limiters.is_empty()).then_some(noted)
    }

    /// Claims the rules that the request has met so far for a limiter that comes to decide it.
    pub(super) fn claim(req: &ServiceRequest) {
        RequestLimiters::in_general(req, |stack| stack.unclaimed_rules.clear());
    }

    /// Adds the state of a limiter inside all others.
    pub(super) fn push(req: &ServiceRequest, state: &Rc<RequestState>) {
        Self::change(req, |stack| {
            for outer in &stack.limiters {
                outer.inner.borrow_mut().push(Rc::clone(state));
            }
            stack.limiters.push(Rc::clone(state));
        });
    }

    /// Returns whether the request has met no limiter, not even one that skips it.
    pub(super) fn has_no_limiter(&self) -> bool {
        self.limiters.is_empty() && self.skipped_by.is_none()
    }

    /// Marks a request that a limiter skips.
    pub(super) fn skip(req: &ServiceRequest, limiter: &Arc<Shared>) {
        Self::change(req, |stack| stack.skipped_by = Some(Arc::clone(limiter)));
    }

    /// Adds a rule that the request met before any limiter.
    pub(crate) fn add_unclaimed(req: &ServiceRequest, rule: RuleId) {
        Self::change(req, |stack| stack.unclaimed_rules.push(rule));
    }

    /// Hands a breach to the limiters that have admitted the request, for the headers of its response.
    pub(super) fn show_breach(req: &ServiceRequest, breach: &Breach) {
        RequestLimiters::in_general(req, |stack| {
            for state in &stack.limiters {
                state.breach.replace(Some(Box::new(breach.clone())));
            }
        });
    }

    /// Changes the stack of a request, and adds an empty one first if there is none.
    fn change(req: &ServiceRequest, change: impl FnOnce(&mut Self)) {
        if !RequestLimiters::is_there(req) {
            req.extensions_mut().insert(RequestLimiters::default());
        }
        RequestLimiters::in_general(req, change);
    }
}
